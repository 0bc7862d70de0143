"""deploy/questions.md: each of its queries, in DuckDB and in ClickHouse, gives the table below it; so does the dashboard that is made of them.
Run: python3 tests/common/unittests.py tests/tables/test_questions.py
"""
import contextlib
import json
import os
import re
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import chdb.session
import duckdb
import office
from place import BINARY, REPOSITORY, statements

sys.path += [str(REPOSITORY / folder) for folder in ("deploy", "deploy/python", "tests/monitoring")]  # the page's code imports flowsensor
from flows_dashboard import BLOCK, LOADING, blocks, dashboard, questions, sections  # noqa: E402
from test_dashboard import lost_by_grafana  # noqa: E402

STAND_INS = """
flowsensor() { "$FLOWSENSOR" "$@"; }
python3() { "$PYTHON" "$REPOSITORY/$1" "$2"; }
clickhouse-client() { if [ $# = 0 ]; then cat; else printf %s "$2"; fi; printf '\\0'; } >> statements
"""
# What Grafana's data source puts in their place.
MACROS = {r"\$__timeFilter\((\w+)\)": r"\1 >= toDateTime(1700000000) AND \1 <= toDateTime(1800000000)",
          r"\$__timeInterval\((\w+)\)": r"toStartOfInterval(toDateTime(\1), INTERVAL 3600 second)", r"\$__interval_s": "3600"}
ROWS = re.compile(r"^\|.*\n(?:\|.*\n)+", re.MULTILINE)


def answered(dialect):
    """Each question: its title, query, and the page's table."""
    for title, text, query in questions(dialect):
        answer = ROWS.search(BLOCK.sub("", text))
        yield title, query, answer[0] if answer else ""


def cell(value):
    if hasattr(value, "strftime"):
        return value.strftime("%Y-%m-%d %H:%M:%S")
    return "" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def table(arrow):
    """An answer as the page writes it."""
    rows = [arrow.column_names, ["---"] * arrow.num_columns, *(map(cell, row.values()) for row in arrow.to_pylist())]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def follow_the_page():
    """Runs the page's commands in this folder; those for ClickHouse's client give what the client would have run."""
    commands = "".join(code for _, text in sections() for code in blocks(text, "sh"))
    done = subprocess.run(["bash", "-ec", STAND_INS + commands], capture_output=True, text=True, timeout=60, check=False,
                          env={**os.environ, "FLOWSENSOR": str(BINARY), "PYTHON": sys.executable, "REPOSITORY": str(REPOSITORY)})
    if done.returncode != 0:
        raise AssertionError(done.stderr)
    return Path("statements").read_text(encoding="utf-8").split("\0")[:-1]


def loading(kind):
    return blocks(dict(sections())[LOADING], kind)[0]


class Questions(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.enterClassContext(contextlib.chdir(cls.enterClassContext(tempfile.TemporaryDirectory())))
        create, insert = follow_the_page()
        cls.duckdb = cls.load_duckdb()
        cls.clickhouse = chdb.session.Session("clickhouse")
        cls.addClassCleanup(cls.clickhouse.close)
        for statement in (create, insert, insert, *loading("sql clickhouse").split(";\n")[:-1]):
            cls.clickhouse.query(statement)

    @classmethod
    def load_duckdb(cls):
        """By the page's own lines, of which the last one inserts the records: once more, as Kafka may bring them twice."""
        code, names = loading("python"), {}
        exec(code + code.splitlines()[-1], names)
        names["database"].execute(loading("sql duckdb"))
        cls.addClassCleanup(names["database"].close)
        return names["database"]

    def test_duckdb(self):
        for title, query, answer in answered("duckdb"):
            with self.subTest(title):
                self.assertEqual(table(self.duckdb.sql(query).to_arrow_table()), answer)

    def test_clickhouse(self):
        for title, query, answer in answered("clickhouse"):
            with self.subTest(title):
                self.assertEqual(table(self.clickhouse.query(query, "ArrowTable")), answer)

    def test_clickhouse_packed(self):
        """The same of the table that keeps less; FINAL is then a setting (deploy/tables.md)."""
        self.clickhouse.query("CREATE DATABASE packed; USE packed")
        self.addCleanup(self.clickhouse.query, "USE default")
        self.clickhouse.query(statements("clickhouse_packed", "flow_full/v1"))
        self.clickhouse.query("SYSTEM STOP MERGES flow_full_v1_packed")
        for _ in range(2):
            self.clickhouse.query("INSERT INTO flow_full_v1_in SELECT * FROM default.flow_full_v1 FINAL")
        view = loading("sql clickhouse").split(";\n")[1]
        self.assertIn("FROM flow_full_v1 FINAL\n", view)
        self.clickhouse.query(view.replace(" FINAL\n", "\n") + "\nSETTINGS final = 1")
        kept, flows = (int(self.clickhouse.query(f"SELECT count() FROM {name}").data()) for name in ("flow_full_v1", "flows"))
        self.assertEqual(kept, 2 * flows)
        for title, query, answer in answered("clickhouse"):
            with self.subTest(title):
                self.assertEqual(table(self.clickhouse.query(query, "ArrowTable")), answer)

    def test_dashboard(self):
        """Over all time each table of the dashboard is the page's; the one graph has values."""
        expected = {title: answer for title, _, answer in answered("clickhouse")}
        for panel in dashboard()["panels"]:
            for target in panel.get("targets", ()):
                sql = target["rawSql"]
                for macro, meaning in MACROS.items():
                    sql = re.sub(macro, meaning, sql)
                with self.subTest(panel["title"]):
                    found = self.clickhouse.query(sql, "ArrowTable")
                    if panel["type"] == "table":
                        self.assertEqual(table(found), expected.pop(panel["title"]))
                    else:
                        self.assertGreater(len({row["time"] for row in found.to_pylist()}), 10)
        self.assertEqual(expected, {})


class Dashboard(unittest.TestCase):
    def test_is_what_the_script_writes(self):
        written = json.loads((REPOSITORY / "deploy" / "flows_dashboard.json").read_text(encoding="utf-8"))
        self.assertTrue(written == dashboard(), "run: python3 deploy/flows_dashboard.py > deploy/flows_dashboard.json")

    def test_grafana_knows_every_member(self):
        self.assertEqual(lost_by_grafana(dashboard()), set())


if __name__ == "__main__":
    unittest.main()
