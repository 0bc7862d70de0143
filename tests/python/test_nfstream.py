"""DataFrames of nfstream/v1 against those of NFStream itself: columns, order, dtypes and values, but for nDPI's labels."""
import ast
import io
import os
import pickle
import subprocess
import sys
import unittest

from support import CAPTURES
import compare
import nfstream_oracle
import pandas
from parity import read_exceptions

import flowsensor
from harness import SHARED, Case, run

# NFStream's DataFrame has them as text, since it comes from CSV.
SPLT = {"splt_direction", "splt_ps", "splt_piat_ms"}


def compare_frames(case, ours, theirs):
    """Asserts that the frames are equal by the rule of tests/parity/compare.py; returns how many cells were compared."""
    case.assertEqual(list(ours.columns), list(theirs.columns))
    case.assertEqual(len(ours), len(theirs))
    cells = 0
    for name in theirs.columns:
        if name in SPLT:
            case.assertEqual(ours[name].tolist(), [ast.literal_eval(text) for text in theirs[name]], name)
        elif name in compare.L7_COLUMNS:
            case.assertEqual(ours[name].dtype.kind, "i" if name in ("application_is_guessed", "application_confidence") else "O", name)
            continue
        else:
            case.assertEqual(ours[name].dtype, theirs[name].dtype, name)
            exact = not compare.is_double(name)
            pandas.testing.assert_series_equal(ours[name], theirs[name], check_exact=exact, rtol=compare.RELATIVE_TOLERANCE, atol=0)
        cells += len(ours)
    return cells


class DataFrames(Case):
    def captures(self):
        """The repository's, and a tenth of the shared ones; all of them with LONG=yes."""
        folder = SHARED / "pcaps"
        shared = sorted(path for path in folder.iterdir() if path.is_file()) if folder.is_dir() else []
        shared = shared if os.environ.get("LONG") == "yes" else shared[::10]
        excepted = read_exceptions()
        return [path for path in CAPTURES + shared if nfstream_oracle.capture_digest(path) not in excepted]

    def meter(self, capture, options):
        path = self.folder / "flows.avro"
        settings = [word for name, value in options.items() for word in ("--set", f"meter.{name}={str(value).lower()}")]
        result = run("--profile", "nfstream", "-r", capture, "-w", path, *settings)
        self.assertIn(result.code, (0, 65), result)
        return flowsensor.read(path).to_pandas()

    def test_captures(self):
        """As NFStream's to_pandas(), which reads what its to_csv() wrote; answers are remembered by tests/parity."""
        captures, cells = self.captures(), 0
        nfstream_oracle.ensure(captures, list(nfstream_oracle.OPTION_SETS.values()))
        for capture in captures:
            for name, options in nfstream_oracle.OPTION_SETS.items():
                with self.subTest(capture=capture.name, options=name):
                    answer = nfstream_oracle.lookup(capture, options)
                    ours = self.meter(capture, options)
                    if answer.flows == 0:
                        self.assertEqual(len(ours), 0)
                        continue
                    cells += compare_frames(self, ours, pandas.read_csv(io.BytesIO(answer.csv), engine="c"))
        print(f"{len(captures)} captures, {cells} cells equal NFStream's DataFrames")
        self.assertGreater(cells, 10000)

    def test_to_pandas_itself(self):
        """NFStream's own method, run now."""
        capture = next(path for path in CAPTURES if path.name == "mix.pcap")
        options = {"statistical_analysis": True, "splt_analysis": 5}
        code = (f"import nfstream, pickle, sys\nframe = nfstream.NFStreamer({str(capture)!r}, n_meters=1, **{options}).to_pandas()\n"
                "pickle.dump(frame, open('frame', 'wb'))")
        subprocess.run([sys.executable, "-c", code], cwd=self.folder, check=True)
        theirs = pickle.loads((self.folder / "frame").read_bytes())
        ours = self.meter(capture, options)
        self.assertGreater(compare_frames(self, ours, theirs), 30000)
        # Text that is empty is missing in both.
        self.assertTrue(theirs["requested_server_name"].isna().any())
        self.assertTrue(ours["requested_server_name"].isna().any())
        self.assertFalse((ours["requested_server_name"] == "").any())


if __name__ == "__main__":
    unittest.main()
