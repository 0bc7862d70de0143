"""What the end-to-end tests share: running the flowsensor binary, and what must hold of its answers.

The binary is the environment's FLOWSENSOR, else build/release/sensor/flowsensor below the repository's root.
"""
import contextlib
import itertools
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.append(str(REPOSITORY / "tests" / "common"))
from waiting import wait_until  # noqa: E402, F401  (for those who import it from here)

BINARY = Path(os.environ.get("FLOWSENSOR") or REPOSITORY / "build" / "release" / "sensor" / "flowsensor").resolve()
SHARED = Path(os.environ.get("FLOWSENSOR_SHARED") or REPOSITORY.parent / "shared").resolve()
CAPTURES = REPOSITORY / "tests" / "captures"
SCHEMAS = REPOSITORY / "schemas"
TIME_LIMIT_S = 60
NOBODY = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
ERROR = "flowsensor: error: "


class Result:
    """A finished run."""

    def __init__(self, code, out, error, seconds):
        self.code, self.out, self.seconds = code, out, seconds
        self.raw_error = error
        self.lines = error.decode("utf-8", "replace").splitlines()

    @property
    def errors(self):
        """The lines of level error, plain or JSON, without what precedes the message."""
        plain = [line[len(ERROR):] for line in self.lines if line.startswith(ERROR)]
        return plain + [json.loads(line)["message"] for line in self.lines if '"level":"error"' in line]

    def text(self):
        return self.out.decode("utf-8")

    def jsonl(self):
        return [json.loads(line) for line in self.text().splitlines()]

    def __str__(self):
        return f"exit {self.code} after {self.seconds:.2f} s, standard error:\n  " + "\n  ".join(self.lines)


def environment(extra):
    """The tests' own environment, without what would change the sensor's way to a server on loopback."""
    kept = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    return {**kept, "TZ": "UTC", **(extra or {})}


def run(*arguments, stdin=b"", env=None, prefix=(), binary=None, limit=TIME_LIMIT_S, cwd=None, close_fds=()):
    """Runs the binary to its end. `close_fds` are standard descriptors that the program finds closed."""
    command = [str(word) for word in (*prefix, binary or BINARY, *arguments)]
    if close_fds:
        redirections = " ".join(f"{number}>&-" for number in close_fds)
        command = ["sh", "-c", f'exec "$@" {redirections}', "sh", *command]
    start = time.monotonic()
    done = subprocess.run(command, input=stdin, env=environment(env), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          timeout=limit, cwd=cwd, check=False)
    return Result(done.returncode, done.stdout, done.stderr, time.monotonic() - start)


class Running:
    """The binary under way; ended by finish(), or by force when the test ends before."""

    def __init__(self, *arguments, prefix=(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, env=None, binary=None, close_fds=True):
        self.start = time.monotonic()
        self.errors = tempfile.TemporaryFile()
        self.process = subprocess.Popen([str(word) for word in (*prefix, binary or BINARY, *arguments)], stdin=stdin, stdout=stdout,
                                        stderr=self.errors, env=environment(env), close_fds=close_fds)

    def said(self, words):
        """Whether the words stand on standard error by now."""
        return words.encode() in os.pread(self.errors.fileno(), 1 << 20, 0)

    def signal(self, number):
        self.process.send_signal(number)

    def finish(self, limit=TIME_LIMIT_S):
        # communicate() would close standard input, which is an end of input.
        self.process.wait(limit)
        out = self.process.stdout.read() if self.process.stdout else b""
        self.errors.seek(0)
        result = Result(self.process.returncode, out, self.errors.read(), time.monotonic() - self.start)
        self.close()
        return result

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        for stream in (self.process.stdin, self.process.stdout, self.errors):
            if stream:
                stream.close()


def of_threads(process, file):
    """That file of each thread's folder in /proc; threads that have just ended are left out."""
    for task in Path(f"/proc/{process.pid}/task").iterdir():
        with contextlib.suppress(OSError):
            yield (task / file).read_text()


def is_idle(process):
    """Whether no thread of it has anything to do: each sleeps, in a wait or a system call that blocks."""
    try:
        states = [(task / "stat").read_text().rsplit(")", 1)[1].split()[0] for task in Path(f"/proc/{process.pid}/task").iterdir()]
        return set(states) <= {"S"} and Path(f"/proc/{process.pid}/comm").read_text() == "flowsensor\n"
    except OSError:
        return False  # it or a thread of it has just ended


def has_taken(process, number):
    """Whether a signal that was sent to it is pending no longer."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    return not int(re.search(r"^ShdPnd:\t(\w+)", status, re.MULTILINE)[1], 16) >> (number - 1) & 1


def parts(text):
    """"idle 3, active 1" as a dictionary."""
    return {name: int(count) for name, count in re.findall(r"([a-z_0-9]+) (\d+)", text or "")}


class Ledger:
    """The ledger's lines as numbers: .packets, .flows, .outputs[name]."""

    PACKETS = re.compile(r"packets: read (\d+) = metered (\d+) \+ ignored (\d+)(?: \(([^)]*)\))?")
    FLOWS = re.compile(r"flows: opened (\d+) = exported (\d+)(?: \(([^)]*)\))?"
                       r"(?: \+ discarded (\d+) \(max_nflows \d+\))? \+ open (\d+)(?: \+ elsewhere (\d+))?"
                       r"(?:.*; early records (\d+))?(?:.*; update records (\d+))?")
    OUTPUT = re.compile(r"output (?P<name>.+) \((?P<sink>[a-z]+)\): made (?P<made>\d+)(?: \+ found in the spool (?P<found>\d+))? = "
                        r"acknowledged (?P<acknowledged>\d+) \+ in flight (?P<in_flight>\d+)(?: \+ spooled (?P<spooled>\d+))?"
                        r"(?: \+ dead letters (?P<dead_lettered>\d+))? \+ dropped (?P<dropped>\d+)(?: \((?P<why>[^)]*)\))?; (?P<bytes>\d+) bytes encoded"
                        r"(?:, checksum (?P<checksum>[0-9a-f]+))?; (?P<of>exported|reports|protocols) (?P<due>\d+) = made (?P<of_due>\d+)"
                        r"(?: while it was open, and (?P<others>\d+) others)?")
    TEXTS = ("sink", "checksum", "of")

    def __init__(self, lines):
        self.packets, self.flows, self.outputs = None, None, {}
        for line in lines:
            if found := self.PACKETS.search(line):
                self.packets = {"read": int(found[1]), "metered": int(found[2]), "ignored": int(found[3]), "why": parts(found[4])}
            elif found := self.FLOWS.search(line):
                self.flows = {"opened": int(found[1]), "exported": int(found[2]), "why": parts(found[3]),
                              "discarded": int(found[4] or 0), "open": int(found[5]), "elsewhere": int(found[6] or 0),
                              "early": int(found[7] or 0), "update": int(found[8] or 0)}
            elif found := self.OUTPUT.search(line):
                self.outputs[found["name"].removeprefix("flowsensor: ")] = self.output(found.groupdict())
        self.residual = any("RESIDUAL" in line for line in lines)

    @classmethod
    def output(cls, found):
        why = parts(found.pop("why"))
        return {name: text if name in cls.TEXTS else int(text or 0) for name, text in found.items() if name != "name"} | {"why": why}


class Case(unittest.TestCase):
    """A test with a folder of its own, which others may read."""

    @classmethod
    def setUpClass(cls):
        if not os.access(BINARY, os.X_OK):
            raise RuntimeError(f"no program {BINARY}; build it, or name it by FLOWSENSOR")

    def setUp(self):
        temporary = tempfile.TemporaryDirectory(prefix="flowsensor-e2e-")
        self.addCleanup(temporary.cleanup)
        self.folder = Path(temporary.name)
        self.folder.chmod(0o755)

    def write(self, name, content):
        path = self.folder / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def public_binary(self):
        """A copy that another user can run, wherever the build folder is."""
        copy = self.folder / "flowsensor"
        if not copy.exists():
            shutil.copy(BINARY, copy)
            copy.chmod(0o755)
        return copy

    def start(self, *arguments, **options):
        running = Running(*arguments, **options)
        self.addCleanup(running.close)
        return running

    def succeeds(self, *arguments, **options):
        """A run that exits with 0 and says no error; its ledger, if there is one, closes."""
        return self.ended_well(run(*arguments, **options))

    def ended_well(self, result):
        self.assertEqual(result.code, 0, result)
        self.assertEqual(result.errors, [], result)
        self.assertNotIn(b"a system call was refused", result.raw_error, result)
        self.accounts_close(result)
        return result

    def accounts_close(self, result):
        """Each record that a run made for an output, or found in its spool, is accounted for: what every way to end a run must keep. The ledger."""
        ledger = Ledger(result.lines)
        self.assertFalse(ledger.residual, result)
        for output in ledger.outputs.values():
            self.assertEqual(output["made"] + output["found"], sum(output[part] for part in ("acknowledged", "in_flight", "spooled", "dead_lettered", "dropped")),
                             result)
            self.assertEqual(output["dropped"], sum(output["why"].values()), result)
            self.assertEqual((output["due"], output["of_due"]), (output["made"], output["made"]), result)
        return ledger

    def refused(self, code, says, *arguments, **options):
        """A run that ends with `code` and exactly one line on standard error at all, in which each of `says` occurs."""
        result = run(*arguments, "--set", "log.level=error", **options)
        self.assertEqual(len(result.lines), 1, result)
        return self.failed(result, code, says)

    def failed(self, result, code, says):
        """Ended with `code` and exactly one line of level error, in which each of `says` occurs."""
        self.assertEqual(result.code, code, result)
        self.assertEqual(len(result.errors), 1, result)
        self.assertNotIn(b"a system call was refused", result.raw_error, result)
        for word in says:
            self.assertIn(str(word), result.errors[0])
        self.accounts_close(result)
        # Bytes that a terminal would obey never reach it, wherever the message has its words from.
        self.assertNotRegex(result.raw_error.replace(b"\n", b""), rb"[\x00-\x1f\x7f]")
        return result

    def ledger(self, result):
        """The ledger of a run; it is complete and closes."""
        self.assertNotIn(b"a system call was refused", result.raw_error, result)
        ledger = self.accounts_close(result)
        self.assertIsNotNone(ledger.packets, result)
        self.assertIsNotNone(ledger.flows, result)
        self.assertTrue(ledger.outputs, result)
        self.assertEqual(ledger.packets["read"], ledger.packets["metered"] + ledger.packets["ignored"], result)
        self.assertEqual(ledger.packets["ignored"], sum(ledger.packets["why"].values()), result)
        self.assertEqual(ledger.flows["opened"], ledger.flows["exported"] + ledger.flows["discarded"] + ledger.flows["open"] + ledger.flows["elsewhere"], result)
        for output in ledger.outputs.values():
            if output["of"] == "exported":
                kinds = [ledger.flows[kind] for kind in ("exported", "early", "update")]
                self.assertIn(output["due"] + output["others"], {sum(taken) for count in range(1, 4) for taken in itertools.combinations(kinds, count)}, result)
        return ledger
