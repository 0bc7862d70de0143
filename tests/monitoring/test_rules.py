"""The alert rules: promtool's check, each alert's cases (cases.py), its runbook and its labels.
Run: python3 -m unittest discover -s tests/monitoring -p test_rules.py
"""
import json
import re
import tempfile
import unittest
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cases
import support
import yaml

RUNBOOK = "https://github.com/flowsensor/flowsensor/blob/main/deploy/runbooks/"
REFERENCE = support.REPOSITORY / "deploy" / "reference.md"
MONITORING = support.REPOSITORY / "deploy" / "monitoring.md"
DURATION = re.compile(r"\[(\d+)([smhd])\]")


def rule_of(alert, severity):
    return next(rule for rule in support.alerts() if (rule["alert"], rule["labels"]["severity"]) == (alert, severity))


def promtool_case(case):
    """A case as `promtool test rules` takes it, with the full texts of what is expected."""
    expected = []
    for severity, labels, description in case.firing:
        annotations = rule_of(case.alert, severity)["annotations"]
        expected.append({"exp_labels": {**labels, "severity": severity},
                         "exp_annotations": {"summary": annotations["summary"], "description": description, "runbook_url": RUNBOOK + case.alert + ".md"}})
    return {"name": f"{case.alert}: {case.what}", "interval": "1m", "input_series": case.series,
            "alert_rule_test": [{"eval_time": f"{case.at}m", "alertname": case.alert, "exp_alerts": expected}]}


def run_cases(chosen, document):
    """Each alert's cases with its rules and the recorded ones alone: promtool evaluates all that it is given, every minute of each case."""
    with tempfile.TemporaryDirectory() as folder:
        files = []
        for alert in sorted({case.alert for case in chosen}):
            groups = [{**group, "rules": [rule for rule in group["rules"] if rule.get("alert", alert) == alert]} for group in document["groups"]]
            rules, tests = (Path(folder) / f"{kind}-{alert}.yaml" for kind in ("rules", "tests"))
            rules.write_text(json.dumps({"groups": [group for group in groups if group["rules"]]}))
            tests.write_text(json.dumps({"rule_files": [str(rules)], "evaluation_interval": "1m",
                                         "tests": [promtool_case(case) for case in chosen if case.alert == alert]}))
            files.append(tests)
        return support.command(support.tool("promtool"), "test", "rules", *files)


def never(rule):
    return {"expr": f"({rule['expr']}) and vector(0) > 1"}


def at_once(rule):
    return {"for": "0m"} if "for" in rule else {}


def sooner(rule):
    """Without the thresholds of 0, and the number of restarts, which is whole. A threshold may be inside a count of sensors."""
    expression = re.sub(r"> ([\d.]+)(\)?)\s*$", lambda found: f"> {0.9 * float(found[1])}{found[2]}", rule["expr"])
    whole = rule["alert"] in ("FlowsensorDown", "FlowsensorRestarts")
    return {"expr": expression} if re.search(r"> (?!0\)?$)[\d.]+\)?$", rule["expr"].strip()) and not whole else {}


MUTATIONS = {"never": never, "at once": at_once, "sooner": sooner}


def mutate(what, severity):
    """Changes the alerts of one severity; the names of those that were, and of those whose cases failed."""
    document = yaml.safe_load(support.RULES.read_text())
    changed = set()
    for rule in (rule for group in document["groups"] for rule in group["rules"]):
        change = MUTATIONS[what](rule) if rule.get("labels", {}).get("severity") == severity else {}
        changed |= {rule["alert"]} if change else set()
        rule.update(change)
    try:
        run_cases([case for case in cases.CASES if case.alert in changed], document)
        return changed, set()
    except RuntimeError as error:
        return changed, set(re.findall(r"alertname: ?(\w+)", str(error)))


class Rules(unittest.TestCase):
    maxDiff = None

    def test_promtool_takes_them(self):
        found = re.search(r"SUCCESS: (\d+) rules found", support.command(support.tool("promtool"), "check", "rules", "--lint=all", "--lint-fatal", support.RULES))
        self.assertEqual(int(found[1]), len(support.rules()))
        self.assertGreaterEqual(len({rule["alert"] for rule in support.alerts()}), 14)

    def test_cases(self):
        run_cases(cases.CASES, yaml.safe_load(support.RULES.read_text()))

    def test_each_alert_fires_in_a_case_and_does_not_in_others(self):
        for rule in support.alerts():
            alert, severity = rule["alert"], rule["labels"]["severity"]
            fires = [severity in {each[0] for each in case.firing} for case in cases.CASES if case.alert == alert]
            with self.subTest(alert=alert, severity=severity):
                self.assertIn(True, fires)
                self.assertGreaterEqual(fires.count(False), 2 if "for" in rule else 1)
        self.assertLessEqual({case.alert for case in cases.CASES}, {rule["alert"] for rule in support.alerts()})

    def test_cases_can_fail(self):
        """Alerts that never fire, fire at once, or at nine tenths of their threshold are found by their cases."""
        work = [(what, severity) for what in MUTATIONS for severity in ("warning", "critical")]
        with ThreadPoolExecutor(2) as pool:
            for (what, severity), (changed, found) in zip(work, pool.map(lambda each: mutate(*each), work)):
                self.assertEqual(changed - found, set(), f"{severity}, {what}: no case fails")

    def test_form(self):
        for rule in support.alerts():
            with self.subTest(rule["alert"]):
                self.assertRegex(rule["alert"], r"^Flowsensor[A-Z][A-Za-z]+$")
                self.assertIn(rule["labels"]["severity"], {"warning", "critical"})
                self.assertEqual(set(rule["annotations"]), {"summary", "description", "runbook_url"})
                self.assertEqual(rule["annotations"]["runbook_url"], f"{RUNBOOK}{rule['alert']}.md")
                self.assertNotIn("{{", rule["annotations"]["summary"], "a summary is the same for all of a group")
                if re.search(r"(count|sum|min) by \(cluster, namespace, job(, output(, reason|, file)?)?\)", rule["expr"]):
                    self.assertIn("of job {{ $labels.job }}{{ with $labels.cluster }} in cluster {{ . }}{{ end }}", rule["annotations"]["description"])
                elif rule["alert"] != "FlowsensorAbsent":
                    self.assertIn("$labels.instance", rule["annotations"]["description"])
                    self.assertIn("on node {{ . }}", rule["annotations"]["description"])

    def test_what_the_broker_causes_is_one_alert(self):
        """Not one for each sensor: a group has no instance, and its description the number of sensors or of records."""
        for alert in ("RecordsLate", "RecordsDropped", "KafkaErrors", "SpoolFilling", "DeadLetters", "SchemaUnconfirmed", "RegistryErrors"):
            for rule in (rule for rule in support.alerts() if rule["alert"] == f"Flowsensor{alert}"):
                self.assertRegex(rule["expr"], r"^(count|sum) by \(cluster, namespace, job")
                self.assertIn("{{ $value", rule["annotations"]["description"])

    def test_windows_hold_five_scrapes_a_minute_apart(self):
        minutes = {"s": 1 / 60, "m": 1, "h": 60, "d": 1440}
        for rule in support.rules():
            for number, unit in DURATION.findall(rule["expr"]):
                self.assertGreaterEqual(int(number) * minutes[unit], 5, rule)

    def test_recording_rules_are_used(self):
        for name in support.recorded():
            self.assertGreaterEqual(sum(name in support.metrics_of(rule["expr"]) for rule in support.alerts()), 1, name)


class Runbooks(unittest.TestCase):
    SECTIONS = ["What it means", "What to look at", "Likely causes", "How to fix it", "What is lost"]

    @classmethod
    def setUpClass(cls):
        cls.names = sorted({rule["alert"] for rule in support.alerts()})
        cls.pages = {path.stem: path.read_text() for path in support.RUNBOOKS.glob("*.md") if path.stem != "README"}

    def test_each_alert_has_its_page_and_each_page_its_alert(self):
        self.assertEqual(sorted(self.pages), self.names)

    def test_index(self):
        index = (support.RUNBOOKS / "README.md").read_text()
        listed = re.findall(r"^\| \[(\w+)\]\(\1\.md\) \| ([a-z, ]+) \|", index, re.MULTILINE)
        severities = {name: {rule["labels"]["severity"] for rule in support.alerts() if rule["alert"] == name} for name in self.names}
        self.assertEqual(dict(listed), {name: ", ".join(sorted(found, reverse=True)) for name, found in severities.items()})

    def test_form(self):
        for name, page in self.pages.items():
            with self.subTest(name):
                self.assertEqual(page.splitlines()[0], f"# {name}")
                self.assertEqual(re.findall(r"^## (.+)$", page, re.MULTILINE), self.SECTIONS)

    def test_each_page_names_what_its_alert_looks_at(self):
        for rule in support.alerts():
            named = support.metrics_of(rule["expr"])
            for record, expression in support.recorded().items():
                named |= support.metrics_of(expression) if record in named else set()
            for metric in named - set(support.recorded()) - support.OF_PROMETHEUS:
                self.assertIn(metric, self.pages[rule["alert"]], rule["alert"])


    def test_what_pages_name_exists(self):
        """Metrics, options and reasons, as the reference page has them."""
        known = set(re.findall(r"^\| `([a-z0-9_.]+)`", REFERENCE.read_text(), re.MULTILINE))
        groups = {name.split(".")[0] for name in known if "." in name} - {"udps"}
        for name, page in {**self.pages, "monitoring.md": MONITORING.read_text()}.items():
            metrics = {re.sub("_(bucket|sum|count)$", "", metric) for metric in re.findall(r"\b((?:flowsensor|process)_\w+)", page)}
            options = {option for option in re.findall(r"`([a-z]+\.\w+)`", page) if option.split(".")[0] in groups}
            with self.subTest(name):
                self.assertLessEqual(metrics | options, known)
        reasons = re.findall(r"`(\w+)`(?:, `(\w+)`)? \|", self.pages["FlowsensorRecordsDropped"])
        told = set(sum(reasons, ())) - {""}
        self.assertEqual(told, set(re.findall(r"^\| `(\w+)`", REFERENCE.read_text().split("## Why a record is dropped")[1], re.MULTILINE)))

    def test_the_log_lines_that_pages_look_for_exist(self):
        """What is grepped for, and what is quoted beside it, are the program's own words."""
        literals = "\n".join("".join(re.findall(r'"((?:[^"\\\\\n]|\\\\.)*)"', path.read_text())) for path in (support.REPOSITORY / "sensor").rglob("*.c"))
        found = 0
        for name, page in self.pages.items():
            for line in re.findall(r"^    kubectl logs .*$", page, re.MULTILINE):
                for words in re.findall(r"grep '([^']+)'", line) + re.findall(r'"([^"]+)"', line):
                    found += 1
                    with self.subTest(name, words=words):
                        self.assertIn(words, literals)
                self.assertNotRegex(line, r"grep [^']", f"{name}: words to look for are in single quotes")
        self.assertGreater(found, 8)

    def test_the_overview_names_every_alert(self):
        """By severity, without what all names begin with."""
        rows = dict(re.findall(r"^\| (critical|warning): [^|]*\| (.*) \|$", MONITORING.read_text(), re.MULTILINE))
        for severity, text in rows.items():
            named = {f"Flowsensor{name}" for name in re.findall(r"\b[A-Z][A-Za-z]+", text)}
            self.assertEqual(named, {rule["alert"] for rule in support.alerts() if rule["labels"]["severity"] == severity})
        self.assertEqual(set(rows), {"critical", "warning"})


class Names(unittest.TestCase):
    """What finds the metrics in an expression."""

    def test_of_an_expression(self):
        self.assertEqual(support.metrics_of('sum by (a, b) (rate(x_total{c="d_total", e=~"f"}[5m])) / on (job) group_left (n) y:z > 0.5e3'), {"x_total", "y:z"})
        self.assertEqual(support.metrics_of("up == 0 and on (job) last_over_time(q[1d] offset 5m) or vector(0)"), {"up", "q"})
        self.assertEqual(support.metrics_of("abs(a - timestamp(a)) unless b > bool 2"), {"a", "b"})
        self.assertEqual(support.metrics_of('count(ALERTS{alertname=~"x.+"})'), {"ALERTS"})


if __name__ == "__main__":
    unittest.main()
