"""Outputs are independent: one that is full, blocked, gone or at its limit stops no other output, no capture and no signal. One test
for each way to fail: the other output gets every record, and in the failing one's account each is acknowledged or dropped for a
named reason (Case.ledger() holds that exported = made, and that nothing is left over).

| the output's end | live | captures are read |
| --- | --- | --- |
| a disk that is full, and has room again | waits, drops, goes on | waits, loses nothing |
| a disk that stays full | waits until the end: 74 | delivery.timeout, then the others alone: 74 |
| its folder is removed and comes back | waits, drops, goes on | |
| a file at its limit (ulimit -f) | the others alone: 74 | the others alone: 74 |
| its reader goes away | the others alone: 0 | the others alone: 0 |
| its reader takes nothing, or isn't there yet | drops, until the end: 69 | waits (test_readers) |

Kafka's ways are in test_accounts, errors of the disk that can't be had here (EIO, EDQUOT, EROFS) in unit/sink/file_outage_test.c.
Live, on lo; needs root. Run: python3 tests/e2e/run.py test_independence
"""
import contextlib
import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import time
import unittest

import frames
import test_live
from harness import Case, environment, is_idle, run, wait_until
from servers import FaultyRegistry, SilentServer, answers, closed_port

MEASURES = "the time to an end"

FLOWS = 6000  # their records are larger than any pipe and what an output gathers
RECOVERY_S = 10
SHUTDOWN_S = 2
LIMITED = ("sh", "-c", 'ulimit -f 600; exec "$@"', "sh")


class Outputs(Case):
    meters = 1

    def two(self, bad, good="good.jsonl"):
        """Settings of an output that fails, and one beside it."""
        second = f"outputs.1.path={self.folder}/{good}" if good else "outputs.1.sink=null"
        return ("--set", f"outputs.0.path={bad}", "--set", "outputs.0.name=bad", "--set", "outputs.0.format=jsonl", "--set", second,
                "--set", "outputs.1.name=good", "--set", f"meter.n_meters={self.meters}", "--set", f"delivery.shutdown_timeout={SHUTDOWN_S}s")

    def lines(self, name):
        path = self.folder / name
        return path.read_bytes().count(b"\n") if path.exists() else 0

    def disk(self, free):
        """A disk of the sensor's own with so many bytes free: what to start it by."""
        (self.folder / "disk").mkdir()
        mount = f'mount -t tmpfs -o size=32m none "{self.folder}/disk" && head -c {(32 << 20) - free} /dev/zero > "{self.folder}/disk/filler" && exec "$@"'
        return ("unshare", "-m", "sh", "-c", mount, "sh")

    def on_disk(self, running, name):
        """A path on that disk, from outside."""
        return f"/proc/{running.process.pid}/root{self.folder}/disk/{name}"

    def both(self, result, flows=FLOWS):
        """The accounts of the two; the good one has everything."""
        ledger = self.ledger(result)
        bad, good = ledger.outputs["bad"], ledger.outputs["good"]
        self.assertEqual((good["made"], good["acknowledged"], bad["made"], bad["in_flight"]), (flows, flows, flows, 0), result)
        return bad

    def told(self, result):
        """How many records an outage cost, by its two lines."""
        began = [line for line in result.lines if "cannot write to" in line and "trying" in line]
        ended = [line for line in result.lines if "is written again after" in line]
        self.assertEqual((len(began), len(ended)), (1, 1), result)
        return int(re.search(r"records lost: (\d+)", ended[0])[1])


@unittest.skipUnless(test_live.ABLE, "capturing and mounting need root")
class Live(Outputs):
    def begin(self, bad, *more, good="good.jsonl", **options):
        self.network = f"127.{192 + os.getpid() % 60}"
        running = self.start("-i", "lo", "-f", f"udp and dst net {self.network}.0.0/16", "--set", "meter.idle_timeout=500ms",
                             *self.two(bad, good), *more, **options)
        test_live.wait_for_capture(running, self.meters)
        self.sent = 0
        return running

    def address(self, number):
        return f"{self.network}.{number // 250}.{number % 250 + 1}"

    def put(self, flows):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sending:
            for number in range(self.sent, self.sent + flows):
                with contextlib.suppress(ConnectionRefusedError):
                    sending.sendto(b"x", (self.address(number), 7000))
                if number % 500 == 0:
                    time.sleep(0.005)  # the pace of the traffic
        self.sent += flows

    def send(self, flows=FLOWS):
        """Flows whose records all come to the other output, soon."""
        self.put(flows)
        wait_until(lambda: self.lines("good.jsonl") == self.sent, limit=20, what="all records of the other output")

    def end(self, running):
        """By a signal, within its time."""
        began = time.monotonic()
        running.signal(signal.SIGTERM)
        result = running.finish()
        self.assertLess(time.monotonic() - began, SHUTDOWN_S + 1, result)
        return result

    def test_disk_that_is_full_for_a_while(self):
        running = self.begin(self.folder / "disk" / "bad.jsonl", prefix=self.disk(300000))
        self.send()
        self.assertTrue(running.said("No space left"))
        os.unlink(self.on_disk(running, "filler"))
        wait_until(lambda: running.said("is written again"), limit=RECOVERY_S, what="the recovery")
        self.send(100)
        file = self.on_disk(running, "bad.jsonl")
        kept = os.open(file, os.O_RDONLY)  # the disk goes with the sensor
        self.addCleanup(os.close, kept)
        wait_until(lambda: self.address(self.sent - 1).encode() in os.pread(kept, 1 << 25, 0), what="a record of what came after that")
        result = self.ended_well(self.end(running))
        bad = self.both(result, FLOWS + 100)
        self.assertEqual((set(bad["why"]), bad["dropped"]), ({"write_failed"}, self.told(result)), result)
        self.assertEqual(os.pread(kept, 1 << 25, 0).count(b"\n"), bad["acknowledged"])

    def test_disk_that_stays_full(self):
        running = self.begin(self.folder / "disk" / "bad.jsonl", prefix=self.disk(300000))
        self.send()
        result = self.end(running)
        self.failed(result, os.EX_IOERR, ["bad", "No space left", "free space"])
        bad = self.both(result)
        self.assertEqual(set(bad["why"]), {"write_failed"}, result)

    def test_disk_that_is_full_at_the_start(self):
        running = self.begin(self.folder / "disk" / "bad.avro", "--set", "outputs.0.format=avro", prefix=self.disk(4096))
        self.assertTrue(running.said("No space left"))
        self.send(200)
        os.unlink(self.on_disk(running, "filler"))
        wait_until(lambda: running.said("is written again"), limit=RECOVERY_S, what="the recovery")
        result = self.ended_well(self.end(running))
        self.assertEqual(self.both(result, 200)["acknowledged"], 200, result)

    def test_folder_that_is_removed(self):
        for rotation in ((), ("--set", "outputs.0.rotate_flows=1000")):
            with self.subTest(rotation):
                folder = self.folder / "folder"
                folder.mkdir()
                running = self.begin(folder / "bad.jsonl", *rotation)
                self.send(100)
                wait_until(lambda: sum(file.read_bytes().count(b"\n") for file in folder.iterdir()) == 100, what="the first records")
                shutil.rmtree(folder)
                self.send()
                self.assertTrue(running.said("No such file"))
                folder.mkdir()
                wait_until(lambda: running.said("is written again"), limit=RECOVERY_S, what="the recovery")
                result = self.ended_well(self.end(running))
                bad = self.both(result, FLOWS + 100)
                self.assertEqual((set(bad["why"]), bad["dropped"]), ({"write_failed"}, self.told(result)), result)
                there = sum(file.read_bytes().count(b"\n") for file in folder.iterdir())
                self.assertEqual(bad["acknowledged"], 100 + there, result)
                shutil.rmtree(folder)
                (self.folder / "good.jsonl").unlink()

    def test_file_as_large_as_it_may_get(self):
        running = self.begin(self.folder / "bad.jsonl", "--set", "outputs.2.path=/dev/null", "--set", "outputs.2.name=third", "--set",
                             "outputs.2.format=jsonl", prefix=LIMITED, good=None)
        self.lines = lambda name: running.said("the others go on") and self.sent
        self.send()
        self.assertIsNone(running.process.poll())
        result = self.end(running)
        self.failed(result, os.EX_IOERR, ["bad", "File too large"])
        self.assertEqual(set(self.both(result)["why"]), {"write_failed", "output_failed"}, result)

    def test_reader_that_goes_away(self):
        fifo = self.folder / "fifo"
        os.mkfifo(fifo)
        running = self.begin(fifo)
        with open(fifo, "rb") as reader:
            self.send(100)
            for _ in range(100):
                self.assertTrue(reader.readline().endswith(b"}\n"))
        self.send()
        self.assertTrue(running.said("went away"))
        result = self.ended_well(self.end(running))
        bad = self.both(result, FLOWS + 100)
        self.assertLessEqual(set(bad["why"]), {"write_failed", "output_failed"}, result)
        self.assertEqual(bad["acknowledged"], 100, result)

    def test_reader_that_never_comes(self):
        fifo = self.folder / "fifo"
        os.mkfifo(fifo)
        running = self.begin(fifo)
        self.send()
        result = self.end(running)
        self.assertEqual(result.code, os.EX_UNAVAILABLE, result)
        self.assertEqual(set(self.both(result)["why"]), {"queue_full", "undelivered"}, result)

    def test_signal_while_all_others_are_blocked(self):
        """All flows end with the signal, so that every output has most of its records still to get rid of."""
        fifo = self.folder / "fifo"
        os.mkfifo(fifo)
        with SilentServer() as broker:
            running = self.begin(fifo, "--set", "outputs.2.path=/dev/full", "--set", "outputs.2.format=avro", "--set", "outputs.2.name=full", "--set",
                                 "outputs.3.topic=flows", "--set", "outputs.3.columns_to_anonymize=all=keep", "--set",
                                 f"outputs.3.kafka=bootstrap.servers=127.0.0.1:{broker.port}", "--set", "meter.idle_timeout=60s")
            self.put(FLOWS)
            time.sleep(0.5)  # what was sent is read within a tenth of a second
            result = self.end(running)
        self.assertNotEqual(result.code, 0, result)
        self.both(result)
        ledger = self.ledger(result)
        for name in ("bad", "full", "flows"):
            self.assertEqual((ledger.outputs[name]["acknowledged"], ledger.outputs[name]["dropped"]), (0, FLOWS), result)

    def test_reader_that_comes_late(self):
        fifo = self.folder / "fifo"
        os.mkfifo(fifo)
        running = self.begin(fifo)
        self.send(200)
        reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
        self.addCleanup(os.close, reader)
        text = []

        def read():
            with contextlib.suppress(BlockingIOError):
                text.append(os.read(reader, 1 << 20))
            return b"".join(text).count(b"\n") == 200
        wait_until(read, what="the records that waited")
        result = self.ended_well(self.end(running))
        self.assertEqual(self.both(result, 200)["acknowledged"], 200, result)


class LiveOfThree(Live):
    """The same with three meters."""

    meters = 3


class Reading(Outputs):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.packets = frames.conversations(FLOWS)

    def setUp(self):
        super().setUp()
        self.capture = self.write("flows.pcap", self.packets)

    @unittest.skipUnless(test_live.ABLE, "mounting needs root")
    def test_disk_that_is_full_for_a_while(self):
        running = self.start("-r", self.capture, *self.two(self.folder / "disk" / "bad.jsonl"), prefix=self.disk(300000))
        wait_until(lambda: running.said("trying for up to 30.0 s"), what="the full disk")
        os.unlink(self.on_disk(running, "filler"))
        result = self.ended_well(running.finish())
        self.assertEqual((self.both(result)["acknowledged"], self.told(result)), (FLOWS, 0), result)

    @unittest.skipUnless(test_live.ABLE, "mounting needs root")
    def test_disk_that_stays_full(self):
        result = run("-r", self.capture, *self.two(self.folder / "disk" / "bad.jsonl"), "--set", "delivery.timeout=1s", prefix=self.disk(300000))
        self.failed(result, os.EX_IOERR, ["bad", "No space left"])
        bad = self.both(result)
        self.assertLessEqual(set(bad["why"]), {"write_failed", "output_failed"}, result)
        self.assertGreater(bad["acknowledged"], 0)

    def test_disk_that_is_full_from_the_start(self):
        for kind in ("jsonl", "csv", "avro"):
            with self.subTest(kind):
                result = run("-r", self.capture, *self.two("/dev/full"), "--set", f"outputs.0.format={kind}", "--set", "delivery.timeout=1s")
                self.failed(result, os.EX_IOERR, ["bad", "No space left"])
                self.assertEqual(self.both(result)["acknowledged"], 0)
                (self.folder / "good.jsonl").unlink()

    @unittest.skipUnless(test_live.ABLE, "mounting needs root")
    def test_signal_while_the_disk_is_full(self):
        running = self.start("-r", self.capture, *self.two(self.folder / "disk" / "bad.jsonl"), prefix=self.disk(300000))
        wait_until(lambda: running.said("No space left") and is_idle(running.process), what="the full disk")
        began = time.monotonic()
        running.signal(signal.SIGTERM)
        result = running.finish()
        self.assertLess(time.monotonic() - began, SHUTDOWN_S + 1, result)
        self.failed(result, os.EX_IOERR, ["bad", "No space left"])
        ledger = self.ledger(result)
        self.assertEqual(ledger.outputs["good"]["acknowledged"], ledger.flows["exported"], result)

    def test_file_as_large_as_it_may_get(self):
        result = run("-r", self.capture, *self.two(self.folder / "bad.jsonl", good=None), prefix=LIMITED)
        self.failed(result, os.EX_IOERR, ["bad", "File too large"])
        self.assertEqual(set(self.both(result)["why"]), {"write_failed", "output_failed"}, result)

    def test_reader_that_goes_away(self):
        reading, writing = os.pipe()
        os.close(reading)
        running = self.start("-r", self.capture, *self.two("-"), stdout=writing)
        os.close(writing)
        self.assertEqual(self.both(self.ended_well(running.finish()))["acknowledged"], 0)


class ReadingOfThree(Reading):
    """The same with three meters."""

    meters = 3


class Owned(Case):
    """What the sensor creates is for its user alone, whatever the umask that it was started with."""

    def test_modes(self):
        capture = self.write("flows.pcap", frames.conversations(50))
        made = self.folder / "made"
        made.mkdir()
        with FaultyRegistry(lambda request: answers(200, '{"id": 7}')(request)) as registry:
            done = subprocess.run(["sh", "-c", 'umask 0; exec "$@"', "sh", os.environ.get("FLOWSENSOR") or test_live.BINARY, *map(str, (
                "-r", capture, "--set", f"outputs.0.path={made}/named.avro", "--set", f"outputs.1.path={made}/rotated.csv.gz", "--set", "outputs.1.name=rotated",
                "--set", "outputs.1.rotate_flows=10", "--set", "outputs.2.topic=flows", "--set", "outputs.2.columns_to_anonymize=all=keep", "--set",
                f"outputs.2.kafka=bootstrap.servers=127.0.0.1:{closed_port()}", "--set", f"registry.url={registry.url}", "--set",
                f"registry.cache_directory={made}", "--set", "delivery.timeout=1s"))], env=environment(None), capture_output=True, timeout=60, check=False)
        self.assertEqual(done.returncode, os.EX_UNAVAILABLE, done.stderr)
        files = [path for path in made.rglob("*")]
        self.assertGreater(len(files), 1 + 5, files)
        for path in files:
            self.assertEqual(stat.S_IMODE(path.stat().st_mode) & 0o077, 0, path)


if __name__ == "__main__":
    unittest.main()
