"""What the structure checks share: the tree and its files, C sources without comments, findings."""
import argparse
import bisect
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

# The data path, in order. A room may include itself, base/ and the room before it.
DATA_PATH = ("capture", "decode", "meter", "record", "sink")
# Rooms beside the path, and what of the others each may include besides base/. Of the path's rooms none includes them: their
# tables name what the linker finds there.
BESIDE = {"feature": ("decode", "meter", "record/field")}
ROOMS = ("app", "base") + tuple(BESIDE) + DATA_PATH
# The rooms of app/, in order. Each may include itself, those after it, and the rooms of the data path; main.c all.
APP_ROOMS = ("command", "run", "monitor", "account", "plan", "config", "host")
# Parts of rooms: folders that CMake builds whole, and the headers of each that files elsewhere may include (None: all).
PARTS = {
    "app/account": None,
    "app/command": None,
    "app/config": None,
    "app/host": None,
    "app/monitor": None,
    "app/plan": None,
    "app/run": None,
    "capture/live": ("capture/live/interface_slots.h",),
    "decode/walk": None,
    "meter/process": ("meter/process/visibility.h",),
    "record/anonymize": ("record/anonymize/anonymize_key.h", "record/anonymize/anonymizer.h", "record/anonymize/policy.h",
                         "record/anonymize/registered_domain.h"),
    "record/contract": None,
    "record/ddl": ("record/ddl/ddl.h", "record/ddl/dialects.def"),
    "record/field": None,
    "record/login": ("record/login/jwt.h", "record/login/limits.h", "record/login/oauth.h", "record/login/secret_line.h", "record/login/transfer.h", "record/login/url.h"),
    "record/registry": ("record/registry/registry.h", "record/registry/tls_files.h", "record/registry/watch.h"),
    "record/schema": ("record/schema/columns.h", "record/schema/schema.h"),
    "sink/kafka": ("sink/kafka/kafka_admin.h", "sink/kafka/kafka_header_set.h", "sink/kafka/kafka_read.h"),
    "sink/kafka/client": None,
    "sink/spool": ("sink/spool/spool.h",),
}
# Names that two files in different folders have, and why. test_rooms.py sees to it that each is still there.
NAMESAKES = {
    "encoding": "record/encoding.c is the table that record/encoding/encoding.h declares",
    "l7": "meter/l7.h is the state of the feature feature/l7.c",
    "udps": "a row of meter/features.def; meter/udps.c makes what it runs",
}

_SKIPPED_FOLDERS = {".git", "__pycache__", "build", "target", ".cache", ".venv", "node_modules"}
# A comment, a string or a character constant; strings are matched so that "/*" inside one isn't taken for a comment.
_LEXEME = re.compile(r"""//(?:\\\n|[^\n])*|/\*.*?(?:\*/|\Z)|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'""", re.DOTALL)
_DIRECTIVE = re.compile(r"^[ \t]*#(?:\\\n|[^\n])*", re.MULTILINE)
_INCLUDE = re.compile(r"""^[ \t]*#[ \t]*include[ \t]*(?:"([^"\n]*)"|<([^>\n]*)>|(\w[^\n]*))""", re.MULTILINE)


class Finding(NamedTuple):
    """One violation: where, what, why it matters, how to mend it."""
    path: str
    line: int
    what: str
    why: str
    mend: str

    def __str__(self):
        return f"{self.path}:{self.line}: {self.what}, {self.why}, {self.mend}"


class Include(NamedTuple):
    line: int
    name: str
    quoted: bool


class Source(NamedTuple):
    """One C file: its path in the tree ("sensor/meter/flow.h"), in sensor/ ("meter/flow.h"), its room and its text."""
    path: str
    inner: str
    room: str
    text: str


def run(check, description, options=None):
    """A check's main: check(root, arguments) gives (findings, summary). Prints both, exits 1 if there are findings."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("root", nargs="?", type=Path, default=Path(__file__).resolve().parents[2],
                        help="the tree to check (default: the one this script is in)")
    if options:
        options(parser)
    arguments = parser.parse_args()
    if not arguments.root.is_dir():
        parser.error(f"{arguments.root}: not a folder")
    findings, summary = check(arguments.root.resolve(), arguments)
    for finding in sorted(findings):
        print(finding)
    name = Path(sys.argv[0]).stem
    print(f"{name}: {summary}" + (f", {len(findings)} findings" if findings else ""))
    sys.exit(1 if findings else 0)


def git(root, *arguments):
    """Output of git in that tree, None if git fails. A hook's GIT_* variables would name another tree: they go."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    answer = subprocess.run(["git", "-C", str(root), *arguments], capture_output=True, text=True, env=environment,
                            check=False)
    return answer.stdout if answer.returncode == 0 else None


def is_work_tree(root):
    """True if root is the top of a git work tree (a folder somewhere inside one is not)."""
    top = git(root, "rev-parse", "--show-toplevel")
    return top is not None and Path(top.strip()).resolve() == root


def all_files(root):
    """Relative paths of what is or would be committed: git's view where there is one, else a walk."""
    if is_work_tree(root):
        listed = git(root, "ls-files", "-z", "--cached", "--others", "--exclude-standard").split("\0")
        return sorted({name for name in listed if name and (root / name).is_file()})
    found = []
    for folder, subfolders, names in os.walk(root):
        subfolders[:] = [name for name in subfolders if name not in _SKIPPED_FOLDERS]
        found += [(Path(folder) / name).relative_to(root).as_posix() for name in names]
    return sorted(found)


def read(root, path):
    return (root / path).read_text(encoding="utf-8", errors="replace")


def sources(root, suffixes=(".c", ".h", ".def")):
    """The C files under sensor/, sorted by path."""
    found = []
    for path in all_files(root):
        if path.startswith("sensor/") and path.endswith(suffixes):
            inner = path.removeprefix("sensor/")
            room = inner.split("/")[0] if "/" in inner else ""
            found.append(Source(path, inner, room, read(root, path)))
    return found


def _blank(text):
    return re.sub(r"[^\n]", " ", text)


def without_comments(text):
    """The text with comments blanked; every other character keeps its place."""
    return _LEXEME.sub(lambda hit: _blank(hit[0]) if hit[0].startswith("/") else hit[0], text)


def code_only(text):
    """The text with comments, literals and preprocessor lines blanked; line breaks keep their place."""
    return _LEXEME.sub(lambda hit: _blank(hit[0]), _DIRECTIVE.sub(lambda hit: _blank(hit[0]), without_comments(text)))


class Lines:
    """Line numbers of offsets in a text."""

    def __init__(self, text):
        self._starts = [0] + [hit.end() for hit in re.finditer("\n", text)]

    def of(self, offset):
        return bisect.bisect_right(self._starts, offset)


def includes(text):
    """Every #include of a C text, those behind an #if too."""
    bare = without_comments(text)
    lines = Lines(bare)
    return [Include(lines.of(hit.start()), (hit[1] or hit[2] or hit[3] or "").strip(), hit[2] is None)
            for hit in _INCLUDE.finditer(bare)]
