"""What others computed from the same captures: NFStream 6.6.0's remembered answers (tests/parity) and refmeter.py, a
second implementation of its metering that the shared folder may have."""
import importlib.util
import socket

import harness

NAMES = {"nfstream:defaults": "NFStream with its defaults", "nfstream:stats": "NFStream with statistics and SPLT",
         "refmeter": "refmeter.py at 1 ms idle timeout, four accounting modes"}
IDLE_MS = 1


def module(path, name):
    """A Python file as a module, under a name that collides with none of ours."""
    spec = importlib.util.spec_from_file_location(name, path)
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


PARITY = harness.REPOSITORY / "tests" / "parity"
parity_compare = module(PARITY / "compare.py", "parity_compare")
nfstream_oracle = module(PARITY / "nfstream_oracle.py", "parity_nfstream_oracle")


def refmeter_path():
    """The shared folder's refmeter.py, or None."""
    path = harness.SHARED / "refmeter.py"
    return path if path.is_file() else None


def ask_nfstream(runs):
    """Lets NFStream answer what it hasn't been asked yet; None or why it can't."""
    try:
        for name, options in nfstream_oracle.OPTION_SETS.items():
            nfstream_oracle.ensure([item.capture for item in runs if item.oracle == f"nfstream:{name}"], [options])
    except nfstream_oracle.OracleUnavailable as error:
        return str(error)
    return None


def by_nfstream(item):
    """(rows, differences) or, where NFStream gave no rows, its own words."""
    answer = nfstream_oracle.lookup(item.capture, nfstream_oracle.OPTION_SETS[item.oracle.partition(":")[2]])
    if answer is None:
        return "NFStream gave no answer in time"
    if answer.error is not None:
        return f"NFStream itself fails: {answer.error.splitlines()[-1]}"
    result = parity_compare.compare_exports((item.folder / "flows.csv").read_bytes(), answer.csv)
    return result.rows, result.differences


def refmeter_rows(path, item):
    """refmeter.py's rows as CSV cells; their columns are NFStream's up to the labels."""
    refmeter = module(path, "refmeter")
    rows = refmeter.meter(str(item.capture), item.accounting, 20, IDLE_MS)
    return [[str(cell) for cell in row] for row in rows]


def by_refmeter(path, item):
    """(rows, differences). refmeter.py has no labels, and its SPLT stands last."""
    header, ours = parity_compare.parse_csv((item.folder / "flows.csv").read_bytes())
    columns = [name for name in header if name not in parity_compare.L7_COLUMNS]
    theirs = refmeter_rows(path, item)
    lines = [] if len(ours) == len(theirs) else [f"{len(ours)} rows, refmeter.py has {len(theirs)}"]
    places = [header.index(name) for name in columns]
    for number, (mine, other) in enumerate(zip(ours, theirs)):
        if len(other) != len(columns):
            return number, [f"refmeter.py has {len(other)} columns instead of {len(columns)}"]
        for name, place, cell in zip(columns, places, other):
            if not parity_compare.cells_equal(name, canonical(name, mine[place]), canonical(name, cell)):
                lines.append(f"row {number} {name}: {mine[place]}, refmeter.py says {cell}")
    return len(ours), lines[:3]


def canonical(name, cell):
    """Addresses compare as bytes, so that no spelling matters."""
    if not name.endswith("_ip"):
        return cell
    family = socket.AF_INET6 if ":" in cell else socket.AF_INET
    return socket.inet_pton(family, cell)
