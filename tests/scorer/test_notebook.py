"""The notebook of deploy/examples/notebook, executed as its page says, against a real Kafka and registry.

Run: python tests/common/unittests.py tests/scorer/test_notebook.py
"""
import os
import re
import shutil
import subprocess
import unittest
from pathlib import Path
from unittest import mock

import nbclient
import nbformat
from support import EXAMPLE, LocalServers, closed_port, maven
from harness import BINARY, REPOSITORY, Case

NOTEBOOK = REPOSITORY / "deploy" / "examples" / "notebook" / "score_live.ipynb"
LIMIT_S = 300
ABLE = os.geteuid() == 0 and shutil.which("ip") is not None


def texts(notebook):
    """What the cells printed or gave as text."""
    found = []
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            found.append(output.get("text") or output.get("data", {}).get("text/plain", ""))
    return "\n".join(found)


class Notebook(Case):
    @unittest.skipUnless(ABLE, "a veth pair needs root and iproute2")
    def test_from_captures_to_live_scores(self):
        servers = LocalServers.get()
        jar = maven.built(EXAMPLE, "flow-scorer.jar")
        settings = {"KAFKA_BOOTSTRAP": servers.bootstrap, "REGISTRY_URL": servers.registry, "FLOWSENSOR": str(BINARY),
                    "FLOW_SCORER": str(jar), "NOTEBOOK_WORK": str(self.folder), "SCORER_PORT": str(closed_port())}
        # A run before this one was the same, and broke off.
        for topic in ("flows", "flow-scores", "flow-scores-dead-letters"):
            servers.topic(topic)
        subprocess.run(["ip", "link", "add", "fsnear", "type", "veth", "peer", "name", "fsfar"], check=True)
        self.addCleanup(subprocess.run, ["ip", "link", "delete", "fsnear"], stderr=subprocess.DEVNULL, check=False)
        notebook = nbformat.read(NOTEBOOK, as_version=4)
        with mock.patch.dict(os.environ, settings):
            nbclient.NotebookClient(notebook, timeout=LIMIT_S, kernel_name="python3",
                                    resources={"metadata": {"path": str(NOTEBOOK.parent)}}).execute()
        said = texts(notebook)
        self.assertIn("labels that ONNX Runtime gives otherwise than scikit-learn: 0", said)
        self.assertNotIn("flow_scorer_refused_total", said)
        self.assertNotIn("flow_scorer_dead_letters_total", said)
        early = int(re.search(r"(\d+) scores of flows that had not ended yet", said)[1])
        self.assertGreater(early, 100)
        same, scored = map(int, re.search(r"(\d+) of (\d+) live scores are those", said).groups())
        self.assertEqual(same, scored)
        self.assertGreater(scored, 500)
        self.assertGreater(int(re.search(r"(\d+)% as nDPI says", said)[1]), 80)
        self.assertTrue((Path(self.folder) / "result.svg").stat().st_size > 0)


class Page(Case):
    def test_twelve_commands_at_most(self):
        page = (NOTEBOOK.parent / "README.md").read_text()
        commands = re.search(r"```sh\n(.*?)```", page, re.DOTALL)[1].strip().splitlines()
        self.assertLessEqual(1 + len(commands), 12)  # and git clone

    def test_the_notebook_is_without_results(self):
        for cell in nbformat.read(NOTEBOOK, as_version=4).cells:
            self.assertFalse(cell.get("outputs"))


if __name__ == "__main__":
    unittest.main()
