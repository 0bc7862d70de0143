"""Tests of covered_lines.py, with a program that gcc compiles and gcov counts. Run: python3 tests/common/unittests.py tests/common"""
import contextlib
import io
import subprocess
import tempfile
import unittest
from pathlib import Path
from unittest import mock

import covered_lines

PROGRAM = '''int main(int count, char **words) {
    (void)words;
    if (count > 1)
        return 7;
    return 0;
}
'''


class CoveredLines(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="covered-")
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name).resolve()
        self.build = self.root / "build" / "sensor"
        (self.root / "sensor" / "room").mkdir(parents=True)
        self.build.mkdir(parents=True)
        (self.root / "sensor" / "room" / "main.c").write_text(PROGRAM)
        subprocess.run(["gcc", "--coverage", "-O0", "-o", "main", self.root / "sensor" / "room" / "main.c"], cwd=self.build, check=True)

    def look(self, *arguments):
        """The exit code and what is printed."""
        command = ["covered_lines.py", str(self.build.parent), *arguments]
        with mock.patch("sys.argv", command), mock.patch.object(covered_lines, "ROOT", self.root), \
                contextlib.redirect_stdout(io.StringIO()) as output:
            return covered_lines.main(), output.getvalue()

    def run_program(self, *words):
        subprocess.run([self.build / "main", *words], check=False)

    def test_what_was_run_in_any_run_counts(self):
        self.run_program()
        code, output = self.look("--missing", "sensor/room")
        self.assertEqual(code, 1)
        self.assertRegex(output, r"(?m)^sensor/room +3 of +4 lines +75\.00 % +below 95 %$")
        self.assertIn("sensor/room/main.c: 75.0 %, not 4", output)
        self.assertEqual(self.look("--least", "75", "sensor/room")[0], 0)
        self.run_program("word")
        code, output = self.look("--missing", "sensor/room")
        self.assertEqual(code, 0, output)
        self.assertRegex(output, r"^sensor/room +4 of +4 lines +100\.00 % +ok\n$")

    def test_a_folder_without_code_fails(self):
        self.run_program()
        code, output = self.look("sensor/other")
        self.assertEqual(code, 1)
        self.assertIn("no code of it is in that build", output)

    def test_a_build_without_counts_is_named(self):
        for path in self.build.glob("*.gcno"):
            path.unlink()
        with self.assertRaisesRegex(SystemExit, "cmake --preset coverage"):
            self.look("sensor/room")

    def test_lines_are_named_by_ranges(self):
        self.assertEqual(covered_lines.ranges([9, 1, 2, 3, 7]), "1-3 7 9")


if __name__ == "__main__":
    unittest.main()
