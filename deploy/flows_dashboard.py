#!/usr/bin/env python3
"""Writes Grafana's dashboard of flows in ClickHouse, deploy/flows_dashboard.json: traffic over time, and a table for each question of
deploy/questions.md, whose text and query it has from there.

Usage: python3 deploy/flows_dashboard.py > deploy/flows_dashboard.json
"""
import json
import re
import sys
from pathlib import Path

from dashboard import field, graph, panel, placed

PAGE = Path(__file__).resolve().parent / "questions.md"
LOADING = "Load the records"
BLOCK = re.compile(r"^```([^\n]+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[([^\]]*)\]\([^)]*\)")
SOURCE = {"type": "grafana-clickhouse-datasource", "uid": "${datasource}"}
SERIES, TABLE = 0, 1  # how the data source gives an answer
PLUGIN = "4.0.0"  # the data source's version whose queries these are; without one it takes them for those of version 3
# The flows of the dashboard's range. What is read from elsewhere, as the records' numbers, can't be cut by time.
RANGE = "FROM (SELECT * FROM flows WHERE $__timeFilter(bidirectional_first_seen)) AS flows"
TRAFFIC = f"""SELECT $__timeInterval(bidirectional_first_seen) AS time, application_name, 8 * sum(bidirectional_bytes) / $__interval_s AS bits
{RANGE}
WHERE application_name IN (SELECT application_name {RANGE} GROUP BY application_name ORDER BY sum(bidirectional_bytes) DESC LIMIT 10)
GROUP BY time, application_name
ORDER BY time"""


def sections():
    """The page's sections: (title, text). The first one, above all headings, has no title."""
    parts = re.split(r"^## (.+)$", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return list(zip(["", *parts[1::2]], parts[::2], strict=True))


def blocks(text, kind):
    """The code blocks of that kind: `sql` is for both engines, `sql clickhouse` for one."""
    return [code for found, code in BLOCK.findall(text) if found == kind]


def questions(dialect):
    """Each question: its title, what is written below it, and its query."""
    for title, text in sections():
        for query in blocks(text, "sql") + blocks(text, f"sql {dialect}"):
            if title != LOADING:
                yield title, text, query


def query_of(sql, answer):
    return {"datasource": SOURCE, "pluginVersion": PLUGIN, "editorType": "sql", "queryType": "table" if answer == TABLE else "timeseries",
            "format": answer, "rawSql": sql}


def description_of(text):
    """The question in a sentence, and what to look at."""
    first, *_, last = LINK.sub(r"\1", BLOCK.sub("", text)).strip().split("\n\n")
    return " ".join(f"{first}\n{last}".split())


def question(title, text, query):
    config = field("short")
    config["overrides"] = [{"matcher": {"id": "byRegexp", "options": "bytes.*|sent|received|largest"},
                            "properties": [{"id": "unit", "value": "bytes"}]},
                           {"matcher": {"id": "byRegexp", "options": ".*_port|protocol"}, "properties": [{"id": "unit", "value": "none"}]}]
    sql = re.sub(r"FROM flows\b", lambda _: RANGE, query.strip())
    return {**panel("table", title, description_of(text), 12, 8, [query_of(sql, TABLE)], config, {"showHeader": True, "cellHeight": "sm"}),
            "datasource": SOURCE}


def traffic():
    return {**graph("Traffic by application", "Bits per second of the ten applications with the most bytes. A flow counts where it began.",
                    [query_of(TRAFFIC, SERIES)], "bps", width=24, stacked=True), "datasource": SOURCE}


def dashboard():
    source = {"type": "datasource", "name": "datasource", "label": "Data source", "query": SOURCE["type"], "refresh": 1, "regex": "", "hide": 0,
              "multi": False, "includeAll": False, "skipUrlSync": False, "options": []}
    return {
        "id": None, "uid": "flowsensor-flows", "title": "Flows", "description": "What people ask of flow records first (deploy/questions.md).",
        "tags": ["flowsensor"], "schemaVersion": 41, "version": 1, "editable": True, "graphTooltip": 1, "fiscalYearStartMonth": 0,
        "timezone": "browser", "time": {"from": "now-2d", "to": "now"}, "timepicker": {}, "refresh": "", "weekStart": "",
        "preload": False, "liveNow": False, "templating": {"list": [source]}, "annotations": {"list": []}, "links": [],
        "panels": placed([("Traffic", [traffic()]), ("Questions", [question(*each) for each in questions("clickhouse")])]),
    }


if __name__ == "__main__":
    json.dump(dashboard(), sys.stdout, indent=2)
    print()
