"""How a run ends when it is told to: SIGINT and SIGTERM drain and exit with 0, a second signal ends at once. What every other
signal does, in each way to run. Run: python3 tests/e2e/run.py test_signals
"""
import fcntl
import json
import os
import pty
import signal
import struct
import sys
import termios
import time
import unittest
from pathlib import Path

import frames
import namespaces
import test_live
from harness import Case, has_taken, is_idle, of_threads, wait_until
from servers import FaultyRegistry, LocalServers, SilentServer, answers


def pending(descriptor):
    """Bytes in a pipe that its reader has not read."""
    return struct.unpack("i", fcntl.ioctl(descriptor, termios.FIONREAD, b"\0" * 4))[0]


FLOWS = 400  # more than any buffer in between holds: once the pipe is empty, packets have been metered


class Signals(Case):
    KEY = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
    HARMLESS = (signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGPIPE, signal.SIGXFSZ, signal.SIGWINCH)

    def begin(self, *arguments, capture=None, **options):
        """The sensor at the end of what standard input has so far, waiting for more."""
        reading, writing = os.pipe()
        running = self.start("-r", "-", *arguments, stdin=reading, **options)
        os.close(reading)
        self.addCleanup(os.close, writing)
        os.write(writing, frames.conversations(FLOWS) if capture is None else capture)
        wait_until(lambda: running.process.poll() is not None or (pending(writing) == 0 and is_idle(running.process)), limit=30,
                   what="reading of standard input")
        self.assertIsNone(running.process.poll(), "it ended by itself")
        return running

    def check_drained(self, running, path):
        result = self.ended_well(running.finish())
        records = [json.loads(line) for line in path.read_text().splitlines()]
        self.assertEqual([record["end_reason"] for record in records], ["shutdown"] * FLOWS)
        self.assertEqual(self.ledger(result).flows["why"], {"shutdown": FLOWS})
        return result

    def test_terminated_while_reading_standard_input(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            with self.subTest(number):
                path = self.folder / f"{number}.jsonl"
                running = self.begin("-w", path)
                running.signal(number)
                self.check_drained(running, path)

    def test_signals_that_end_nothing(self):
        """With and without a key that could be read again."""
        key = self.write("key", self.KEY)
        key.chmod(0o600)
        ways = ((), ("--set", "outputs.0.columns_to_anonymize=address=hash", "--set", f"anonymization.key_file={key}"),
                ("--set", "outputs.0.columns_to_anonymize=address=hash"))
        for number, arguments in enumerate(ways):
            with self.subTest(arguments):
                path = self.folder / f"{number}.jsonl"
                running = self.begin("-w", path, *arguments)
                for harmless in self.HARMLESS:
                    running.signal(harmless)
                wait_until(lambda: all(has_taken(running.process, harmless) for harmless in self.HARMLESS) and is_idle(running.process),
                           what="a wait after the signals")
                self.assertIsNone(running.process.poll())
                running.signal(signal.SIGTERM)
                self.check_drained(running, path)

    def test_terminated_before_the_first_byte(self):
        running = self.begin("-w", "null:", capture=b"")
        running.signal(signal.SIGTERM)
        result = running.finish()
        self.assertEqual(result.code, 0, result)
        self.assertEqual(result.errors, [], result)

    def test_terminated_within_a_packet(self):
        """Half a packet is no damage when it was a signal that ended the reading."""
        path = self.folder / "flows.jsonl"
        running = self.begin("-w", path, capture=frames.conversations(FLOWS) + b"\0" * 10)
        running.signal(signal.SIGTERM)
        self.check_drained(running, path)

    def test_end_of_input_is_no_shutdown(self):
        records = self.succeeds("-r", "-", "-w", "-", stdin=frames.conversations(20)).jsonl()
        self.assertEqual([record["end_reason"] for record in records], ["end_of_input"] * 20)

    def test_second_signal_ends_at_once(self):
        with SilentServer() as server:
            running = self.begin("--set", "outputs.0.topic=flows", "--set", "outputs.0.columns_to_anonymize=all=keep", "--set", "delivery.shutdown_timeout=60s",
                                 "--set", f"outputs.0.kafka=bootstrap.servers=127.0.0.1:{server.port}")
            running.signal(signal.SIGTERM)
            time.sleep(1)  # only time shows that it waits
            self.assertIsNone(running.process.poll(), "the first signal did not wait for the output")
            second = time.monotonic()
            running.signal(signal.SIGTERM)
            result = running.finish()
        self.assertEqual(result.code, 128 + signal.SIGTERM, result)
        self.assertLess(time.monotonic() - second, 1)

    def test_drain_ends_at_its_limit(self):
        with SilentServer() as server:
            running = self.begin("--set", "outputs.0.topic=flows", "--set", "outputs.0.columns_to_anonymize=all=keep", "--set", "delivery.shutdown_timeout=2s",
                                 "--set", f"outputs.0.kafka=bootstrap.servers=127.0.0.1:{server.port}")
            told = time.monotonic()
            running.signal(signal.SIGTERM)
            result = running.finish()
        self.failed(result, os.EX_UNAVAILABLE, ["flows", "records not delivered"])
        self.assertLess(time.monotonic() - told, 5)
        # The one that waited for the partitions, and what ended after that.
        self.assertEqual(self.ledger(result).outputs["flows"]["why"], {"undelivered": 1, "output_failed": FLOWS - 1})

    def test_one_output_that_hangs_leaves_the_others_their_time(self):
        """The second one's producer lingers until it is flushed."""
        servers = LocalServers.get()
        topic = servers.topic(f"beside-{type(self).__name__}")
        with SilentServer() as server:
            config = self.write("sensor.conf", f"""
delivery = {{ shutdown_timeout = "4s"; }};
outputs = ( {{ name = "silent"; topic = "flows"; columns_to_anonymize = [ "all=keep" ];
               kafka = [ "bootstrap.servers=127.0.0.1:{server.port}", "queue.buffering.max.messages={FLOWS // 2}" ]; }},
            {{ name = "good"; topic = "{topic}"; columns_to_anonymize = [ "all=keep" ];
               kafka = [ "bootstrap.servers={servers.bootstrap}", "linger.ms=60000" ]; }} );
""")
            running = self.begin("-c", config)
            told = time.monotonic()
            running.signal(signal.SIGTERM)
            result = running.finish()
        self.failed(result, os.EX_UNAVAILABLE, ["silent", "not delivered"])
        self.assertLess(time.monotonic() - told, 7)
        ledger = self.ledger(result)
        self.assertEqual(ledger.outputs["silent"]["acknowledged"], 0)
        self.assertEqual(ledger.outputs["good"]["acknowledged"], FLOWS)
        self.assertEqual(len(servers.messages(topic)), FLOWS)

    def test_drain_delivers_to_kafka(self):
        """What is under way when the signal comes, and the open flows, arrive."""
        servers = LocalServers.get()
        topic = servers.topic(f"drained-{type(self).__name__}")
        # The producer lingers for longer than the test: only the flush sends.
        running = self.begin("--set", f"outputs.0.topic={topic}", "--set", "outputs.0.columns_to_anonymize=all=keep", "--set", "meter.idle_timeout=1s",
                             "--set", f"outputs.0.kafka=bootstrap.servers={servers.bootstrap},linger.ms=60000")
        running.signal(signal.SIGTERM)
        result = self.ended_well(running.finish())
        ledger = self.ledger(result)
        self.assertEqual(set(ledger.flows["why"]), {"idle", "shutdown"})
        self.assertEqual(ledger.outputs[topic]["acknowledged"], FLOWS)
        self.assertEqual(len(servers.messages(topic)), FLOWS)


@unittest.skipUnless(test_live.ABLE, "network namespaces need root and iproute2")
class Live(Case):
    """A live run with everything that has threads: a registry that is asked again, a broker, an endpoint, visibility."""

    meters = 1

    def setUp(self):
        super().setUp()
        self.wire = namespaces.SilentWire()
        self.addCleanup(self.wire.remove)
        self.cache = self.folder / "cache"
        self.cache.mkdir()
        key = self.write("key", Signals.KEY)
        key.chmod(0o600)
        # The registry's answer gets into the cache; nobody answers in the namespace.
        with FaultyRegistry(answers(200, '{"id": 7, "subject": "flows-value", "version": 1}')) as registry:
            self.config = self.write("sensor.conf", f"""
registry = {{ url = "{registry.url}"; cache_directory = "{self.cache}"; timeout = "1s"; }};
delivery = {{ shutdown_timeout = "1s"; timeout = "1s"; }};
outputs = ( {{ topic = "flows"; columns_to_anonymize = [ "all=keep" ]; kafka = [ "bootstrap.servers=127.0.0.1:1" ]; }} );
""")
            self.start("-c", self.config, "-r", self.write("one.pcap", frames.conversations(1))).finish()

    def begin(self, *arguments):
        running = self.start("-i", "near0", "--set", f"meter.n_meters={self.meters}", *arguments, prefix=self.wire.prefix)
        test_live.wait_for_capture(running, self.meters)
        return running

    def on_terminal(self, *prefix):
        """The sensor as the leader of a session on a terminal of its own, and the descriptor that the terminal ends with."""
        far, near = pty.openpty()
        os.set_inheritable(near, True)
        take = (f"import fcntl,os,sys,termios; os.setsid(); fcntl.ioctl({near}, termios.TIOCSCTTY, 0); os.dup2({near}, 0); "
                "os.execvp(sys.argv[1], sys.argv[1:])")
        running = self.start("-i", "near0", "-w", "null:", "--set", f"meter.n_meters={self.meters}", close_fds=False,
                             prefix=(sys.executable, "-c", take, *self.wire.prefix, *prefix))
        os.close(near)
        wait_until(lambda: "flowsensor" in (Path(f"/proc/{running.process.pid}/comm").read_text()), what="the program")
        test_live.wait_for_capture(running, self.meters)
        return running, far

    def test_a_terminal_that_goes_ends_in_order(self):
        running, far = self.on_terminal()
        os.close(far)
        result = self.ended_well(running.finish())
        self.assertEqual(self.ledger(result).flows["open"], 0)

    def test_who_ignores_hangups_outlives_its_terminal(self):
        running, far = self.on_terminal("sh", "-c", """trap "" HUP; exec "$@" """, "sh")
        os.close(far)
        time.sleep(0.5)  # only time shows that it goes on
        self.assertIsNone(running.process.poll())
        running.signal(signal.SIGTERM)
        self.ended_well(running.finish())

    @staticmethod
    def open_to(process, number):
        """Names of the threads that the signal may be delivered to."""
        names = []
        for text in of_threads(process, "status"):
            status = dict(line.split(":\t", 1) for line in text.splitlines() if ":\t" in line)
            if not int(status["SigBlk"], 16) >> (number - 1) & 1:
                names.append(status["Name"])
        return names

    def test_one_thread_takes_signals(self):
        running = self.begin("-c", self.config, "--set", "monitoring.listen=127.0.0.1:0", "--set", "meter.system_visibility_mode=1")
        self.assertGreater(len(list(Path(f"/proc/{running.process.pid}/task").iterdir())), 5)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            self.assertEqual(self.open_to(running.process, number), ["flowsensor"])
        running.signal(signal.SIGTERM)
        told = time.monotonic()
        running.finish()
        self.assertLess(time.monotonic() - told, 4)

    def test_signals_that_end_nothing(self):
        path = self.folder / "flows.jsonl"
        running = self.begin("-w", path)
        for harmless in Signals.HARMLESS:
            running.signal(harmless)
        wait_until(lambda: running.said("no option has another value"), what="the line about SIGHUP")
        running.signal(signal.SIGTERM)
        self.ended_well(running.finish())


class LiveOfThree(Live):
    """The same with three meters."""

    meters = 3


if __name__ == "__main__":
    unittest.main()
