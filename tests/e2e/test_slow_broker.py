"""A real broker that is slow: whoever may wait does. However many flows end together, at a shutdown or in the midst of a live run,
and whatever the number of meters, each record that is made is acknowledged. Needs root and the servers; LONG=yes repeats each
case twenty times. Run: python3 tests/e2e/run.py test_slow_broker
"""
import os
import re
import signal
import socket
import threading
import time
import unittest
import urllib.request
from pathlib import Path

import test_live
from harness import Case, wait_until
from servers import LocalServers

MEASURES = "what is lost at a rate"

FLOWS = 50_000
TIMES = 20 if os.environ.get("LONG") == "yes" else 1
PORTS = 50  # of each of a thousand addresses
COUNT = iter(range(1_000_000))


class Slow:
    """The broker gets a quarter of the time. Use as a context."""

    def __init__(self, servers):
        self.pid = int((Path(servers.folder.name) / "kafka.pid").read_text().split()[0])
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self.hinder)

    def hinder(self):
        while not self.ended.wait(0.05):
            os.kill(self.pid, signal.SIGSTOP)
            self.ended.wait(0.15)
            os.kill(self.pid, signal.SIGCONT)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_exception):
        self.ended.set()
        self.thread.join()


@unittest.skipUnless(test_live.ABLE, "capturing needs root")
class Live(Case):
    meters = 1

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.servers = LocalServers.get()
        # Of the whole loopback network this part is the test's own.
        cls.network = f"127.{64 + os.getpid() % 128}"

    def setUp(self):
        super().setUp()
        self.topic = self.servers.topic(f"slow-{os.getpid()}-{next(COUNT)}")

    def begin(self, *arguments, outputs=""):
        """A live sensor that has a queue for a twentieth of the flows."""
        config = self.write("sensor.conf", f"""
capture = {{ interfaces = [ "lo" ]; bpf_filter = "udp and dst net {self.network}.0.0/16"; }};
meter = {{ n_meters = {self.meters}; n_dissections = 0; flow_table_size = 131072; }};
delivery = {{ shutdown_timeout = "60s"; }};
outputs = ( {{ name = "kafka"; topic = "{self.topic}"; schema = "flow/v1"; columns_to_anonymize = [ "all=keep" ];
  kafka = [ "bootstrap.servers={self.servers.bootstrap}", "queue.buffering.max.messages={FLOWS // 20}", "linger.ms=5" ]; }} {outputs} );
""")
        running = self.start("-c", config, *arguments)
        test_live.wait_for_capture(running, self.meters)
        return running

    def send(self, flows=FLOWS):
        """A datagram to each of so many addresses and ports, slowly enough for every ring."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sending:
            sending.bind(("127.0.0.1", 0))
            for number in range(flows):
                address = f"{self.network}.{number // PORTS // 250}.{number // PORTS % 250 + 1}"
                try:
                    sending.sendto(b"x", (address, 20000 + number % PORTS))
                except ConnectionRefusedError:
                    pass
                if number % 500 == 0:
                    time.sleep(0.005)  # the pace of the traffic

    def check(self, result, reason, flows=FLOWS):
        self.ended_well(result)
        ledger = self.ledger(result)
        self.assertEqual(ledger.flows["exported"], flows, result)
        self.assertEqual(ledger.flows["why"], {reason: flows}, result)
        output = ledger.outputs["kafka"]
        self.assertEqual((output["made"], output["acknowledged"], output["dropped"]), (flows, flows, 0), result)

    def test_all_flows_at_the_shutdown(self):
        for _ in range(TIMES):
            running = self.begin()
            self.send()
            with Slow(self.servers):
                running.signal(signal.SIGTERM)
                result = running.finish(90)
            self.check(result, "shutdown")

    def test_all_flows_at_once_in_the_midst(self):
        """They are idle together a second after the last packet; then sweeps end them as fast as the broker takes records."""
        for _ in range(TIMES):
            with Slow(self.servers):
                running = self.begin("--set", "meter.idle_timeout=3s", "--set", "monitoring.listen=127.0.0.1:0")
                self.send()
                wait_until(lambda: self.flows(running) == {"opened": FLOWS, "open": 0}, what="the end of all flows", limit=60, pause=0.2)
                running.signal(signal.SIGTERM)
                result = running.finish(90)
            self.check(result, "idle")

    @staticmethod
    def flows(running):
        """What /metrics says of them."""
        address = re.search(r"http://\S+/metrics", os.pread(running.errors.fileno(), 1 << 20, 0).decode())[0]
        with urllib.request.urlopen(address, timeout=10) as answer:
            metrics = answer.read().decode()
        return {name: int(float(re.search(rf"^flowsensor_flows_{metric} (\S+)", metrics, re.MULTILINE)[1]))
                for name, metric in (("opened", "opened_total"), ("open", "open"))}


class LiveOfTwo(Live):
    """The same with two meters."""

    meters = 2


class LiveOfFour(Live):
    """The same with four meters."""

    meters = 4


if __name__ == "__main__":
    unittest.main()
