"""Random conversations of DNS, FTP and HTTP, and random payloads: each plays on a Flow and tells what a record must say of it."""
import math
import struct
from collections import Counter

from .packets import ACK, PSH, SYN, UDP

CUT = 0.1  # of the packets are not captured whole, where the group has such
TYPES = (1, 1, 2, 5, 6, 12, 15, 16, 28, 28, 33, 64, 65, 255)
TTLS = (0, 1, 60, 3600, 2**31 - 1, 2**31, 2**32 - 1)


def datagram(flow, side, payload, captured=None):
    flow.put(side, UDP, struct.pack(">HHHH", flow.ports[side], flow.ports[1 - side], 8 + len(payload), 0) + payload, missing(payload, captured))


def own_port(flow):
    """The client's, of which nDPI thinks nothing."""
    return 40000 + flow.ports[0] % 20000


def missing(payload, captured):
    return 0 if captured is None else len(payload) - captured


def segment(flow, side, payload, captured=None):
    """In order and not lost."""
    end = flow.ends_of_tcp[side]
    flow.segment(side, end.next, ACK | (PSH if payload else 0), payload, missing=missing(payload, captured))
    end.next += len(payload)


def connect(flow):
    """A whole handshake without payload."""
    for side, flags in ((0, SYN), (1, SYN | ACK), (0, ACK)):
        flow.segment(side, flow.ends_of_tcp[side].next, flags, b"")
        flow.ends_of_tcp[side].next += flags != ACK


# DNS

def host(chance):
    labels = [bytes(chance.choices(b"abcdefghijklmnopqrstuvwxyz0123456789-_", k=chance.choice((1, 3, 8, 63)))) for _ in range(chance.randrange(1, 4))]
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0"


def answers(chance):
    """(records, the first address's TTL)."""
    made, first = [], None
    for _ in range(chance.choice((0, 1, 1, 2, 5))):
        kind, ttl = chance.choice(TYPES), chance.choice((*TTLS, chance.randrange(100_000)))
        data = bytes(chance.randrange(256) for _ in range({1: 4, 28: 16}.get(kind, chance.randrange(30))))
        name = chance.choice((b"\xc0\x0c", b"\0", host(chance), b"\x03www\xc0\x0c"))
        made.append(name + struct.pack(">HHIH", kind, 1, ttl, len(data)) + data)
        if first is None and kind in (1, 28):
            first = ttl if ttl < 2**31 else 0
    return made, first


def dns(flow):
    """Queries and answers, also of other ids, an answer first, no question, an answer that announces more than it has."""
    chance, flow.by_tcp = flow.chance, flow.chance.random() < 0.3
    flow.ports = (own_port(flow), 53)
    known = dict.fromkeys(("dns_query_id", "dns_query_type", "dns_response_code", "dns_answers", "dns_answer_ttl"))
    if flow.by_tcp and chance.random() < 0.8:
        connect(flow)
    for _ in range(chance.randrange(1, 5)):
        number, kind, has_question = chance.randrange(4) or chance.randrange(65536), chance.choice(TYPES), chance.random() < 0.95
        question = host(chance) + struct.pack(">HH", kind, 1) if has_question else b""
        messages = [(0, struct.pack(">HHHHHH", number, 0x0100, has_question, 0, 0, 0) + question)]
        code, (records, ttl) = chance.choice((0, 0, 2, 3, 5, 15)), answers(chance)
        other, count = chance.random() < 0.1, len(records) + chance.choice((0, 0, 0, 1))
        head = struct.pack(">HHHHHH", number ^ other, 0x8180 | code, has_question, count, chance.randrange(3), 0)
        messages.append((1, head + question + b"".join(records)))
        if chance.random() < 0.1:
            messages.reverse()
        for side, message in messages[:chance.choice((1, 2, 2, 2))]:
            send_dns(flow, side, message)
            note_dns(known, message, kind if has_question else None, ttl)
    return known


def send_dns(flow, side, message):
    if not flow.by_tcp:
        datagram(flow, side, message)
    elif flow.chance.random() < 0.2:
        segment(flow, side, struct.pack(">H", len(message)))
        segment(flow, side, message)
    else:
        segment(flow, side, struct.pack(">H", len(message)) + message)


def note_dns(known, message, kind, ttl):
    number, flags, _, count = struct.unpack_from(">HHHH", message)
    if known["dns_query_id"] is None:
        known.update(dns_query_id=number, dns_query_type=kind)
    if flags & 0x8000 and number == known["dns_query_id"] and known["dns_response_code"] is None:
        known.update(dns_response_code=flags & 15, dns_answers=count, dns_answer_ttl=ttl)


# FTP

def ftp(flow):
    """Commands, replies of a line and of several, and what begins like a reply and is none."""
    chance, known = flow.chance, {"ftp_reply_code": None}
    flow.by_tcp, flow.ports = True, (own_port(flow), 21)
    if chance.random() < 0.8:
        connect(flow)
    else:
        segment(flow, 0, b"NOOP\r\n")
    for _ in range(chance.randrange(6)):
        code = chance.choice((chance.randrange(100, 560), 220, 331, 230, 0, 999))
        reply = b"%03d%c%s\r\n" % (code, chance.choice(b"  -\t.x"), chance.choice((b"ready", b"", b"(|||6446|)")))
        if chance.random() < 0.2:
            reply = chance.choice((b"22", b" 220 ", b"2 20", b"220", b"22\xb9 x", b"abc 220 "))
        segment(flow, 1, reply)
        if reply[3:4] in (b" ", b"-") and reply[:3].isdigit():
            known["ftp_reply_code"] = code
        segment(flow, 0, chance.choice((b"USER x\r\n", b"PASV\r\n", b"200 not a reply\r\n")))
    return known


# Entropy

def entropy(flow):
    """First payloads of random alphabets and lengths, some captured in part."""
    chance, flow.by_tcp, known, seen = flow.chance, flow.chance.random() < 0.5, {}, {}
    if flow.by_tcp and chance.random() < 0.8:
        connect(flow)
    for _ in range(chance.randrange(1, 6)):
        side = int(chance.random() < 0.5 and bool(flow.frames))
        alphabet = chance.sample(range(256), chance.choice((1, 2, 16, 64, 256)))
        length = chance.choice((0, 1, 15, 16, 17, 500, 511, 512, 513, 1460, chance.randrange(1460)))
        payload = bytes(chance.choices(alphabet, k=length))
        captured = chance.randrange(length) if length and chance.random() < CUT else None
        (segment if flow.by_tcp else datagram)(flow, side, payload, captured)
        if payload:
            seen.setdefault(side, payload[:captured][:512])
    for side, name in enumerate(("src2dst", "dst2src")):
        known[f"{name}_payload_entropy_bytes"] = len(seen[side]) if side in seen else None
        known[f"{name}_payload_entropy"] = shannon(seen[side]) if len(seen.get(side, b"")) >= 16 else None
    return known


def shannon(data):
    shares = [count / len(data) for count in Counter(data).values()]
    return abs(sum(share * math.log2(1 / share) for share in shares))


# HTTP

def http(flow):
    """One request and its response, which nDPI reads, but for that to CONNECT; more of them only with the same method and status."""
    chance = flow.chance
    flow.by_tcp, flow.ports = True, (own_port(flow), chance.choice((80, 8080, 3128, flow.ports[1])))
    method = chance.choice(("GET", "GET", "POST", "OPTIONS", "HEAD", "PUT", "PATCH", "DELETE", "CONNECT"))
    status = chance.choice((200, 204, 301, 302, 304, 400, 403, 404, 500, 503, chance.randrange(100, 510)))
    name = f"h{chance.randrange(10**6)}.example-{chance.randrange(1000)}.org"
    target = f"{name}:443" if method == "CONNECT" else "/" + "".join(chance.choices("abcdefgh/", k=chance.randrange(40)))
    if chance.random() < 0.9:
        connect(flow)
    for _ in range(chance.choice((1, 1, 1, 2))):
        body = bytes(chance.choices(range(32, 127), k=chance.choice((0, 0, 10, 500))))
        head = f"{method} {target} HTTP/1.{chance.randrange(2)}\r\nHost: {name}\r\nUser-Agent: made/1.{chance.randrange(9)}\r\n"
        segment(flow, 0, f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        segment(flow, 1, f"HTTP/1.{chance.randrange(2)} {status} Made\r\nServer: made\r\nContent-Type: text/plain\r\n\r\n".encode() + body)
    return {"http_method": method, "http_status": None if method == "CONNECT" else status}

