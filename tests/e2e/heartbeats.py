"""What a consumer does with heartbeats (deploy/messages.md), and the traffic that it is tried with."""
import os
import random
import struct
import subprocess
import sys
from collections import defaultdict
from itertools import count

import frames
from namespaces import ip

NAMES = count()
SYN, RST = 2, 4
SENDER = """
import socket, sys, time
link = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
link.bind(("far0", 0))
begin = time.monotonic()
for line in open(sys.argv[1]):
    at, frame = line.split()
    time.sleep(max(0, begin + float(at) - time.monotonic()))  # the pace of the traffic
    link.send(bytes.fromhex(frame))
"""


class WireToHost:
    """A wire whose near end is where the servers are, and the far end, far0, in a namespace of its own. Neither has an address."""

    def __init__(self):
        stem = f"{os.getpid() % 100000}x{next(NAMES)}"
        self.near, self.far = f"fsnear{stem}", f"fse2efar{stem}"
        ip("netns", "add", self.far)
        ip("link", "add", self.near, "type", "veth", "peer", "name", "far0", "netns", self.far)
        for where, device in (((), self.near), (("-n", self.far), "far0")):
            ip(*where, "link", "set", device, "addrgenmode", "none", "arp", "off")
            ip(*where, "link", "set", device, "up")

    def remove(self):
        ip("link", "del", self.near, check=False)
        ip("netns", "del", self.far, check=False)

    def sender(self, path):
        """A process that sends a schedule()."""
        return subprocess.Popen(["ip", "netns", "exec", self.far, sys.executable, "-c", SENDER, str(path)])


def fragments(number):
    """The two fragments of a UDP datagram: (first, later)."""
    payload = struct.pack("!HHHH", 6000, 7000, 8 + 24, 0) + bytes(24)
    packets = []
    for offset, part in ((0, payload[:16]), (2, payload[16:])):
        head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(part), number, 0x2000 if offset == 0 else offset, 64, 17, 0,
                           bytes((10, 9, number >> 8, number & 255)), bytes((10, 1, 0, 2)))
        packets.append(frames.ethernet(head[:10] + struct.pack("!H", frames.checksum(head)) + head[12:] + part))
    return packets


def traffic(seconds, idle, seed=1):
    """(when, frame) of flows that are cut again and again, that are almost idle, of one or a few packets, of TCP connections that
    are reset or not, and of datagrams whose first fragment comes late."""
    chosen, sent, port = random.Random(seed), [], count(10000)
    for flow in range(12):
        sent += [(at * (0.05 + 0.01 * flow), frames.udp(5000, 7000, b"steady", source=f"10.2.0.{flow + 1}"))
                 for at in range(int(seconds / (0.05 + 0.01 * flow)))]
    for flow in range(6):
        sent += [(flow * 0.1 + at * idle * 0.9, frames.udp(5000, 7000, b"slow", source=f"10.3.0.{flow + 1}"))
                 for at in range(int(seconds / idle))]
    for number in range(int(seconds / 0.02)):
        source = f"10.4.{number >> 8}.{number & 255}"
        sent += [(number * 0.02 + more * 0.07, frames.udp(5000, 7000, b"short", source=source)) for more in range(chosen.randint(1, 3))]
    for number in range(int(seconds / 0.1)):
        client = next(port)
        conversation = frames.tcp_conversation(80, b"request", b"answer", client_port=client)
        if number % 2:
            conversation.append(frames.tcp(80, client, 7, 8, RST, source=frames.SERVER, destination=frames.CLIENT))
        conversation.append(frames.tcp(next(port), 80, 0, 0, SYN))
        sent += [(number * 0.1 + 0.01 * step, frame) for step, frame in enumerate(conversation)]
    for number in range(int(seconds / 0.5)):
        first, later = fragments(number + 1)
        sent += [(number * 0.5, later), (number * 0.5 + 0.4, first)]
    return sorted((at, frame) for at, frame in sent if at < seconds)


def schedule(sent):
    return "".join(f"{at:.4f} {frame.hex()}\n" for at, frame in sent)


def promise(heartbeat, output):
    """(last seq, {field of a record: the least value that it has in records behind that})."""
    position = heartbeat["outputs"].index(output)
    last_seen, first_seen = heartbeat["least_last_seen"], heartbeat["oldest_open_first_seen"]
    return heartbeat["last_seqs"][position], {
        "bidirectional_last_seen": last_seen,
        "bidirectional_first_seen": last_seen if first_seen is None else first_seen,
        "record_time": heartbeat["least_record_time"],
    }


def broken_promises(heartbeats, records, output):
    """Pairs of a heartbeat and a record behind it with a lower time than it promised."""
    broken = []
    for heartbeat in heartbeats:
        last_seq, least = promise(heartbeat, output)
        broken += [(heartbeat["seq"], record["seq"], field) for record in records if record["seq"] > last_seq
                   for field, time in least.items() if time is not None and record[field] < time]
    return broken


class EventTime:
    """A consumer that reads flows and heartbeats as they come. It takes a heartbeat's bound for its watermark once it has all records
    that the heartbeat tells of, and that were not dropped."""

    def __init__(self, output):
        self.output, self.watermark, self.late, self.is_complete = output, None, [], False
        # The seqs that are here; those below next_seq are, but for so many gaps.
        self.seen, self.next_seq, self.gaps, self.waiting = set(), 0, 0, []
        # What it would have taken for late by the latest last packet alone.
        self.newest, self.late_by_newest = None, 0

    def record(self, record):
        time = record["bidirectional_last_seen"]
        if self.watermark is not None and time < self.watermark:
            self.late.append(record)
        self.late_by_newest += self.newest is not None and time < self.newest
        self.newest = time if self.newest is None else max(self.newest, time)
        self.seen.add(record["seq"])
        self.go_on()

    def heartbeat(self, heartbeat):
        self.waiting.append(heartbeat)
        self.go_on()

    def is_due(self, heartbeat):
        """Whether all records are here that it tells of, but those that were dropped."""
        position = heartbeat["outputs"].index(self.output)
        missing = sum(seq not in self.seen for seq in range(self.next_seq, heartbeat["last_seqs"][position] + 1))
        return self.gaps + missing <= heartbeat["records_dropped"][position]

    def go_on(self):
        due = [number for number, heartbeat in enumerate(self.waiting) if self.is_due(heartbeat)]
        if not due:
            return
        heartbeat = self.waiting[due[-1]]
        del self.waiting[:due[-1] + 1]
        self.is_complete = heartbeat["is_last"]
        last_seq, least = promise(heartbeat, self.output)
        while self.next_seq <= last_seq:  # what is missing now was dropped
            self.gaps += self.next_seq not in self.seen
            self.next_seq += 1
        time = least["bidirectional_last_seen"]
        if time is not None and (self.watermark is None or time > self.watermark):
            self.watermark = time


def by_boot(records):
    """Each run's, in the order of their seqs."""
    runs = defaultdict(list)
    for record in records:
        runs[record["boot_id"]].append(record)
    return {boot: sorted(found, key=lambda record: record["seq"]) for boot, found in runs.items()}
