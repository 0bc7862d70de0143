"""Tests of the functions of tests/run.sh: that skipped tests are counted (planted ones of each kind), and suites beside others.
Run: python3 tests/common/unittests.py tests/common"""
import os
import re
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import skips

HERE = Path(__file__).resolve().parent
PYTHON = '''import unittest

class Planted(unittest.TestCase):
    def test_runs(self):
        pass

    @unittest.skipUnless(False, "planted: no tool")
    def test_by_a_decorator(self):
        self.fail()

    def test_under_way(self):
        self.skipTest("planted: no privilege")

class Whole(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        raise unittest.SkipTest("planted: no library")

    def test_of_the_class(self):
        self.fail()
'''
CMOCKA = '''#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include "skip.h"

static void runs(void **state) { (void)state; }
static void says_why(void **state) { (void)state; skip_because("planted: no namespace"); }
static void says_nothing(void **state) { (void)state; skip(); }

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(says_why), cmocka_unit_test(runs), cmocka_unit_test(says_nothing)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
'''


class Skips(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="skips-")
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def suite(self, body, *arguments):
        """The exit code and output of a suite with this body, run by tests/run.sh's own function."""
        script = f'. tests/run.sh {" ".join(arguments)}; LOGS={self.folder}; PYTHON={sys.executable}; suite_planted() {{ {body}; }}; run_suite planted'
        done = subprocess.run(["bash", "-c", script], cwd=HERE.parents[1], capture_output=True, text=True, check=False,
                              env={**os.environ, "FLOWSENSOR_SHARED": str(self.folder)})
        self.assertEqual(done.stderr, "")
        return done.returncode, done.stdout

    def fails_only_if_strict(self, body, *named):
        """The suite passes, but not with --strict, and both name each skipped test."""
        for arguments, wanted in ((), 0), (("--strict",), 1):
            code, output = self.suite(body, *arguments)
            self.assertEqual(code, wanted, output)
            self.assertRegex(output, rf"(?m)^planted +{'FAIL' if wanted else 'ok'} ")
            self.assertIn(f"  {len(named)} skipped, {len(named)} of them not in tests/common/skips.txt\n", output)
            for what in named:
                self.assertIn(f"  skipped {what} [not in tests/common/skips.txt]\n", output)

    def test_suites_beside_others(self):
        """Each is run and counted once, one of low priority beside another if both are to be run: here they wait for each other."""
        def beside(name, other):
            return (f"suite_{name}() {{ nice >{self.folder}/{name}.began; for _ in {{1..300}}; do [ ! -e {self.folder}/{other}.began ] || return 0; "
                    f"sleep 0.1; done; return 1; }}")
        functions = f"{beside('one', 'two')}; {beside('two', 'one')}; suite_three() {{ nice >{self.folder}/three.began; }}; suite_four() {{ nice >{self.folder}/four.began; false; }}"
        for names, counts, niceness in (("one two three", "3 0", "0 10 0"), ("two four one", "2 1", "10 10 0"), ("four three", "1 1", "0 0")):
            for path in self.folder.iterdir():
                path.unlink()
            script = (f". tests/run.sh; LOGS={self.folder}; BESIDE=([one]='two five four' [three]=five); {functions}; "
                      f'run_suites {names}; echo "$passed $failed"')
            done = subprocess.run(["bash", "-c", script], cwd=HERE.parents[1], capture_output=True, text=True, check=False)
            with self.subTest(names):
                self.assertEqual((done.stdout.splitlines()[-1], done.stderr), (counts, ""), done.stdout)
                self.assertEqual(sorted(re.findall(r"(?m)^(\w+) +(?:ok|FAIL) ", done.stdout)), sorted(names.split()))
                self.assertEqual(" ".join((self.folder / f"{name}.began").read_text().strip() for name in names.split()), niceness)

    def test_nothing_skipped(self):
        code, output = self.suite("echo all is well", "--strict")
        self.assertEqual((code, output.count("\n")), (0, 1), output)
        self.assertRegex(output, r"^planted +ok .* all is well\n$")

    def test_unittest(self):
        (self.folder / "test_planted.py").write_text(PYTHON)
        self.fails_only_if_strict(f"unittests {self.folder}", "test_planted.Planted.test_by_a_decorator: planted: no tool",
                                  "test_planted.Planted.test_under_way: planted: no privilege",
                                  "setUpClass (test_planted.Whole): planted: no library")

    def test_cmocka(self):
        """By ctest, whose log has them; the reason is the one that skip_because() was given."""
        (self.folder / "planted.c").write_text(CMOCKA)
        subprocess.run(["cc", "-std=c17", f"-I{HERE.parent / 'unit'}", "-o", "planted", "planted.c", "-lcmocka"], cwd=self.folder, check=True)
        (self.folder / "CTestTestfile.cmake").write_text(f'add_test(unit.planted "{self.folder}/planted")\n')
        run = f"ctest --test-dir {self.folder}; python3 tests/common/skips.py ctest {self.folder}"
        self.fails_only_if_strict(run, "unit.planted.says_why: planted: no namespace", "unit.planted.says_nothing: no reason given")

    def test_shell(self):
        self.fails_only_if_strict("echo skipped one: planted; echo Skipped: two: planted; echo not skipped", "one: planted", "two: planted")

    def test_a_failed_suite_fails(self):
        for body in ("false", "echo skipped one: planted; false"):
            code, output = self.suite(body)
            self.assertEqual(code, 1, output)

    def test_a_listed_one_passes(self):
        """By suite and by text; brackets in a row stand for themselves."""
        rows = skips.read_list("planted | t.*: no [x] * | it is planted\n# a comment\n\n* | a: b | planted\n")
        for suite, what, listed in (("planted", "t.one: no [x] here", True), ("planted", "t.one: no x here", False),
                                    ("other", "t.one: no [x] here", False), ("other", "a: b", True), ("other", "a: b c", False)):
            self.assertEqual(skips.check(suite, f"skipped {what}\n", rows)[1], listed, (suite, what))

    def test_a_row_without_a_reason_is_refused(self):
        for row in ("planted | t.one: no tool", "planted | t.one: no tool | ", "planted"):
            with self.assertRaisesRegex(SystemExit, "skips.txt:1: "):
                skips.read_list(row)

    def test_the_list_can_be_read(self):
        self.assertTrue(skips.read_list(skips.LIST.read_text()))

    def test_continuous_integration_is_strict(self):
        self.assertRegex((HERE.parents[1] / ".ci" / "run").read_text(), r'(?m)^exec tests/run\.sh --strict "\$@"$')


if __name__ == "__main__":
    unittest.main()
