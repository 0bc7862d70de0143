"""The alerts and the dashboard arrive in their objects as they are in their files."""
import copy
import json
import unittest

import yaml

import chart

RULES = yaml.safe_load((chart.CHART / "files/alerts.yaml").read_text())
ALERTS = [rule["alert"] for group in RULES["groups"] for rule in group["rules"] if "alert" in rule]


def rendered(kind, name, **values):
    return chart.find(chart.objects(chart.render(chart.LEAST, values)), kind, name)


class Rules(unittest.TestCase):
    def test_as_in_the_file(self):
        self.assertGreaterEqual(len(ALERTS), 10)
        self.assertEqual(rendered("PrometheusRule", "flowsensor", prometheusRule={"enabled": True})["spec"], RULES)

    def test_disabled_labelled_and_with_another_address(self):
        expected = copy.deepcopy(RULES)
        for group in expected["groups"]:
            group["rules"] = [rule for rule in group["rules"] if rule.get("alert") != ALERTS[0]]
            for rule in group["rules"]:
                if "alert" in rule:
                    rule["labels"]["team"] = "net"
                    rule["annotations"]["runbook_url"] = f"https://wiki.example.com/{rule['alert']}.md"
        values = {"enabled": True, "disabled": [ALERTS[0]], "alertLabels": {"team": "net"}, "runbookUrl": "https://wiki.example.com/"}
        self.assertEqual(rendered("PrometheusRule", "flowsensor", prometheusRule=values)["spec"], expected)

    def test_all_disabled(self):
        values = {"enabled": True, "disabled": ALERTS}
        groups = rendered("PrometheusRule", "flowsensor", prometheusRule=values)["spec"]["groups"]
        self.assertEqual([rule for group in groups for rule in group["rules"] if "alert" in rule], [])
        self.assertTrue(all(group["rules"] for group in groups))


class Dashboard(unittest.TestCase):
    def test_as_in_the_file(self):
        data = rendered("ConfigMap", "flowsensor-dashboard", dashboard={"enabled": True})["data"]
        dashboard = json.loads((chart.CHART / "files/dashboard.json").read_text())
        self.assertEqual(json.loads(data["flowsensor.json"]), dashboard)
        self.assertEqual(dashboard["uid"], "flowsensor")


if __name__ == "__main__":
    unittest.main()
