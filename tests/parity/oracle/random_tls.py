"""Random handshakes of TLS, DTLS and QUIC, with certificates that are made here."""
import struct
from datetime import datetime, timedelta, timezone
from functools import lru_cache

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from . import quic as initial
from .random_talk import connect, datagram, own_port, segment

TLS_1_0, TLS_1_2, TLS_1_3, DTLS_1_2 = 0x0301, 0x0303, 0x0304, 0xFEFD
CIPHERS = (0x002F, 0x0035, 0x009C, 0xC013, 0xC02B, 0xC02F, 0xC030, 0xCCA8, 0x0005, 0x000A)
CIPHERS_1_3 = (0x1301, 0x1302, 0x1303)
PROTOCOLS = (b"h2", b"http/1.1", b"http/1.0", b"spdy/3.1", b"h3", b"acme-tls/1", b"dot", b"x", b"a-protocol-of-its-own-" + b"x" * 100)
GREASE = (0x0A0A, 0x1A1A, 0xFAFA)
SEGMENT = 1400
NAMES = {"C": NameOID.COUNTRY_NAME, "ST": NameOID.STATE_OR_PROVINCE_NAME, "L": NameOID.LOCALITY_NAME, "O": NameOID.ORGANIZATION_NAME,
         "OU": NameOID.ORGANIZATIONAL_UNIT_NAME, "CN": NameOID.COMMON_NAME}
ISSUERS = ((("C", "US"), ("O", "Made Trust, Inc."), ("CN", "Made CA 1")), (("CN", "Another CA"),),
           (("C", "DE"), ("ST", "Hessen"), ("L", "Darmstadt"), ("O", "A" * 64), ("OU", "Ausweise"), ("CN", "CA = 2")))
SUBJECTS = ((("CN", "www.example.org"),), (("C", "FR"), ("O", "Essai"), ("CN", "*.example.net")), (("C", "JP"), ("O", "例え株式会社"), ("CN", "jp.example")),
            (("O", "B" * 64), ("OU", "C" * 64), ("L", "D" * 64), ("ST", "E" * 64), ("CN", "F" * 64)), (("OU", ""), ("CN", "a b  c")))
VALIDITIES = ((datetime(2023, 10, 1), 90), (datetime(2019, 1, 1), 365), (datetime(2023, 1, 1), 3650), (datetime(1999, 12, 31, 23, 59, 59), 1),
              (datetime(2025, 1, 1), 30), (datetime(2021, 2, 28, 1, 2, 3), 398), (datetime(2023, 1, 1), 36500))
TWO_DIGITS_BEFORE = datetime(2050, 1, 1)  # years have four from then on (RFC 5280, 4.1.2.5), which nDPI doesn't read


def written(attributes):
    """How nDPI writes a name: values that aren't ASCII are left out, others cut at 63 bytes, all at 255."""
    return ", ".join(f"{name}={value[:63]}" for name, value in attributes if value.isascii())[:255]


@lru_cache
def certificates():
    """[(DER, what a record must say of it)], the same each time."""
    made, key = [], Ed25519PrivateKey.from_private_bytes(bytes(32))
    for number in range(3 * len(VALIDITIES)):
        subject = [one for one in SUBJECTS[number % len(SUBJECTS)] if one[1]]
        issuer = subject if number % 6 == 5 else ISSUERS[number % len(ISSUERS)]
        begin, days = VALIDITIES[number // 3]
        names = [x509.Name([x509.NameAttribute(NAMES[name], value) for name, value in one]) for one in (subject, issuer)]
        builder = x509.CertificateBuilder().subject_name(names[0]).issuer_name(names[1]).public_key(key.public_key()).serial_number(number + 1)
        builder = builder.not_valid_before(begin).not_valid_after(begin + timedelta(days=days))
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName("www.example.org")]), critical=False)
        times = [int(time.replace(tzinfo=timezone.utc).timestamp()) * 10**6 for time in (begin, begin + timedelta(days=days))]
        known = {"tls_issuer": written(issuer), "tls_subject": written(subject), "tls_not_before": times[0], "tls_not_after": times[1]}
        if begin + timedelta(days=days) >= TWO_DIGITS_BEFORE:
            known = dict.fromkeys(known)
        made.append((builder.sign(key, None).public_bytes(Encoding.DER), known))
    return made


def vector(size, data):
    return len(data).to_bytes(size, "big") + data


def extension(kind, data):
    return struct.pack(">H", kind) + vector(2, data)


def alpn(names):
    return extension(16, vector(2, b"".join(vector(1, name) for name in names)))


def offered(names):
    """The list as far as nDPI has room for it."""
    made = ""
    for name in names:
        if len(made) + len(name) + 1 >= 254:
            break
        made += ("," if made else "") + name.decode()
    return made or None


def client_hello(chance, legacy, has_1_3, names, cookie=b""):
    """Its body; in DTLS with a cookie's vector."""
    host = f"s{chance.randrange(10**6)}.example-{chance.randrange(1000)}.org".encode()
    made = [extension(10, vector(2, struct.pack(">HH", 29, 23))), extension(11, vector(1, b"\0")), extension(13, vector(2, b"\4\3\x08\4\4\1")), extension(23, b"")]
    if chance.random() < 0.9:
        made.append(extension(0, vector(2, b"\0" + vector(2, host))))
    if names:
        made.append(alpn(names))
    if has_1_3:
        made += [extension(43, vector(1, struct.pack(">HH", TLS_1_3, TLS_1_2))), extension(51, vector(2, struct.pack(">H", 29) + vector(2, chance.randbytes(32))))]
    if chance.random() < 0.3:
        made.append(extension(chance.choice(GREASE), b""))
    chance.shuffle(made)
    ciphers = chance.sample(CIPHERS + CIPHERS_1_3, 8) + ([chance.choice(GREASE)] if chance.random() < 0.3 else [])
    return (struct.pack(">H", legacy) + chance.randbytes(32) + vector(1, chance.randbytes(chance.choice((0, 32)))) + cookie +
            vector(2, struct.pack(f">{len(ciphers)}H", *ciphers)) + vector(1, b"\0") + vector(2, b"".join(made)))


def server_hello(chance, legacy, is_1_3, cipher, chosen):
    made = [extension(43, struct.pack(">H", TLS_1_3)), extension(51, struct.pack(">H", 29) + vector(2, chance.randbytes(32)))] if is_1_3 else [extension(0xFF01, b"\0")]
    if chosen and not is_1_3:
        made.append(alpn([chosen]))
    chance.shuffle(made)
    return struct.pack(">H", legacy) + chance.randbytes(32) + vector(1, chance.randbytes(chance.choice((0, 32)))) + struct.pack(">HB", cipher, 0) + vector(2, b"".join(made))


def message(kind, body):
    return bytes([kind]) + vector(3, body)


def record(kind, data, version=TLS_1_2):
    return struct.pack(">BH", kind, version) + vector(2, data)


def choose(chance):
    """(names offered, certificates' Certificate body, what records say of the first one)."""
    names = chance.sample(PROTOCOLS, chance.choice((0, 1, 2, 2, 4, len(PROTOCOLS))))
    chosen = chance.sample(certificates(), chance.choice((1, 1, 2)))
    return names, vector(3, b"".join(vector(3, der) for der, _ in chosen)), chosen[0][1]


def tls(flow):
    """A handshake, of TLS over TCP or of DTLS; in 1.3 the certificate is encrypted."""
    chance = flow.chance
    if chance.random() < 0.15:
        return dtls(flow)
    flow.by_tcp = True
    flow.ports = (own_port(flow), chance.choice((443, 443, 853, 8443, 636)))
    names, certificate, known = choose(chance)
    legacy, is_1_3 = chance.choice(((TLS_1_2, True), (TLS_1_2, True), (TLS_1_2, False), (TLS_1_2, False), (TLS_1_0, False), (TLS_1_0 + 1, False)))
    cipher = chance.choice(CIPHERS_1_3 if is_1_3 else CIPHERS)
    if chance.random() < 0.9:
        connect(flow)
    in_segments(flow, 0, record(22, message(1, client_hello(chance, legacy, is_1_3 or chance.random() < 0.3, names)), TLS_1_0))
    hello = message(2, server_hello(chance, legacy, is_1_3, cipher, names[0] if names else None))
    if is_1_3:
        in_segments(flow, 1, record(22, hello) + record(20, b"\1") + record(23, chance.randbytes(900)))
    else:
        rest = (message(11, certificate), message(12, chance.randbytes(100)), message(14, b""))
        whole = record(22, hello + b"".join(rest), legacy) if chance.random() < 0.3 else b"".join(record(22, one, legacy) for one in (hello, *rest))
        in_segments(flow, 1, whole)
        in_segments(flow, 0, record(22, message(16, chance.randbytes(66)), legacy) + record(20, b"\1", legacy) + record(22, chance.randbytes(40), legacy))
    for side in (0, 1):
        in_segments(flow, side, record(23, chance.randbytes(chance.randrange(1, 300))))
    return {"tls_version": TLS_1_3 if is_1_3 else legacy, "tls_cipher": cipher, "tls_alpn_offered": offered(names), "tls_alpn_selected": None,
            **(dict.fromkeys(known) if is_1_3 else known)}


def in_segments(flow, side, data):
    while data:
        segment(flow, side, data[:SEGMENT])
        data = data[SEGMENT:]


def dtls(flow):
    """Messages in one piece, the server's in one datagram: nDPI reads no fragments, and no certificate behind the datagram of the ServerHello."""
    chance = flow.chance
    flow.ports = (own_port(flow), chance.choice((443, 4433, 5684)))
    names, certificate, known = choose(chance)
    cipher, sent = chance.choice(CIPHERS), [0, 0]

    def put(side, *messages):
        data = b""
        for kind, body in messages:
            inner = struct.pack(">B", kind) + len(body).to_bytes(3, "big") + struct.pack(">H", sent[side]) + b"\0\0\0" + vector(3, body)
            data += struct.pack(">BHH", 22, DTLS_1_2, 0) + sent[side].to_bytes(6, "big") + vector(2, inner)
            sent[side] += 1
        datagram(flow, side, data)

    cookie = chance.randbytes(20)
    put(0, (1, client_hello(chance, DTLS_1_2, False, names, vector(1, b""))))
    put(1, (3, struct.pack(">H", DTLS_1_2) + vector(1, cookie)))
    put(0, (1, client_hello(chance, DTLS_1_2, False, names, vector(1, cookie))))
    put(1, (2, server_hello(chance, DTLS_1_2, False, cipher, names[0] if names else None)), (11, certificate), (14, b""))
    return {"tls_version": DTLS_1_2, "tls_cipher": cipher, "tls_alpn_offered": offered(names), "tls_alpn_selected": None, **known}


# QUIC

VERSIONS = (1, 1, 0xFF00001D, 0xFF00001B, 0xFF000017, 0xFF000020)
DATAGRAM = 1200


def quic(flow):
    """A client's Initial, its CRYPTO in one piece or two, and long headers of the server; now and then a Version Negotiation packet before."""
    chance = flow.chance
    flow.ports = (own_port(flow), 443)
    version, names = chance.choice(VERSIONS), chance.sample((b"h3", b"h3-29", b"hq-interop", b"x"), chance.randrange(1, 4))
    hello = message(1, client_hello(chance, TLS_1_2, True, names))
    ids = [chance.randbytes(chance.randrange(8, 21)), chance.randbytes(chance.randrange(21))]
    datagram(flow, 0, protected(chance, version, ids, hello))
    answers = chance.random() < 0.9
    if answers and chance.random() < 0.2:
        datagram(flow, 1, b"\x80\0\0\0\0" + vector(1, ids[1]) + vector(1, ids[0]) + struct.pack(">II", 1, 0x1A2A3A4A))
    if answers:
        datagram(flow, 1, b"\xe3" + struct.pack(">I", version) + vector(1, ids[1]) + vector(1, ids[0]) + struct.pack(">H", 0x4000 | 1100) + chance.randbytes(1100))
    for _ in range(chance.randrange(4)):
        datagram(flow, int(answers and chance.random() < 0.5), b"\x43" + chance.randbytes(chance.randrange(30, 1000)))
    return {"src2dst_quic_version": version, "dst2src_quic_version": version if answers else None, "tls_version": TLS_1_3,
            "tls_alpn_offered": offered(names), "tls_cipher": None}


def protected(chance, version, ids, hello):
    """An Initial packet of a whole datagram (RFC 9001, 5; RFC 9000, 17.2.2)."""
    cut = chance.randrange(1, len(hello)) if chance.random() < 0.3 else len(hello)
    pieces = [(0, hello[:cut]), (cut, hello[cut:])] if cut < len(hello) else [(0, hello)]
    frames = b"".join(b"\x06" + struct.pack(">HH", 0x4000 | offset, 0x4000 | len(piece)) + piece for offset, piece in pieces)
    head = b"\xc1" + struct.pack(">I", version) + vector(1, ids[0]) + vector(1, ids[1]) + b"\0"
    size = max(DATAGRAM - len(head) - 2, 2 + len(frames) + initial.TAG)
    head += struct.pack(">H", 0x4000 | size) + b"\0\0"  # a packet number of two bytes
    keys = initial.Keys(initial.salt_of(version), ids[0])
    sealed = AESGCM(keys.key).encrypt(keys.nonce(0), frames.ljust(size - 2 - initial.TAG, b"\0"), head)
    mask = keys.mask(sealed[2:2 + initial.SAMPLE])
    return bytes([head[0] ^ mask[0] & 0x0F]) + head[1:-2] + mask[1:3] + sealed
