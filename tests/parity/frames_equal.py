"""Compares a DataFrame of nfstream/v1 with NFStream's own, by the rule of compare.py and with dtypes."""
import ast

import pandas

import compare

# NFStream's DataFrame has them as text, since it comes from CSV.
SPLT = ("splt_direction", "splt_ps", "splt_piat_ms")
L7_NUMBERS = ("application_is_guessed", "application_confidence")


def assert_frames_equal(case, ours, theirs):
    """Columns, order, dtypes and values; of nDPI's columns that they are there. Returns how many cells were compared."""
    case.assertEqual(list(ours.columns), list(theirs.columns))
    case.assertEqual(len(ours), len(theirs))
    compared = [name for name in theirs.columns if name not in compare.L7_COLUMNS]
    for name in compared:
        if name in SPLT:
            case.assertEqual(ours[name].tolist(), [ast.literal_eval(text) for text in theirs[name]], name)
            continue
        case.assertEqual(ours[name].dtype, theirs[name].dtype, name)
        pandas.testing.assert_series_equal(ours[name], theirs[name], check_exact=not compare.is_double(name),
                                           rtol=compare.RELATIVE_TOLERANCE, atol=0)
    for name in compare.L7_COLUMNS.intersection(theirs.columns):
        case.assertEqual(str(ours[name].dtype), "int64" if name in L7_NUMBERS else "str", name)
    return len(ours) * len(compared)
