#!/usr/bin/env python3
"""Inputs of meter_fuzz.c from captures: the first payloads of each flow, and those of several flows as if they were one.

    seeds.py FOLDER CAPTURE...    writes FOLDER/CAPTURE-NUMBER
"""
import struct
import sys
from collections import defaultdict
from pathlib import Path

# meter_fuzz.c's list.
PORTS = (443, 80, 25, 110, 143, 88, 53, 22, 21, 3389, 5060, 3478, 465, 6881, 40001, 1900)
PACKETS, FLOWS, PAYLOAD_MAX = 12, 40, 1499
TCP, UDP = 6, 17
ETHERTYPES = {0x0800: 4, 0x86DD: 6}


def frames(data):
    """The frames of a pcap file of Ethernet; none of others."""
    if data[:4] not in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1") or struct.unpack_from("<I", data, 20)[0] != 1:
        return
    offset = 24
    while offset + 16 <= len(data):
        length = struct.unpack_from("<I", data, offset + 8)[0]
        yield data[offset + 16:offset + 16 + length]
        offset += 16 + length


def payload_of(frame):
    """(protocol, both ends, is the lower port the source, server's port, payload) of a TCP or UDP packet; else None."""
    version = ETHERTYPES.get(struct.unpack_from("!H", frame, 12)[0]) if len(frame) > 54 else None
    ip = frame[14:]
    if version == 4:
        protocol, header, end, ends = ip[9], (ip[0] & 15) * 4, struct.unpack_from("!H", ip, 2)[0], (ip[12:16], ip[16:20])
    elif version == 6:
        protocol, header, end, ends = ip[6], 40, 40 + struct.unpack_from("!H", ip, 4)[0], (ip[8:24], ip[24:40])
    else:
        return None
    if protocol not in (TCP, UDP) or len(ip) < header + 20:
        return None
    source, destination = struct.unpack_from("!HH", ip, header)
    data = header + ((ip[header + 12] >> 4) * 4 if protocol == TCP else 8)
    key = (protocol, *sorted(((ends[0], source), (ends[1], destination))))
    return protocol, key, source < destination, min(source, destination), ip[data:end]


def step(protocol, back, port, payload, shape):
    """A step, as meter_fuzz.c reads it."""
    who = (PORTS.index(port) if port in PORTS else 14) | (protocol == TCP) << 4 | back << 5
    payload = payload[:PAYLOAD_MAX]
    return struct.pack("!BBBH", shape, who, 0, len(payload)) + payload


def main():
    """Writes the seeds."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for path in map(Path, sys.argv[2:]):
        flows = defaultdict(list)
        for found in filter(None, map(payload_of, frames(path.read_bytes()))):
            protocol, key, back, port, payload = found
            if len(flows[key]) < PACKETS:
                flows[key].append((protocol, back, port, payload))
        for number, packets in enumerate(list(flows.values())[:FLOWS]):
            for options, shape in ((0, 0), (1, 1), (2, 0)):
                seed = bytes([options]) + b"".join(step(*packet, shape) for packet in packets)
                (folder / f"{path.stem}-{number}-{options}").write_bytes(seed)


if __name__ == "__main__":
    main()
