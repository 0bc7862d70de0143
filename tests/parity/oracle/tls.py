"""Section 2.8: what a TLS, DTLS or QUIC handshake says, by its own messages.

nDPI reads a flow's first packets, in order, and only under some labels: a record's value may be absent where there is one here, and says then
why (`unread`). A value that it has must be the right one.
"""
from . import certificate, directions, quic, streams
from .handshake import CERTIFICATE, CLIENT_HELLO, SERVER_HELLO, Cut, alpn_text, client_hello, first_certificate, server_hello
from .packets import TCP, UDP

TLS_1_3 = 0x0304
NAMES = ("tls_version", "tls_cipher", "tls_alpn_offered", "tls_alpn_selected", "tls_issuer", "tls_subject", "tls_not_before", "tls_not_after")


class Seen:
    """The hellos and the certificate of a flow's packets: the certificate is that of the direction without the ClientHello."""

    def __init__(self, packets):
        self.client = self.server = self.certificate = None
        self.by_quic = self.is_whole = False
        certificates, is_clients = {}, {}
        for name in directions.ONE_WAY:
            is_clients[name], certificates[name] = self.read(directions.of(packets, name))
        for name in directions.ONE_WAY:
            if certificates[name] and not is_clients[name] and (self.client or self.server):
                self.certificate, self.is_whole = certificates[name]

    def read(self, packets):
        """One direction's: (whether it is the client's, what first_certificate() says)."""
        is_clients = certificate_of_it = None
        for kind, body, cookie in messages(packets):
            try:
                if kind == CLIENT_HELLO:
                    self.client, is_clients = client_hello(body, cookie), True
                elif kind == SERVER_HELLO:
                    self.server = self.server or server_hello(body)
                elif kind == CERTIFICATE:
                    certificate_of_it = certificate_of_it or first_certificate(body)
            except Cut:
                continue
        if not self.client and packets and packets[0].protocol == UDP:
            for body in quic.client_hellos(packets):
                self.client, self.by_quic = client_hello(body), True
        return is_clients, certificate_of_it


def messages(packets):
    """(type, body, whether it has DTLS's cookie)."""
    if packets and packets[0].protocol == TCP:
        for kind, body in streams.of_tls(packets):
            yield kind, body, False
    elif packets and packets[0].protocol == UDP:
        for kind, body in streams.of_dtls(packets):
            yield kind, body, True


def fields(part):
    """{field: value, or a set of those that it may have}; values that a record's other ones decide are given for what this record has."""
    if part.before is None:
        return {}
    seen = Seen([*part.before, *part.packets])
    made = dict.fromkeys(NAMES)
    made["tls_version"] = version(seen, part.record)
    made["tls_cipher"] = seen.server.cipher if seen.server else None
    offers = first_hello([*part.before, *part.packets], seen, part.record)
    made["tls_alpn_offered"] = alpn_text(offers.protocols) or None if offers else None
    if seen.certificate:
        try:
            issuer, begin, end, subject = certificate.parts(seen.certificate)
            found = {"tls_issuer": issuer, "tls_not_before": begin, "tls_not_after": end, "tls_subject": subject}
            # Of a message that isn't whole nDPI may make something or not.
            made.update(found if seen.is_whole else {name: {value, None} for name, value in found.items()})
        except Cut:
            pass
    return made


def first_hello(packets, seen, record):
    """The hello whose protocols nDPI before 4.6 has for those offered: the client's, but for a server's that has some and was read before it, or
    alone, as late segments aren't read: then the record has no version."""
    if not (seen.client and seen.server and seen.server.protocols):
        return seen.client or seen.server
    if record["tls_version"] is None:
        return seen.server
    for count in range(1, len(packets)):
        early = Seen(packets[:count])
        if early.client or early.server:
            return early.client or early.server
    return seen.client


def version(seen, record):
    """The one that a ServerHello's extension names, if it was read: then the record has its cipher; else the ClientHello's legacy version."""
    if seen.by_quic:
        return TLS_1_3
    if seen.server and seen.server.chosen and record["tls_cipher"] is not None:
        return seen.server.version
    return seen.client.version if seen.client else None
