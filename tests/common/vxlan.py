"""What a node's uplink shows of the frames of a capture: the same frames in VXLAN between two nodes, a little later."""
import socket
import struct

FILE_HEADER, PACKET_HEADER = struct.Struct("<IHHiIII"), struct.Struct("<IIII")
MAGIC = 0xA1B2C3D4  # pcap, microseconds, little-endian
NODES = ("192.0.2.11", "192.0.2.12")
PORT, SOURCE_PORT, VNI = 8472, 50000, 42


def packets(capture):
    """(time in microseconds, frame, bytes on the wire) of each packet of a pcap of Ethernet, given as bytes."""
    magic, *_, link_type = FILE_HEADER.unpack_from(capture)
    if (magic, link_type) != (MAGIC, 1):
        raise ValueError("no pcap of Ethernet with microseconds in little-endian order")
    at = FILE_HEADER.size
    while at < len(capture):
        seconds, microseconds, kept, length = PACKET_HEADER.unpack_from(capture, at)
        at += PACKET_HEADER.size
        yield seconds * 1_000_000 + microseconds, capture[at:at + kept], length
        at += kept


def pcap(frames):
    """The bytes of a pcap of such packets."""
    parts = [FILE_HEADER.pack(MAGIC, 2, 4, 0, 0, 262144, 1)]
    for time, frame, length in frames:
        parts += [PACKET_HEADER.pack(time // 1_000_000, time % 1_000_000, len(frame), length), frame]
    return b"".join(parts)


def outer(frame, length):
    """The headers before a frame that has `length` bytes on the wire. The IPv4 checksum is 0, as a card is left to fill it in."""
    udp = struct.pack("!HHHH", SOURCE_PORT, PORT, 8 + 8 + length, 0)
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + 16 + length, 0, 0, 64, 17, 0, *map(socket.inet_aton, NODES))
    return bytes.fromhex("020000000b02020000000b010800") + ip + udp + struct.pack("!II", 8 << 24, VNI << 8) + frame


def wrapped(capture, later_us):
    """The capture as the uplink has it: bytes of a pcap."""
    return pcap((time + later_us, wrap, length + len(wrap) - len(frame)) for time, frame, length in packets(capture)
                for wrap in (outer(frame, length),))
