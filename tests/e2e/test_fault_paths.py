"""The table of failure paths in tests/README.md names tests that are there. Run: python3 tests/e2e/run.py test_fault_paths"""
import importlib
import re
import unittest

from harness import REPOSITORY

SECTION = r"(?ms)^### Failure paths$(.*?)^## "


class FaultPaths(unittest.TestCase):
    def test_each_test_is_there(self):
        text = re.search(SECTION, (REPOSITORY / "tests" / "README.md").read_text())[1]
        rows = [line.split("|")[2] for line in text.splitlines() if line.startswith("| ")][1:]
        self.assertGreater(len(rows), 10)
        for row in rows:
            for part in row.split(";"):
                first, *tests = re.findall(r"`([^`]+)`", part)
                with self.subTest(first):
                    self.check(first, tests)

    def check(self, first, tests):
        if first.startswith("unit."):
            self.assertTrue((REPOSITORY / "tests" / (first.replace(".", "/") + "_test.c")).exists(), first)
            return
        module, name = first.split(".")
        case = getattr(importlib.import_module(module), name)
        self.assertGreater(len(tests), 0)
        for test in tests:
            self.assertTrue(callable(getattr(case, test, None)), f"{first}.{test}")


if __name__ == "__main__":
    unittest.main()
