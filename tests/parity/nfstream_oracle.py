#!/usr/bin/env python3
"""What NFStream 6.6.0 itself says about a capture, remembered.

    nfstream_oracle.py [--options defaults|stats] CAPTURE...     answers the captures, prints one line for each

An answer is NFStream's `to_csv` output, or its own error. It is kept in a cache folder (environment variable
FLOWSENSOR_CACHE, default ${XDG_CACHE_HOME:-$HOME/.cache}/flowsensor/parity) under the SHA-256 of the capture's
content, the options and NFStream's version, so that a second run needs neither time nor NFStream.

NFStream is imported once (that takes a second or more); then each capture is metered in a forked process, two at
most at once, so that a crash or a hang concerns one capture only. NFStream waits for ever when its metering
process dies; the fork looks for that, and the death is the answer. An answer that took longer than
TIME_LIMIT seconds is not remembered: it tells of the machine, not of NFStream.
"""
import argparse
import contextlib
import functools
import hashlib
import importlib.metadata
import json
import multiprocessing
import os
import signal
import sys
import tempfile
import threading
import time
from pathlib import Path

VERSION = "6.6.0"
TIME_LIMIT = 120.0
MAX_AT_ONCE = 2
# One meter: with more of them the order of NFStream's rows depends on chance.
COMMON = {"n_meters": 1}
OPTION_SETS = {
    "defaults": {},
    "stats": {"statistical_analysis": True, "splt_analysis": 20},
}
# The meter of a fork is given this long to be joined by NFStream after it ended, before its death is a finding.
GRACE = 0.5


class OracleUnavailable(Exception):
    """NFStream itself cannot be asked (not installed, another version)."""


class Answer:
    """One remembered answer. `error` is NFStream's own (its standard error), None when it succeeded."""

    def __init__(self, error, flows, csv):
        self.error = error
        self.flows = flows
        self.csv = csv


def cache_folder():
    """The folder of the answers; it is made when it is missing."""
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    folder = Path(os.environ.get("FLOWSENSOR_CACHE") or os.path.join(base, "flowsensor", "parity"))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def files_of(source):
    """The files of a source, which is a capture or a list of captures that are one stream."""
    return list(source) if isinstance(source, (list, tuple)) else [source]


@functools.lru_cache(maxsize=None)
def file_digest(path, size, modified):
    """SHA-256 of a file's content, in hex; size and time of its change tell when to look again."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def capture_digest(source):
    """SHA-256 of the capture's content, in hex; of a list of captures those of all, in their order."""
    status = [(path, os.stat(path)) for path in files_of(source)]
    return " ".join(file_digest(str(path), of.st_size, of.st_mtime_ns) for path, of in status)


def answer_key(path, options):
    """Name of an answer in the cache."""
    canonical = json.dumps({**COMMON, **options}, sort_keys=True, separators=(",", ":"))
    text = f"{capture_digest(path)} {canonical} nfstream {VERSION}"
    return hashlib.sha256(text.encode()).hexdigest()


def lookup(path, options):
    """The remembered answer, or None."""
    entry = cache_folder() / f"{answer_key(path, options)}.json"
    try:
        answer = json.loads(entry.read_text(encoding="utf-8"))
        csv = entry.with_suffix(".csv").read_bytes()
    except FileNotFoundError:
        return None
    return Answer(answer["error"], answer["flows"], csv)


def store_file(path, data):
    """Writes a file of the cache in one step, so that a killed run leaves no half answer."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".part-")
    with os.fdopen(handle, "wb") as file:
        file.write(data)
    os.replace(name, path)


def store(path, options, error, flows, csv):
    """Remembers an answer. The CSV goes first: the JSON file is what makes the answer exist."""
    entry = cache_folder() / f"{answer_key(path, options)}.json"
    store_file(entry.with_suffix(".csv"), csv)
    answer = {"capture": source_name(path), "options": {**COMMON, **options}, "nfstream": VERSION,
              "error": error, "flows": flows}
    store_file(entry, json.dumps(answer, indent=1).encode())


def source_name(source):
    """For messages: the file's name, or those of a list."""
    return ", ".join(Path(path).name for path in files_of(source))


def nfstream_source(source):
    """The source as NFStreamer takes it."""
    files = [str(path) for path in files_of(source)]
    return files if isinstance(source, (list, tuple)) else files[0]


def load_nfstream():
    """Imports NFStream, which must be the version that this project reproduces."""
    try:
        found = importlib.metadata.version("nfstream")
        from nfstream import NFStreamer
    except (ImportError, importlib.metadata.PackageNotFoundError) as error:
        raise OracleUnavailable(f"cannot import nfstream ({error}); run: pip install nfstream=={VERSION}") from error
    if found != VERSION:
        raise OracleUnavailable(f"nfstream is {found}, not {VERSION}; run: pip install nfstream=={VERSION}")
    return NFStreamer


def watch_meters():
    """In the fork: ends it when a metering process was killed or failed, since NFStream would wait for ever."""
    children = {}
    while True:
        for child in multiprocessing.active_children():
            children[child.pid] = child
        for child in children.values():
            if child.exitcode not in (None, 0):
                time.sleep(GRACE)  # for what it has to say
                os.write(2, f"NFStream's metering process ended with status {child.exitcode}\n".encode())
                os._exit(3)
        time.sleep(0.05)  # as long as the fork lives


def run_in_fork(streamer, path, options, folder):
    """The forked process: meters one capture into folder/flows.csv, its output into folder/output; never returns."""
    status = 1
    try:
        # NFStream ends its metering process by SIGTERM (max_nflows); with a handler of ours it would wait for its queue.
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        os.setsid()
        output = os.open(folder / "output", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.dup2(output, 1)
        os.dup2(output, 2)
        threading.Thread(target=watch_meters, daemon=True).start()
        arguments = {**COMMON, **options}
        if "udps" in options:
            import nfstream_plugins
            arguments["udps"] = nfstream_plugins.make(options["udps"])
        flows = streamer(source=nfstream_source(path), **arguments).to_csv(str(folder / "flows.csv"))
        (folder / "count").write_text(str(flows), encoding="ascii")
        status = 0
    except BaseException as error:  # whatever NFStream raises is its answer
        os.write(2, f"{type(error).__name__}: {error}\n".encode(errors="replace"))
    finally:
        os._exit(status)


class Job:
    """One capture being metered in a fork."""

    def __init__(self, streamer, path, options):
        self.path, self.options = path, options
        self.scratch = tempfile.TemporaryDirectory(prefix="nfstream-")
        self.folder = Path(self.scratch.name)
        self.deadline = time.monotonic() + TIME_LIMIT
        self.pid = os.fork()
        if self.pid == 0:
            run_in_fork(streamer, path, options, self.folder)

    def poll(self):
        """True when the fork ended (its answer is stored then) or was given up."""
        pid, status = os.waitpid(self.pid, os.WNOHANG)
        late = pid == 0 and time.monotonic() > self.deadline
        if pid == 0 and not late:
            return False
        with contextlib.suppress(ProcessLookupError):  # the fork's own metering process may still be there
            os.killpg(self.pid, signal.SIGKILL)
        if late:
            os.waitpid(self.pid, 0)
        else:
            self.finish(os.waitstatus_to_exitcode(status))
        self.scratch.cleanup()
        return True

    def finish(self, code):
        """Stores what the ended fork left behind."""
        output = (self.folder / "output").read_text(encoding="utf-8", errors="replace").strip()
        export = self.folder / "flows.csv"
        csv = export.read_bytes() if export.exists() else b""
        error = None
        if code != 0:
            error = output or f"NFStream ended with status {code}"
            for path in files_of(self.path):
                error = error.replace(str(path), Path(path).name)
        flows = int((self.folder / "count").read_text(encoding="ascii")) if error is None else 0
        store(self.path, self.options, error, flows, csv)


def is_known(source, options):
    """Whether the answer is remembered."""
    return (cache_folder() / f"{answer_key(source, options)}.json").exists()


def ensure(captures, option_sets):
    """Asks NFStream for the answers for every capture under every option set. Returns how many were missing."""
    return ensure_pairs((path, options) for options in option_sets for path in captures)


def ensure_pairs(pairs):
    """Asks NFStream for every answer that is missing, (source, options) each. Returns how many it was asked for."""
    missing = [(source, options) for source, options in pairs if not is_known(source, options)]
    if not missing:
        return 0
    streamer = load_nfstream()
    waiting, running = list(reversed(missing)), []
    while waiting or running:
        while waiting and len(running) < MAX_AT_ONCE:
            running.append(Job(streamer, *waiting.pop()))
        running = [job for job in running if not job.poll()]
        time.sleep(0.005)  # until another one has ended: each job has a limit of its own
    return len(missing)


def main():
    """Answers the captures of the command line."""
    parser = argparse.ArgumentParser(description="NFStream's own answers, remembered.")
    parser.add_argument("--options", choices=sorted(OPTION_SETS), action="append")
    parser.add_argument("captures", nargs="+", metavar="CAPTURE")
    arguments = parser.parse_args()
    names = arguments.options or sorted(OPTION_SETS)
    started = time.monotonic()
    try:
        asked = ensure(arguments.captures, [OPTION_SETS[name] for name in names])
    except OracleUnavailable as error:
        print(f"nfstream_oracle: {error}", file=sys.stderr)
        return 69
    for name in names:
        for path in arguments.captures:
            answer = lookup(path, OPTION_SETS[name])
            said = "no answer in time" if answer is None else answer.error or f"{answer.flows} flows"
            print(f"{Path(path).name} [{name}]: {said}")
    print(f"asked NFStream {asked} times in {time.monotonic() - started:.1f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
