"""Tests of run.py, format.sh, tidy.sh and the dot-files. Run: python3 -m unittest discover -s tests/house"""
import json
import os
import re
import shutil
import subprocess
import unittest

from planted import HERE, Planted
from run import CHECKS

TOP = HERE.parents[1]


class Run(Planted):
    script = "run.py"

    def test_clean_tree(self):
        self.assertEqual(self.passes().splitlines()[-1], f"house: {len(CHECKS)} passed, 0 failed")

    def test_two_fail(self):
        self.plant("deploy/x.sh", "no end")
        self.plant("sensor/sink/null.c", '#include "meter/meter.h"\n')
        code, output = self.check()
        self.assertEqual(code, 1)
        self.assertEqual(output.splitlines()[-1], f"house: {len(CHECKS) - 2} passed, 2 failed")
        self.assertIn("sensor/sink/null.c:1: ", output)

    def test_runs_every_check(self):
        other = {"common", "planted", "run"}
        scripts = {path.stem for path in HERE.glob("*.py") if not path.stem.startswith("test_")} - other
        self.assertEqual(set(CHECKS), scripts)
        self.assertEqual({f"test_{name}" for name in scripts | {"run"}}, {path.stem for path in HERE.glob("test_*.py")})


class Clang(Planted):
    """The shell scripts check the tree that they are in, so they are copied into the planted one."""

    def setUp(self):
        super().setUp()
        (self.root / "tests/house").mkdir(parents=True)
        for name in ("tests/house/format.sh", "tests/house/tidy.sh", ".clang-format", ".clang-tidy"):
            shutil.copy(TOP / name, self.root / name)

    def shell(self, name, *arguments):
        places = {"FLOWSENSOR_CACHE": str(self.root / "cache"), "PATH": f"{self.root / 'bin'}:{os.environ['PATH']}"}
        answer = subprocess.run([str(self.root / "tests/house" / name), *arguments], stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT, text=True, env={**os.environ, **places}, check=False)
        return answer.returncode, answer.stdout

    def tidy(self, text, *options):
        """The answer of tidy.sh on a tree with this one file in its build."""
        self.plant("sensor/base/one.c", text)
        row = {"directory": str(self.root), "file": "sensor/base/one.c",
               "command": " ".join(["cc -std=c17", *options, "-c sensor/base/one.c"])}
        self.plant("build/compile_commands.json", json.dumps([row]))
        return self.shell("tidy.sh", str(self.root / "build"))

    def test_format(self):
        self.assertEqual(self.shell("format.sh"), (0, f"format: {len(list(self.root.rglob('*.[ch]')))} files\n"))
        self.plant("tests/unit/bad.c", "int a( void )\n{ return 1; }\n")
        code, output = self.shell("format.sh")
        self.assertNotEqual(code, 0)
        self.assertIn("tests/unit/bad.c:1:", output)
        self.assertEqual(self.shell("format.sh", "--fix")[0], 0)
        self.assertEqual((self.root / "tests/unit/bad.c").read_text(), "int a(void) {\n    return 1;\n}\n")

    def test_long_string_stays_whole(self):
        text = f'const char *message = "{"word " * 40}";\n'
        self.plant("sensor/base/one.c", text)
        self.shell("format.sh", "--fix")
        self.assertIn("word " * 40, (self.root / "sensor/base/one.c").read_text())

    def test_tidy_clean(self):
        answer = self.tidy("int one(int a);\n\nint one(int a) {\n    return a;\n}\n")
        self.assertEqual(answer, (0, "tidy: 1 files, clean\n"))

    def test_tidy_finds(self):
        code, output = self.tidy("#include <stdlib.h>\n\nint one(const char *a);\n\n"
                                 "int one(const char *a) {\n    return atoi(a);\n}\n")
        self.assertEqual(code, 1)
        self.assertIn("sensor/base/one.c:6:", output)
        self.assertIn("cert-err34-c", output)

    def test_tidy_remembers_what_is_clean(self):
        """Until the file, what it includes or how it is compiled is another."""
        one = '#include "one.h"\n\nint one(const char *a) {\n    return ONE;\n}\n'
        self.plant("sensor/base/one.h", "int one(const char *a);\n#define ONE 1\n")
        self.assertEqual(self.tidy(one), (0, "tidy: 1 files, clean\n"))
        real = shutil.which("clang-tidy")
        self.plant("bin/clang-tidy", f'#!/bin/sh\n[ "$1" != --version ] || exec {real} "$1"\necho asked\nexit 1\n')
        (self.root / "bin/clang-tidy").chmod(0o755)
        self.assertEqual(self.tidy(one), (0, "tidy: 1 files, clean; 1 were clean before and are unchanged\n"))
        asked = (1, "asked\ntidy: 1 files, findings\n")
        self.assertEqual(self.tidy(one + "\n"), asked)
        self.assertEqual(self.tidy(one, "-DTWO"), asked)
        self.plant("sensor/base/one.h", "#include <stdlib.h>\nint one(const char *a);\n#define ONE atoi(a)\n")
        self.assertEqual(self.tidy(one), asked)
        (self.root / "bin/clang-tidy").unlink()
        for _ in range(2):  # what is found is found again
            code, output = self.tidy(one)
            self.assertEqual(code, 1)
            self.assertIn("cert-err34-c", output)

    def test_tidy_without_build(self):
        code, output = self.shell("tidy.sh", str(self.root / "nowhere"))
        self.assertEqual(code, 2)
        self.assertIn("compile_commands.json", output)


class DotFiles(unittest.TestCase):

    def test_every_disabled_check_has_its_reason(self):
        text = (TOP / ".clang-tidy").read_text(encoding="utf-8")
        disabled = set(re.findall(r"^  -([a-z][^,\n]*),?$", text, re.MULTILINE))
        reasons = dict(re.findall(r"^#   ([^ :]+): (.+)$", text, re.MULTILINE))
        self.assertGreater(len(disabled), 5)
        self.assertEqual(disabled, set(reasons))
        self.assertTrue(all(len(reason.split()) >= 4 for reason in reasons.values()))

    def test_every_check_that_is_named_exists(self):
        text = (TOP / ".clang-tidy").read_text(encoding="utf-8")
        answer = subprocess.run(["clang-tidy", "--list-checks", "--checks=*"], stdout=subprocess.PIPE, text=True,
                                check=True)
        known = answer.stdout.split()
        for name in re.findall(r"^  -?([a-z][^,\n]*),?$", text.split("CheckOptions")[0], re.MULTILINE):
            pattern = re.compile(re.escape(name).replace(r"\*", ".*"))
            self.assertTrue(any(pattern.fullmatch(check) for check in known), name)
