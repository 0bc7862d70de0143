"""Handshake messages of TLS in TCP segments and of DTLS in datagrams, of one direction: (type, body)."""
import re

from .handshake import Cut, Reader

# Of a hello, or of a certificate whose hello was lost; a server may warn before it answers.
BEGIN = re.compile(rb"(\x15\x03.\x00\x02..)?\x16\x03(.{0,3}$|...[\x01\x02\x0b])", re.DOTALL)
HANDSHAKE, ALERT = 22, 21
SEQUENCES, HALF = 2**32, 2**31
MOST = 1 << 17  # bytes behind the first record


def begins_handshake(packet):
    """Whether a segment begins with a record that a handshake may begin with."""
    return BEGIN.match(packet.payload) is not None


def bytes_of(packets):
    """The stream from the direction's first hello or certificate on, as far as it has no hole. What came first counts."""
    first = next((place for place, packet in enumerate(packets) if begins_handshake(packet)), None)
    if first is None:
        return b""
    start, pieces = packets[first].seq, []
    for packet in (one for one in packets[first:] if one.payload):
        offset = (packet.seq - start + HALF) % SEQUENCES - HALF
        if -len(packet.payload) < offset < MOST:
            pieces.append((offset, packet))
    made = b""
    for offset, packet in sorted(pieces, key=lambda piece: piece[0]):
        if offset > len(made):
            break
        made += packet.payload[len(made) - offset:]
        if len(packet.payload) < packet.p:
            break
    return made


def of_tls(packets):
    """Up to what is encrypted: a change of the cipher, or application data."""
    stream, plain = Reader(bytes_of(packets)), b""
    while stream.left() >= 5:
        kind = stream.number(1)
        stream.take(2)
        size = stream.number(2)
        record = stream.take(min(size, stream.left()))
        if kind == HANDSHAKE:
            plain += record
        elif kind != ALERT:
            break
    reader = Reader(plain)
    while reader.left() >= 4:
        kind = reader.number(1)
        size = reader.number(3)
        yield kind, reader.take(min(size, reader.left()))


def of_dtls(packets):
    """Of datagrams with records of epoch 0; fragments of a message are put together where they come in order (RFC 6347, 4.2.3)."""
    parts = {}
    for packet in packets:
        try:
            for kind, size, number, offset, piece in fragments(packet.payload):
                have = parts.setdefault((kind, size, number), b"")
                if offset == len(have):
                    parts[kind, size, number] = have = have + piece
                    if len(have) == size:
                        yield kind, have
        except Cut:
            continue


def fragments(datagram):
    reader = Reader(datagram)
    while reader.left() >= 13:
        kind, version = reader.number(1), reader.number(2)
        epoch = reader.number(2)
        reader.take(6)
        record = reader.vector(2)
        if version not in (0xFEFF, 0xFEFD) or epoch:
            return
        inner = Reader(record)
        while kind == HANDSHAKE and inner.left() >= 12:
            message, size, number, offset = inner.number(1), inner.number(3), inner.number(2), inner.number(3)
            yield message, size, number, offset, inner.vector(3)
