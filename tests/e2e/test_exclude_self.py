"""The sensor's own connections to Kafka and the registry are not in its records: it captures on loopback, where a real Kafka and registry
and their other clients are. Needs root, iproute2 and the servers. Run: python3 tests/e2e/run.py test_exclude_self
"""
import contextlib
import json
import os
import subprocess
import sys
import time
import unittest
from pathlib import Path

from harness import Case, wait_until
from servers import LocalServers
from test_live import ABLE, wait_for_capture

# Another client's connection, from a port that the system chooses; it prints the port.
CLIENT = """
import socket, sys
with socket.create_connection((sys.argv[1], int(sys.argv[2]))) as connection:
    print(connection.getsockname()[1], flush=True)
    connection.sendall(bytes(8))
    connection.settimeout(0.2)
    try:
        connection.recv(100)
    except TimeoutError:
        pass
"""


def end_of(text):
    """Host and port of "HOST:PORT" or a URL."""
    host, _, port = text.partition("://")[2].partition("/")[0].rpartition(":") if "://" in text else text.rpartition(":")
    return host.strip("[]"), int(port)


def connect_from_outside(end):
    done = subprocess.run([sys.executable, "-c", CLIENT, *map(str, end)], stdout=subprocess.PIPE, check=True, text=True)
    return int(done.stdout)


def sockets(process):
    """The inodes of the process's sockets."""
    inodes = set()
    for link in Path(f"/proc/{process.pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            target = os.readlink(link)
            if target.startswith("socket:["):
                inodes.add(target[8:-1])
    return inodes


def own_ports(process):
    """Local ports of the process's TCP connections."""
    inodes = sockets(process)
    ports = set()
    for line in Path(f"/proc/{process.pid}/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[9] in inodes:
            ports.add(int(fields[1].rpartition(":")[2], 16))
    return ports


@unittest.skipUnless(ABLE, "capturing needs root")
class ExcludeSelf(Case):
    def setUp(self):
        super().setUp()
        self.servers = LocalServers.get()
        self.path = self.folder / "flows.jsonl"

    def capture(self, exclude, topic, bootstrap, *more):
        broker, registry = end_of(bootstrap.partition(",")[0]), end_of(self.servers.registry)
        arguments = ["-i", "lo", "-f", f"tcp port {broker[1]} or tcp port {registry[1]}",
                     "--set", f"capture.exclude_self={str(exclude).lower()}",
                     "--set", f"registry.url={self.servers.registry}", "--set", "registry.auto_register=true",
                     "--set", f"outputs.0.topic={topic}", "--set", f"outputs.0.kafka=bootstrap.servers={bootstrap}",
                     "--set", "outputs.0.columns_to_anonymize=all=keep", "--set", f"outputs.1.path={self.path}", "--set", "outputs.1.name=file",
                     "--set", "outputs.1.format=jsonl", "--set", "meter.idle_timeout=1s", "--set", "meter.active_timeout=1s", *more]
        running = self.start(*arguments)
        # The file is opened after the topic; to wait for an answer of the registry looks like a capture that waits.
        wait_until(lambda: self.path.exists() or running.process.poll() is not None, what="the second output", limit=30)
        wait_for_capture(running)
        return running

    def finish(self, running):
        running.process.terminate()
        result = self.ended_well(running.finish())
        self.records = [json.loads(line) for line in self.path.read_text().splitlines()]
        ports = {record[name] for record in self.records for name in ("src_port", "dst_port")}
        return self.ledger(result), ports

    def run_against(self, exclude, topic):
        """The ledger, all ports of the records, those of the sensor's sockets, and another client's."""
        running = self.capture(exclude, self.servers.topic(topic), self.servers.bootstrap)
        others, own = set(), set()
        for _ in range(3):
            others.add(connect_from_outside(end_of(self.servers.bootstrap)))
            others.add(connect_from_outside(end_of(self.servers.registry)))
            own |= own_ports(running.process)
        # For the records of those to go to Kafka, which are packets again: only time shows that no records come of them.
        time.sleep(2.5)
        own |= own_ports(running.process)
        ledger, ports = self.finish(running)
        self.assertTrue(own)
        self.assertLessEqual(others, ports, "other clients' connections are flows")
        self.assertGreater(len(self.servers.messages(topic)), 0)
        return ledger, ports, own

    def test_own_connections_are_left_out(self):
        ledger, ports, own = self.run_against(True, "self-out")
        self.assertEqual(ports & own, set())
        self.assertGreater(ledger.packets["why"]["own_traffic"], 20)
        self.assertEqual(set(ledger.packets["why"]), {"own_traffic"})

    def test_own_connections_are_metered_when_asked(self):
        ledger, ports, own = self.run_against(False, "self-in")
        self.assertGreater(len(ports & own), 0)
        self.assertEqual(ledger.packets["ignored"], 0)

    def test_reconnects_are_left_out(self):
        """The broker and the registry go and come back: broken, refused and new connections are all the sensor's own."""
        topic = self.servers.topic("self-again")
        running = self.capture(True, topic, f"{self.servers.bootstrap},reconnect.backoff.ms=50,reconnect.backoff.max.ms=200")
        first = own_ports(running.process)
        self.servers.down()
        try:
            began, before = time.time(), len(sockets(running.process))
            # Nobody else comes to a closed door.
            wait_until(lambda: len(sockets(running.process)) > before + 3, what="refused connections")
            ended, after = time.time(), len(sockets(running.process))
        finally:
            self.servers.up()
        other = connect_from_outside(end_of(self.servers.bootstrap))
        if running.process.poll() is not None:
            self.fail(running.finish())
        again = wait_until(lambda: own_ports(running.process) - first, what="a new connection")
        time.sleep(1.5)  # only time shows that no records come of it
        ledger, ports = self.finish(running)
        self.assertGreater(after, before + 3, "refused connections")
        self.assertEqual([record for record in self.records if began < record["bidirectional_first_seen"] / 1e6 < ended], [])
        self.assertIn(other, ports)
        self.assertEqual(ports & (first | again), set())
        self.assertGreater(ledger.packets["why"]["own_traffic"], 20)


if __name__ == "__main__":
    unittest.main()
