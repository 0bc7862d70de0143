#!/usr/bin/env python3
"""Unit tests of the comparison and of the cache: python3 -m unittest tests/parity/test_compare.py

They prove that the parity test can fail: each kind of difference that it is there to find is made by hand.
"""
import csv
import io
import multiprocessing
import os
import signal
import sys
import tempfile
import time
import unittest
from pathlib import Path
from unittest import mock

sys.path[:0] = [str(Path(__file__).resolve().parent), str(Path(__file__).resolve().parents[1] / "common")]
import compare
import harness
import labels
import labels_ndpi5
import ndpi_reader
import nfstream_oracle
import parity
from waiting import wait_until

HEADER = ["id", "src_ip", "bidirectional_packets", "bidirectional_mean_ps", "splt_ps", "application_name"]
ROWS = [["0", "192.0.2.1", "7", "123.456", "[60, -1]", "TLS"],
        ["1", "192.0.2.2", "3", "0.0", "[40, -1]", "DNS"]]


def export(header, rows, lineterminator="\r\n"):
    """A CSV export as bytes."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator=lineterminator)
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue().encode()


def changed(row, column, value):
    """The export with one cell changed."""
    rows = [list(cells) for cells in ROWS]
    rows[row][HEADER.index(column)] = value
    return export(HEADER, rows)


class CompareExports(unittest.TestCase):
    """What differs and what does not."""

    def differing(self, ours, theirs=None, header=None):
        return compare.compare_exports(ours, export(HEADER, ROWS) if theirs is None else theirs, header).differing

    def test_equal_exports(self):
        result = compare.compare_exports(export(HEADER, ROWS), export(HEADER, ROWS))
        self.assertEqual((result.differing, result.rows, result.cells), (0, 2, 10))

    def test_changed_cell(self):
        self.assertEqual(self.differing(changed(0, "bidirectional_packets", "8")), 1)
        self.assertEqual(self.differing(changed(1, "splt_ps", "[40, 0]")), 1)
        self.assertEqual(self.differing(changed(1, "src_ip", "192.0.2.3")), 1)

    def test_integer_is_compared_as_text(self):
        self.assertEqual(self.differing(changed(0, "bidirectional_packets", "7.0")), 1)
        self.assertEqual(self.differing(changed(0, "bidirectional_packets", "07")), 1)

    def test_l7_cell_is_not_compared(self):
        self.assertEqual(self.differing(changed(0, "application_name", "HTTP")), 0)

    def test_swapped_rows(self):
        self.assertGreater(self.differing(export(HEADER, ROWS[::-1])), 0)

    def test_row_missing_or_surplus(self):
        self.assertEqual(self.differing(export(HEADER, ROWS[:1])), 1)
        self.assertEqual(self.differing(export(HEADER, ROWS + ROWS[:1])), 1)

    def test_missing_column(self):
        self.assertGreater(self.differing(export(HEADER[:-2] + HEADER[-1:], [r[:-2] + r[-1:] for r in ROWS])), 0)

    def test_missing_l7_column(self):
        self.assertGreater(self.differing(export(HEADER[:-1], [r[:-1] for r in ROWS])), 0)

    def test_surplus_swapped_and_repeated_column(self):
        self.assertGreater(self.differing(export(HEADER + ["more"], [r + ["1"] for r in ROWS])), 0)
        order = [1, 0, 2, 3, 4, 5]
        self.assertGreater(self.differing(export([HEADER[i] for i in order], [[r[i] for i in order] for r in ROWS])), 0)
        self.assertGreater(self.differing(export(HEADER + HEADER[-1:], [r + r[-1:] for r in ROWS])), 0)

    def test_ragged_row(self):
        self.assertEqual(self.differing(export(HEADER, [ROWS[0][:-1], ROWS[1]])), 1)

    def test_double_within_tolerance(self):
        self.assertEqual(self.differing(changed(0, "bidirectional_mean_ps", repr(123.456 * (1 + 1e-10)))), 0)

    def test_double_outside_tolerance(self):
        self.assertEqual(self.differing(changed(0, "bidirectional_mean_ps", repr(123.456 * (1 + 1e-8)))), 1)
        self.assertEqual(self.differing(changed(1, "bidirectional_mean_ps", "1e-12")), 1)

    def test_double_that_is_no_number(self):
        for text in ("nan", "inf", "", "x"):
            self.assertEqual(self.differing(changed(0, "bidirectional_mean_ps", text)), 1, text)
            self.assertEqual(self.differing(changed(0, "bidirectional_mean_ps", text),
                                            changed(0, "bidirectional_mean_ps", text)), 1, text)

    def test_line_end(self):
        self.assertEqual(self.differing(export(HEADER, ROWS, "\n")), 1)

    def test_capture_without_flows(self):
        self.assertEqual(self.differing(export(HEADER, []), b"", HEADER), 0)
        self.assertGreater(self.differing(export(HEADER[1:], []), b"", HEADER), 0)
        self.assertEqual(self.differing(export(HEADER, ROWS), b"", HEADER), 1)
        self.assertEqual(self.differing(b"", b"", HEADER), 1)

    def test_only_the_first_differences_are_kept(self):
        result = compare.compare_exports(export(HEADER, [["9"] * 6] * 2), export(HEADER, ROWS))
        self.assertEqual((result.differing, len(result.differences)), (10, 3))


class ReportOfACapture(unittest.TestCase):
    """When a capture counts as failed, and that an exception cannot hide a difference."""

    def failed(self, findings, excepted):
        totals = parity.Totals()
        with mock.patch("builtins.print"):
            parity.report(Path("x.pcap"), findings, excepted, totals)
        return totals.failed

    def test_rules(self):
        self.assertEqual(self.failed([("defaults", [], None)], False), 0)
        self.assertEqual(self.failed([("defaults", ["row 0"], None)], False), 1)
        self.assertEqual(self.failed([("defaults", ["row 0"], None)], True), 1)
        self.assertEqual(self.failed([("defaults", [], "ValueError: no")], False), 1)
        self.assertEqual(self.failed([("defaults", [], "ValueError: no")], True), 0)
        self.assertEqual(self.failed([("defaults", [], None)], True), 1)


class OracleCache(unittest.TestCase):
    """The key of an answer follows content and options; answers come back as they went in."""

    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.folder = Path(scratch.name)
        environment = mock.patch.dict(os.environ, {"FLOWSENSOR_CACHE": str(self.folder / "cache")})
        environment.start()
        self.addCleanup(environment.stop)
        self.capture = self.folder / "a.pcap"
        self.capture.write_bytes(b"one")

    def test_round_trip(self):
        self.assertIsNone(nfstream_oracle.lookup(self.capture, {}))
        nfstream_oracle.store(self.capture, {}, None, 1, b"id\r\n0\r\n")
        answer = nfstream_oracle.lookup(self.capture, {})
        self.assertEqual((answer.error, answer.flows, answer.csv), (None, 1, b"id\r\n0\r\n"))

    def test_key(self):
        key = nfstream_oracle.answer_key(self.capture, {})
        self.assertNotEqual(key, nfstream_oracle.answer_key(self.capture, {"splt_analysis": 20}))
        self.capture.write_bytes(b"two")
        self.assertNotEqual(key, nfstream_oracle.answer_key(self.capture, {}))

    def test_settings(self):
        self.assertEqual(harness.flowsensor_settings(nfstream_oracle.OPTION_SETS["stats"]),
                         ["--set", "meter.splt_analysis=20", "--set", "meter.statistical_analysis=true"])


class OracleForks(unittest.TestCase):
    """What a fork leaves in the cache: an answer, NFStream's own error, the death of a metering process."""

    setUp = OracleCache.setUp

    def ask(self, action, limit=10.0):
        """Runs a job whose NFStreamer(...).to_csv(path) is `action(path)`, and returns the answer."""
        def streamer(**options):
            self.assertEqual(options["n_meters"], 1)
            return mock.Mock(to_csv=action)
        with mock.patch.object(nfstream_oracle, "TIME_LIMIT", limit):
            job = nfstream_oracle.Job(streamer, self.capture, {})
            wait_until(job.poll, 60, "the end of the job")
        return nfstream_oracle.lookup(self.capture, {})

    def test_answer(self):
        answer = self.ask(lambda path: Path(path).write_bytes(b"id\r\n0\r\n") and 1)
        self.assertEqual((answer.error, answer.flows, answer.csv), (None, 1, b"id\r\n0\r\n"))

    def test_no_flows_no_file(self):
        answer = self.ask(lambda path: 0)
        self.assertEqual((answer.error, answer.flows, answer.csv), (None, 0, b""))

    def test_own_error(self):
        def fail(path):
            raise ValueError("unknown file format")
        self.assertEqual(self.ask(fail).error, "ValueError: unknown file format")

    def test_crash(self):
        answer = self.ask(lambda path: os.kill(os.getpid(), signal.SIGSEGV))
        self.assertEqual(answer.error, "NFStream ended with status -11")

    def test_dead_metering_process(self):
        def meter_dies(path):
            meter = multiprocessing.get_context("fork").Process(target=time.sleep, args=(60,), daemon=True)
            meter.start()
            time.sleep(0.3)  # it dies under way
            meter.kill()
            time.sleep(60)  # as NFStream waits for ever
        self.assertIn("metering process ended with status -9", self.ask(meter_dies).error)

    def test_lateness_is_not_remembered(self):
        self.assertIsNone(self.ask(lambda path: time.sleep(60), limit=0.2))


class Labels(unittest.TestCase):
    """The matching of flows and the two shares of labels.py."""

    OURS = {"src_ip": "192.0.2.1", "src_port": "1", "dst_ip": "192.0.2.2", "dst_port": "443", "protocol": "6",
            "vlan_id": "0", "expiration_id": "0", "bidirectional_packets": "4", "application_name": "TLS"}

    def theirs(self, name="TLS", packets=4):
        return ndpi_reader.PeerFlow(ndpi_reader.flow_key("192.0.2.2", "443", "192.0.2.1", "1", "6", 0), packets, name, "DPI", "")

    def test_key_is_symmetric_and_canonical(self):
        self.assertEqual(ndpi_reader.flow_key("2001:db8::1", "1", "2001:db8::2", "2", "17", 5),
                         ndpi_reader.flow_key("2001:0db8::2", "2", "2001:db8:0::1", "1", "17", 5))
        self.assertNotEqual(ndpi_reader.flow_key("192.0.2.1", "1", "192.0.2.2", "2", "17", 5),
                            ndpi_reader.flow_key("192.0.2.1", "1", "192.0.2.2", "2", "17", 6))

    def test_match(self):
        tally = labels.Tally()
        labels.match_flows("x", [self.OURS], [self.theirs()], tally)
        self.assertEqual((tally.compared, tally.equal, tally.known, tally.known_equal), (1, 1, 1, 1))

    def test_other_name_and_unknown(self):
        tally = labels.Tally()
        labels.match_flows("x", [self.OURS], [self.theirs("HTTP")], tally)
        labels.match_flows("x", [self.OURS], [self.theirs("Unknown")], tally)
        self.assertEqual((tally.compared, tally.equal, tally.known, tally.known_equal), (2, 0, 1, 0))

    def test_cut_flows_are_left_out(self):
        for ours, theirs in (([self.OURS, self.OURS], [self.theirs()]),
                             ([{**self.OURS, "expiration_id": "1"}], [self.theirs()]),
                             ([self.OURS], [self.theirs(packets=5)]), ([self.OURS], [])):
            tally = labels.Tally()
            labels.match_flows("x", ours, theirs, tally)
            self.assertEqual(tally.compared, 0)
            self.assertEqual(sum(tally.left_out.values()), len(ours))

    def test_verdict(self):
        tally = labels.Tally()
        tally.flows, tally.compared, tally.equal, tally.known, tally.known_equal = 100, 100, 97, 80, 76
        self.assertEqual(labels.shortfalls(tally), [])
        tally.equal = 96
        self.assertEqual(len(labels.shortfalls(tally)), 1)
        tally.equal, tally.known_equal = 97, 75
        self.assertEqual(len(labels.shortfalls(tally)), 1)
        self.assertTrue(labels.shortfalls(labels.Tally()))


class NdpiColumns(unittest.TestCase):
    ROW = ["TLS.Instagram", "SocialNetwork", "0", "6", "example.org", "t13d", "a95ca7", "agent", "text/html"]

    def tally(self, ours, theirs):
        header = ["id", *labels_ndpi5.COLUMNS]
        tally = labels_ndpi5.Tally()
        ours, theirs = (labels_ndpi5.cells(export(header, [[str(i), *row] for i, row in enumerate(rows)])) for rows in (ours, theirs))
        labels_ndpi5.compare_cells(Path("x"), ours, theirs, tally)
        return tally

    def test_equal_rows(self):
        tally = self.tally([self.ROW] * 3, [self.ROW] * 3)
        self.assertEqual((tally.rows, tally.failed, tally.differing.total()), (3, 0, 0))

    def test_each_column_counts(self):
        for place, name in enumerate(labels_ndpi5.COLUMNS):
            tally = self.tally([self.ROW], [[*self.ROW[:place], "other", *self.ROW[place + 1:]]])
            self.assertEqual(dict(tally.differing), {name: 1})

    def test_a_row_too_few(self):
        self.assertEqual(self.tally([self.ROW], [self.ROW] * 2).failed, 1)

    def test_bytes_that_are_no_text(self):
        ours, theirs = (self.ROW[:4] + [name] + self.ROW[5:] for name in ("a\ufffd\ufffdb", "ab"))
        tally = self.tally([ours], [theirs])
        self.assertEqual((tally.replaced, tally.differing.total()), (1, 0))
        self.assertEqual(self.tally([theirs], [ours]).differing.total(), 1)


if __name__ == "__main__":
    unittest.main()
