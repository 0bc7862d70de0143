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


class Run:
    """One finished run of a program. `failure` is a line for the reader, None when the output counts."""

    def __init__(self, output, failure):
        self.output = output
        self.failure = failure


def parse_arguments(description, extra=None):
    """The command line of both programs; `extra` may add options of its own."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--binary", type=Path, default=Path(os.environ.get("FLOWSENSOR") or DEFAULT_BINARY),
                        help="flowsensor to test (default: environment FLOWSENSOR, else build/release)")
    parser.add_argument("captures", nargs="*", type=Path, metavar="CAPTURE",
                        help="only these captures (default: tests/captures and FLOWSENSOR_SHARED/pcaps)")
    if extra:
        extra(parser)
    arguments = parser.parse_args()
    if not os.access(arguments.binary, os.X_OK):
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
    """NFStream's option names and values as --set arguments of flowsensor."""
    settings = []
    for name, value in sorted(options.items()):
        text = str(value).lower() if isinstance(value, bool) else str(value)
        settings += ["--set", f"meter.{name}={text}"]
    return settings


def run_flowsensor(binary, capture, options):
    """Meters a capture in NFStream's profile; the CSV comes by standard output."""
    command = [str(binary), "--profile", "nfstream", "--format", "csv", "-r", str(capture), "-w", "-"]
    try:
        done = subprocess.run(command + flowsensor_settings(options), stdin=subprocess.DEVNULL,
                              capture_output=True, timeout=TIME_LIMIT, check=False)
    except subprocess.TimeoutExpired:
        return Run(b"", f"flowsensor did not end within {TIME_LIMIT} s")
    if done.returncode in (0, EXIT_DATAERR):
        return Run(done.stdout, None)
    lines = done.stderr.decode(errors="replace").strip().splitlines()
    return Run(done.stdout, f"flowsensor ended with status {done.returncode}: {lines[-1] if lines else 'no message'}")


def run_all(work, items):
    """Calls work(item) for all items, AT_ONCE at a time, and yields (item, result) in the items' order."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield from zip(items, pool.map(work, items))
