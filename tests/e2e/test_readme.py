"""The README's first commands, run as they stand there, and what it shows of them. Run: python3 tests/e2e/run.py test_readme
"""
import json
import os
import re
import shlex
import socket
import unittest

from harness import CAPTURES, REPOSITORY, Case, run

README = (REPOSITORY / "README.md").read_text()
# What is another on each machine and in each run.
RATE = re.compile(r"[\d.]+ s, \d+ packets/s")
BYTES = re.compile(r"(\d+) bytes encoded")
BINARY_THERE = "build/release/sensor/flowsensor"


def commands():
    """The words of each command of README that reads the capture."""
    for block in re.findall(r"```sh\n(.*?)```", README, re.DOTALL):
        for line in block.replace("\\\n", " ").splitlines():
            words = shlex.split(line, comments=True)
            if words and words[0] == BINARY_THERE:
                yield words[1:]


class Readme(Case):
    def run_command(self, words):
        """In a folder with the repository's captures, and nowhere else."""
        (self.folder / "tests").mkdir(exist_ok=True)
        link = self.folder / "tests" / "captures"
        if not link.exists():
            link.symlink_to(CAPTURES)
        return self.succeeds(*words, cwd=self.folder)

    def test_commands_run(self):
        found = list(commands())
        self.assertGreaterEqual(len(found), 2)
        for words in found:
            with self.subTest(words):
                self.run_command(words)
                self.assertTrue((self.folder / words[words.index("-w") + 1]).stat().st_size)

    def test_shown_ledger_is_that_of_the_run(self):
        shown = re.search(r"```\n(flowsensor: packets: .*?)```", README, re.DOTALL)[1].splitlines()
        lines = self.run_command(next(iter(commands()))).lines
        self.assertEqual([BYTES.sub("", RATE.sub("", line)) for line in lines], [BYTES.sub("", RATE.sub("", line)) for line in shown])
        if "nDPI 4.2" not in run("--version").text():
            self.skipTest("names of applications have another length with another nDPI")
        # Each record has the sensor's name, by default the host's, which has another length elsewhere.
        here, there = (int(BYTES.search("\n".join(text))[1]) for text in (lines, shown))
        records = int(re.search(r"made (\d+)", "\n".join(lines))[1])
        self.assertEqual((there - here) % records, 0, f"README shows {there} bytes, this run made {here}")
        self.assertIn((there - here) // records + len(socket.gethostname()), range(1, 65))

    def test_schemas_have_as_many_fields_as_their_page_says(self):
        page = (REPOSITORY / "schemas" / "README.md").read_text()
        listed = re.findall(r"^\| `(\w+/v\d+)`.*\| (\d+) \|$", page, re.MULTILINE)
        there = [(str(path.relative_to(REPOSITORY / "schemas").with_suffix("")), str(len(json.loads(path.read_text())["fields"])))
                 for path in (REPOSITORY / "schemas").glob("*/*.avsc")]
        self.assertEqual(sorted(listed), sorted(there))

    def test_exit_codes_are_all_there(self):
        reference = run("reference").text()
        row = re.compile(r"^\| (\d+) \| (.*) \|$", re.MULTILINE)
        listed, expected = (row.findall(text.split("## Exit codes")[1]) for text in (README, reference))
        self.assertEqual(listed, expected)
        codes = {int(code) for code, _meaning in listed}
        for source in (REPOSITORY / "sensor").rglob("*.c"):
            for name in re.findall(r"\bEX_[A-Z]+\b", source.read_text()):
                with self.subTest(name, source=source.name):
                    self.assertIn(getattr(os, name, 0), codes)


if __name__ == "__main__":
    unittest.main()
