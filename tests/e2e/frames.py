"""Packets and captures made by hand, for what no real program sends and for captures that are damaged."""
import socket
import struct

ETHERNET, RAW_IP, USER0 = 1, 101, 147
CLIENT, SERVER = "10.1.0.1", "10.1.0.2"
START = 1_700_000_000


def pcap(packets, link_type=ETHERNET, snapshot=262144):
    """A pcap file: `packets` are (seconds since START, bytes)."""
    blocks = [struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, snapshot, link_type)]
    for time, data in packets:
        microseconds = round(time * 1_000_000)
        kept = data[:snapshot]
        blocks.append(struct.pack("<IIII", START + microseconds // 1_000_000, microseconds % 1_000_000, len(kept), len(data)) + kept)
    return b"".join(blocks)


def checksum(data):
    total = sum(struct.unpack(f"!{(len(data) + 1) // 2}H", data + b"\0" * (len(data) % 2)))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def ipv4(source, destination, protocol, payload):
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), 0, 0x4000, 64, protocol, 0, socket.inet_aton(source),
                       socket.inet_aton(destination))
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + payload


def ethernet(packet, reverse=False):
    ends = (b"\x02\0\0\0\0\x02", b"\x02\0\0\0\0\x01")
    return b"".join(reversed(ends) if reverse else ends) + b"\x08\x00" + packet


def udp(source_port, destination_port, payload, source=CLIENT, destination=SERVER):
    head = struct.pack("!HHHH", source_port, destination_port, 8 + len(payload), 0)
    return ethernet(ipv4(source, destination, 17, head + payload), reverse=source == SERVER)


def tcp(source_port, destination_port, sequence, acknowledged, flags, payload=b"", source=CLIENT, destination=SERVER):
    head = struct.pack("!HHIIBBHHH", source_port, destination_port, sequence, acknowledged, 0x50, flags, 8192, 0, 0)
    return ethernet(ipv4(source, destination, 6, head + payload), reverse=source == SERVER)


def tcp_conversation(port, request, answer, client_port=40000):
    """Handshake, one request, one answer: frames without times."""
    syn, ack, push = 2, 16, 24
    sent, received = 1 + len(request), 1 + len(answer)
    return [
        tcp(client_port, port, 0, 0, syn),
        tcp(port, client_port, 0, 1, syn | ack, source=SERVER, destination=CLIENT),
        tcp(client_port, port, 1, 1, ack),
        tcp(client_port, port, 1, 1, push, request),
        tcp(port, client_port, 1, sent, push, answer, source=SERVER, destination=CLIENT),
        tcp(client_port, port, sent, received, ack),
    ]


def every(step, frames, begin=0.0):
    """Frames with times, `step` seconds between them."""
    return [(begin + index * step, frame) for index, frame in enumerate(frames)]


def conversations(count):
    """A capture of `count` UDP flows of two packets each, one after another within 10 s."""
    frames = []
    for index in range(count):
        port = 10000 + index
        frames += [udp(port, 7000, b"question"), udp(7000, port, b"answer", source=SERVER, destination=CLIENT)]
    return pcap(every(10.0 / len(frames), frames))


def dns_query(name):
    """A query for `name`, a sequence of labels as bytes."""
    question = b"".join(bytes([len(label)]) + label for label in name) + b"\0" + struct.pack("!HH", 1, 1)
    return struct.pack("!HHHHHH", 0x1234, 0x0100, 1, 0, 0, 0) + question


def tls_client_hello(server_name):
    name = struct.pack("!BH", 0, len(server_name)) + server_name
    names = struct.pack("!H", len(name)) + name
    groups = struct.pack("!HHH", 4, 0x001D, 0x0017)
    extensions = struct.pack("!HH", 0, len(names)) + names + struct.pack("!HH", 10, len(groups)) + groups
    body = b"\x03\x03" + bytes(range(32)) + b"\0" + struct.pack("!HHH", 4, 0x1301, 0xC02F) + b"\x01\0"
    body += struct.pack("!H", len(extensions)) + extensions
    handshake = b"\x01" + struct.pack("!I", len(body))[1:] + body
    return b"\x16\x03\x01" + struct.pack("!H", len(handshake)) + handshake
