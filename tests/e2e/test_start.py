"""A live start: the capture begins at once whether or not a broker answers, and what the broker says of the topic is heard even so.
Needs root, iproute2 and the servers. Run: python3 tests/e2e/run.py test_start
"""
import os
import socket
import statistics
import threading
import time
import unittest
from pathlib import Path

from harness import Case, Running, wait_until
from namespaces import SilentWire
from servers import LocalServers, closed_port
from test_live import ABLE

MEASURES = "the time to a start"

BEGUN = b": capturing on "
LIMIT_S = 0.3  # of a start


class Delayed:
    """A way to a server that answers `delay` seconds late. Use as a context."""

    def __init__(self, host, port, delay):
        self.target, self.delay = (host, int(port)), delay

    def __enter__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self.serve, daemon=True).start()
        return f"127.0.0.1:{self.listener.getsockname()[1]}"

    def __exit__(self, *_exception):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def serve(self):
        while True:
            try:
                near, _ = self.listener.accept()
            except OSError:
                return
            time.sleep(self.delay)  # what a far broker takes
            far = socket.create_connection(self.target)
            for one, other in ((near, far), (far, near)):
                threading.Thread(target=self.pump, args=(one, other), daemon=True).start()

    @staticmethod
    def pump(one, other):
        try:
            while data := one.recv(1 << 16):
                other.sendall(data)
            other.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


@unittest.skipUnless(ABLE, "network namespaces need root and iproute2")
class Start(Case):
    def arguments(self, bootstrap, topic="flows", *more):
        return ("--set", "log.level=debug", "--set", f"outputs.0.topic={topic}", "--set", f"outputs.0.kafka=bootstrap.servers={bootstrap}",
                "--set", "outputs.0.columns_to_anonymize=all=keep", "--set", "delivery.shutdown_timeout=100ms", *more)

    def start_s(self, *arguments, prefix=()):
        """Wall clock from the start of the process to the first packet that could be read, and the processor's time until then."""
        running = Running(*arguments, prefix=prefix)
        self.addCleanup(running.close)
        wait_until(lambda: BEGUN in os.pread(running.errors.fileno(), 1 << 20, 0) or running.process.poll() is not None, 20, "the start", 0.002)
        self.assertIsNone(running.process.poll(), "it ended")
        seconds = time.monotonic() - running.start
        processor = int(Path(f"/proc/{running.process.pid}/schedstat").read_text().split()[0]) / 1e9
        running.process.terminate()
        running.finish()
        return seconds, processor

    def check(self, what, *arguments, prefix=()):
        """A machine that has other work makes the wall clock late, but not the processor's time."""
        measured = [self.start_s(*arguments, prefix=prefix) for _ in range(5)]
        wall, processor = (statistics.median(column) for column in zip(*measured))
        print(f"  start {what}: {wall * 1000:.0f} ms, {processor * 1000:.0f} ms of the processor (medians of {len(measured)})")
        self.assertLess(processor, LIMIT_S)
        self.assertLess(min(column[0] for column in measured), 4 * LIMIT_S)

    def test_with_broker_and_registry(self):
        servers = LocalServers.get()
        topic = servers.topic("start")
        self.check("with defaults", "-i", "lo", "-f", "udp port 7001",
                   *self.arguments(servers.bootstrap, topic, "--set", f"registry.url={servers.registry}", "--set", "registry.auto_register=true"))

    def test_absent_broker_does_not_delay_it(self):
        wire = SilentWire()
        self.addCleanup(wire.remove)
        self.check("without a broker", "-i", "near0", "--set", "meter.flow_table_size=131072", "--set", "capture.socket_buffer_size=32MiB",
                   *self.arguments(f"127.0.0.1:{closed_port()}"), prefix=wire.prefix)

    def missing(self, bootstrap):
        running = self.start("-i", "lo", "-f", "udp port 7001", *self.arguments(bootstrap, "no-such-topic"))
        return self.failed(running.finish(), os.EX_CONFIG, ["topic no-such-topic does not exist", "kafka-topics.sh --create"])

    def test_missing_topic(self):
        self.missing(LocalServers.get().bootstrap)

    def test_missing_topic_of_a_late_broker(self):
        """Packets are read by then; the run ends with the same line."""
        with Delayed(*LocalServers.get().bootstrap.split(":"), 1) as bootstrap:
            result = self.missing(bootstrap)
        self.assertIn(BEGUN, result.raw_error)
        self.ledger(result)


if __name__ == "__main__":
    unittest.main()
