"""DataFrames of nfstream/v1 against those of NFStream itself: columns, order, dtypes and values, but for nDPI's labels."""
import collections
import io
import os
import pickle
import subprocess
import sys
import unittest

from support import CAPTURES
import nfstream_oracle
import pandas
from frames_equal import assert_frames_equal
from parity import read_exceptions

import flowsensor
from harness import SHARED, Case, run

# How often nDPI 4.2 must say what NFStream's nDPI 5.0 says, of the flows for which both say something. Measured over all
# captures: 0.999, 1, 1, 0.995, and 0.93 of no more than 31 (JA4 needs a newer nDPI).
TEXTS = {"requested_server_name": 0.99, "server_fingerprint": 0.99, "user_agent": 0.99, "content_type": 0.98,
         "client_fingerprint": 0.9}


class DataFrames(Case):
    frames = {}

    def captures(self):
        """The repository's, and a tenth of the shared ones; all of them with LONG=yes."""
        folder = SHARED / "pcaps"
        shared = sorted(path for path in folder.iterdir() if path.is_file()) if folder.is_dir() else []
        shared = shared if os.environ.get("LONG") == "yes" else shared[::10]
        excepted = read_exceptions()
        return [path for path in CAPTURES + shared if nfstream_oracle.capture_digest(path) not in excepted]

    def pairs(self, name):
        """Capture, our DataFrame and NFStream's, for all that have flows; each capture is metered once."""
        options = nfstream_oracle.OPTION_SETS[name]
        nfstream_oracle.ensure(self.captures(), [options])
        for capture in self.captures():
            if (capture, name) not in self.frames:
                answer = nfstream_oracle.lookup(capture, options)
                theirs = pandas.read_csv(io.BytesIO(answer.csv), engine="c") if answer.flows else None
                self.frames[capture, name] = self.meter(capture, options), theirs
            ours, theirs = self.frames[capture, name]
            if theirs is None:
                self.assertEqual(len(ours), 0, capture)
            else:
                yield capture, ours, theirs

    def meter(self, capture, options):
        path = self.folder / "flows.avro"
        settings = [word for name, value in options.items() for word in ("--set", f"meter.{name}={str(value).lower()}")]
        result = run("--profile", "nfstream", "-r", capture, "-w", path, *settings)
        self.assertIn(result.code, (0, 65), result)
        return flowsensor.read(path).to_pandas()

    def test_captures(self):
        """As NFStream's to_pandas(), which reads what its to_csv() wrote; answers are remembered by tests/parity."""
        cells = 0
        for name in nfstream_oracle.OPTION_SETS:
            for capture, ours, theirs in self.pairs(name):
                with self.subTest(capture=capture.name, options=name):
                    cells += assert_frames_equal(self, ours, theirs)
        print(f"{len(self.captures())} captures, {cells} cells equal NFStream's DataFrames")
        self.assertGreater(cells, 10000)

    def test_labels_of_ndpi(self):
        """Another version of nDPI has other names for applications; what it copies from packets is the same."""
        said, equal = collections.Counter(), collections.Counter()
        for _, ours, theirs in self.pairs("defaults"):
            self.assertFalse(ours[["application_name", "application_category_name"]].isna().any(axis=None))
            self.assertLessEqual(set(ours["application_is_guessed"]), {0, 1})
            self.assertLessEqual(set(ours["application_confidence"]), set(range(10)))
            for name in TEXTS:
                both = ours[name].notna() & theirs[name].notna()
                said[name] += both.sum()
                equal[name] += (ours[name][both] == theirs[name][both]).sum()
        for name, share in TEXTS.items():
            print(f"{name}: {equal[name]} of {said[name]} equal")
            self.assertGreater(said[name], 0, name)
            self.assertGreaterEqual(equal[name], share * said[name], name)

    def test_to_pandas_itself(self):
        """NFStream's own method, run now."""
        capture = next(path for path in CAPTURES if path.name == "mix.pcap")
        options = {"statistical_analysis": True, "splt_analysis": 5}
        code = (f"import nfstream, pickle, sys\nframe = nfstream.NFStreamer({str(capture)!r}, n_meters=1, **{options}).to_pandas()\n"
                "pickle.dump(frame, open('frame', 'wb'))")
        subprocess.run([sys.executable, "-c", code], cwd=self.folder, check=True)
        theirs = pickle.loads((self.folder / "frame").read_bytes())
        ours = self.meter(capture, options)
        self.assertGreater(assert_frames_equal(self, ours, theirs), 30000)
        # Text that is empty is missing in both.
        self.assertTrue(theirs["requested_server_name"].isna().any())
        self.assertTrue(ours["requested_server_name"].isna().any())
        self.assertFalse((ours["requested_server_name"] == "").any())


if __name__ == "__main__":
    unittest.main()
