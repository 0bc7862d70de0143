"""deploy/running.md: its commands run, here or in test_debian, or their block says why not."""
import os
import re
import tempfile
import unittest

from place import BINARY, DEPLOY, REPOSITORY, output, page_commands


class Page(unittest.TestCase):
    def test_every_block_says_where_it_runs(self):
        text = (DEPLOY / "running.md").read_text()
        titles = re.findall(r"(?m)^```sh\n(.*)$", text)
        self.assertGreater(len(titles), 6)
        for title in titles:
            self.assertRegex(title, r"^# (on the machine that builds|on the host|anywhere|in the repository|not run.*: .+)$")

    def test_commands_of_the_binary(self):
        environment = {**os.environ, "PATH": f"{BINARY.parent}:{os.environ['PATH']}"}
        with tempfile.TemporaryDirectory() as folder:
            for line in page_commands("anywhere"):
                output("bash", "-c", line, cwd=folder, env=environment)
            self.assertEqual(len([path for path in os.scandir(folder) if path.stat().st_size > 500]), 4)

    def test_commands_of_the_repository(self):
        for line in page_commands("in the repository"):
            self.assertIn("kind: DaemonSet", output("bash", "-c", line, cwd=REPOSITORY))

    def test_links(self):
        for link in re.findall(r"\]\(([^)#]+)\)", (DEPLOY / "running.md").read_text()):
            self.assertTrue((DEPLOY / link).exists(), link)


if __name__ == "__main__":
    unittest.main()
