"""What the tests of the Python package share: where it is, and the tests of others that they stand on."""
import json
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
PACKAGE = REPOSITORY / "deploy" / "python"
for folder in (REPOSITORY / "tests" / "parity", REPOSITORY / "tests" / "e2e", PACKAGE):
    sys.path.insert(0, str(folder))

CAPTURES = sorted((REPOSITORY / "tests" / "captures").glob("*.pcap*"))
EVERYTHING = ("--set", "meter.statistical_analysis=true", "--set", "meter.splt_analysis=20")


def is_missing(value):
    """None, NaN, NaT and pandas.NA; lists are never missing."""
    import pandas
    return not isinstance(value, list) and pandas.isna(value)


def cell(value):
    """A value of a DataFrame as the sensor writes it into CSV."""
    import numpy
    import pandas
    if is_missing(value):
        return ""
    if isinstance(value, list):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, (bool, numpy.bool_)):
        return str(bool(value)).lower()
    if isinstance(value, pandas.Timestamp):
        return str(value.value // 1000)
    return repr(float(value)) if isinstance(value, float) else str(value)
