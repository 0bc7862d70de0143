"""kube-score and checkov find nothing in what the chart renders but what accepted_findings.yaml explains."""
import json
import sys
import tempfile
import unittest
from pathlib import Path

import yaml

import chart
from test_render import SCENES

ACCEPTED = yaml.safe_load((chart.HERE / "accepted_findings.yaml").read_text())
# What a user adds is the user's.
OURS = {"extraContainers": [], "extraInitContainers": [], "extraObjects": []}
GOOD = 10  # kube-score's grades: 1 critical, 5 warning, 7 almost, 10 good


def renders():
    return {name: chart.render(*values, OURS) for name, values in SCENES.items()}


def kube_score(texts):
    """Findings as (CHECK, KIND/NAME)."""
    found = set()
    for text in texts.values():
        answer = chart.run(chart.tool("kube-score"), "score", "--kubernetes-version", f"v{chart.KUBERNETES[-1].rsplit('.', 1)[0]}",
                           "-o", "json", "-", input=text)
        for item in json.loads(answer.stdout):
            name = f"{item['type_meta']['kind']}/{item['object_meta']['name']}"
            found |= {(check["check"]["id"], name) for check in item["checks"] if not check["skipped"] and check["grade"] < GOOD}
    return found


def checkov(texts):
    """The same by checkov, which names a pod of a template by its labels: the kind is found by the name."""
    with tempfile.TemporaryDirectory() as folder:
        for name, text in texts.items():
            (Path(folder) / f"{name}.yaml").write_text(text)
        answer = chart.run(Path(sys.executable).with_name("checkov"), "--framework", "kubernetes", "--directory", folder,
                           "--skip-download", "--compact", "--quiet", "--output", "json")
    report = json.loads(answer.stdout)
    if not report["summary"]["passed"] or report["summary"]["parsing_errors"]:
        raise AssertionError(f"checkov judged nothing, or couldn't read a file: {report['summary']}")
    kinds = {item["metadata"]["name"]: item["kind"] for text in texts.values() for item in chart.objects(text)
             if item["kind"] in ("DaemonSet", "Job", "Pod")}
    found = set()
    for finding in report["results"]["failed_checks"]:
        kind, _, name = finding["resource"].split(".")[:3]
        found.add((finding["check_id"], f"{kinds[name] if kind == 'Pod' else kind}/{name}"))
    return found


class Findings(unittest.TestCase):
    def check(self, tool, found):
        accepted = {(check, name) for check, row in ACCEPTED[tool].items() for name in row["objects"]}
        self.assertEqual(sorted(found - accepted), [], "findings that nothing explains")
        self.assertEqual(sorted(accepted - found), [], "explained, but no longer found: take the lines away")

    def test_kube_score(self):
        self.check("kube-score", kube_score(renders()))

    def test_checkov(self):
        self.check("checkov", checkov(renders()))

    def test_each_has_a_reason(self):
        for tool, rows in ACCEPTED.items():
            for check, row in rows.items():
                with self.subTest(tool=tool, check=check):
                    self.assertGreater(len(row["because"].split()), 8)

    def test_they_find_what_is_wrong(self):
        bad = chart.render(*SCENES["least"], {"securityContext": {"readOnlyRootFilesystem": False, "allowPrivilegeEscalation": True}})
        worse = {finding for finding in checkov({"bad": bad}) if finding[0] in ("CKV_K8S_20", "CKV_K8S_22")}
        self.assertEqual(len({check for check, _ in worse}), 2)
        self.assertIn(("container-security-context-readonlyrootfilesystem", "DaemonSet/flowsensor"), kube_score({"bad": bad}))


if __name__ == "__main__":
    unittest.main()
