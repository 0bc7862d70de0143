"""NFStream's tutorial: each cell of deploy/coming-from-nfstream.md under NFStream 6.6.0 and here, and the tables compared."""
import hashlib
import os
import pickle
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import page

for folder in ("tests/parity", "deploy/python"):
    sys.path.insert(0, str(page.REPOSITORY / folder))
import pandas
from frames_equal import assert_frames_equal
from compare import L7_COLUMNS
from nfstream_oracle import load_nfstream

BINARY = Path(os.environ.get("FLOWSENSOR") or page.REPOSITORY / "build" / "release" / "sensor" / "flowsensor").resolve()
PCAPS = Path(os.environ.get("FLOWSENSOR_SHARED") or page.REPOSITORY.parent / "shared") / "pcaps"
CAPTURES = ("instagram.pcap", "google_ssl.pcap")
ANONYMOUS = ["src_ip", "src_mac", "dst_ip", "dst_mac"]
RATIOS = ["src2dst_bytes_data_ratio", "dst2src_bytes_data_ratio"]
PRESENT = all((PCAPS / name).is_file() for name in CAPTURES)
ABSENT = f"{PCAPS} lacks {' or '.join(CAPTURES)}"
COUNTER = "packet_with_40_ip_size"


@unittest.skipUnless(PRESENT, ABSENT)
class Tutorial(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        load_nfstream()
        cls.temporary = tempfile.TemporaryDirectory(prefix="flowsensor-tutorial-")
        cls.addClassCleanup(cls.temporary.cleanup)
        cls.folder = Path(cls.temporary.name)
        for name in CAPTURES:
            (cls.folder / name).symlink_to((PCAPS / name).resolve())
        environment = {**os.environ, "PATH": f"{BINARY.parent}:{os.environ['PATH']}",
                       "PYTHONPATH": str(page.REPOSITORY / "deploy" / "python")}
        for whose in ("nfstream", "flowsensor"):
            subprocess.run([sys.executable, Path(__file__).with_name("cells.py"), whose], cwd=cls.folder, env=environment,
                           stdout=subprocess.DEVNULL, check=True)

    def of(self, whose, step):
        """What a side had after a step; its error fails the test."""
        error, kept = pickle.loads((self.folder / f"{step}.{whose}.pickle").read_bytes())
        self.assertIsNone(error, f"step {step} under {whose}:\n{error}")
        return kept

    def both(self, step):
        return self.of("flowsensor", step)["df"], self.of("nfstream", step)["df"]

    def equal(self, ours, theirs, *, at_least):
        """The tables are equal, and have so many rows and columns at least: neither was empty."""
        self.assertGreaterEqual(theirs.shape, at_least)
        assert_frames_equal(self, ours, theirs)

    def test_1_flow_table(self):
        ours, theirs = self.both(1)
        self.assertEqual(ours.shape, theirs.shape)
        self.equal(ours, theirs, at_least=(30, 38))
        self.assertLessEqual(L7_COLUMNS, set(ours.columns))

    def test_2_statistics(self):
        ours, theirs = self.both(2)
        self.equal(ours, theirs, at_least=(30, 86))
        self.assertIn("dst2src_stddev_piat_ms", ours.columns)

    def test_3_splt(self):
        ours, theirs = self.both(3)
        self.equal(ours, theirs, at_least=(30, 41))
        self.assertEqual({len(sizes) for sizes in ours["splt_ps"]}, {10})

    def assert_pseudonyms(self, ours, theirs):
        """The same pattern of equal values over all four columns; each a BLAKE2b-512 in hex; no two tables share one."""
        patterns = [pandas.factorize(frame[ANONYMOUS].to_numpy().ravel())[0].tolist() for frame in (ours, theirs)]
        self.assertEqual(*patterns)
        self.assertGreater(max(patterns[0]), 3)
        values = [set(frame[ANONYMOUS].to_numpy().ravel()) for frame in (ours, theirs)]
        for value in values[0]:
            self.assertRegex(value, "^[0-9a-f]{128}$")
        self.assertFalse(values[0] & values[1])

    def test_4_pseudonyms(self):
        ours, theirs = self.both(4)
        self.assert_pseudonyms(ours, theirs)
        self.assertEqual(list(ours.columns), list(theirs.columns))
        self.equal(ours.drop(columns=ANONYMOUS), theirs.drop(columns=ANONYMOUS), at_least=(30, 82))

    def test_5_ratios(self):
        ours, theirs = self.both(5)
        self.assertEqual(list(ours.columns)[-2:], RATIOS)
        self.equal(ours[RATIOS], theirs[RATIOS], at_least=(30, 2))
        self.assertTrue((abs(ours[RATIOS].sum(axis=1) - 1) < 1e-12).all())

    def test_6_filter(self):
        ours, theirs = self.both(6)
        self.assert_pseudonyms(ours, theirs)
        self.equal(ours.drop(columns=ANONYMOUS), theirs.drop(columns=ANONYMOUS), at_least=(5, 84))
        self.assertEqual(set(ours["dst_port"]), {443})

    def test_7_filter_before_metering(self):
        ours, theirs = self.both(7)
        self.equal(ours, theirs, at_least=(5, 38))
        # The filter takes or leaves whole flows: the same as filtering the whole table, but for the numbers of rows.
        whole = self.of("flowsensor", 1)["df"]
        whole = whole[whole["dst_port"] == 443].drop(columns=["id", *L7_COLUMNS]).reset_index(drop=True)
        pandas.testing.assert_frame_equal(ours.drop(columns=["id", *L7_COLUMNS]).reset_index(drop=True), whole)

    def test_8_plugin(self):
        ours, theirs = self.both(8)
        directions = [f"udps.src2dst_{COUNTER}", f"udps.dst2src_{COUNTER}"]
        self.assertGreater(theirs[f"udps.{COUNTER}"].sum(), 0)
        self.assertEqual(ours[directions].sum(axis=1).tolist(), theirs[f"udps.{COUNTER}"].tolist())
        self.equal(ours.drop(columns=directions), theirs, at_least=(1, 39))

    def test_9_flow_by_flow(self):
        ours, theirs = self.of("flowsensor", 9)["seen"], self.of("nfstream", 9)["seen"]
        self.assertEqual(ours, theirs)
        self.assertGreater(len(ours), 0)


class Page(unittest.TestCase):
    @unittest.skipUnless(PRESENT, ABSENT)
    def test_the_page_says_which_captures_these_are(self):
        """Their sizes and sums, by which whoever has one knows that it is the one."""
        text = page.PAGE.read_text()
        for name in CAPTURES:
            content = (PCAPS / name).read_bytes()
            self.assertRegex(text, rf"\| `{name}` \| {len(content):,} \| .+ \| `{hashlib.sha256(content).hexdigest()}` \|")

    def test_every_step_has_a_test_and_cells_for_both(self):
        text = page.PAGE.read_text(encoding="utf-8")
        numbers = [number for number, _ in page.steps(text)]
        tested = sorted(int(name.split("_")[1]) for name in dir(Tutorial) if name.startswith("test_"))
        self.assertEqual(numbers, tested)
        for whose in ("nfstream", "flowsensor"):
            for number, cells in page.cells_of(whose, text):
                self.assertTrue(cells, f"step {number} has no cell of {whose}")

    def test_no_cell_is_left_out(self):
        """Every block in a language belongs to a side, so that it is run."""
        for line in page.PAGE.read_text(encoding="utf-8").splitlines():
            if line.startswith("```") and line.strip("`"):
                self.assertRegex(line, "^```(python|sh) (nfstream|flowsensor|both)$")


if __name__ == "__main__":
    unittest.main()
