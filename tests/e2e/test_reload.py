"""SIGHUP: a changed configuration is put into force whole, or not at all, and a line says why.

Run: python3 tests/e2e/run.py test_reload
"""
import os
import re
import signal
import subprocess
import sys
import time
import unittest
from pathlib import Path

import frames
from harness import BINARY, Case, has_taken, is_idle, of_threads, wait_until
from namespaces import FAR, NEAR
from test_live import ABLE, OnWire, wait_for_capture
from test_signals import FLOWS, pending

MEASURES = "what is lost at a rate"

# Datagrams from 100 ports, some thousand each second, until a line comes; then it says how many there were.
SENDER = """
import select, socket, sys, time
sockets = []
for port in range(100):
    sockets.append(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
    sockets[-1].bind((sys.argv[1], 20000 + port))
sent = 0
while not select.select([sys.stdin], [], [], 0.01)[0]:  # the pace of the traffic
    for one in sockets[sent // 50 % 2 * 50:][:50]:
        one.sendto(b"datagram", (sys.argv[2], 7001))
        sent += 1
print(sent)
"""
KEPT = "the configuration before it stays in force"


class Reload(Case):
    """A run that waits at the end of what standard input has so far."""

    KEY = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
    OUTPUT = 'outputs = ( { path = "%s/flows.jsonl"; columns_to_anonymize = [ "address=hash" ]; } );'

    def setUp(self):
        super().setUp()
        self.config = self.folder / "sensor.conf"
        self.key = self.write("key", self.KEY)
        self.key.chmod(0o600)
        self.reloads = 0

    def configure(self, *lines):
        new = self.write("new.conf", "\n".join((self.OUTPUT % self.folder, f'anonymization = {{ key_file = "{self.key}"; }};', *lines)))
        new.rename(self.config)

    def begin(self, *arguments):
        reading, writing = os.pipe()
        running = self.start("-c", self.config, "-r", "-", *arguments, stdin=reading)
        os.close(reading)
        self.addCleanup(os.close, writing)
        os.write(writing, frames.conversations(FLOWS))
        wait_until(lambda: running.process.poll() is not None or (pending(writing) == 0 and is_idle(running.process)), what="reading")
        self.assertIsNone(running.process.poll(), "it ended by itself")
        return running

    def lines(self, running):
        """What was said of each SIGHUP. Other lines between don't count."""
        return [line for line in os.pread(running.errors.fileno(), 1 << 24, 0).decode().splitlines() if "SIGHUP:" in line]

    def hang_up(self, running, says):
        """The next line about a SIGHUP."""
        running.signal(signal.SIGHUP)
        wait_until(lambda: len(self.lines(running)) > self.reloads, what=says)
        self.reloads += 1
        self.assertEqual(len(self.lines(running)), self.reloads)
        self.assertIn(says, self.lines(running)[-1])
        return self.lines(running)[-1]

    @staticmethod
    def has_reloaded(process):
        """Whether no SIGHUP waits, no thread reads a configuration, and the others sleep."""
        return has_taken(process, signal.SIGHUP) and not LiveReload.has_thread(process, "reload") and is_idle(process)

    def test_each_bad_configuration_is_named_and_changes_nothing(self):
        uid = self.write("uid", "0" * 32)
        cases = (('meter = { n_meters = 2; };', "meter.n_meters has another value now, which needs a restart"),
                 ('meter = { idle_timeuot = "1s"; };', 'unknown option "meter.idle_timeuot"; did you mean "meter.idle_timeout"?'),
                 ('meter = { idle_timeout = 5; };', "has no unit"),
                 ('log = { level = "loud"; };', "loud"),
                 ('log = { level = "debug"; format = "json"; };', "log.format has another value now, which needs a restart"),
                 ('meter = { update_interval = "1s"; early_packets = [ "0" ]; };', "no number of a packet"),
                 ('performance_report = "1ms";', "performance_report is less than 1s"),
                 ('meter = {', "sensor.conf:"),
                 ('registry = { username = "a"; };', "means nothing without registry.url"),
                 ('spool = { drain_rate = 101; };', "spool.drain_rate has another value now, which needs a restart"))
        self.configure()
        running = self.begin("--set", f"identity.key_file={uid}")
        for line, says in cases:
            with self.subTest(line):
                self.configure(line)
                said = self.hang_up(running, says)
                self.assertTrue(said.startswith("flowsensor: error: SIGHUP: "), said)
                self.assertTrue(said.endswith(KEPT), said)
        self.config.unlink()
        self.hang_up(running, "No such file")
        self.configure()
        uid.write_text("1" * 32)
        self.hang_up(running, "identity.key_file has other contents now, which need a restart")
        uid.write_text("0" * 32)
        self.hang_up(running, "no option has another value")
        running.signal(signal.SIGTERM)
        result = running.finish()
        self.assertEqual((result.code, len(result.errors)), (0, len(cases) + 2), result)
        self.assertEqual(self.ledger(result).outputs["file"]["acknowledged"], FLOWS)

    def test_the_log_level(self):
        self.configure()
        running = self.begin("--set", "meter.active_timeout=60s")
        self.configure('log = { level = "warning"; };')
        running.signal(signal.SIGHUP)
        # Its own line is one of those that are not logged from then on; that of a mistake is.
        wait_until(lambda: self.has_reloaded(running.process), what="the reload")
        self.configure('log = { level = "warning"; };', 'meter = { n_meters = 2; };')
        self.hang_up(running, "meter.n_meters")
        self.configure('log = { level = "info"; };', 'meter = { active_timeout = "7s"; };')
        self.hang_up(running, "in force with other values: log.level")  # the line has another timeout, which wins
        running.signal(signal.SIGTERM)
        self.failed(running.finish(), 0, ["meter.n_meters"])

    def test_secrets_of_line_and_environment(self):
        """They are hidden in the process's arguments and environment, and are as they were when they are read again."""
        self.config.write_text("outputs = ( { topic = \"flows\"; columns_to_anonymize = [ \"all=keep\" ]; "
                               "kafka = [ \"bootstrap.servers=127.0.0.1:1\", \"sasl.password=${SECRET_OF_TEST}\" ]; } );")
        running = self.start("-c", self.config, "-r", "-", "--set", "outputs.0.framing=single_object", "--set", "delivery.shutdown_timeout=1s", stdin=self.silent_pipe(),
                             env={"SECRET_OF_TEST": "xyz-123"})
        wait_until(lambda: running.process.poll() is not None or is_idle(running.process), what="the start")
        for _ in range(2):
            self.hang_up(running, "no option has another value")
        running.signal(signal.SIGTERM)
        result = running.finish()
        self.assertNotIn(b"xyz-123", result.raw_error)

    def test_timeouts_beside_the_header_of_a_hash(self):
        """Messages would have the hash of timeouts that were in force before."""
        text = ("outputs = ( { topic = \"flows\"; columns_to_anonymize = [ \"all=keep\" ]; framing = \"single_object\"; "
                "headers = [ \"feature_hash\" ]; kafka = [ \"bootstrap.servers=127.0.0.1:1\" ]; } );")
        self.config.write_text(text)
        running = self.start("-c", self.config, "-r", "-", "--set", "delivery.shutdown_timeout=1s", stdin=self.silent_pipe())
        wait_until(lambda: running.process.poll() is not None or is_idle(running.process), what="the start")
        self.config.write_text(text + 'meter = { idle_timeout = "7s"; };')
        self.hang_up(running, "needs a restart: messages have the header feature_hash, those of output flows")
        running.signal(signal.SIGTERM)
        running.finish()

    def silent_pipe(self):
        reading, writing = os.pipe()
        self.addCleanup(os.close, reading)
        self.addCleanup(os.close, writing)
        os.write(writing, frames.conversations(1)[:24])
        return reading


@unittest.skipUnless(ABLE, "network namespaces need root and iproute2")
class LiveReload(OnWire):
    """What is put into force while packets come."""

    def setUp(self):
        super().setUp()
        self.config = self.folder / "sensor.conf"
        self.said = 0

    def configure(self, *lines):
        text = "\n".join(lines)
        if "n_meters" not in text:
            text += f"\nmeter = {{ n_meters = {self.meters}; }};"
        self.write("new.conf", text).rename(self.config)

    def hang_up(self, running, says):
        running.signal(signal.SIGHUP)
        wait_until(lambda: os.pread(running.errors.fileno(), 1 << 24, 0).count(b"SIGHUP:") > self.said, limit=30, what=says)
        self.said += 1
        line = [line for line in os.pread(running.errors.fileno(), 1 << 24, 0).decode().splitlines() if "SIGHUP:" in line][-1]
        self.assertIn(says, line)

    def test_the_filter(self):
        """Packets of before and after are counted by the filter of their time; a bad one changes nothing."""
        self.configure('capture = { bpf_filter = "udp dst port 7001"; };')
        running = self.capture("-c", self.config, interface="near*")  # of several kinds of interfaces, for which the filter is compiled
        self.wire.send(7001, 5)
        self.wire.send(7002, 7)
        self.configure('capture = { bpf_filter = "udp dst port 7002"; };')
        self.hang_up(running, "in force with other values: capture.bpf_filter")
        self.wire.send(7001, 11)
        self.wire.send(7002, 13)
        for text, says in (("udp dst prot 7001", "can't be compiled"), ("vlan and udp", "needs a restart"),
                           (" or ".join(f"udp[{number % 200 + 8}:4] = {number * 77777}" for number in range(450)), "which is too long for it")):
            self.configure(f'capture = {{ bpf_filter = "{text}"; }};', 'log = { level = "error"; };')
            self.hang_up(running, says)
        self.wire.send(7001, 17)
        self.wire.send(7002, 19)
        self.configure()
        self.hang_up(running, "in force with other values: capture.bpf_filter")
        self.wire.send(7001, 23)
        running.signal(signal.SIGTERM)
        result = running.finish()
        self.assertEqual((result.code, len(result.errors)), (0, 3), result)
        packets = {}
        for record in self.records():
            packets[record["dst_port"]] = packets.get(record["dst_port"], 0) + record["src2dst_packets"]
        self.assertEqual((packets[7001], packets[7002]), (5 + 23, 13 + 19))
        self.assertNotIn(b"a system call was refused", result.raw_error)
        self.ledger(result)


    def metered_by(self, **timeouts):
        """metering_hash of records that are metered so, as a file has it."""
        capture = self.write("one.pcap", frames.conversations(1))
        settings = [word for name, value in timeouts.items() for word in ("--set", f"meter.{name}={value}")]
        return self.succeeds("-r", capture, "-w", "-", *settings).jsonl()[0]["metering_hash"]

    def test_the_timeouts(self):
        """Flows that are open end by the new ones, and their records say so."""
        self.configure('capture = { bpf_filter = "udp dst portrange 7001-7003"; };', 'meter = { idle_timeout = "50m"; n_meters = %d; };' % self.meters)
        running = self.capture("-c", self.config)
        for port in (7001, 7002):
            self.wire.send(port, 3)
        self.configure('capture = { bpf_filter = "udp dst portrange 7001-7003"; };', 'meter = { idle_timeout = "500ms"; n_meters = %d; };' % self.meters)
        self.hang_up(running, "in force with other values: meter.idle_timeout")
        wait_until(lambda: self.ports() == [7001, 7002], what="flows that are idle by the new timeout")
        self.configure('capture = { bpf_filter = "udp dst portrange 7001-7003"; };',
                       'meter = { idle_timeout = "50m"; active_timeout = "2h"; n_meters = %d; };' % self.meters)
        self.hang_up(running, "meter.idle_timeout has another value now, which needs a restart")
        self.configure('capture = { bpf_filter = "udp dst portrange 7001-7003"; };',
                       'meter = { idle_timeout = "60m"; active_timeout = "70m"; n_meters = %d; };' % self.meters)
        self.hang_up(running, "in force with other values: meter.idle_timeout, meter.active_timeout")
        self.wire.send(7003, 3)
        running.signal(signal.SIGTERM)
        result = running.finish()
        self.assertEqual((result.code, len(result.errors)), (0, 1), result)
        self.ledger(result)
        short, long = self.metered_by(idle_timeout="500ms"), self.metered_by(idle_timeout="60m", active_timeout="70m")
        self.assertNotEqual(short, long)
        self.assertEqual({record["dst_port"]: (record["end_reason"], record["metering_hash"]) for record in self.records()},
                         {7001: ("idle", short), 7002: ("idle", short), 7003: ("shutdown", long)})
        self.assertEqual(len({record["feature_hash"] for record in self.records()}), 2)

    def test_many_under_load(self):
        """Good and bad ones in turn while some thousand packets come each second: none is lost, and nothing grows."""
        count = 1000 if os.environ.get("LONG") == "yes" else 40
        good = ('capture = { bpf_filter = "udp or arp"; };', 'meter = { idle_timeout = "1s"; active_timeout = "5s"; n_meters = %d; };' % self.meters)
        other = ('capture = { bpf_filter = "udp"; };', 'meter = { idle_timeout = "2s"; active_timeout = "6s"; n_meters = %d; };' % self.meters,
                 'log = { level = "debug"; };')
        bad = ('capture = { bpf_filter = "udp prot"; };', 'meter = { idle_timeout = "3s"; n_meters = %d; };' % self.meters)
        self.configure(*good)
        running = self.start("-i", "near0", "-c", self.config, "-w", "null:", "--set", "meter.flow_table_size=4096", prefix=self.wire.prefix)
        wait_for_capture(running, self.meters)
        wait_until(lambda: not self.has_thread(running.process, "prefault"), limit=30, what="the memory of the start")
        begun = time.monotonic()
        sender = subprocess.Popen(["ip", "netns", "exec", self.wire.far, sys.executable, "-c", SENDER, FAR, NEAR], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        sizes = []
        for number in range(count):
            lines = (other, bad, good, bad)[number % 4]
            self.configure(*lines)
            self.hang_up(running, "can't be compiled" if lines is bad else "in force with other values")
            sizes.append(self.sizes(running.process))
        sent = int(sender.communicate(b"\n", timeout=30)[0])
        seconds = time.monotonic() - begun
        running.signal(signal.SIGTERM)
        result = running.finish()
        self.assertEqual((result.code, len(result.errors)), (0, count // 2), result.code)
        ledger = self.ledger(result)
        self.assertNotIn(b"dropped by kernel", result.raw_error)
        self.assertEqual(ledger.packets["metered"], sent)
        warm = sizes[count // 4:]
        print(f"{count} reloads in {seconds:.1f} s, {sent / seconds:.0f} packets/s, lost {sent - ledger.packets['metered']}; memory, descriptors, threads: "
              f"{warm[0]} to {warm[-1]}", flush=True)
        # Of several meters each byte of a record takes a page of their rings for the first time.
        if b"__tsan_init" not in BINARY.read_bytes():  # which has memory of its own for each address
            self.assertLess(warm[-1][0] - warm[0][0] - ledger.outputs["null"]["bytes"], 1 << 20)
        self.assertEqual(warm[-1][1:], warm[0][1:])

    @staticmethod
    def has_thread(process, name):
        return name + "\n" in of_threads(process, "comm")

    @staticmethod
    def sizes(process):
        """Memory that isn't shared (bytes), descriptors and threads, between two reloads."""
        wait_until(lambda: not LiveReload.has_thread(process, "reload"), what="the end of a reload")
        status = Path(f"/proc/{process.pid}/status").read_text()
        return (int(re.search(r"RssAnon:\s+(\d+) kB", status)[1]) << 10, len(os.listdir(f"/proc/{process.pid}/fd")),
                int(re.search(r"Threads:\s+(\d+)", status)[1]))


class LiveReloadOfThree(LiveReload):
    """The same with three meters."""

    meters = 3


if __name__ == "__main__":
    unittest.main()
