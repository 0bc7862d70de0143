"""Tests of text.py. Run: python3 -m unittest discover -s tests/house"""
import os
import tempfile
from unittest import mock

from common import git
from planted import Planted

# Joined at run time, so that the check does not find them in this file.
MACHINE = ["/" + path for path in ("home/jo/x", "root/.cache", "work/main", "work", "tmp/venv/bin/python",
                                   "tmp/build-x/a", "Users/jo")]
WORDS = ("TO" + "DO", "FIX" + "ME", "X" * 3)


class Text(Planted):
    script = "text.py"

    def test_clean_tree(self):
        self.passes()

    def test_path_of_a_machine(self):
        for path in MACHINE:
            for text in (f"cd {path}\n", f'a="{path}"\n', f"A={path}:b\n"):
                with self.subTest(text=text):
                    self.plant("deploy/x.sh", "\n" + text)
                    self.finds("deploy/x.sh:2", "path of one machine")

    def test_other_paths(self):
        self.plant("deploy/x.sh", "cat .github/workflows/x ./work/a $top/work ../home/x /workspace /var/tmp /tmp/x "
                                  "https://a.b/home/x\n")
        self.passes()

    def test_unfinished(self):
        for word in WORDS:
            with self.subTest(word=word):
                self.plant("sensor/base/a.c", f"int a;\n// {word}: later\n")
                self.finds("sensor/base/a.c:2", word)

    def test_template_of_mktemp(self):
        self.plant("deploy/x.sh", 'mktemp -d "x.' + "X" * 6 + '"\n')
        self.passes()

    def test_trailing_white_space(self):
        for end in (" ", "\t", "\r"):
            with self.subTest(end=end):
                self.plant("deploy/x.sh", f"a\nb{end}\nc\n")
                self.finds("deploy/x.sh:2", "trailing")

    def test_empty_last_column(self):
        self.plant("tests/e2e/x.tsv", "a\tb\n1\t\n")
        self.passes()

    def test_no_newline_at_the_end(self):
        self.plant("deploy/x.sh", "a\nb")
        self.finds("deploy/x.sh:2", "no newline")

    def test_empty_and_binary_files(self):
        self.plant("tests/unit/empty", "")
        self.plant("tests/unit/x.pcap", b"\xd4\xc3\xb2\xa1\x00\x02 \n" + MACHINE[0].encode())
        self.passes()

    def test_top_level(self):
        self.plant("docs/x.md", "# X\n")
        self.plant("notes.txt", "x\n")
        self.plant(".ci/run", "#!/bin/sh\n")
        self.finds("docs:1", "top level")
        self.finds("notes.txt:1", "top level")

    def test_public_header(self):
        for head in ("#pragma once\n",
                     "// SPDX-License-Identifier: Apache-2.0\n#pragma once\nint a; /* says a lot, but too late */\n",
                     "/* pool.h */\n#pragma once\n"):
            with self.subTest(head=head):
                self.plant("sensor/base/a.h", head)
                self.finds("sensor/base/a.h:1", "leading comment")
        for head in ("// What it is for\n// and who owns it.\n#pragma once\n",
                     "#pragma once\n\n/* What it is for, who owns it. */\n"):
            self.plant("sensor/base/a.h", head)
            self.passes()

    def test_header_of_a_subfolder_is_not_public(self):
        self.plant("sensor/decode/tunnel/a.h", "#pragma once\n")
        self.passes()

    def test_ignored_and_deleted_files(self):
        self.plant("build/x", "no end")
        self.plant("deploy/gone.sh", "no end")
        self.assertIsNotNone(git(self.root, "init", "--quiet"))
        self.assertIsNotNone(git(self.root, "add", "."))
        (self.root / "deploy/gone.sh").unlink()
        self.passes()
        self.plant("deploy/new.sh", "no end")
        self.finds("deploy/new.sh:1", "no newline")

    def test_variables_of_a_hook_do_not_lead_elsewhere(self):
        with tempfile.TemporaryDirectory() as other:
            self.assertIsNotNone(git(other, "init", "--quiet"))
            self.assertIsNotNone(git(self.root, "init", "--quiet"))
            self.assertIsNotNone(git(self.root, "add", "."))
            self.plant(".gitignore", "deploy/\n")
            self.plant("deploy/x.sh", "no end")
            self.assertIsNotNone(git(self.root, "add", "--force", "deploy"))
            with mock.patch.dict(os.environ, {"GIT_DIR": f"{other}/.git"}):
                self.finds("deploy/x.sh:1", "no newline")
