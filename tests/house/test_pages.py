"""Tests of pages.py. Run: python3 -m unittest discover -s tests/house"""
import unittest

from pages import MOST, sentences
from planted import Planted


def words(count):
    """A sentence of so many words."""
    return "The " + "word " * (count - 2) + "ends."


class Pages(Planted):
    script = "pages.py"

    def test_clean_tree(self):
        self.assertEqual(self.passes().splitlines()[-1], "pages: 1 pages")

    def test_at_the_limit(self):
        self.plant("deploy/x.md", f"# X\n\n{words(MOST)} {words(MOST)}\n")
        self.passes()

    def test_above_the_limit(self):
        self.plant("deploy/x.md", f"# X\n\n{words(3)}\n{words(MOST + 1)}\n")
        self.finds("deploy/x.md:4", f"{MOST + 1} words")

    def test_other_limit(self):
        self.plant("deploy/x.md", f"{words(31)}\n")
        self.finds("deploy/x.md:1", "31 words", arguments=("--most", "30"))

    def test_other_files(self):
        self.plant("deploy/x.txt", f"{words(MOST + 1)}\n")
        self.passes()

    def test_each_item_and_paragraph_is_its_own(self):
        half = words(MOST // 2 + 1).rstrip(".")
        for between in ("\n\n", "\n- ", "\n2. ", "\n```\ncode\n```\n", "\n## Heading\n", "\n| a table |\n"):
            with self.subTest(between=between):
                self.plant("deploy/x.md", f"- {half}{between}{half}\n")
                self.passes()

    def test_lines_of_one_sentence(self):
        half = words(MOST // 2 + 1).rstrip(".")
        for between in ("\n", " 4.2 and\n", " `a. B`; ", " ([link](x.md)), ", " etc. and ", " ... and "):
            with self.subTest(between=between):
                self.plant("deploy/x.md", f"- {half}{between}  {half}.\n")
                self.finds("deploy/x.md:1", "words")

    def test_what_is_no_sentence(self):
        long = words(MOST + 1)
        for text in (f"# {long}\n", f"| {long} |\n", f"```sh\n{long}\n\n{long}\n```\n", f"Code:\n\n    {long}\n\n    {long}\n",
                     f"<!-- {long}\n{long} -->\n", f"A `{long}` is one word.\n", f"A [link](x {long}) too.\n"):
            with self.subTest(text=text):
                self.plant("deploy/x.md", text)
                self.passes()

    def test_after_what_is_no_sentence(self):
        """A block that ends is over."""
        for text in ("```\ncode\n```\n", "    code\n", "<!-- a comment -->\n", "| table |\n", "~~~\n```\n~~~\n"):
            with self.subTest(text=text):
                self.plant("deploy/x.md", f"{text}{words(MOST + 1)}\n")
                self.finds(f"deploy/x.md:{text.count(chr(10)) + 1}", "words")


class Sentences(unittest.TestCase):
    def test_a_mark_within_a_line_begins_no_item(self):
        self.assertEqual([found.text for found in sentences("**One two.** nDPI * four - five.\n")], ["**One two.**", "nDPI * four - five."])

    def test_counts(self):
        text = "# X\n\n**One** two. Three `four five`\nsix? (Seven.) A list:\n\n1. eight - nine;\n   ten, v4.2 eleven.\n"
        self.assertEqual([(found.line, found.words) for found in sentences(text)], [(3, 2), (3, 3), (4, 1), (4, 2), (6, 5)])


if __name__ == "__main__":
    unittest.main()
