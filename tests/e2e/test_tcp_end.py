"""A TCP flow is one connection (meter.tcp_end): what is read from files, and how soon records come live. The live tests need root and
iproute2. Run: python3 tests/e2e/run.py test_tcp_end
"""
import collections
import io
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import time
import unittest

import fastavro
import frames
from harness import CAPTURES, REPOSITORY, Case, wait_until
from namespaces import NEAR
from servers import LocalServers
# As a module: unittest runs every class of tests that a module has by name.
import test_live

MEASURES = "the time to a record"

CONNECTIONS = 10_000  # on the same addresses and ports
LIVE_CONNECTIONS = 20
RECORD_LIMIT_S = 3  # from the last FIN to the record
SINGLE_OBJECT_BYTES = 10  # marker and fingerprint
FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
# A server that answers one line, and prints its port; a client that makes one connection for each line of its input, and says when it closed it.
SERVE = f"""
import socket
server = socket.create_server(("{NEAR}", 0), backlog=64)
print(server.getsockname()[1], flush=True)
while True:
    with server.accept()[0] as connection:
        connection.sendall(connection.recv(100) or b"nothing")
        connection.recv(100)
"""
CONNECT = f"""
import socket, sys, time
for _ in range(int(sys.argv[2])):
    with socket.create_connection(("{NEAR}", int(sys.argv[1]))) as connection:
        connection.sendall(b"question")
        connection.recv(100)
        print(connection.getsockname()[1], end=" ")
    print(time.time(), flush=True)
"""


def connection(first):
    """Nine frames of a connection whose initial sequence numbers are `first` and a thousand more."""
    client, server = first, first + 1000
    sent = [(False, SYN, client, 0, b""), (True, SYN | ACK, server, client + 1, b""), (False, ACK, client + 1, server + 1, b""),
            (False, PSH | ACK, client + 1, server + 1, b"question"), (True, PSH | ACK, server + 1, client + 9, b"answer"),
            (False, FIN | ACK, client + 9, server + 7, b""), (True, ACK, server + 7, client + 10, b""),
            (True, FIN | ACK, server + 7, client + 10, b""), (False, ACK, client + 10, server + 8, b"")]
    ends = ((40000, 80, frames.CLIENT, frames.SERVER), (80, 40000, frames.SERVER, frames.CLIENT))
    return [frames.tcp(ends[back][0], ends[back][1], sequence % 2**32, acknowledged % 2**32, flags, payload, ends[back][2], ends[back][3])
            for back, flags, sequence, acknowledged, payload in sent]


class Files(Case):
    def records(self, capture, *arguments):
        result = self.succeeds("-r", capture, "-w", "-", "--format", "jsonl", "--schema", "flow/v2", *arguments)
        return list(result.jsonl())

    def test_connections_that_reuse_their_ports(self):
        """10,000 connections of one 5-tuple, each within 1 ms of the one before: none is merged, and none is cut."""
        sent = [frame for number in range(CONNECTIONS) for frame in connection(2**32 - 5_000_000 + number * 70_001)]
        capture = self.write("reuse.pcap", frames.pcap(frames.every(0.0001, sent)))
        for meters in (1, 2, 4):
            records = self.records(capture, "--set", f"meter.n_meters={meters}")
            self.assertEqual(collections.Counter((record["bidirectional_packets"], record["end_reason"], record["tcp_handshake_completed"],
                                                  record["tcp_closed_by"]) for record in records), {(9, "tcp_fin", True, "src"): CONNECTIONS})
            keys = {(record["flow_uid"], record["slice"], record["revision"]) for record in records}
            self.assertEqual(len(keys), CONNECTIONS)

    def test_switched_off(self):
        capture = self.write("off.pcap", frames.pcap(frames.every(0.0001, connection(1) + connection(90_000))))
        records = self.records(capture, "--set", "meter.tcp_end=false")
        self.assertEqual([(record["bidirectional_packets"], record["end_reason"]) for record in records], [(18, "end_of_input")])
        self.assertEqual({(record.get("tcp_handshake_completed"), record.get("tcp_closed_by")) for record in records}, {(None, None)})

    def test_nfstream_ends_by_timeouts(self):
        capture = self.write("nfstream.pcap", frames.pcap(frames.every(0.0001, connection(1) + connection(90_000))))
        self.assertEqual(len(self.succeeds("-r", capture, "-w", "-", "--format", "jsonl", "--profile", "nfstream").out.splitlines()), 1)
        self.refused(os.EX_CONFIG, ["meter.tcp_end", "native profile"], "-r", CAPTURES / "dns.pcap", "-w", "null:", "--profile", "nfstream",
                     "--set", "meter.tcp_end=true")

    def test_records_before_the_end_of_the_input(self):
        """A connection that ended early in a capture is written before one that is still open, though that is older."""
        late = [(20.0, frames.udp(5000, 7000, b"late"))]
        early = frames.every(0.001, connection(1), begin=1)
        capture = self.write("order.pcap", frames.pcap([(0.0, frames.udp(6000, 7000, b"open")), *early, *late]))
        self.assertEqual([record["end_reason"] for record in self.records(capture)], ["tcp_fin", "end_of_input", "end_of_input"])


class Live(test_live.OnWire):
    def serve(self):
        server = subprocess.Popen([*self.wire.prefix, sys.executable, "-c", SERVE], stdout=subprocess.PIPE, text=True)
        self.addCleanup(server.stdout.close)
        self.addCleanup(server.wait)
        self.addCleanup(server.kill)
        return int(server.stdout.readline())

    def seen(self):
        """When each record was first seen here, by the client's port."""
        found = {}
        deadline = time.monotonic() + 10
        while len(found) < LIVE_CONNECTIONS and time.monotonic() < deadline:
            for record in self.records():
                found.setdefault(record["src_port"], (time.time(), record["end_reason"]))
            time.sleep(0.02)  # the precision of what is measured
        return found

    def test_how_soon_records_come(self):
        """After the connection, and not after the idle timeout."""
        port = self.serve()
        running = self.capture("-f", f"tcp port {port}")
        done = self.wire.in_far(sys.executable, "-c", CONNECT, str(port), str(LIVE_CONNECTIONS))
        self.assertEqual(done.returncode, 0, done.stdout)
        closed = {int(line.split()[0]): float(line.split()[1]) for line in done.stdout.splitlines()}
        seen = self.seen()
        self.stop(running)
        self.assertEqual(set(seen), set(closed))
        self.assertEqual({reason for _, reason in seen.values()}, {"tcp_fin"})
        seconds = statistics.median(seen[port][0] - closed[port] for port in closed)
        print(f"\ntcp_end: a record comes {seconds:.2f} s after its connection (median of {len(closed)})", file=sys.stderr)
        self.assertLess(seconds, RECORD_LIMIT_S)

    def test_refused_connections(self):
        port = self.serve()
        running = self.capture("-f", f"tcp port {port + 1}")
        program = f"import socket; print(socket.socket().connect_ex(('{NEAR}', {port + 1})))"
        self.assertNotEqual(self.wire.in_far(sys.executable, "-c", program).stdout.strip(), "0")
        wait_until(self.records, limit=5, what="the record")
        self.stop(running)
        self.assertEqual([(record["end_reason"], record["bidirectional_packets"]) for record in self.records()], [("tcp_reset", 2)])


@unittest.skipUnless(test_live.ABLE, "capturing needs root")
class InKafka(Case):
    """The broker stamps each record when it has it."""

    ADDRESS = "127.77.0.1"

    def talk(self, server):
        with socket.create_connection(server.getsockname()) as connection:
            accepted, _ = server.accept()
            with accepted:
                connection.sendall(b"question")
                accepted.sendall(accepted.recv(100))
                connection.recv(100)

    def test_how_soon_records_are_there(self):
        servers = LocalServers.get()
        topic = servers.topic(f"tcp-end-{os.getpid()}", message_timestamp_type="LogAppendTime")
        with socket.create_server((self.ADDRESS, 0), backlog=64) as server:
            config = self.write("sensor.conf", f"""
capture = {{ interfaces = [ "lo" ]; bpf_filter = "tcp port {server.getsockname()[1]}"; }};
outputs = ( {{ topic = "{topic}"; schema = "flow/v1"; framing = "single_object"; columns_to_anonymize = [ "all=keep" ];
  kafka = [ "bootstrap.servers={servers.bootstrap}" ]; }} );
""")
            running = self.start("-c", config)
            wait_until(lambda: running.said("capturing on"), what="the start")
            for _ in range(LIVE_CONNECTIONS):
                self.talk(server)
            wait_until(lambda: len(servers.messages(topic)) == LIVE_CONNECTIONS, limit=30, what="the records")
            running.signal(signal.SIGTERM)
            self.ended_well(running.finish())
        schema = fastavro.parse_schema(json.loads((REPOSITORY / "schemas/flow/v1.avsc").read_text()))
        waited = []
        for message in servers.messages(topic):
            record = fastavro.schemaless_reader(io.BytesIO(message.value()[SINGLE_OBJECT_BYTES:]), schema)
            self.assertEqual(record["end_reason"], "tcp_fin")
            waited.append(message.timestamp()[1] / 1000 - record["bidirectional_last_seen"].timestamp())
        seconds = statistics.median(waited)
        print(f"\ntcp_end: a record is in Kafka {seconds:.2f} s after its connection (median of {len(waited)})", file=sys.stderr)
        self.assertLess(seconds, RECORD_LIMIT_S)


if __name__ == "__main__":
    unittest.main()
