"""Floods of new flows through a full flow table: long flows among them stay whole, and everything is counted.

By default 200,000 random 5-tuples through a table of 16,384 flows; LONG=yes takes 10 million through 65,536 (about 3 minutes). Of answered
flows a minute of 37,500 packets a second through that table; LONG=yes takes 150,000 a second through 65,536, which is the same proportion.
Run: python3 tests/e2e/run.py test_flood
"""
import csv
import io
import json
import os
import re
import resource
import subprocess
import threading
import unittest

import numpy

from harness import BINARY, SCHEMAS, Case, Ledger, run

MEASURES = "what is lost at a rate"

LONG = os.environ.get("LONG") == "yes"
TUPLES, TABLE = (10_000_000, 65_536) if LONG else (200_000, 16_384)
CHUNKS, LONG_FLOWS = 100, 1000
PACKETS = 3 + CHUNKS - 1  # of each long flow: its handshake, and one more in each chunk but the first
HEAD = bytes.fromhex("d4c3b2a1020004000000000000000000ffff000001000000")
SYN, ACK, PSH = 2, 16, 8
WHOLE_SHARE, RATE_SHARE = 0.995, 0.6
MEMORY_SHARE = 1.05  # of the budget
TCP, UDP = 6, 17
LEAD_S, FLOOD_S = 3, 60
SLOW_FLOWS, ONE_WAY = 100, 25  # of one packet a second; the first of them have no answers
ANSWER_US = 900
FLOOD_RATE = 150_000 if LONG else 37_500  # packets a second, two of each flow: there and back
# Few, but of each group that has a state of its own, so that all of it is computed.
FIELDS = ("src_ip", "bidirectional_packets", "bidirectional_mean_ps", "splt_ps", "application_name")


def frames(sources, destinations, flags, order, times, protocols=TCP):
    """Records of a pcap with packets between ports 1024 + source % 60000 and 443, in this order, at these times in microseconds."""
    count = len(sources)
    rows = numpy.zeros((count, 70), dtype=numpy.uint8)
    ether = bytes.fromhex("020000000002020000000001" "0800")
    ip = bytes.fromhex("4500002800004000400600000000000000000000")
    rows[:, 8:16] = numpy.frombuffer((54).to_bytes(4, "little") * 2, dtype=numpy.uint8)
    rows[:, 16:30] = numpy.frombuffer(ether, dtype=numpy.uint8)
    rows[:, 30:50] = numpy.frombuffer(ip, dtype=numpy.uint8)
    client = numpy.where(destinations >> 24 == 10, destinations, sources)
    ports = (1024 + client % 60000).astype(">u2")
    server = numpy.full(count, 443, dtype=">u2")
    back = destinations >> 24 == 10
    rows[:, 42:46] = sources.astype(">u4").view(numpy.uint8).reshape(count, 4)
    rows[:, 46:50] = destinations.astype(">u4").view(numpy.uint8).reshape(count, 4)
    rows[:, 50:52] = numpy.where(back, server, ports).astype(">u2").view(numpy.uint8).reshape(count, 2)
    rows[:, 52:54] = numpy.where(back, ports, server).astype(">u2").view(numpy.uint8).reshape(count, 2)
    rows[:, 39] = protocols
    rows[:, 62], rows[:, 63] = 0x50, flags
    rows[:, 55] = numpy.where(rows[:, 39] == UDP, 20, 0)
    rows = rows[order]
    times = 1_700_000_000_000_000 + times
    rows[:, 0:4] = (times // 1_000_000).astype("<u4").view(numpy.uint8).reshape(count, 4)
    rows[:, 4:8] = (times % 1_000_000).astype("<u4").view(numpy.uint8).reshape(count, 4)
    return rows.tobytes()


def chunk(random, number, first):
    """A part of the flood with the long flows' packets in it: 10.99.x.x to 192.0.2.1. The flood is from 11 to 200.x.x.x, no SYN is answered."""
    flood = TUPLES // CHUNKS
    clients = (10 << 24 | 99 << 16) + numpy.arange(LONG_FLOWS, dtype=numpy.int64)
    server = numpy.full(LONG_FLOWS, 192 << 24 | 2 << 8 | 1, dtype=numpy.int64)
    starts = random.random(LONG_FLOWS) * 0.9
    if number == 0:  # SYN, SYN-ACK and ACK, some thousandths of the chunk apart
        parts = [(clients, server, SYN, starts), (server, clients, SYN | ACK, starts + 0.002), (clients, server, ACK, starts + 0.004)]
    else:
        parts = [(clients, server, ACK | PSH, starts) if number % 2 else (server, clients, ACK | PSH, starts)]
    parts.append((random.integers(11 << 24, 200 << 24, flood), random.integers(11 << 24, 200 << 24, flood), SYN, random.random(flood)))
    sources, destinations = (numpy.concatenate([part[i] for part in parts]) for i in (0, 1))
    flags = numpy.concatenate([numpy.full(len(part[0]), part[2], dtype=numpy.uint8) for part in parts])
    times = 2 * (first + numpy.arange(len(sources), dtype=numpy.int64))
    return frames(sources, destinations, flags, numpy.argsort(numpy.concatenate([part[3] for part in parts]), kind="stable"), times)


def answered_second(random, second):
    """A second of flows of one packet a second, each the other protocol than the one before, and, after the lead, of a flood of flows that
    are answered within a millisecond: half TCP, half UDP."""
    numbers = numpy.arange(SLOW_FLOWS, dtype=numpy.int64)
    clients, server = (10 << 24 | 99 << 16) + numbers, numpy.full(SLOW_FLOWS, 192 << 24 | 2 << 8 | 1, dtype=numpy.int64)
    back = (numbers >= ONE_WAY) & (second % 2 == 1)
    parts = [(numpy.where(back, server, clients), numpy.where(back, clients, server), numpy.full(SLOW_FLOWS, ACK | PSH),
              numbers * (10**6 // SLOW_FLOWS), numpy.where(numbers % 2, TCP, UDP))]
    if second >= LEAD_S:
        count = FLOOD_RATE // 2
        clients, servers = random.integers(10 << 24 | 1 << 23, 11 << 24, count), random.integers(11 << 24, 200 << 24, count)
        starts, protocols = numpy.arange(count) * (10**6 - ANSWER_US) // count, numpy.where(numpy.arange(count) % 2, TCP, UDP)
        parts += [(clients, servers, numpy.full(count, SYN), starts, protocols),
                  (servers, clients, numpy.full(count, SYN | ACK), starts + ANSWER_US, protocols)]
    sources, destinations, flags, times, protocols = (numpy.concatenate([part[i] for part in parts]) for i in range(5))
    order = numpy.argsort(times, kind="stable")
    return frames(sources, destinations, flags.astype(numpy.uint8), order, second * 10**6 + times[order], protocols.astype(numpy.uint8))


class Flood(Case):
    def schema(self):
        """A few fields of flow/v1, since records of millions of flows are read."""
        whole = json.loads((SCHEMAS / "flow" / "v1.avsc").read_text())
        return self.write("slim.avsc", json.dumps({**whole, "name": "Slim", "fields": [field for field in whole["fields"] if field["name"] in FIELDS]}).encode())

    @staticmethod
    def budget(table, meters):
        """What a live sensor with such a table may take, without the kernel's rings."""
        answer = run("memory", "-i", "none0", "-w", "null:", "--set", f"meter.flow_table_size={table}", "--set", f"meter.n_meters={meters}")
        items = {name: int(size) for name, size, _ in (line.split("\t") for line in answer.text().splitlines())}
        return items["total"] - items["capture_rings"]

    @staticmethod
    def unanswered():
        random, first = numpy.random.default_rng(1), 0
        for number in range(CHUNKS):
            data = chunk(random, number, first)
            first += len(data) // 70
            yield data

    @staticmethod
    def answered():
        random = numpy.random.default_rng(1)
        return (answered_second(random, second) for second in range(LEAD_S + FLOOD_S))

    def pour(self, sensor, chunks):
        into = sensor.stdin
        into.write(HEAD)
        for data in chunks:
            into.write(data)
        with open(f"/proc/{sensor.pid}/status", encoding="ascii") as status:
            self.memory = int(re.search(r"VmHWM:\s+(\d+) kB", status.read())[1]) * 1024
        into.close()

    def run_flood(self, table, chunks, meters=1):
        """(records of the long flows, ledger, processor seconds). Labels have as many states of nDPI's as live."""
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        errors = self.folder / "errors"
        with open(errors, "wb") as said:
            sensor = subprocess.Popen([BINARY, "-r", "-", "-w", "-", "--format", "csv", "--schema", self.schema(), "--set", f"meter.flow_table_size={table}",
                                       "--set", f"meter.n_meters={meters}", "--set", f"meter.dissection_flows={table // 8}"],
                                      stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=said)
        found = subprocess.Popen(["grep", "-F", "10.99."], stdin=sensor.stdout, stdout=subprocess.PIPE)
        sensor.stdout.close()
        pouring = threading.Thread(target=self.pour, args=(sensor, chunks))
        pouring.start()
        text = found.communicate()[0].decode()
        pouring.join()
        self.assertEqual(sensor.wait(), 0, errors.read_text())
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return (list(csv.reader(io.StringIO(text))), Ledger(errors.read_text().splitlines()),
                after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)

    def check(self, meters):
        records, ledger, seconds = self.run_flood(TABLE, self.unanswered(), meters)
        budget = self.budget(TABLE, meters)
        whole = sum(row[1] == str(PACKETS) for row in records)
        packets = TUPLES + LONG_FLOWS * PACKETS
        print(f"\nflood: {TUPLES} 5-tuples, table of {TABLE}, {meters} meters: {whole} of {LONG_FLOWS} long flows whole, "
              f"{packets / seconds:.0f} packets/s of processor time, {self.memory / 2**20:.0f} MiB of a budget of {budget / 2**20:.0f}", flush=True)
        self.assertEqual(ledger.packets["read"], packets)
        self.assertFalse(ledger.residual)
        self.assertLess(self.memory, MEMORY_SHARE * budget)
        self.assertGreater(ledger.flows["why"]["evicted"], TUPLES // 2)
        self.assertGreaterEqual(whole, WHOLE_SHARE * LONG_FLOWS)
        return seconds

    def test_long_flows_stay_whole(self):
        evicting = self.check(1)
        if not LONG:
            roomy = self.run_flood(2 * TUPLES, self.unanswered())[2]
            print(f"flood: with room for all {roomy:.2f} s, evicting {evicting:.2f} s", flush=True)
            self.assertLess(evicting * RATE_SHARE, roomy)

    def test_two_meters(self):
        self.check(2)

    def test_answered_flood(self):
        """Flows of one packet a second stay whole where each of the flood's has as many packets as a query and its answer."""
        records, ledger, _ = self.run_flood(TABLE, self.answered())
        records = [row for row in records if row[0].startswith("10.99.")]
        whole = sum(row[1] == str(LEAD_S + FLOOD_S) for row in records)
        print(f"\nanswered flood: {FLOOD_RATE} packets/s for {FLOOD_S} s, table of {TABLE}: {whole} of {SLOW_FLOWS} flows whole, "
              f"in {len(records)} records; {ledger.flows['why']['evicted']} flows evicted", flush=True)
        self.assertEqual(ledger.packets["read"], SLOW_FLOWS * (LEAD_S + FLOOD_S) + FLOOD_RATE * FLOOD_S)
        self.assertFalse(ledger.residual)
        # Each of the flood's flows is one record, but for a few datagrams to a tunnel's port, which are none.
        flows = FLOOD_RATE // 2 * FLOOD_S + SLOW_FLOWS
        self.assertAlmostEqual(ledger.flows["opened"], flows, delta=flows / 10000)
        self.assertAlmostEqual(ledger.flows["why"]["evicted"], flows - TABLE, delta=flows / 10000)
        self.assertEqual((whole, len(records)), (SLOW_FLOWS, SLOW_FLOWS))


if __name__ == "__main__":
    unittest.main()
