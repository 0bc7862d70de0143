"""A capture of our own making and what a flow meter must say of it: each flow is drawn first, so its counters, statistics
and sequence are known without any meter. UDP and TCP over IPv4 and IPv6, some with a VLAN tag, all within one minute.
"""
import math
import random
import socket
import struct
from pathlib import Path
from typing import NamedTuple

from plants import DIRECTIONS, FLAGS

SEED = 4711
FLOWS = 6000
START_US = 1_750_000_000_000_000
SPAN_US = 50_000_000
PLACES = 20
TCP, UDP = 6, 17
# The TCP header's bits, in the order of FLAGS.
BITS = dict(zip(FLAGS, (0x02, 0x80, 0x40, 0x20, 0x10, 0x08, 0x04, 0x01)))
RELATIVE_TOLERANCE = 1e-9


class Packet(NamedTuple):
    """One packet of a flow: microseconds since 1970, 0 or 1 for its direction, TCP flags, bytes of payload."""
    time: int
    direction: int
    flags: int
    payload: int


class Flow(NamedTuple):
    """One flow: ends[0] is who sent first; each is (address, port)."""
    ends: tuple
    protocol: int
    version: int
    vlan: int
    packets: list


def draw_packets(dice, protocol):
    """One to twelve packets in order of time; of them the first goes from source to destination."""
    times = sorted(START_US + dice.randrange(SPAN_US) for _ in range(dice.choice((1, 1, 2, 3, 5, 12))))
    packets = []
    for number, time in enumerate(times):
        flags = (0x02 if number == 0 else dice.getrandbits(8)) if protocol == TCP else 0
        packets.append(Packet(time, dice.getrandbits(1) if number else 0, flags, dice.choice((0, 1, 100, 900, 1400))))
    return packets


def draw_flow(dice, number):
    """A flow with a client address and port that no other flow has."""
    version, protocol = dice.choice((4, 4, 4, 6)), dice.choice((TCP, UDP))
    prefix = "10.{}.{}.{}" if version == 4 else "2001:db8:{:x}:{:x}::{:x}"
    client = prefix.format(number >> 16, number >> 8 & 255, number & 255)
    if version == 6:
        client = socket.inet_ntop(socket.AF_INET6, socket.inet_pton(socket.AF_INET6, client))
    server = "192.0.2.9" if version == 4 else "2001:db8::9"
    ends = ((client, dice.randrange(30000, 60000)), (server, dice.choice((53, 443, 7777, 65535))))
    # The initiator isn't always the end with the higher port or the lower address.
    if dice.random() < 0.3:
        ends = ends[::-1]
    return Flow(ends, protocol, version, dice.choice((0, 0, 0, 17, 4094)), draw_packets(dice, protocol))


def transport(flow, packet):
    """The transport header and zeros as payload (nDPI may guess, it never sees a protocol)."""
    ports = [port for _, port in flow.ends]
    if packet.direction:
        ports.reverse()
    if flow.protocol == UDP:
        return struct.pack(">HHHH", *ports, 8 + packet.payload, 0) + bytes(packet.payload)
    return struct.pack(">HHIIBBHHH", *ports, 0, 0, 0x50, packet.flags, 8192, 0, 0) + bytes(packet.payload)


def frame(flow, packet):
    """The Ethernet frame."""
    segment = transport(flow, packet)
    family = socket.AF_INET if flow.version == 4 else socket.AF_INET6
    source, destination = (socket.inet_pton(family, address) for address, _ in flow.ends[::-1 if packet.direction else 1])
    if flow.version == 4:
        network = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(segment), 0, 0x4000, 64, flow.protocol, 0)
    else:
        network = struct.pack(">IHBB", 0x60000000, len(segment), flow.protocol, 64)
    kind = struct.pack(">H", 0x0800 if flow.version == 4 else 0x86DD)
    tag = struct.pack(">HH", 0x8100, flow.vlan) if flow.vlan else b""
    macs = (b"\x02\0\0\0\0\x01", b"\x02\0\0\0\0\x02")
    return macs[packet.direction ^ 1] + macs[packet.direction] + tag + kind + network + source + destination + segment


def size_of(flow, packet):
    """The frame's length."""
    header = 14 + (4 if flow.vlan else 0) + (20 if flow.version == 4 else 40) + (8 if flow.protocol == UDP else 20)
    return header + packet.payload


def draw(count=FLOWS):
    """All flows."""
    dice = random.Random(SEED)
    return [draw_flow(dice, number) for number in range(count)]


def write(path, flows):
    """The capture: packets of all flows by time, classic pcap."""
    packets = sorted(((packet.time, number, place) for number, flow in enumerate(flows)
                      for place, packet in enumerate(flow.packets)))
    blocks = [struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)]
    for time, number, place in packets:
        data = frame(flows[number], flows[number].packets[place])
        blocks.append(struct.pack("<IIII", time // 1_000_000, time % 1_000_000, len(data), len(data)) + data)
    Path(path).write_bytes(b"".join(blocks))


def moments(values):
    """Least, mean, sample standard deviation and greatest of some numbers, by their definitions."""
    if not values:
        return 0, 0.0, 0.0, 0
    mean = math.fsum(values) / len(values)
    squares = math.fsum((value - mean) ** 2 for value in values)
    return min(values), mean, math.sqrt(squares / (len(values) - 1)) if len(values) > 1 else 0.0, max(values)


def direction_fields(flow, name, packets, profile):
    """The fields of one direction; `packets` are (time in ticks, size, flags)."""
    unit, stamp = ("us", "") if profile == "native" else ("ms", "_ms")
    times, sizes = [packet[0] for packet in packets], [packet[1] for packet in packets]
    absent = None if profile == "native" else 0
    record = {f"first_seen{stamp}": times[0] if times else absent, f"last_seen{stamp}": times[-1] if times else absent,
              f"duration_{unit}": times[-1] - times[0] if times else 0, "packets": len(times), "bytes": sum(sizes)}
    intervals = [later - earlier for earlier, later in zip(times, times[1:])]
    for kind, values in (("ps", sizes), (f"piat_{unit}", intervals)):
        record.update(zip((f"{what}_{kind}" for what in ("min", "mean", "stddev", "max")), moments(values)))
    for flag, bit in BITS.items():
        record[f"{flag}_packets"] = sum(bool(packet[2] & bit) for packet in packets)
    return {f"{name}_{field}": value for field, value in record.items()}


def record_of(flow, profile):
    """Every field that packets alone decide."""
    tick = 1 if profile == "native" else 1000
    unit = "us" if profile == "native" else "ms"
    packets = [(packet.time // tick, size_of(flow, packet), packet.flags, packet.direction) for packet in flow.packets]
    record = {"protocol": flow.protocol, "ip_version": flow.version, "vlan_id": flow.vlan, "tunnel_id": 0}
    if profile == "native":
        record["tunnel_key"] = None
    for side, (address, port) in zip(("src", "dst"), flow.ends):
        record[f"{side}_ip"], record[f"{side}_port"] = address, port
    for side, mac in (("src", "02:00:00:00:00:01"), ("dst", "02:00:00:00:00:02")):
        record[f"{side}_mac"], record[f"{side}_oui"] = mac, mac[:8]
    for d, name in enumerate(DIRECTIONS):
        record.update(direction_fields(flow, name, [packet for packet in packets if d == 0 or packet[3] == d - 1], profile))
    first = packets[:PLACES]
    fill = [] if profile == "native" else [-1] * (PLACES - len(first))
    record["splt_direction"] = [packet[3] for packet in first] + fill
    record["splt_ps"] = [packet[1] for packet in first] + fill
    record[f"splt_piat_{unit}"] = [0, *(b[0] - a[0] for a, b in zip(first, first[1:]))] + fill
    return record


def close(wanted, got):
    """Equal; for mean and deviation to 1e-9, since another order of additions gives another last bit."""
    if isinstance(wanted, float):
        return isinstance(got, float) and math.isclose(wanted, got, rel_tol=RELATIVE_TOLERANCE, abs_tol=1e-9)
    return wanted == got and isinstance(wanted, bool) == isinstance(got, bool)


def differences(flows, records, schema, profile):
    """Compares records with what was drawn; lines, and the number of fields that were compared."""
    by_ends = {}
    for record in records:
        row = dict(zip(schema.names, record))
        by_ends[(row["src_ip"], row["src_port"], row["dst_ip"], row["dst_port"], row["protocol"])] = row
    lines = [] if len(records) == len(flows) else [f"{len(records)} records of {len(flows)} flows"]
    compared = 0
    for flow in flows:
        wanted = record_of(flow, profile)
        got = by_ends.get((*flow.ends[0], *flow.ends[1], flow.protocol))
        if got is None:
            lines.append(f"no record of the flow {flow.ends}")
            continue
        compared += len(wanted)
        lines += [f"{flow.ends} {name}: drawn {value!r}, recorded {got[name]!r}" for name, value in wanted.items()
                  if not close(value, got[name])]
    return lines[:3], compared
