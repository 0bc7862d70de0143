"""A page of commands as a list of its code blocks, and a reader who types them in, in order."""
import re
import subprocess
from dataclasses import dataclass

BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^## (.+)$", re.MULTILINE)
NOT_RUN = "# Not run by the tests:"
LIMIT_S = 600


@dataclass
class Block:
    """`section` is the heading above it, `line` where its text begins."""

    language: str
    text: str
    section: str
    line: int

    @property
    def is_run(self):
        return self.language == "sh" and not self.text.startswith(NOT_RUN)


def blocks(text):
    """All of a page; AssertionError if it has none to run."""
    found = []
    for match in BLOCK.finditer(text):
        above = [heading[1] for heading in HEADING.finditer(text, 0, match.start())]
        found.append(Block(match[1], match[2], above[-1] if above else "", text.count("\n", 0, match.start()) + 2))
    if not any(block.is_run for block in found):
        raise AssertionError("the page has no command to run")
    return found


def replaced(text, names):
    for name, own in names.items():
        text = text.replace(name, own)
    return text


def run(block, folder, environment):
    """What the block's commands say, as on a terminal; AssertionError as soon as one fails."""
    try:
        done = subprocess.run(["bash", "-eu", "-o", "pipefail", "-c", block.text], cwd=folder, env=environment, text=True,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=LIMIT_S, check=False)
    except subprocess.TimeoutExpired as error:
        raise AssertionError(f"line {block.line}: no end within {LIMIT_S} s\n{block.text}\n{error.stdout}") from None
    if done.returncode != 0:
        raise AssertionError(f"line {block.line}: exit {done.returncode}\n{block.text}\n{done.stdout}")
    return done.stdout


def even(line):
    """A table's widths go with what is in it."""
    return re.sub(r"-{2,}", "--", " ".join(line.split()))


def compare(shown, said):
    """AssertionError unless each line that the page shows was said, in this order; … stands for anything, widths don't count."""
    rest = [even(line) for line in said.splitlines()]
    for line in shown.text.splitlines():
        pattern = re.compile(".*".join(re.escape(part) for part in even(line).split("…")))
        while rest and not pattern.fullmatch(rest[0]):
            rest.pop(0)
        if not rest:
            raise AssertionError(f"line {shown.line}: the page shows\n{line}\nwhich isn't (or not there) in\n{said}")
        rest.pop(0)
