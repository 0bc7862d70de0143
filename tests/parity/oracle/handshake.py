"""Messages of a TLS handshake: what a ClientHello offers, what a ServerHello chooses (RFC 8446, 4.1; RFC 5246, 7.4; RFC 6347, 4.2)."""
import struct

CLIENT_HELLO, SERVER_HELLO, CERTIFICATE = 1, 2, 11
ALPN, SUPPORTED_VERSIONS = 16, 43
OLD_DRAFTS = 0x7F00     # of TLS 1.3, up to 0x7f15: their ServerHello has neither session id nor compression
LAST_OLD_DRAFT = 0x7F15
ALPN_TEXT = 254         # nDPI's room, of which a comma takes its share: what begins behind it is left out


class Cut(Exception):
    """A message ends before its own lengths say so."""


class Reader:
    """Numbers and vectors of a message's body, one after the other."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, count):
        if self.at + count > len(self.data):
            raise Cut
        self.at += count
        return self.data[self.at - count:self.at]

    def number(self, size):
        return int.from_bytes(self.take(size), "big")

    def vector(self, size):
        """Bytes behind their own length, which takes `size` bytes."""
        return self.take(self.number(size))

    def left(self):
        return len(self.data) - self.at


class Hello:
    """`version`: legacy_version of a ClientHello, the chosen one of a ServerHello; `chosen`: whether an extension says so."""

    def __init__(self, version, cipher, extensions):
        self.chosen = cipher is not None and SUPPORTED_VERSIONS in extensions
        self.version = struct.unpack(">H", extensions[SUPPORTED_VERSIONS][:2])[0] if self.chosen else version
        self.cipher, self.protocols = cipher, protocols(extensions.get(ALPN, b""))


def extensions_of(reader):
    made = {}
    if reader.left() < 2:
        return made
    inner = Reader(reader.vector(2))
    while inner.left() >= 4:
        kind = inner.number(2)
        made.setdefault(kind, inner.vector(2))
    return made


def protocols(extension):
    """ALPN's names (RFC 7301, 3.1)."""
    made = []
    if len(extension) >= 2:
        names = Reader(Reader(extension).vector(2))
        while names.left():
            made.append(names.vector(1))
    return made


def client_hello(body, cookie=False):
    """`cookie`: DTLS has one more vector."""
    reader = Reader(body)
    version = reader.number(2)
    reader.take(32)
    reader.vector(1)
    if cookie:
        reader.vector(1)
    reader.vector(2)
    reader.vector(1)
    return Hello(version, None, extensions_of(reader))


def server_hello(body):
    reader = Reader(body)
    version = reader.number(2)
    reader.take(32)
    old_draft = OLD_DRAFTS < version < LAST_OLD_DRAFT + 1
    if not old_draft:
        reader.vector(1)
    cipher = reader.number(2)
    if not old_draft:
        reader.take(1)
    return Hello(version, cipher, extensions_of(reader))


def first_certificate(body):
    """(its DER, whether the whole message is there), of a Certificate of up to TLS 1.2; None of one without any."""
    reader = Reader(body)
    size = reader.number(3)
    return (reader.vector(3), len(body) >= size + 3) if size else None


def alpn_text(names):
    """The names with commas between, as far as nDPI has room."""
    made = b""
    for name in names:
        if len(made) + len(name) + 1 >= ALPN_TEXT:
            break
        made += (b"," if made else b"") + name
    return text(made)


def text(data):
    """As records have texts of packets: up to a NUL, bytes that are no UTF-8 replaced."""
    return data.split(b"\0")[0].decode(errors="replace")
