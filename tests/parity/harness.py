"""What parity.py and labels.py share: which captures there are, where the binary is, and how it is run."""
import argparse
import os
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
DEFAULT_BINARY = REPOSITORY / "build" / "release" / "sensor" / "flowsensor"
# A capture that breaks off is metered up to the break and ends with sysexits' EX_DATAERR; NFStream stays silent.
EXIT_DATAERR = 65
AT_ONCE = 2
TIME_LIMIT = 120
TIMEOUTS = ("idle_timeout", "active_timeout")
OF_CAPTURE = ("bpf_filter", "promiscuous_mode", "snapshot_length", "socket_buffer_size")


class Run:
    """One finished run of a program. `failure` is a line for the reader, None when the output counts; `refused`: it
    ended with an error, in one line, before it wrote anything."""

    def __init__(self, output, failure, refused=False):
        self.output = output
        self.failure = failure
        self.refused = refused


def parse_arguments(description, extra=None, needs_binary=True):
    """The command line of these programs; `extra` may add options of its own and other defaults."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--binary", type=Path, default=Path(os.environ.get("FLOWSENSOR") or DEFAULT_BINARY),
                        help="flowsensor to test (default: environment FLOWSENSOR, else build/release)")
    parser.add_argument("captures", nargs="*", type=Path, metavar="CAPTURE",
                        help="only these captures (default: tests/captures and FLOWSENSOR_SHARED/pcaps)")
    if extra:
        extra(parser)
    arguments = parser.parse_args()
    if (needs_binary or arguments.binary) and not os.access(arguments.binary, os.X_OK):
        parser.error(f"no program {arguments.binary}; build it, or name it by --binary or FLOWSENSOR")
    return arguments


def find_captures(named):
    """The captures to compare, and one line for every source of captures that is absent."""
    if named:
        return list(named), []
    captures, skipped = sorted((REPOSITORY / "tests" / "captures").glob("*.pcap*")), []
    if not captures:
        raise SystemExit(f"{REPOSITORY / 'tests' / 'captures'} holds no captures; restore them from the repository")
    shared = Path(os.environ.get("FLOWSENSOR_SHARED") or REPOSITORY.parent / "shared") / "pcaps"
    if shared.is_dir():
        captures += sorted(path for path in shared.iterdir() if path.is_file())
    else:
        skipped.append(f"the extra captures ({shared} is absent; FLOWSENSOR_SHARED names another folder)")
    return captures, skipped


def flowsensor_settings(options):
    """NFStream's parameters and their values as --set arguments of flowsensor. None is a default in both."""
    settings = []
    for name, value in sorted(options.items()):
        if value is None:
            continue
        text = str(value).lower() if isinstance(value, bool) else str(value)
        unit = "s" if name in TIMEOUTS else ""
        settings += ["--set", f"{'capture' if name in OF_CAPTURE else 'meter'}.{name}={text}{unit}"]
    return settings


def run_flowsensor(binary, source, options):
    """Meters a capture, or a list of captures, in NFStream's profile; the CSV comes by standard output."""
    command = [str(binary), "--profile", "nfstream", "--format", "csv", "-w", "-"]
    for capture in source if isinstance(source, (list, tuple)) else [source]:
        command += ["-r", str(capture)]
    try:
        done = subprocess.run(command + flowsensor_settings(options), stdin=subprocess.DEVNULL,
                              capture_output=True, timeout=TIME_LIMIT, check=False)
    except subprocess.TimeoutExpired:
        return Run(b"", f"flowsensor did not end within {TIME_LIMIT} s")
    lines = done.stderr.decode(errors="replace").strip().splitlines()
    refused = done.returncode > 0 and not done.stdout and len(lines) == 1
    if done.returncode in (0, EXIT_DATAERR):
        return Run(done.stdout, None, refused)
    failure = f"flowsensor ended with status {done.returncode}: {lines[-1] if lines else 'no message'}"
    return Run(done.stdout, failure, refused)


def run_all(work, items):
    """Calls work(item) for all items, AT_ONCE at a time, and yields (item, result) in the items' order."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield from zip(items, pool.map(work, items))
