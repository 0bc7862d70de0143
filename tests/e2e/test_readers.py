"""Outputs that somebody reads: one who goes away, reads slowly or not at all, isn't there yet; and files that a run finds from an
earlier one. Run: python3 tests/e2e/run.py test_readers
"""
import contextlib
import fcntl
import io
import json
import os
import signal
import socket
import subprocess
import threading
import time
import unittest
import zlib

import fastavro

import frames
import test_live
import test_signals
from harness import BINARY, Case, Ledger, Result, environment, has_taken, is_idle, run, wait_until

# Their records are larger than any pipe and what is gathered beside it.
FLOWS = 8000
COMMANDS = (("reference",), ("--help",), ("--version",), ("manual",), ("completion", "bash"), ("schema", "features"),
            ("--print-config",), ("memory", "-i", "lo", "-w", "null:"), ("-D",))


class Reading(Case):
    meters = 1

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.packets = frames.conversations(FLOWS)

    def setUp(self):
        super().setUp()
        self.capture = self.write("flows.pcap", self.packets)

    def arguments(self, *more):
        return ("--set", f"meter.n_meters={self.meters}", *more)

    def pipeline(self, command, *arguments):
        """The sensor with its standard output in a shell's pipe: its result, with the command's output."""
        done = subprocess.run(["bash", "-c", f'"$@" | {command}; exit ${{PIPESTATUS[0]}}', "bash", BINARY, *map(str, self.arguments(*arguments))],
                              capture_output=True, env=environment(None), timeout=60, check=False)
        return Result(done.returncode, done.stdout, done.stderr, 0)

    def test_who_has_seen_enough(self):
        for kind in ("jsonl", "csv", "avro"):
            with self.subTest(kind):
                result = self.pipeline("head -c 100", "-r", self.capture, "-w", "-", "--format", kind)
                self.assertEqual((result.code, result.errors, len(result.out)), (0, [], 100), result)
                self.assertFalse(Ledger(result.lines).residual, result)

    def test_who_has_seen_enough_beside_another_output(self):
        """The other output has all records."""
        path = self.folder / "flows.jsonl"
        result = self.pipeline("head -1", "-r", self.capture, "--set", "outputs.0.path=-", "--set", "outputs.0.name=reader",
                               "--set", f"outputs.1.path={path}", "--set", "outputs.1.name=other")
        self.assertEqual((result.code, result.errors), (0, []), result)
        ledger = Ledger(result.lines)
        self.assertFalse(ledger.residual, result)
        self.assertEqual(len(path.read_text().splitlines()), FLOWS)
        self.assertEqual(ledger.outputs["other"]["acknowledged"], FLOWS, result)
        self.assertLess(ledger.outputs["reader"]["acknowledged"], FLOWS, result)

    def test_a_slow_reader_of_a_pipe_that_does_not_block(self):
        """As a pipe's other end, which shares the flags, may have it."""
        reading, writing = os.pipe()
        fcntl.fcntl(writing, fcntl.F_SETFL, os.O_NONBLOCK)
        running = self.start("-r", self.capture, "-w", "-", "--format", "jsonl", *self.arguments(), stdout=writing)
        os.close(writing)
        wait_until(lambda: is_idle(running.process), what="a full pipe")
        with open(reading, "rb") as stream:
            lines = stream.read().splitlines()
        self.assertEqual(len([json.loads(line) for line in lines]), FLOWS)
        self.ended_well(running.finish())

    def blocked(self, *arguments):
        """The sensor with a standard output that nobody reads, once that is full; and the end to read from."""
        reading, writing = os.pipe()
        self.addCleanup(os.close, reading)
        running = self.start("-r", self.capture, "-w", "-", "--format", "jsonl", *self.arguments(*arguments), stdout=writing)
        os.close(writing)
        wait_until(lambda: is_idle(running.process), what="a full pipe")
        return running

    def test_a_signal_ends_the_wait_for_a_reader(self):
        running = self.blocked("--set", "delivery.shutdown_timeout=1s")
        told = time.monotonic()
        running.signal(signal.SIGTERM)
        result = running.finish()
        self.assertLess(time.monotonic() - told, 4)
        self.failed(result, os.EX_UNAVAILABLE, ["standard output", "takes nothing"])
        self.assertFalse(Ledger(result.lines).residual, result)

    def test_a_file_as_large_as_it_may_get(self):
        path = self.folder / "flows.csv"
        result = run("-r", self.capture, "-w", path, *self.arguments(), prefix=("sh", "-c", 'ulimit -f 600; exec "$@"', "sh"))
        self.failed(result, os.EX_IOERR, [path, "File too large", "ulimit"])
        self.assertFalse(Ledger(result.lines).residual, result)
        # What is acknowledged is whole records, and all of them.
        self.assertEqual(path.read_bytes().count(b"\n"), Ledger(result.lines).outputs["file"]["acknowledged"] + 1)
        self.assertTrue(path.read_bytes().endswith(b"\n"))

    def test_a_second_signal_ends_it_at_once(self):
        running = self.blocked("--set", "delivery.shutdown_timeout=60s")
        for _ in range(2):
            told = time.monotonic()
            running.signal(signal.SIGTERM)
            wait_until(lambda: running.process.poll() is not None or has_taken(running.process, signal.SIGTERM), what="the signal's effect")
        self.assertEqual(running.finish().code, 128 + signal.SIGTERM)
        self.assertLess(time.monotonic() - told, 2)

    def test_a_fifo_without_a_reader(self):
        fifo = self.folder / "fifo"
        os.mkfifo(fifo)
        running = self.start("-r", self.capture, "-w", fifo, "--format", "jsonl", *self.arguments())
        wait_until(lambda: running.said("waiting for a reader"), what="the line about the reader")
        running.signal(signal.SIGTERM)
        told = time.monotonic()
        result = running.finish()
        self.assertEqual((result.code, result.errors), (0, []), result)
        self.assertLess(time.monotonic() - told, 1)

    def test_a_fifo_that_is_read_later(self):
        fifo = self.folder / "fifo"
        os.mkfifo(fifo)
        running = self.start("-r", self.capture, "-w", fifo, "--format", "csv", *self.arguments())
        wait_until(lambda: running.said("waiting for a reader"), what="the line about the reader")
        self.assertEqual(len(fifo.read_text().splitlines()), FLOWS + 1)
        self.ended_well(running.finish())


@unittest.skipUnless(test_live.ABLE, "capturing needs root")
class Live(Case):
    """A live run with a standard output that nobody reads."""

    meters = 1

    def test_nobody_else_waits(self):
        """The records of another output come as always, packets too, and a signal ends the run in its time."""
        path, network = self.folder / "flows.jsonl", f"127.{192 + os.getpid() % 60}"
        reading, writing = os.pipe()
        self.addCleanup(os.close, reading)
        running = self.start("-i", "lo", "-f", f"udp and dst net {network}.0.0/16", "--set", f"meter.n_meters={self.meters}",
                             "--set", "meter.idle_timeout=1s", "--set", "delivery.shutdown_timeout=2s", "--set", "outputs.0.path=-",
                             "--set", "outputs.0.name=reader", "--set", f"outputs.1.path={path}", "--set", "outputs.1.name=other", stdout=writing)
        os.close(writing)
        test_live.wait_for_capture(running, self.meters)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sending:
            for number in range(FLOWS):
                with contextlib.suppress(ConnectionRefusedError):
                    sending.sendto(b"x", (f"{network}.{number // 250}.{number % 250 + 1}", 7000))
                if number % 500 == 0:
                    time.sleep(0.005)  # the pace of the traffic
        wait_until(lambda: path.read_bytes().count(b"\n") == FLOWS, what="all records of the other output", limit=20)
        told = time.monotonic()
        running.signal(signal.SIGTERM)
        result = running.finish()
        self.assertLess(time.monotonic() - told, 4)
        self.assertEqual(result.code, os.EX_UNAVAILABLE, result)
        # That the reader is slow, and at the end that it takes nothing.
        self.assertEqual([("too slow" in line, "takes nothing" in line) for line in result.errors], [(True, False), (False, True)], result)
        ledger = self.ledger(result)
        self.assertEqual(ledger.packets["read"], FLOWS, result)
        self.assertEqual(ledger.outputs["other"]["acknowledged"], FLOWS, result)
        self.assertEqual(set(ledger.outputs["reader"]["why"]), {"queue_full", "undelivered"}, result)


class LiveOfThree(Live):
    """The same with three meters."""

    meters = 3


class ReadingOfThree(Reading):
    """The same with three meters."""

    meters = 3


class Streams(Case):
    """A stream of packets on standard input: what ends is written within a second, however the stream goes on."""

    meters = 1
    LIMIT_S = 1.0

    def begin(self, kind):
        reading, writing = os.pipe()
        running = self.start("-r", "-", "-w", "-", "--format", kind, "--set", f"meter.n_meters={self.meters}", stdin=reading)
        os.close(reading)
        os.set_blocking(running.process.stdout.fileno(), False)
        self.addCleanup(lambda: writing in self.open and os.close(writing))
        self.open = {writing}
        return running, writing

    @staticmethod
    def read(running, text):
        return text + (running.process.stdout.read() or b"")

    @staticmethod
    def count(kind, text):
        if kind == "jsonl":
            return text.count(b"\n")
        if kind == "csv":
            return max(text.count(b"\n") - 1, 0)
        try:
            return sum(1 for _ in fastavro.reader(io.BytesIO(text)))
        except (EOFError, ValueError, IndexError):
            return 0

    def check(self, kind, parts, expected, end_of_stream=b""):
        """After the last of `parts` (bytes, pauses) the records of so many ended flows come in time, and the rest at the end."""
        running, writing = self.begin(kind)
        text = b""
        for part in parts:
            if isinstance(part, bytes):
                os.write(writing, part)
            else:
                time.sleep(part)  # the pace of the stream
            text = self.read(running, text)
        # A busy machine may take its time to start the sensor.
        wait_until(lambda: test_signals.pending(writing) == 0, 30, "reading of the stream")

        def counted():
            nonlocal text
            text = self.read(running, text)
            return self.count(kind, text)
        wait_until(lambda: counted() >= expected, self.LIMIT_S, lambda: f"{expected} records of {kind}, but {counted()}")
        self.assertEqual(counted(), expected)
        os.write(writing, end_of_stream)
        self.open.clear()
        os.close(writing)
        running.process.wait(10)
        self.assertGreater(self.count(kind, self.read(running, text)), expected)
        os.set_blocking(running.process.stdout.fileno(), True)
        self.ended_well(running.finish())

    @staticmethod
    def hourly(count):
        return frames.pcap([(3600 * i, frames.udp(10000 + i, 7000, b"x")) for i in range(count)])

    def test_a_stream_that_pauses(self):
        for kind in ("jsonl", "csv", "avro"):
            with self.subTest(kind):
                self.check(kind, [self.hourly(8)], 7)

    def test_a_stream_that_trickles(self):
        """It is never silent for long: thirty packets a second."""
        head, *packets = frames.pcap([]), *[frames.pcap([(3600 if i else 0, frames.udp(10000 + min(i, 1), 7000, b"x"))])[24:] for i in range(60)]
        self.check("jsonl", [head, *[part for packet in packets for part in (packet, 0.033)]], 1)

    def test_a_compressed_stream_that_pauses(self):
        packer = zlib.compressobj(wbits=31)
        packed = packer.compress(self.hourly(8)) + packer.flush(zlib.Z_SYNC_FLUSH)
        self.check("jsonl", [packed], 7, end_of_stream=packer.flush())

    def test_one_connection_after_another(self):
        """Whoever cuts by the active timeout is seen too."""
        packets = [(100 * i, frames.udp(10000, 7000, b"x")) for i in range(40)]
        self.check("csv", [frames.pcap(packets)], 2)


class StreamsOfThree(Streams):
    """The same with three meters."""

    meters = 3


class Commands(Case):
    def test_readers_that_have_seen_enough(self):
        for command in COMMANDS:
            for restore in (True, False):
                with self.subTest(command, signals=restore):
                    reading, writing = os.pipe()
                    os.close(reading)
                    done = subprocess.run([BINARY, *command], stdout=writing, stderr=subprocess.PIPE, env=environment(None), restore_signals=restore,
                                          check=False)
                    os.close(writing)
                    self.assertEqual(done.stderr, b"")
                    self.assertIn(done.returncode, (0, -signal.SIGPIPE))

    def test_a_full_disk(self):
        for command in COMMANDS:
            with self.subTest(command), open("/dev/full", "wb") as full:
                done = subprocess.run([BINARY, *command], stdout=full, stderr=subprocess.PIPE, env=environment(None), check=False)
                self.assertEqual(done.returncode, os.EX_IOERR)
                self.assertIn(b"standard output: No space left", done.stderr)
                self.assertEqual(done.stderr.count(b"\n"), 1)


class Restarts(Case):
    """Whatever ends a run and however often it is started: what was acknowledged is in some file."""

    def begin(self, path):
        """A stream of which the flows have ended and are written; it goes on. The process, and how many records the file has."""
        reading, writing = os.pipe()
        running = self.start("-r", "-", "-w", path, "--set", "meter.idle_timeout=1s", "--set", "outputs.0.codec=null", stdin=reading)
        os.close(reading)
        self.addCleanup(os.close, writing)
        ended = frames.pcap([(0.001 * i, frames.udp(10000 + i, 7000, b"x")) for i in range(200)])
        going_on = frames.pcap([(5 + 0.00001 * i, frames.udp(9, 9, b"x")) for i in range(5000)])[24:]

        def write():
            for part in (ended, *[going_on] * 10):
                os.write(writing, part)
                time.sleep(0.1)  # the pace of the stream
        thread = threading.Thread(target=write)
        thread.start()
        wait_until(lambda: self.count(path) >= 200, what="the records of ended flows", limit=20)
        thread.join()
        return running

    @staticmethod
    def count(path):
        if not path.exists():
            return 0
        if path.suffix == ".avro":
            count = 0
            with path.open("rb") as stream:
                try:
                    for _ in fastavro.reader(stream):
                        count += 1
                except (EOFError, ValueError, IndexError):
                    pass
            return count
        lines = path.read_text().splitlines()
        return len(lines) - (path.suffix == ".csv" and len(lines) > 0)

    def test_what_was_acknowledged_stays(self):
        for kind in ("jsonl", "csv", "avro"):
            folder = self.folder / kind
            folder.mkdir()
            path = folder / f"flows.{kind}"
            for number in (signal.SIGKILL, signal.SIGTERM, signal.SIGKILL):
                with self.subTest(kind, number=number):
                    running = self.begin(path)
                    running.signal(number)
                    running.finish()
            files = sorted(folder.iterdir())
            self.assertEqual([file.name for file in files], sorted([f"flows.{kind}", f"flows.1.{kind}", f"flows.2.{kind}"]))
            self.assertEqual([self.count(file) // 200 for file in files], [1, 1, 1])

    def test_a_capture_that_is_read_again(self):
        capture, path = self.write("flows.pcap", frames.conversations(20)), self.folder / "flows.csv"
        first = self.succeeds("-r", capture, "-w", path)
        self.assertFalse([line for line in first.lines if "earlier run" in line])
        before = path.read_bytes()
        result = self.succeeds("-r", capture, "-w", path)
        self.assertTrue([line for line in result.lines if "earlier run" in line and "flows.1.csv" in line], result)
        self.assertEqual((self.folder / "flows.1.csv").read_bytes(), before)
        self.assertEqual(self.count(path), 20)
        self.assertFalse([line for line in result.lines if "middle of a record" in line], result)

    def test_a_run_that_was_killed_while_it_wrote(self):
        """Its half a record stays as it is, is told of, and spoils no later record."""
        capture = self.write("flows.pcap", frames.conversations(20))
        for kind in ("jsonl", "csv", "avro"):
            with self.subTest(kind):
                path = self.folder / f"flows.{kind}"
                self.succeeds("-r", capture, "-w", path)
                torn = path.read_bytes()[:-10]
                path.write_bytes(torn)
                result = self.succeeds("-r", capture, "-w", path)
                self.assertTrue([line for line in result.lines if f"flows.1.{kind} ends in the middle of a record" in line], result)
                self.assertEqual((self.folder / f"flows.1.{kind}").read_bytes(), torn)
                self.assertEqual(self.count(path), 20)


if __name__ == "__main__":
    unittest.main()
