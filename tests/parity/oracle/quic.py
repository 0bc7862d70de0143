"""QUIC: the versions that its long headers name (section 2.8; RFC 8999, 5.1), and the ClientHello in its Initial packets (RFC 9001, 5)."""
import struct
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes, hmac
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from . import directions
from .handshake import CLIENT_HELLO, Cut, Reader
from .packets import UDP

LONG_HEADER, INITIAL = 0x80, 0
VERSION_1, DRAFT_1, GENERIC_DRAFTS = 1, 0xFF000000, 0xFF0000FF
PADDING, PING, ACK, ACK_ECN = 0, 1, 2, 3
CRYPTO = (6, 8)  # 8 in T050
KEY, IV, TAG, SAMPLE = 16, 12, 16, 16
# Salts by the first draft that has them: drafts of RFC 9001, 5.2; the RFC itself has that of draft 33. Versions that force a negotiation
# (RFC 9000, 15) say none: all are tried, and a packet's tag tells which is right.
SALTS = {22: "7fbcdb0e7c66bbe9193a96cd21519ebd7a02644a", 23: "c3eef712c72ebb5a11a7d2432bb46365bef9f502",
         29: "afbfec289993d24c9e9786f19c6111e04390a899", 33: "38762cf7f55934b34d179ae6a4c80cadccbb7f0a"}
OF_GOOGLE = {0x54303530: "7ff579e5acd072915580304c43a2367c60488310", 0x54303531: "7a4edef4e7ccee5fa4506c19124fc8ccda6e033d"}  # T050, T051
OWN_VERSIONS = {VERSION_1: 33, 0xFACEB001: 22, 0xFACEB002: 27, 0xFACEB00E: 27}  # mvfst has numbers of its own for drafts


def is_labelled(record):
    return record["application_name"].split(".")[0] == "QUIC"


def fields(part):
    """The versions, where the record's label is QUIC."""
    if part.before is None:
        return {}
    made = {}
    for name in directions.ONE_WAY:
        seen = [version for packet in directions.of([*part.before, *part.packets], name) if (version := version_of(packet))]
        made[f"{name}_quic_version"] = seen[0] if seen and is_labelled(part.record) else None
    return made


def version_of(packet):
    """0 or None: it names none."""
    data = packet.payload
    if packet.protocol == UDP and len(data) >= 5 and data[0] & LONG_HEADER:
        return struct.unpack_from(">I", data, 1)[0]
    return None


def salt_of(version):
    """None: no draft and no RFC tells."""
    draft = OWN_VERSIONS.get(version, version - DRAFT_1 if DRAFT_1 < version <= GENERIC_DRAFTS else 0)
    fitting = [first for first in SALTS if first <= draft]
    return bytes.fromhex(SALTS[max(fitting)]) if fitting else None


def salts_of(version):
    if version in OF_GOOGLE:
        return [bytes.fromhex(OF_GOOGLE[version])]
    if version & 0x0F0F0F0F == 0x0A0A0A0A:
        return [bytes.fromhex(salt) for salt in SALTS.values()]
    return [salt for salt in [salt_of(version)] if salt]


@lru_cache(10_000)
def keys_of(salt, connection_id):
    return Keys(salt, connection_id)


class Keys:
    """What protects a client's Initial packets, derived from the connection id that it sent first."""

    def __init__(self, salt, connection_id):
        extract = hmac.HMAC(salt, hashes.SHA256())
        extract.update(connection_id)
        client = expand(extract.finalize(), b"client in", 32)
        self.key, self.iv, header = (expand(client, label, size) for label, size in ((b"quic key", KEY), (b"quic iv", IV), (b"quic hp", KEY)))
        self.header = Cipher(algorithms.AES(header), modes.ECB())

    def mask(self, sample):
        encryptor = self.header.encryptor()
        return encryptor.update(sample) + encryptor.finalize()

    def nonce(self, number):
        return (int.from_bytes(self.iv, "big") ^ number).to_bytes(IV, "big")


def expand(secret, label, size):
    """HKDF-Expand-Label (RFC 8446, 7.1) without context."""
    label = b"tls13 " + label
    return HKDFExpand(hashes.SHA256(), size, struct.pack(">HB", size, len(label)) + label + b"\0").derive(secret)


def number(reader):
    """A number of variable length (RFC 9000, 16)."""
    first = reader.number(1)
    more = (1 << (first >> 6)) - 1
    return (first & 0x3F) << 8 * more | reader.number(more)


def initials(datagram):
    """(version, connection id of the destination, whole packet, where its number begins) of each Initial packet in a datagram."""
    reader = Reader(datagram)
    while reader.left():
        start = reader.at
        first, version = reader.number(1), reader.number(4)
        if not first & LONG_HEADER or not version:
            return
        destination = reader.vector(1)
        reader.vector(1)
        kind = first >> 4 & 3
        if kind == 3:
            return  # Retry has neither number nor length
        if kind == INITIAL:
            reader.take(number(reader))  # token
        size = number(reader)
        at = reader.at
        reader.take(size)
        if kind == INITIAL:
            yield version, destination, datagram[start:reader.at], at - start


@lru_cache(10_000)
def opened(keys, packet, at):
    """(offset, bytes) of the CRYPTO frames of an Initial packet; none if the keys are not its own."""
    mask = keys.mask(packet[at + 4:at + 4 + SAMPLE])
    first = packet[0] ^ mask[0] & 0x0F
    size = (first & 3) + 1
    masked = bytes(one ^ other for one, other in zip(packet[at:at + size], mask[1:]))
    header = bytes([first]) + packet[1:at] + masked
    try:
        return list(crypto(AESGCM(keys.key).decrypt(keys.nonce(int.from_bytes(masked, "big")), packet[at + size:], header)))
    except InvalidTag:
        return []


def crypto(frames):
    """(offset, bytes) of CRYPTO frames (RFC 9000, 19)."""
    reader = Reader(frames)
    while reader.left():
        kind = number(reader)
        if kind in CRYPTO:
            offset = number(reader)
            yield offset, reader.take(number(reader))
        elif kind in (ACK, ACK_ECN):
            number(reader), number(reader)
            ranges = number(reader)
            for _ in range(1 + 2 * ranges + 3 * (kind == ACK_ECN)):
                number(reader)
        elif kind not in (PADDING, PING):
            return


def client_hellos(packets):
    """Bodies of the ClientHello that a direction's Initial packets carry: one at most."""
    pieces, first = {}, None
    for packet in packets:
        if not version_of(packet):
            continue
        try:
            for version, connection_id, whole, at in initials(packet.payload):
                first = first or connection_id
                for salt in salts_of(version):
                    for one in dict.fromkeys((first, connection_id)):  # another one is a Retry's
                        pieces.update(opened(keys_of(salt, one), whole, at))
        except (Cut, ValueError):
            continue
    data = b""
    for offset, piece in sorted(pieces.items()):
        if offset <= len(data):
            data += piece[len(data) - offset:]
    size = int.from_bytes(data[1:4], "big")
    if data[:1] == bytes([CLIENT_HELLO]) and len(data) >= 4 + size:
        yield data[4:4 + size]
