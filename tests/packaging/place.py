"""Where things are, for the tests of packaging."""
import os
import re
import subprocess
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
BINARY = Path(os.environ.get("FLOWSENSOR") or REPOSITORY / "build" / "release" / "sensor" / "flowsensor").resolve()
CACHE = Path(os.environ.get("FLOWSENSOR_CACHE") or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "flowsensor")
CAPTURES = REPOSITORY / "tests" / "captures"
DEPLOY = REPOSITORY / "deploy"


def output(*command, **more):
    """Standard output of a command that must succeed, without anything on standard error."""
    result = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=120, **more)
    assert result.returncode == 0 and not result.stderr, f"{command}: exit {result.returncode}\n{result.stdout}{result.stderr}"
    return result.stdout


def page_commands(first_line):
    """The commands of the blocks of deploy/running.md that begin with this comment."""
    blocks = re.findall(r"(?ms)^```sh\n# ([^\n]*)\n(.*?)^```$", (DEPLOY / "running.md").read_text())
    return [line for title, block in blocks for line in block.splitlines() if title.startswith(first_line)]
