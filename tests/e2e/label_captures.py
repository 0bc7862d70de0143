"""Captures for each cache of nDPI: flows that fill it, then many that find it filled. Their labels depend on which meter they meet."""
import struct

import frames
from frames import tcp_conversation, tls_client_hello, udp

FLOWS = 24
NOISE = bytes(range(200, 240))
CLIENT_PORT = 21000  # as all the others a port by which nDPI guesses nothing
ATTRIBUTE_WHATSAPP, ATTRIBUTE_REALM, ATTRIBUTE_SKYPE = 0x4000, 0x0014, 0x8054


def stun(attribute, value):
    attributes = struct.pack("!HH", attribute, len(value)) + value
    return struct.pack("!HHI", 1, len(attributes), 0x2112A442) + b"transaction." + attributes


def handshake(kind, body):
    return bytes([kind]) + struct.pack("!I", len(body))[1:] + body


def sized(body):
    """With its size before it, in three bytes."""
    return struct.pack("!I", len(body))[1:] + body


def tls(client_port, name, subject=None):
    """A TLS 1.2 conversation; with `subject` the server has a certificate, made up of what nDPI reads of it."""
    answer = handshake(2, b"\x03\x03" + bytes(32) + b"\0\xc0\x2f\0")
    if subject:
        unit = b"\x55\x04\x0b\x13" + bytes([len(subject)]) + subject
        answer += handshake(11, sized(sized(b"\x30\x82\x01\x00" + bytes(20) + unit + bytes(200))))
    return tcp_conversation(443, tls_client_hello(name), b"\x16\x03\x03" + struct.pack("!H", len(answer)) + answer, client_port)


def tinc(number):
    """TINC over TCP, and one UDP flow: nDPI forgets the entry as soon as it is found."""
    port = 23000 + number
    name, key = b"0 alice 17\n", b"1 94 64 0 0 ABCDEF0123\n"
    opening = tcp_conversation(port, name, name, CLIENT_PORT + number)[:5]
    sequence = 1 + len(name)
    return opening + [
        frames.tcp(CLIENT_PORT + number, port, sequence, sequence, 24, key),
        frames.tcp(port, CLIENT_PORT + number, sequence, sequence + len(key), 24, key, frames.SERVER, frames.CLIENT),
        udp(25000 + number, port, NOISE),
    ]


def follow(first, flow):
    return first + [frame for number in range(FLOWS) for frame in flow(number)]


def unknown(number, port=22000):
    return [udp(CLIENT_PORT + number, port, NOISE)]


def to_port_8080(number):
    return tcp_conversation(8080, NOISE, NOISE, CLIENT_PORT + number)


def whatsapp(number, attribute=ATTRIBUTE_WHATSAPP):
    return [udp(CLIENT_PORT, 3478, stun(attribute, b"abcd"), destination=f"10.1.1.{number + 1}")]


def captures():
    """(name of the cache, capture)."""
    teams = tls(20000, b"teams.microsoft.com")
    fortigate = tls(20000, b"x.example", b"FortiGate")
    return [(cache, frames.pcap(frames.every(0.01, packets))) for cache, packets in (
        ("msteams_cache", follow(teams, lambda n: [udp(CLIENT_PORT + n, 3478, stun(ATTRIBUTE_SKYPE, b"\1\0\0\0"))])),
        ("stun_cache", follow(whatsapp(FLOWS), lambda n: whatsapp(n, 0x0006))),
        ("stun_cache", follow(whatsapp(FLOWS), lambda n: whatsapp(n, ATTRIBUTE_REALM))),
        ("zoom_cache", follow(tls(20000, b"us04web.zoom.us"), lambda n: unknown(n, 8801))),
        ("tls_cert_cache", follow(fortigate, lambda n: tls(CLIENT_PORT + n, b"x.example", b"FortiGate"))),
        ("tls_cert_cache", follow(fortigate, lambda n: tls(CLIENT_PORT + n, b"x.example"))),
        ("bittorrent_cache", follow([udp(20001, 20002, b"d1:ad2:id20:" + NOISE)], unknown)),
        ("mining_cache", follow([udp(30303, 30303, b"\xff" * 97 + b"\1" + NOISE)], unknown)),
        ("ookla_cache", follow(tcp_conversation(8080, b"<policy-file-request/>\0", b"x", 20000), to_port_8080)),
        ("tinc_cache", follow([], tinc)),
    )]
