#!/usr/bin/env python3
"""A capture of two days in a small office, the same bytes each time: what deploy/questions.md asks about has happened there.

Usage: python3 tests/tables/office.py OFFICE.pcap
"""
import datetime
import struct
import sys
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "e2e"))
import frames  # noqa: E402 (its folder is known only now)

MONDAY = 467_200  # seconds behind frames.START: 2023-11-20, 8 o'clock
HOUR, DAY = 3600, 86400
FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
SEGMENT = 1400

ANN, BEN, CAM, DAN, VISITOR = "10.0.0.11", "10.0.0.12", "10.0.0.13", "10.0.0.14", "10.0.0.15"
RESOLVER, FILES, DATABASE, GATEWAY, DIRECTORY, PRINTER = (f"10.0.0.{host}" for host in (2, 5, 6, 7, 8, 9))
WIKIPEDIA, SHOP, CDN = "198.51.100.10", "198.51.100.20", "198.51.100.77"
STORE, NEWS, TIME, HOME = "203.0.113.66", "203.0.113.80", "192.0.2.123", "192.0.2.200"


def certificate(name, until):
    """A certificate of a year in DER: Ed25519 signs without chance, so its bytes are always the same."""
    key = Ed25519PrivateKey.from_private_bytes(bytes(32))
    subject, issuer = (x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, one)]) for one in (name, "Example CA"))
    return (x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key.public_key()).serial_number(1)
            .not_valid_before(until - datetime.timedelta(days=365)).not_valid_after(until).sign(key, None).public_bytes(Encoding.DER))


def tls_record(kind, body):
    return struct.pack("!BHH", kind, 0x0303, len(body)) + body


def tls_handshake(kind, body):
    return tls_record(22, bytes([kind]) + len(body).to_bytes(3, "big") + body)


def tls_answer(der):
    """ServerHello of TLS 1.2, which shows the certificate, and ServerHelloDone."""
    hello = b"\x03\x03" + bytes(range(32)) + b"\0" + struct.pack("!HBH", 0xC02F, 0, 0)
    one = len(der).to_bytes(3, "big") + der
    return tls_handshake(2, hello) + tls_handshake(11, len(one).to_bytes(3, "big") + one) + tls_handshake(14, b"")


def tls_data(size):
    return b"".join(tls_record(23, bytes(min(16000, size - begin))) for begin in range(0, size, 16000))


class Office:
    """Collects frames; each method is something that happens."""

    def __init__(self):
        self.frames = []  # (seconds, bytes)
        self.port = 20000

    def next_port(self):
        self.port += 1
        return self.port

    def ask(self, time, client, server, port, question, answer, client_port=None):
        """A datagram and its answer, if there is one."""
        own = client_port or self.next_port()
        self.frames.append((time, frames.udp(own, port, question, client, server)))
        if answer:
            self.frames.append((time + 0.01, frames.udp(port, own, answer, server, client)))

    def resolve(self, time, client, name, found=True):
        query = frames.dns_query(name.encode().split(b"."))
        answer = query[:2] + struct.pack("!HHH", 0x8180 if found else 0x8183, 1, int(found)) + query[8:]
        if found:
            answer += struct.pack("!HHHIH4s", 0xC00C, 1, 1, 300, 4, bytes([198, 51, 100, 1]))
        self.ask(time, client, RESOLVER, 53, query, answer)

    def knock(self, time, client, server, port, refused=False):
        """Opens a connection that is refused, or to which nobody answers: then it tries once more."""
        own = self.next_port()
        for wait in (0,) if refused else (0, 1):
            self.frames.append((time + wait, frames.tcp(own, port, 7, 0, SYN, b"", client, server)))
        if refused:
            self.frames.append((time + 0.001, frames.tcp(port, own, 0, 8, RST | ACK, b"", server, client)))

    def talk(self, time, client, server, port, messages, pause=0.0, twice=0):
        """A TCP connection with messages in turns, the client's first; `pause` is before each segment. Of the segments of
        messages each one whose number `twice` divides is sent twice."""
        own = self.next_port()
        ends = [(client, own, server, port), (server, port, client, own)]
        sent = [1000, 5000]  # by each end, as sequence numbers

        def segment(end, flags, payload=b"", after=0.002, back=0):
            nonlocal time
            time += after
            source, source_port, destination, destination_port = ends[end]
            seen = 0 if flags == SYN else sent[1 - end]
            self.frames.append((time, frames.tcp(source_port, destination_port, sent[end] - back, seen, flags, payload, source,
                                                 destination)))
            sent[end] += 0 if back else len(payload) + bool(flags & (SYN | FIN))

        segment(0, SYN)
        segment(1, SYN | ACK)
        segment(0, ACK)
        count = 0
        for number, message in enumerate(messages):
            end = number % 2
            for begin in range(0, len(message), SEGMENT):
                part = message[begin:begin + SEGMENT]
                segment(end, PSH | ACK, part, after=pause + 0.002)
                count += 1
                if twice and count % twice == 0:
                    segment(end, PSH | ACK, part, after=0.2, back=len(part))
            segment(1 - end, ACK)
        for end in (0, 1):
            segment(end, FIN | ACK)
        segment(0, ACK)

    def browse(self, time, client, server, name, size, until=datetime.datetime(2024, 6, 30), sent=200, **how):
        """A page by TLS: `sent` bytes of request, `size` of answer."""
        self.talk(time, client, server, 443, [frames.tls_client_hello(name.encode()), tls_answer(certificate(name, until)),
                                              tls_record(20, b"\1") + tls_record(22, bytes(40)) + tls_data(sent), tls_data(size)], **how)


def work(office, day):
    """What happens every day."""
    for hour in range(4):
        for place, client in enumerate((ANN, BEN, CAM)):
            time = day + hour * HOUR + place * 200
            for name, server, size in (("en.wikipedia.org", WIKIPEDIA, 60_000), ("www.example.com", SHOP, 20_000)):
                office.resolve(time, client, name)
                office.browse(time + 1, client, server, name, size + 1000 * place)
                time += 40 + 7 * hour
            request = f"GET /day HTTP/1.1\r\nHost: intranet.example\r\nUser-Agent: browser/{place}\r\n\r\n".encode()
            page = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 9000\r\n\r\n" + b"x" * 9000
            office.talk(time, client, FILES, 80, [request, page], twice=8)
            office.talk(time + 5, client, DATABASE, 5432, [b"Q" * 300, b"D" * 20_000], twice=5 if client == BEN else 0)
            office.knock(time + 9, client, DIRECTORY, 389)
    office.browse(day + 1800, ANN, PRINTER, "printer.example", 3000, datetime.datetime(2023, 6, 30))


def begin_ssh(office, time, client, port=22):
    office.talk(time, client, GATEWAY, port, [b"SSH-2.0-OpenSSH_9.2p1\r\n", b"SSH-2.0-OpenSSH_9.6p1\r\n"] + [bytes(300)] * 80,
                pause=60)


def strange(office):
    """What shouldn't happen."""
    for number in range(168):  # DAN's computer calls home each ten minutes, a few seconds sooner or later
        office.browse(MONDAY + number * 600 + number * 7 % 19, DAN, CDN, "cdn-77.example.net", 400)
    office.browse(MONDAY + DAY + HOUR, CAM, STORE, "files.example.net", 2000, sent=1_200_000, pause=5)
    for port in range(1, 51):
        office.knock(MONDAY + DAY + 600 + port * 0.1, VISITOR, FILES, port, refused=True)
    for host in range(100, 140):
        office.knock(MONDAY + DAY + 700 + host * 0.1, VISITOR, f"10.0.0.{host}", 445)
    for number in range(30):
        office.resolve(MONDAY + DAY + 900 + number * 2, VISITOR, f"x{number * 7919 % 1000:03}kq.example.org", found=False)
    office.talk(MONDAY + DAY + 1000, VISITOR, PRINTER, 23, [b"\xff\xfd\x18\xff\xfb\x1f", b"\xff\xfb\x01login: ", b"admin\r\n"])


def two_days():
    """The capture's bytes."""
    office = Office()
    for day in (MONDAY, MONDAY + DAY):
        work(office, day)
    for number in range(98):
        office.ask(MONDAY + number * 1024, FILES, TIME, 123, b"\x23" + bytes(47), b"\x24" + bytes(47), client_port=123)
    office.browse(MONDAY + DAY + 2 * HOUR + 1500, BEN, NEWS, "news.example.org", 15_000)
    begin_ssh(office, MONDAY + HOUR + 77, HOME)
    strange(office)
    return frames.pcap(sorted(office.frames, key=lambda frame: frame[0]))


if __name__ == "__main__":
    Path(sys.argv[1]).write_bytes(two_days())
