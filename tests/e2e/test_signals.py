"""How a run ends when it is told to: SIGINT and SIGTERM drain and exit with 0, a second signal ends at once.

Run: python3 tests/e2e/run.py test_signals
"""
import fcntl
import json
import os
import signal
import struct
import termios
import time
import unittest

import frames
from harness import Case, wait_until
from servers import LocalServers, SilentServer


def pending(descriptor):
    """Bytes in a pipe that its reader has not read."""
    return struct.unpack("i", fcntl.ioctl(descriptor, termios.FIONREAD, b"\0" * 4))[0]


FLOWS = 400  # more than any buffer in between holds: once the pipe is empty, packets have been metered


class Signals(Case):
    def begin(self, *arguments, capture=None):
        """The sensor at the end of what standard input has so far, waiting for more."""
        reading, writing = os.pipe()
        running = self.start("-r", "-", *arguments, stdin=reading)
        os.close(reading)
        self.addCleanup(os.close, writing)
        os.write(writing, frames.conversations(FLOWS) if capture is None else capture)
        wait_until(lambda: pending(writing) == 0, limit=30, what="reading of standard input")
        time.sleep(0.2)
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
            time.sleep(1)
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
        self.failed(result, os.EX_UNAVAILABLE, ["flows", f"{FLOWS} records not delivered"])
        self.assertLess(time.monotonic() - told, 5)
        self.assertEqual(self.ledger(result).outputs["flows"]["why"], {"undelivered": FLOWS})

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


if __name__ == "__main__":
    unittest.main()
