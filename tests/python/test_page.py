"""The tables of deploy/coming-from-nfstream.md: a row for all that the installed NFStream has, each with a test that exists."""
import ast
import inspect
import re
import sys
import tempfile
import unittest
import unittest.mock
from pathlib import Path

from support import REPOSITORY
from nfstream import NFPlugin, NFStreamer, plugins
from nfstream.flow import NFlow
from nfstream_oracle import load_nfstream

PAGE = REPOSITORY / "deploy" / "coming-from-nfstream.md"
# What NFStream calls itself while it meters; a caller has no flow of which it could be asked.
INTERNAL = {"NFlow.update", "NFlow.expire", "NFlow.sync", "NFlow.is_idle"}
# Programs of which each is one test; tests/run.sh runs them.
PROGRAMS = re.compile(r"tests/parity/\w+\.py")


def rows_of(section):
    """The rows of a section's table as lists of four cells, without the head."""
    body = PAGE.read_text(encoding="utf-8").split(f"\n## {section}\n")[1].split("\n## ")[0]
    lines = [line for line in body.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines[2:]]


def names_of(section):
    return [row[0].strip("`") for row in rows_of(section)]


def parameters_of(function):
    return [name for name in inspect.signature(function).parameters if name != "self"]


def methods_of(owner):
    """Rows for the methods that a class has itself: one for each parameter if they have defaults."""
    for name, function in vars(owner).items():
        if not inspect.isfunction(function) or f"{owner.__name__}.{name}" in INTERNAL or name == "__iter__":
            continue
        signature = inspect.signature(function)
        if name.startswith("__") and owner is not NFPlugin and name != "__str__":
            continue
        parameters = parameters_of(function)
        if any(signature.parameters[parameter].default is not inspect.Parameter.empty for parameter in parameters):
            yield from (f"{owner.__name__}.{name}({parameter})" for parameter in parameters)
        else:
            yield f"{owner.__name__}.{name}({', '.join(parameters)})"


def has_test(path, name):
    """Whether the file defines the test, a method in Python, a function in C; without a name: is a test as a whole."""
    if not (REPOSITORY / path).is_file() or not name:
        return (REPOSITORY / path).is_file() and PROGRAMS.fullmatch(path) is not None
    text = (REPOSITORY / path).read_text(encoding="utf-8")
    if path.endswith(".py"):
        return any(isinstance(node, ast.FunctionDef) and node.name == name for node in ast.walk(ast.parse(text)))
    return re.search(rf"\bcmocka_unit_test\w*\(\s*{name}\b", text) is not None


class Tables(unittest.TestCase):
    maxDiff = None
    SECTIONS = ("Parameters", "Methods", "Columns")

    @classmethod
    def setUpClass(cls):
        load_nfstream()

    def test_a_row_for_each_parameter(self):
        self.assertEqual(names_of("Parameters"), parameters_of(NFStreamer.__init__))

    def test_a_row_for_each_column_in_order(self):
        columns = ["udps.NAME" if name == "udps" else name for name in NFlow.__slots__ if name != "_C"]
        self.assertEqual(names_of("Columns"), columns)

    def test_a_row_for_each_method(self):
        expected = {"for flow in NFStreamer(...)", "flow.expiration_id = -1", "NFStreamer.to_pandas()"}
        for owner in (NFStreamer, NFlow, NFPlugin):
            expected.update(methods_of(owner))
        expected.update(f"plugins.{name}" for name, value in vars(plugins).items() if inspect.isclass(value))
        rows = names_of("Methods")
        self.assertEqual(sorted(rows), sorted(expected))

    def test_each_row_names_tests_that_exist(self):
        missing = {}
        for section in self.SECTIONS:
            for name, _, _, proof in rows_of(section):
                tests = re.findall(r"`([^`]+)`", proof)
                self.assertTrue(tests, f"{name} names no test")
                for test in tests:
                    if not has_test(*test.partition("::")[::2]):
                        missing.setdefault(test, []).append(name)
        self.assertEqual(missing, {}, "tests that are not there, and the rows that name them")

    def test_links_lead_somewhere(self):
        links = re.findall(r"\]\(([^)#:]+)\)", PAGE.read_text(encoding="utf-8"))
        self.assertGreater(len(links), 2)
        self.assertEqual([link for link in links if not (PAGE.parent / link).exists()], [])

    def test_programs_are_run(self):
        suites = (REPOSITORY / "tests" / "run.sh").read_text(encoding="utf-8")
        programs = {test for section in self.SECTIONS for row in rows_of(section)
                    for test in re.findall(r"`([^`]+)`", row[3]) if "::" not in test}
        self.assertEqual({program for program in programs if program not in suites}, set())

    def test_options_exist(self):
        reference = (REPOSITORY / "deploy" / "reference.md").read_text(encoding="utf-8")
        options = {option for section in ("Parameters", "Methods") for row in rows_of(section)
                   for option in re.findall(r"`((?:meter|capture|outputs|udps|anonymization)\.\w+|performance_report)`", " ".join(row[1:3]))}
        self.assertGreater(len(options), 10)
        self.assertEqual({option for option in options if f"| `{option}` |" not in reference}, set())

    def test_fields_exist(self):
        """The names that the page gives for flow/v1 are its fields."""
        schema = (REPOSITORY / "schemas" / "flow" / "v1.avsc").read_text(encoding="utf-8")
        fields = {field for row in rows_of("Columns") for field in re.findall(r"`(\w+)`", row[1])}
        self.assertEqual({field for field in fields if f'"name": "{field}"' not in schema}, set())

    def test_nothing_is_half_done(self):
        for section in self.SECTIONS:
            for row in rows_of(section):
                self.assertEqual(len(row), 4, row)
                self.assertTrue(all(row), row)
                self.assertNotRegex(" ".join(row).lower(), r"\bpart(ly|ial|ially)\b|\bnot yet\b|\bplanned\b")

    def test_nfstream_refuses_the_browser_tab(self):
        with self.assertRaises(ValueError):
            NFStreamer(source=str(REPOSITORY / "tests" / "captures" / "mix.pcap"), system_visibility_mode=2)


class Planted(unittest.TestCase):
    """A page with a defect fails the check that is there for it."""

    def fails(self, check, old, new):
        text = PAGE.read_text(encoding="utf-8")
        self.assertIn(old, text)
        result = unittest.TestResult()
        with tempfile.TemporaryDirectory() as folder:
            page = Path(folder) / PAGE.name
            page.write_text(text.replace(old, new, 1), encoding="utf-8")
            with unittest.mock.patch.object(sys.modules[__name__], "PAGE", page):
                Tables(check).run(result)
        self.assertEqual(len(result.failures), 1, result.errors)
        return result.failures[0][1]

    def test_a_row_that_is_missing(self):
        self.fails("test_a_row_for_each_parameter", "| `idle_timeout` |", "| `idle` |")
        self.fails("test_a_row_for_each_method", "| `NFPlugin.cleanup()` |", "| `NFPlugin.clean()` |")
        self.fails("test_a_row_for_each_column_in_order", "| `vlan_id` |", "| `vlan` |")

    def test_a_test_that_is_not_there(self):
        said = self.fails("test_each_row_names_tests_that_exist", "::test_flows_per_file", "::test_flow_per_file")
        self.assertIn("tests/python/test_files.py::test_flow_per_file", said)

    def test_names_that_are_not_there(self):
        self.assertIn("meter.idle_time'", self.fails("test_options_exist", "`meter.idle_timeout`", "`meter.idle_time`"))
        self.assertIn("ja5", self.fails("test_fields_exist", "`ja3`,", "`ja5`,"))
        self.assertIn("absent.md", self.fails("test_links_lead_somewhere", "(reference.md)", "(absent.md)"))

    def test_half_a_feature(self):
        self.fails("test_nothing_is_half_done", "Nothing.", "Works partly.")


if __name__ == "__main__":
    unittest.main()
