"""Frames of pcap and pcapng files: (time in microseconds, link type, captured bytes, length on the wire), in the file's order.

Ends silently where a file is cut: whoever compares sees that packets are missing.
"""
import struct

PCAP = {0xA1B2C3D4: 1, 0xA1B23C4D: 1000}
SECTION, INTERFACE, OLD_PACKET, SIMPLE, ENHANCED = 0x0A0D0D0A, 1, 2, 3, 6
TSRESOL, TSOFFSET = 9, 14
MICROSECONDS = 6


def frames(data):
    """The frames of a file's bytes."""
    if len(data) >= 4 and struct.unpack("<I", data[:4])[0] == SECTION:
        yield from of_pcapng(data)
    else:
        yield from of_pcap(data)


def of_pcap(data):
    for order in "<>":
        if len(data) >= 24 and (per_us := PCAP.get(struct.unpack(order + "I", data[:4])[0])):
            break
    else:
        return
    link_type = struct.unpack_from(order + "I", data, 20)[0] & 0xFFFF
    at = 24
    while at + 16 <= len(data):
        seconds, fraction, captured, wire = struct.unpack_from(order + "IIII", data, at)
        at += 16
        if at + captured > len(data):
            return
        yield seconds * 10**6 + fraction // per_us, link_type, data[at:at + captured], wire
        at += captured


class Interface:
    """What a pcapng's interface says of its packets."""

    def __init__(self, body, order):
        self.link_type, _, self.snap = struct.unpack_from(order + "HHI", body)
        self.ticks, self.offset = 10**MICROSECONDS, 0
        for code, value in options(body[8:], order):
            if code == TSRESOL:
                self.ticks = 2**(value[0] & 127) if value[0] & 128 else 10**value[0]
            elif code == TSOFFSET:
                self.offset = struct.unpack(order + "q", value[:8])[0]

    def time(self, high, low):
        return ((high << 32) + low) * 10**6 // self.ticks + self.offset * 10**6


def options(body, order):
    at = 0
    while at + 4 <= len(body):
        code, length = struct.unpack_from(order + "HH", body, at)
        if code == 0:
            return
        yield code, body[at + 4:at + 4 + length]
        at += 4 + (length + 3) // 4 * 4


def of_pcapng(data):
    at, order, interfaces = 0, "<", []
    while at + 12 <= len(data):
        kind = struct.unpack_from(order + "I", data, at)[0]
        if kind == SECTION:
            order = "<" if data[at + 8:at + 12] == b"\x4d\x3c\x2b\x1a" else ">"
            interfaces = []
        length = struct.unpack_from(order + "I", data, at + 4)[0]
        if length < 12 or at + length > len(data):
            return
        body = data[at + 8:at + length - 4]
        at += length
        if kind == INTERFACE:
            interfaces.append(Interface(body, order))
        elif frame := frame_of(kind, body, order, interfaces):
            yield frame


def frame_of(kind, body, order, interfaces):
    if kind == ENHANCED:
        number, high, low, captured, wire = struct.unpack_from(order + "IIIII", body)
        interface, start = interfaces[number], 20
    elif kind == OLD_PACKET:
        number, _, high, low, captured, wire = struct.unpack_from(order + "HHIIII", body)
        interface, start = interfaces[number], 20
    elif kind == SIMPLE:
        wire, = struct.unpack_from(order + "I", body)
        interface, start, high, low = interfaces[0], 4, 0, 0
        captured = min(wire, interface.snap or wire)
    else:
        return None
    return interface.time(high, low), interface.link_type, body[start:start + captured], wire
