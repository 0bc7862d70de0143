"""Tests of commits.py. Run: python3 -m unittest discover -s tests/house"""
import unittest

from commits import judge
from common import git
from planted import Planted


class Titles(unittest.TestCase):

    def test_good(self):
        for title in ("meter: keep the uid over slices", "decode/tunnel: take GRE in UDP",
                      "decode, meter: carry the VLAN tag", "docs: name the two commands", "base: " + "x" * 66):
            self.assertEqual(list(judge("abc", title)), [], title)

    def test_bad(self):
        for title, word in (("keep the uid", "form"), ("meter keep the uid", "form"), ("Meter: keep the uid", "form"),
                            ("meter:keep the uid", "form"), ("meter: ", "form"), ("kitchen: add a sink", "none of"),
                            ("meter, kitchen: add", "none of"), ("meter: keep the uid.", "full stop"),
                            ("base: " + "x" * 67, "73 characters")):
            self.assertIn(word, " ".join(map(str, judge("abc", title))), title)


class Ranges(Planted):
    script = "commits.py"

    def git(self, *arguments):
        self.assertIsNotNone(git(self.root, *arguments), arguments)

    def commit(self, title):
        self.git("-c", "user.name=t", "-c", "user.email=t@example.invalid", "-c", "commit.gpgsign=false",
                 "commit", "--quiet", "--no-verify", "--allow-empty", "-m", title)

    def test_no_repository(self):
        self.assertIn("nothing to check", self.passes())

    def test_no_commits(self):
        self.git("init", "--quiet")
        self.assertIn("no commits yet", self.passes())

    def test_whole_history_and_range(self):
        self.git("init", "--quiet")
        self.commit("Some words.")
        self.commit("meter: keep the uid over slices")
        code, output = self.check()
        self.assertEqual(code, 1)
        self.assertIn('title "Some words."', output)
        self.assertIn("1 commits in HEAD~1..HEAD", self.passes("--range", "HEAD~1..HEAD"))
        self.git("update-ref", "refs/remotes/origin/main", "HEAD~1")
        self.assertIn("1 commits in origin/main..HEAD", self.passes())

    def test_unknown_range(self):
        self.git("init", "--quiet")
        self.commit("meter: keep the uid over slices")
        code, output = self.check("--range", "nowhere..HEAD")
        self.assertEqual(code, 1)
        self.assertIn("no such range", output)
