"""The man page: formatters find no fault in it, and it has what the program has."""
import re
import tempfile
import unittest
from pathlib import Path

from place import BINARY, DEPLOY, output


class Manual(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="flowsensor-manual-")
        cls.addClassCleanup(folder.cleanup)
        cls.page = Path(folder.name) / "flowsensor.1"
        cls.page.write_text(output(BINARY, "manual"))
        cls.text = output("mandoc", "-T", "utf8", "-O", "width=400", cls.page)
        cls.text = re.sub(".\x08", "", cls.text)  # overstruck letters are bold

    def test_no_formatter_warns(self):
        self.assertEqual(output("mandoc", "-T", "lint", "-W", "warning", self.page), "")
        self.assertIn("FLOWSENSOR(1)", output("man", "--warnings", "-l", self.page, env={"PATH": "/usr/bin:/bin", "LC_ALL": "C"}))

    def test_a_fault_would_be_found(self):
        """The check above can fail."""
        broken = self.page.with_name("broken.1")
        broken.write_text(self.page.read_text() + ".XX not a macro\n")
        with self.assertRaises(AssertionError):
            output("mandoc", "-T", "lint", "-W", "warning", broken)

    def test_sections(self):
        sections = re.findall(r"(?m)^([A-Z][A-Z ]+)$", self.text)
        self.assertEqual(sections, ["NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "COMMANDS", "CONFIGURATION", "SIGNALS", "EXIT STATUS",
                                    "FILES", "EXAMPLES", "SEE ALSO"])

    def test_every_flag_and_command_of_help(self):
        usage = output(BINARY, "--help")
        flags = re.findall(r"(?m)^  (?:(-\w),? ?)?\s*(--[a-z-]+)?(?: ([A-Z=]+))?  ", usage)
        self.assertGreater(len(flags), 12)
        for letter, name, argument in flags:
            entry = ", ".join(filter(None, (letter, name))) + (f" {argument}" if argument else "")
            self.assertRegex(self.text, rf"(?m)^ +{re.escape(entry)}(?: |$)")
        commands = re.findall(r"(?m)^ {7}flowsensor (\w+)(?: ([a-z|]+))?", usage)
        self.assertIn(("schema", "print|features|compose|ddl|check|find|register"), commands)
        for word, subwords in commands:
            for subword in subwords.split("|"):
                self.assertRegex(self.text, rf"(?m)^ +{word} ?{subword}(?: |$)")

    def test_every_option_of_the_reference(self):
        configuration = self.text.split("\nCONFIGURATION\n")[1].split("\nSIGNALS\n")[0]
        paths = re.findall(r"(?m)^\| `([a-z_.]+)` \|", (DEPLOY / "reference.md").read_text().split("## Record fields")[0])
        self.assertGreater(len(paths), 50)
        for path in paths:
            group, _, name = path.rpartition(".")
            self.assertRegex(configuration, rf"(?m)^ +{re.escape(group or '(no group)')}\b.*(\n {{8,}}.*)*\b{name}\b"
                             if group else rf"\b{name}\b")

    def test_exit_codes_of_help(self):
        codes = re.findall(r"\b(\d+) ([a-z ]+)", " ".join(output(BINARY, "--help").split("Exit codes:")[1].split()))
        self.assertEqual([code for code, _ in codes], ["0", "64", "65", "66", "69", "71", "72", "73", "74", "77", "78"])
        for code, meaning in codes:
            self.assertRegex(self.text, rf"(?m)^ +{code}\s+{meaning}\.$")


if __name__ == "__main__":
    unittest.main()
