#!/usr/bin/env python3
"""Unit tests of the grid: python3 tests/parity/test_grid.py

The covering set covers what it says, and would not if a combination were missing; each kind of difference is found.
"""
import argparse
import os
import sys
import tempfile
import unittest
from pathlib import Path
from unittest import mock

sys.path.insert(0, str(Path(__file__).resolve().parent))
import grid
import harness
import nfstream_oracle
import pairwise


def covered(combinations):
    return set().union(*(pairwise.pairs_of(tuple(combination.values())) for combination in combinations))


class Blocks(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.blocks = pairwise.blocks()
        cls.combinations = [combination for block in cls.blocks for combination in block]

    def test_every_pair_is_covered(self):
        missing = pairwise.all_pairs(pairwise.PARAMETERS) - covered(self.combinations)
        self.assertEqual(missing, set())

    def test_number_of_pairs(self):
        """Counted by hand: half of (sum of sizes) squared less sum of squares of sizes."""
        sizes = [4, 4, 3, 2, 2, 2, 2, 2]
        self.assertEqual(len(pairwise.all_pairs(pairwise.PARAMETERS)), (sum(sizes) ** 2 - sum(size * size for size in sizes)) // 2)

    def test_every_block_has_every_value(self):
        for block in self.blocks:
            for name, values in pairwise.PARAMETERS.items():
                self.assertEqual({combination[name] for combination in block}, set(values))

    def test_combinations_differ_and_are_about_24(self):
        self.assertEqual(len(self.combinations), 24)
        self.assertEqual(len({tuple(combination.items()) for combination in self.combinations}), 24)

    def test_a_missing_combination_is_found(self):
        first = pairwise.blocks(count=4)
        rows = [combination for block in first for combination in block]
        self.assertEqual(pairwise.all_pairs(pairwise.PARAMETERS) - covered(rows), set())
        # 16 is the least for 4 by 4 values: none of them can be left out.
        for index in range(len(rows)):
            self.assertNotEqual(pairwise.all_pairs(pairwise.PARAMETERS) - covered(rows[:index] + rows[index + 1:]), set())

    def test_same_in_every_run(self):
        self.assertEqual(self.blocks, pairwise.blocks())

    def test_full_grid(self):
        grid = pairwise.full()
        self.assertEqual(len(grid), 4 * 4 * 3 * 2 ** 5)
        self.assertTrue(all(combination in grid for combination in self.combinations))

class OfOneCapture(unittest.TestCase):
    """A capture, a cache and an answer that the test makes."""

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.capture = Path(self.folder.name) / "made.pcap"
        self.capture.write_bytes(b"a capture")
        cache = mock.patch.dict(os.environ, {"FLOWSENSOR_CACHE": self.folder.name})
        cache.start()
        self.addCleanup(cache.stop)


class Judgement(OfOneCapture):
    EXPORT = b"id,src_ip\r\n0,192.0.2.1\r\n"

    def judge(self, run, error=None, csv=EXPORT):
        totals = grid.Totals()
        if csv is not None:
            nfstream_oracle.store(self.capture, {}, error, 1, csv)
        return grid.judge(self.capture, {}, run, None, totals), totals

    def test_equal(self):
        lines, totals = self.judge(harness.Run(self.EXPORT, None))
        self.assertEqual((lines, totals.rows, totals.cells, totals.differing), ([], 1, 2, 0))

    def test_a_cell_differs(self):
        lines, totals = self.judge(harness.Run(self.EXPORT.replace(b"2.1", b"2.2"), None))
        self.assertEqual((len(lines), totals.differing), (1, 1))

    def test_only_one_refuses(self):
        self.assertTrue(self.judge(harness.Run(b"", "status 64", refused=True))[0])
        self.assertTrue(self.judge(harness.Run(self.EXPORT, None), error="ValueError: unknown file format", csv=b"")[0])

    def test_both_refuse(self):
        lines, totals = self.judge(harness.Run(b"", None, refused=True), error="ValueError: unknown file format", csv=b"")
        self.assertEqual((lines, totals.refused, totals.rows), ([], 1, 0))

    def test_no_answer(self):
        self.assertTrue(self.judge(harness.Run(self.EXPORT, None), csv=None)[0])


class Schedule(OfOneCapture):
    def schedule(self, **modes):
        return grid.schedule([self.capture], argparse.Namespace(**{"long": False, "full": False, **modes}))

    def test_by_default_every_value_is_met(self):
        met = [combination for combination, captures in self.schedule() if captures]
        self.assertEqual(len(met), 4)
        for name, values in pairwise.PARAMETERS.items():
            self.assertEqual({combination[name] for combination in met}, set(values))

    def test_long_and_full(self):
        self.assertEqual([len(captures) for _, captures in self.schedule(long=True)], [1] * 24)
        self.assertEqual([len(captures) for _, captures in self.schedule(full=True)], [1] * 1536)

    def test_settings_of_flowsensor(self):
        combination = {"bpf_filter": None, "idle_timeout": 1, "decode_tunnels": False}
        self.assertEqual(harness.flowsensor_settings(combination),
                         ["--set", "meter.decode_tunnels=false", "--set", "meter.idle_timeout=1s"])
        self.assertEqual(harness.flowsensor_settings({"bpf_filter": "udp"}), ["--set", "capture.bpf_filter=udp"])


class Sources(OfOneCapture):
    def test_a_list_is_another_source_than_its_files(self):
        one, options = str(self.capture), {}
        other = Path(self.folder.name) / "other.pcap"
        other.write_bytes(b"another")
        keys = {nfstream_oracle.answer_key(source, options) for source in (one, [one, one], [one, str(other)], [str(other), one])}
        self.assertEqual(len(keys), 4)
        self.assertEqual(nfstream_oracle.nfstream_source(self.capture), one)
        self.assertEqual(nfstream_oracle.nfstream_source([self.capture]), [one])


if __name__ == "__main__":
    unittest.main()
