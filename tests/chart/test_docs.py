"""The chart's README is made from the comments of values.yaml, and says what is there; the chart's own suites pass."""
import re
import shutil
import tempfile
import unittest
from pathlib import Path

import yaml

import chart
from test_values import VALUES

README = (chart.CHART / "README.md").read_text()


def leaves(values, path=""):
    for name, value in values.items():
        if isinstance(value, dict) and value:
            yield from leaves(value, f"{path}{name}.")
        else:
            yield f"{path}{name}"


class Readme(unittest.TestCase):
    def test_is_what_helm_docs_makes(self):
        with tempfile.TemporaryDirectory() as folder:
            shutil.copytree(chart.CHART, Path(folder) / "flowsensor")
            answer = chart.run(chart.tool("helm-docs"), "--chart-search-root", folder, "--sort-values-order", "file")
            self.assertEqual(answer.returncode, 0, answer.stderr)
            self.assertTrue((Path(folder) / "flowsensor/README.md").read_text() == README,
                            "run: $(tests/go_tools.sh helm-docs)/helm-docs --chart-search-root helm/flowsensor --sort-values-order file")

    def test_every_value_is_explained(self):
        rows = dict(re.findall(r"^\| (\S+) \| \S+ \| `.*?` \| (.+) \|$", README, re.MULTILINE))
        for path in leaves(VALUES):
            with self.subTest(path):
                # A map with a default is one row.
                explained = [row for row in rows if path == row or path.startswith(f"{row}.")]
                self.assertTrue(explained and rows[explained[0]].strip(), f"{path} has no comment '# -- ...' in values.yaml")

    def test_names_every_example(self):
        self.assertEqual(sorted(set(re.findall(r"\(examples/([a-z-]+\.yaml)\)", README))), [path.name for path in chart.EXAMPLES])

    def test_versions_of_kubernetes(self):
        oldest, newest = (".".join(chart.KUBERNETES[index].split(".")[:2]) for index in (0, -1))
        self.assertIn(f"checked against the API of {oldest} to {newest}", README)
        manifest = yaml.safe_load((chart.CHART / "Chart.yaml").read_text())
        self.assertEqual(manifest["kubeVersion"], f">={oldest}.0-0")

    def test_version_is_the_sensors(self):
        manifest = yaml.safe_load((chart.CHART / "Chart.yaml").read_text())
        project = re.search(r"project\(flowsensor VERSION (\S+)", (chart.REPOSITORY / "CMakeLists.txt").read_text())[1]
        self.assertEqual(manifest["appVersion"], project)


class Sizing(unittest.TestCase):
    """deploy/sizing.md says what the chart's defaults are for."""

    def test_the_row_of_the_charts_defaults(self):
        page = (chart.REPOSITORY / "deploy" / "sizing.md").read_text()
        row = re.search(r"^\| [^|]*, the chart's default \| (\S+) \| (\S+) \| (\S+) \| [^|]* \| (\d+), (\d+) \| (\d+) MiB \|", page, re.MULTILINE)
        _, new_flows, open_flows, table, meters, limit = (int(text.replace(",", "")) for text in row.groups())
        self.assertEqual((table, meters), (VALUES["meter"]["flowTableSize"], VALUES["meter"]["meters"]))
        self.assertEqual(open_flows, new_flows * int(VALUES["meter"]["idleTimeout"].removesuffix("s")))
        self.assertLess(open_flows, table, "the default table doesn't hold the flows of the node that it is said to be for")
        pod = chart.find(chart.objects(chart.render(chart.LEAST)), "DaemonSet")["spec"]["template"]["spec"]["containers"][0]
        self.assertEqual(pod["resources"]["limits"]["memory"], f"{limit}Mi")


class Suites(unittest.TestCase):
    def test_helm_unittest(self):
        answer = chart.run(chart.tool("helm-unittest"), "--strict", chart.CHART)
        self.assertEqual(answer.returncode, 0, answer.stdout + answer.stderr)
        self.assertRegex(answer.stdout, r"Test Suites: [1-9]\d* passed")


if __name__ == "__main__":
    unittest.main()
