"""Every exported flow has a record in the account of every output, whatever befalls the output: exported = made, and made =
acknowledged + in flight + dropped. Case.ledger() holds both; here is each way in which an output fails while flows go on ending.

Run: python3 tests/e2e/run.py test_accounts
"""
import contextlib
import fcntl
import json
import os
import signal
import socket
import struct
import termios
import unittest

import frames
from harness import Case, Ledger, run, wait_until
from servers import FaultyRegistry, LocalServers, SilentServer, answers, closed_port

ROOT = os.geteuid() == 0
FLOWS = 6000
METERS = (1, 3)
STATS = "sensor_stats/v1"
KEEP = ("--set", "outputs.0.columns_to_anonymize=all=keep")


class AccountsCase(Case):
    def setUp(self):
        super().setUp()
        self.flows = frames.conversations(FLOWS)
        self.capture = self.write("flows.pcap", self.flows)

    def accounted(self, result, *names, of=FLOWS):
        """The outputs' accounts, each of which has all flows, and in which all that was lost is named."""
        ledger = self.ledger(result)
        self.assertEqual(ledger.flows["exported"], of, result)
        for output in ledger.outputs.values():
            self.assertEqual((output["made"], output["in_flight"]), (of, 0), result)
        return [ledger.outputs[name] for name in names]


class Files(AccountsCase):
    def test_disk_that_is_full_from_the_start(self):
        for meters in METERS:
            with self.subTest(meters):
                good = self.folder / f"good-{meters}.csv"
                result = run("-r", self.capture, "--set", "outputs.0.path=/dev/full", "--set", "outputs.0.format=jsonl", "--set", "outputs.0.name=full",
                             "--set", f"outputs.1.path={good}", "--set", "outputs.1.name=good", "--set", f"meter.n_meters={meters}", "--set",
                             "delivery.timeout=1s")
                self.failed(result, os.EX_IOERR, ["/dev/full", "No space left"])
                full, other = self.accounted(result, "full", "good", of=self.ledger(result).flows["exported"])
                self.assertEqual(set(full["why"]), {"write_failed", "output_failed"}, result)
                self.assertGreater(full["why"]["output_failed"], 100)
                self.assertEqual((other["acknowledged"], other["dropped"]), (other["made"], 0))
                self.assertEqual(len(good.read_text().splitlines()), 1 + other["made"])

    @unittest.skipUnless(ROOT, "mounting needs root")
    def test_disk_that_fills_up(self):
        """The flows are all open when the disk is full, so that most of them end after that."""
        disk = self.folder / "disk"
        disk.mkdir()
        mount = f'mount -t tmpfs -o size=700k none "{disk}" && "$@"; code=$?; umount "{disk}"; exit $code'
        for meters in METERS:
            with self.subTest(meters):
                result = run("-r", self.capture, "-w", disk / "flows.jsonl", "--set", f"meter.n_meters={meters}", "--set", "delivery.timeout=1s",
                             prefix=("unshare", "-m", "sh", "-c", mount, "sh"))
                self.failed(result, os.EX_IOERR, ["No space left"])
                output, = self.accounted(result, "file")
                self.assertEqual(set(output["why"]), {"write_failed", "output_failed"}, result)
                self.assertGreater(output["acknowledged"], 0)
                self.assertGreater(output["why"]["output_failed"], FLOWS // 2)

    def test_reader_that_goes_away(self):
        for meters in METERS:
            with self.subTest(meters):
                reading, writing = os.pipe()
                os.close(reading)
                running = self.start("-r", self.capture, "-w", "-", "--format", "jsonl", "--set", f"meter.n_meters={meters}", stdout=writing)
                os.close(writing)
                output, = self.accounted(running.finish(), "file")
                self.assertEqual((output["acknowledged"], output["dropped"]), (0, FLOWS))

    def test_limit_of_flows(self):
        """What is discarded beyond the limit was not exported, and needs no record."""
        for meters in METERS:
            with self.subTest(meters):
                result = run("-r", self.capture, "--set", "outputs.0.path=/dev/full", "--set", "outputs.0.name=full", "--set", "outputs.0.format=jsonl",
                             "--set", "outputs.1.sink=null", "--set", "outputs.1.name=good", "--set", "meter.max_nflows=4500", "--set",
                             f"meter.n_meters={meters}", "--set", "delivery.timeout=1s")
                _, good = self.accounted(result, "full", "good", of=4500)
                self.assertEqual(good["acknowledged"], 4500)
                self.assertGreater(self.ledger(result).flows["discarded"], 0)

    def test_reports_of_an_output_that_failed(self):
        """An output for reports has an account of reports, and the flows go on without it."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            receiver.bind(("127.0.0.1", 0))
            running = self.start("-i", "lo", "-f", f"udp dst port {receiver.getsockname()[1]}", "--set", f"outputs.0.path={self.folder}/stats.jsonl", "--set",
                                 f"outputs.0.schema={STATS}", "--set", "outputs.0.name=stats", "--set", "outputs.1.sink=null", "--set",
                                 "performance_report=1s", prefix=("sh", "-c", 'ulimit -f 16; exec "$@"', "sh"))
            wait_until(lambda: running.said("the others go on"), limit=30, what="the report that can't be written")
            sender.sendto(b"datagram", receiver.getsockname())
            running.signal(signal.SIGTERM)
            result = running.finish()
        self.failed(result, os.EX_IOERR, ["stats.jsonl", "File too large"])
        ledger = self.ledger(result)
        stats = ledger.outputs["stats"]
        self.assertEqual((stats["of"], stats["why"]["write_failed"]), ("reports", 1), result)
        self.assertGreaterEqual(stats["why"]["output_failed"], 1, result)
        self.assertEqual(ledger.outputs["null"]["acknowledged"], 1, result)


class Kafka(AccountsCase):
    """What librdkafka's queue holds is given up; what ends after that is counted all the same."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.servers = LocalServers.get()

    def output(self, topic, broker, *properties):
        listed = ",".join((f"bootstrap.servers={broker}", "queue.buffering.max.messages=1000", *properties))
        return ("--set", f"outputs.0.topic={topic}", *KEEP, "--set", f"outputs.0.kafka={listed}")

    def feed(self, *arguments):
        """A run whose standard input goes on; everything so far has been read."""
        reading, writing = os.pipe()
        running = self.start("-r", "-", *arguments, stdin=reading)
        os.close(reading)
        self.addCleanup(os.close, writing)
        self.put(writing, self.flows)
        return running, writing

    def put(self, writing, data):
        while data:
            data = data[os.write(writing, data):]
        wait_until(lambda: struct.unpack("i", fcntl.ioctl(writing, termios.FIONREAD, b"\0" * 4))[0] == 0, limit=30, what="reading")

    def test_broker_paused_at_shutdown(self):
        topic = self.servers.topic("accounts-paused")
        for meters in METERS:
            with self.subTest(meters):
                running, _ = self.feed(*self.output(topic, self.servers.bootstrap), "--set", "delivery.shutdown_timeout=2s", "--set",
                                       f"meter.n_meters={meters}")
                with self.servers.paused():
                    running.signal(signal.SIGTERM)
                    result = running.finish()
                self.failed(result, os.EX_UNAVAILABLE, [topic, "no acknowledgement"])
                output, = self.accounted(result, topic, of=self.ledger(result).flows["exported"])
                self.assertEqual(set(output["why"]), {"undelivered", "output_failed"}, result)
                self.assertGreater(output["why"]["output_failed"], 1000)

    def test_no_broker(self):
        for meters in METERS:
            with self.subTest(meters):
                path = self.folder / f"good-{meters}.jsonl"
                result = run("-r", self.capture, *self.output("flows", f"127.0.0.1:{closed_port()}"), "--set", "delivery.timeout=1s", "--set",
                             f"outputs.1.path={path}", "--set", "outputs.1.name=good", "--set", f"meter.n_meters={meters}")
                self.failed(result, os.EX_UNAVAILABLE, ["flows", "no acknowledgement"])
                kafka, good = self.accounted(result, "flows", "good")
                self.assertEqual(set(kafka["why"]), {"undelivered", "output_failed"}, result)
                self.assertEqual(good["acknowledged"], FLOWS)

    def test_fatal_error_of_the_producer(self):
        """Without gaps, or not at all: each batch that is refused is a producer's end, and a fresh one sends smaller ones."""
        topic = self.servers.topic("accounts-fatal", max_message_bytes=1500)
        result = run("-r", self.capture, *self.output(topic, self.servers.bootstrap, "enable.gapless.guarantee=true", "message.max.bytes=1000000",
                                                      "batch.num.messages=100"), "--set", "delivery.timeout=5s")
        self.assertEqual(result.code, 0, result)
        self.assertTrue([line for line in result.lines if "can't go on" in line], result)
        output, = self.accounted(result, topic)
        self.assertEqual((output["acknowledged"], output["dropped"]), (output["made"], 0), result)

    def test_schema_mismatch(self):
        """The registry comes back and has another id than the cached one: records are made until the end, and go nowhere."""
        topic = self.servers.topic("accounts-mismatch")
        answer = answers(200, json.dumps({"id": 7}))
        with FaultyRegistry(lambda request: answer(request)) as registry:
            arguments = [*self.output(topic, self.servers.bootstrap), "--set", f"registry.url={registry.url}", "--set",
                         f"registry.cache_directory={self.folder}", "--set", "meter.idle_timeout=1s"]
            run("-r", self.capture, *arguments)
            answer = answers(503, "{}")
            running, writing = self.feed(*arguments)
            asked = len(registry.requests)
            answer = answers(200, json.dumps({"id": 8}))
            wait_until(lambda: len(registry.requests) > asked, limit=30, what="another look at the registry")
            with contextlib.suppress(BrokenPipeError):  # it need not read all of them
                self.put(writing, self.flows[24:])
            result = running.finish()
        self.failed(result, os.EX_CONFIG, ["id 8", "not under 7"])
        ledger = self.ledger(result)
        output = ledger.outputs[topic]
        self.assertEqual(output["made"], ledger.flows["exported"], result)
        self.assertGreater(output["why"].get("schema_mismatch", 0), 100, result)


if __name__ == "__main__":
    unittest.main()
