"""The cells of deploy/coming-from-nfstream.md."""
import re
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
PAGE = REPOSITORY / "deploy" / "coming-from-nfstream.md"
STEP = re.compile(r"^### (\d+)\. (.+)$", re.MULTILINE)
CELL = re.compile(r"^```(python|sh) (nfstream|flowsensor|both)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def steps(text):
    """Steps in order: (number, [(language, whose, code)])."""
    parts = STEP.split(text)[1:]
    return [(int(number), CELL.findall(body)) for number, body in zip(parts[::3], parts[2::3])]


def cells_of(whose, text):
    """What `nfstream` or `flowsensor` runs: for each step its number and its cells as (language, code)."""
    return [(number, [(language, code) for language, owner, code in cells if owner in (whose, "both")])
            for number, cells in steps(text)]
