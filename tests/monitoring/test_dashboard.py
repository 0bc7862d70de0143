"""The dashboard's JSON: made by deploy/dashboard.py, within Grafana's published types, and what a person needs to read it.
Run: python3 -m unittest discover -s tests/monitoring -p test_dashboard.py
"""
import json
import re
import subprocess
import sys
import unittest

import support
from grafana_foundation_sdk.cog import encoder, plugins
from grafana_foundation_sdk.models import dashboard as grafana
from grafana_foundation_sdk.models import units

# Grafana's Prometheus data source reads these of an annotation; the published type leaves them to each data source.
OF_THE_DATA_SOURCE = {".annotations.list[].step", ".annotations.list[].titleFormat", ".annotations.list[].textFormat",
                      ".annotations.list[].tagKeys", ".annotations.list[].useValueForTime"}
EMPTY = (None, "", [], {}, False)


def lost(given, kept, path=""):
    """Paths of what Grafana's types did not keep: a member that they don't know, or know otherwise."""
    if isinstance(given, dict) and isinstance(kept, dict):
        for key, value in given.items():
            if key in kept:
                yield from lost(value, kept[key], f"{path}.{key}")
            elif value not in EMPTY:
                yield f"{path}.{key}"
    elif isinstance(given, list) and isinstance(kept, list) and len(given) == len(kept):
        for one, other in zip(given, kept):
            yield from lost(one, other, f"{path}[]")
    elif given != kept:
        yield path


def lost_by_grafana(board):
    """The dashboard read into Grafana's types and written again: what is missing then."""
    plugins.register_default_plugins()
    typed = grafana.Dashboard.from_json(json.loads(json.dumps(board)))
    return set(lost(board, json.loads(encoder.JSONEncoder().encode(typed)))) - OF_THE_DATA_SOURCE


def members(tree, name):
    """The values of all members of that name."""
    children = tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list) else ()
    if isinstance(tree, dict) and name in tree:
        yield tree[name]
    for child in children:
        yield from members(child, name)


class Dashboard(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.board = support.dashboard()
        cls.rows = [panel for panel in cls.board["panels"] if panel["type"] == "row"]
        cls.panels = [panel for panel in cls.board["panels"] if panel["type"] != "row"]

    def test_is_what_the_script_writes(self):
        done = subprocess.run([sys.executable, support.REPOSITORY / "deploy" / "dashboard.py"], stdout=subprocess.PIPE, check=True)
        self.assertTrue(done.stdout == support.DASHBOARD.read_bytes(), "run: python3 deploy/dashboard.py > helm/flowsensor/files/dashboard.json")

    def test_grafana_knows_every_member(self):
        self.assertEqual(lost_by_grafana(self.board), set())

    def test_an_unknown_member_is_found(self):
        def stat(board):
            return next(panel for panel in board["panels"] if panel["type"] == "stat")

        def graph(board):
            return next(panel for panel in board["panels"] if panel["type"] == "timeseries")
        for change in (lambda board: stat(board)["options"].update(color_mode="value"), lambda board: board.update(tagged=["x"]),
                       lambda board: graph(board)["fieldConfig"]["defaults"]["custom"].update(fillOpaque=3),
                       lambda board: graph(board)["targets"][0].update(expression="up"),
                       lambda board: board["templating"]["list"][1].update(all_value=".*")):
            board = support.dashboard()
            change(board)
            self.assertNotEqual(lost_by_grafana(board), set())

    def test_belongs_to_no_grafana(self):
        self.assertEqual((self.board["id"], self.board["uid"]), (None, "flowsensor"))
        sources = list(members(self.board, "datasource"))
        self.assertGreater(len(sources), 80)
        for source in sources:
            self.assertEqual(source, {"type": "prometheus", "uid": "${datasource}"})
        names = [variable["name"] for variable in self.board["templating"]["list"]]
        self.assertEqual(names, ["datasource", "cluster", "namespace", "instance"])

    def test_every_query_can_be_narrowed_to_sensors(self):
        for title, expression in support.dashboard_queries():
            if title not in {"Alerts firing", "cluster", "namespace", "instance"}:
                self.assertIn('cluster=~"$cluster", namespace=~"$namespace", instance=~"$instance"', expression, title)

    def test_panels_can_be_read(self):
        known = {value for name, value in vars(units).items() if not name.startswith("_") and isinstance(value, str)}
        for panel in self.panels:
            with self.subTest(panel["title"]):
                self.assertRegex(panel["description"], r"\.$")
                self.assertIn(panel["fieldConfig"]["defaults"]["unit"], known)
                legends = [target["legendFormat"] for target in panel["targets"]]
                if panel["type"] in ("timeseries", "bargauge"):
                    self.assertNotIn("__auto", legends)
                for legend, target in zip(legends, panel["targets"]):
                    for label in re.findall(r"\{\{(\w+)\}\}", legend):
                        self.assertRegex(target["expr"], rf"by \([^)]*\b{label}\b", "a legend's label that the query drops")

    def test_rows(self):
        titles = [row["title"] for row in self.rows]
        self.assertEqual(len(titles), len(set(titles)))
        for topic in ("Overview", "Traffic by application", "Capture and drops", "The ledger", "Delivery", "Spool", "Balance of sensors and meters", "Resources"):
            self.assertIn(topic, titles)

    def test_nothing_overlaps(self):
        taken = {}
        for panel in self.board["panels"]:
            place = panel["gridPos"]
            self.assertLessEqual(place["x"] + place["w"], 24, panel["title"])
            for cell in ((x, y) for x in range(place["x"], place["x"] + place["w"]) for y in range(place["y"], place["y"] + place["h"])):
                self.assertNotIn(cell, taken, f"{panel['title']} covers {taken.get(cell)}")
                taken[cell] = panel["title"]
        self.assertEqual(len({panel["id"] for panel in self.board["panels"]}), len(self.board["panels"]))

    def test_thresholds_are_those_of_the_alerts(self):
        """A line in a graph where an alert begins."""
        for title, alert in (("Oldest record", "FlowsensorRecordsLate"), ("Spool, of its limit", "FlowsensorSpoolFilling"), ("Flow table", "FlowsensorFlowTableNearlyFull"),
                             ("Memory, of the budget", "FlowsensorMemory"), ("Age of the numbers", "FlowsensorSnapshotStale"), ("Kernel drops", "FlowsensorKernelDrops")):
            expected = [float(re.search(r"> ([\d.]+)\)?\s*$", rule["expr"])[1]) for rule in support.alerts() if rule["alert"] == alert]
            panel = next(panel for panel in self.panels if panel["title"] == title)
            steps = [step["value"] for step in panel["fieldConfig"]["defaults"]["thresholds"]["steps"] if step["value"] is not None]
            self.assertEqual(steps, expected, title)


if __name__ == "__main__":
    unittest.main()
