"""Memory stays flat whatever sequence of headers comes from the network: flows whose packets take turns between IPv4 and IPv6 headers that
nDPI walks and such that it doesn't, fragments, tunnels, TCP and UDP, with payloads that nDPI keeps and without. The capture comes by a pipe
that stays open, so what is resident is seen while the sensor works. With LONG=yes it is ten times as long.

Run: python3 tests/e2e/run.py test_soak
"""
import os
import random
import re
import struct
import sys
import unittest
from pathlib import Path

from scapy.packet import Raw

from frames import dns_query, ethernet, pcap, tls_client_hello
from harness import CAPTURES, REPOSITORY, Case
from tunnel_frames import Layer, wrapped

sys.path.insert(0, str(REPOSITORY / "tests" / "fuzz"))
import seeds  # noqa: E402

TCP, UDP = 6, 17
HOP_BY_HOP, ROUTING, FRAGMENT, AUTHENTICATION, DESTINATION, MOBILITY, HIP, SHIM6 = 0, 43, 44, 51, 60, 135, 139, 140
FLOWS, PACKETS = 1000, 5
ROUNDS = 400 if os.environ.get("LONG") == "yes" else 40
WARM = 5
# Of a leak of nDPI's buffers of 2 KiB, in one flow of ten, it would be three times that in the short run.
FLAT = 2 << 20
# Stands for each flow's own address.
NAME_4, NAME_6 = b"\x0a\x5a\xa5\x5a", bytes.fromhex("fd005aa55aa55aa5a55aa55aa55aa55a")
SERVER_4, SERVER_6 = b"\x0a\0\0\x02", bytes.fromhex("fd00" + "00" * 13 + "02")
PORTS = (443, 25, 3389, 40001)


def payloads():
    """Some that nDPI keeps while it waits for more, some that it knows at once, and the first ones of captures."""
    hello = tls_client_hello(b"soak.example.org")
    found = [b"", b"z" * 100, b"\x16\x03\x01\x3f\xff\x01\0\x3f\xfb\x03\x03" + b"\x55" * 900, hello, hello[:60],
             b"GET /soak HTTP/1.1\r\nHost: soak.example.org\r\nUser-Agent: soak\r\n\r\n", dns_query([b"soak", b"example"]),
             b"220 soak.example.org ESMTP\r\n", b"STARTTLS\r\n"]
    for name in ("quic", "tls13", "http", "ssh"):
        packets = filter(None, map(seeds.payload_of, seeds.frames((CAPTURES / f"{name}.pcap").read_bytes())))
        found += [packet[-1] for packet in packets if packet[-1]][:6]
    return found


def transport(protocol, client, port, payload):
    if protocol == UDP:
        return struct.pack("!HHHH", client, port, 8 + len(payload), 0) + payload
    return struct.pack("!HHIIBBHHH", client, port, 1, 1, 0x50, 0x18, 8192, 0, 0) + payload


def ip6(next_header, payload):
    return struct.pack("!IHBB", 6 << 28, len(payload), next_header, 64) + NAME_6 + SERVER_6 + payload


def behind(kind, protocol, segment, offset=0, more=0):
    """An IPv6 packet with one header of `kind` before the segment."""
    if kind == FRAGMENT:
        head = struct.pack("!BBHI", protocol, 0, offset << 3 | more, 7)
    elif kind == AUTHENTICATION:
        head = struct.pack("!BBHII", protocol, 4, 0, 1, 1) + bytes(12)
    else:
        head = bytes([protocol, 0]) + bytes(6)
    return ip6(kind, head + segment)


def ip4(protocol, payload, fragment=0, options=b""):
    words = 5 + len(options) // 4
    return struct.pack("!BBHHHBBH", 0x40 | words, 0, 4 * words + len(payload), 7, fragment, 64, protocol, 0) + NAME_4 + SERVER_4 + options + payload


SHAPES = [
    ip4,
    lambda protocol, segment: ip4(protocol, segment, options=b"\x01" * 8),
    lambda protocol, segment: ip4(protocol, segment, fragment=0x2000),
    lambda protocol, segment: ip4(protocol, segment, fragment=8),
    lambda protocol, segment: ip4(AUTHENTICATION, struct.pack("!BBHII", protocol, 4, 0, 1, 1) + bytes(12) + segment),
    ip6,
    *[lambda protocol, segment, kind=kind: behind(kind, protocol, segment)
      for kind in (HOP_BY_HOP, ROUTING, FRAGMENT, AUTHENTICATION, DESTINATION, MOBILITY, HIP, SHIM6)],
    lambda protocol, segment: behind(FRAGMENT, protocol, segment, more=1),
    lambda protocol, segment: behind(FRAGMENT, protocol, segment, offset=8),
    lambda _protocol, segment: behind(FRAGMENT, UDP, segment, offset=8),
    lambda _protocol, segment: behind(FRAGMENT, TCP, segment, offset=8),
]


def framed(packet):
    return ethernet(packet)[:12] + (b"\x08\0" if packet[0] >> 4 == 4 else b"\x86\xdd") + packet


def templates():
    """By protocol and port: frames in all shapes with all payloads, and some of them in tunnels."""
    made = {}
    layers = [Layer("gre"), Layer("vxlan", 7), Layer("gtp_u", 9), Layer("erspan_2", 3), Layer("geneve", 5, version=6, options=True)]
    for protocol in (TCP, UDP):
        for port in PORTS:
            packets = [shape(protocol, transport(protocol, 50000, port, payload)) for payload in payloads() for shape in SHAPES]
            tunnelled = [wrapped(Raw(packet), [layer]) for packet in packets[::40] for layer in layers]
            made[protocol, port] = [framed(packet) for packet in packets] + tunnelled
    return made


def capture_of(numbers, choose, made):
    """Flows by `numbers`, their packets in turns, within a second; each of its packets is any of its templates."""
    flows = []
    for number in numbers:
        address_4, address_6 = struct.pack("!BBH", 10, 1 + number // 65536 % 250, number % 65536), b"\xfd\x01" + struct.pack("!QIH", number, 0, 1)
        kinds = made[choose.choice((TCP, UDP)), choose.choice(PORTS)]
        flows.append([frame.replace(NAME_4, address_4).replace(NAME_6, address_6) for frame in choose.choices(kinds, k=PACKETS)])
    return [frame for turn in zip(*flows) for frame in turn]


class Headers(Case):
    def check(self, *options):
        running = self.start("-r", "-", "-w", "null:", "--set", "meter.idle_timeout=1s", *options, stdin=-1)
        made, choose, feed = templates(), random.Random(20261128), running.process.stdin
        feed.write(pcap([]))
        resident = []
        for number in range(ROUNDS):
            frames = capture_of(range(number * FLOWS, (number + 1) * FLOWS), choose, made)
            # Rounds are 10 s apart: what the one before opened is idle.
            feed.write(pcap([(10.0 * number + index / len(frames), frame) for index, frame in enumerate(frames)])[24:])
            feed.flush()
            resident.append(self.resident(running.process))
        feed.close()
        running.process.stdin = None
        ledger = self.ledger(self.ended_well(running.finish()))
        self.assertGreater(ledger.flows["opened"], FLOWS * ROUNDS, "flows change their protocol or are cut")
        grown = resident[-1] - resident[WARM]
        print(f"  {ledger.flows['opened']} flows: {resident[WARM] / 2**20:.1f} MiB after {WARM} rounds, {grown / 2**20:+.1f} MiB at the end")
        self.assertLess(grown, FLAT, resident)

    @staticmethod
    def resident(process):
        return int(re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{process.pid}/status").read_text())[1]) * 1024

    def test_natively(self):
        self.check()

    def test_in_the_nfstream_profile(self):
        self.check("--profile", "nfstream")


if __name__ == "__main__":
    unittest.main()
