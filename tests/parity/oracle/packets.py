"""From frames to packets, by the RFCs: Ethernet, Linux cooked captures, raw IP and BSD's loopback; 802.1Q, MPLS and PPPoE; IPv4 and IPv6 with
fragments; TCP, UDP, UDP-Lite, SCTP and ICMP. Tunnels are not opened, but for IP in IP.

Sizes are feature_sets.md's: r frame, i IP, s transport segment, p payload, from header fields.
"""
import struct

ETHERNET, NULL, LOOP, SLL, SLL2 = 1, 0, 108, 113, 276
RAW = {12, 14, 101, 228, 229}
IPV4, IPV6, TAGS, PPPOE, MPLS = 0x0800, 0x86DD, {0x8100, 0x88A8, 0x9100}, 0x8864, {0x8847, 0x8848}
ICMP, IP_IN_IP, TCP, UDP, IPV6_IN_IP, AH, ICMPV6, SCTP, UDP_LITE = 1, 4, 6, 17, 41, 51, 58, 132, 136
HOP_BY_HOP, ROUTING, FRAGMENT, DESTINATION = 0, 43, 44, 60
EXTENSIONS = {HOP_BY_HOP, ROUTING, FRAGMENT, DESTINATION, AH, 135, 139, 140}
HEADER = {TCP: 20, UDP: 8, UDP_LITE: 8, SCTP: 12, ICMP: 8, ICMPV6: 8}
PORTS = {TCP, UDP, UDP_LITE, SCTP}
FIN, SYN, RST, PSH, ACK, URG, ECE, CWR = (1 << bit for bit in range(8))


class Unread(Exception):
    """A frame that has no packet for us."""


class Packet:
    """One packet; `later`: a later fragment, which has neither TCP fields nor a transport header. `payload`: as far as it was captured."""

    __slots__ = ("time", "r", "i", "s", "p", "source", "destination", "source_port", "destination_port", "protocol", "vlan", "version", "ttl", "tos",
                 "later", "flags", "seq", "ack", "window", "options", "payload", "forward")

    def __init__(self, time, wire):
        self.time, self.r = time, wire
        self.i = self.s = self.p = self.source_port = self.destination_port = self.vlan = self.flags = 0
        self.seq = self.ack = self.window = None
        self.options, self.payload, self.later = b"", b"", False

    @property
    def has_tcp(self):
        return self.window is not None

    @property
    def key(self):
        ends = sorted([(self.source, self.source_port), (self.destination, self.destination_port)])
        return (*ends, self.protocol, self.vlan)


def packets(frames):
    """The packets of a capture's frames. Time never goes back, as records have it."""
    datagrams, latest = {}, 0
    for time, link_type, data, wire in frames:
        packet = Packet(max(time, latest), wire)
        try:
            network(packet, data, *link(packet, link_type, data), datagrams)
        except (Unread, struct.error, IndexError):
            continue
        latest = packet.time
        yield packet


def link(packet, link_type, data):
    """Where the IP header begins, and its version or None."""
    if link_type == ETHERNET:
        at, kind = 14, struct.unpack_from(">H", data, 12)[0]
    elif link_type == SLL:
        at, kind = 16, struct.unpack_from(">H", data, 14)[0]
    elif link_type == SLL2:
        at, kind = 20, struct.unpack_from(">H", data, 0)[0]
    elif link_type in RAW:
        return 0, data[0] >> 4
    elif link_type in (NULL, LOOP):
        return 4, data[4] >> 4
    else:
        raise Unread
    return behind_tags(packet, data, at, kind)


def behind_tags(packet, data, at, kind):
    while kind in TAGS:
        tag, kind = struct.unpack_from(">HH", data, at)
        packet.vlan = tag & 0xFFF
        at += 4
    if kind == PPPOE:
        at, kind = at + 8, {0x21: IPV4, 0x57: IPV6}.get(struct.unpack_from(">H", data, at + 6)[0])
    if kind in MPLS:
        while not data[at + 2] & 1:
            at += 4
        return at + 4, data[at + 4] >> 4
    if kind not in (IPV4, IPV6):
        raise Unread
    return at, 4 if kind == IPV4 else 6


def network(packet, data, at, version, datagrams):
    if version not in (4, 6) or data[at] >> 4 != version:
        raise Unread
    protocol, at, fragment = (ipv4 if version == 4 else ipv6)(packet, data, at)
    data = data[:at + packet.s] if packet.s >= 0 else data
    packet.version = version
    if protocol in (IP_IN_IP, IPV6_IN_IP) and not fragment:
        return network(packet, data, at, 4 if protocol == IP_IN_IP else 6, datagrams)
    packet.protocol = protocol
    offset, more, identification = fragment or (0, False, None)
    name = (packet.source, packet.destination, packet.vlan, identification, protocol if version == 4 else None)
    if offset:
        return later_fragment(packet, datagrams, name)
    transport(packet, data, at)
    if more:
        datagrams[name] = (packet.protocol, packet.source_port, packet.destination_port)
    return None


def ipv4(packet, data, at):
    header, tos, total, identification, fragment, ttl, protocol = struct.unpack_from(">BBHHHBB", data, at)
    length = (header & 15) * 4
    if length < 20 or len(data) < at + length:
        raise Unread
    packet.i = total or packet.r - at  # 0: segments that were not cut yet
    packet.s = packet.i - length
    packet.tos, packet.ttl = tos, ttl
    packet.source, packet.destination = data[at + 12:at + 16], data[at + 16:at + 20]
    parts = (fragment & 0x1FFF, bool(fragment & 0x2000), identification)
    at += length
    if packet.s < 0:
        raise Unread
    if protocol == AH and not parts[0]:
        protocol, at = authentication(packet, data, at)
    return protocol, at, parts if parts[0] or parts[1] else None


def authentication(packet, data, at):
    length = (data[at + 1] + 2) * 4
    packet.s -= length
    return data[at], at + length


def ipv6(packet, data, at):
    first, length, protocol, ttl = struct.unpack_from(">IHBB", data, at)
    unlimited = length == 0 and protocol in (HOP_BY_HOP, TCP, UDP)
    packet.i = packet.r - at if unlimited else 40 + length
    packet.s = packet.i - 40
    packet.tos, packet.ttl = first >> 20 & 0xFF, ttl
    packet.source, packet.destination = data[at + 8:at + 24], data[at + 24:at + 40]
    if len(packet.destination) < 16:
        raise Unread
    at, parts = at + 40, None
    while protocol in EXTENSIONS:
        following, size = data[at], (data[at + 1] + 1) * 8
        if protocol == FRAGMENT:
            size, (where, identification) = 8, struct.unpack_from(">HI", data, at + 2)
            parts = (where >> 3, bool(where & 1), identification)
        elif protocol == AH:
            size = (data[at + 1] + 2) * 4
        at, packet.s = at + size, packet.s - size
        if packet.s < 0 or len(data) < at:
            raise Unread
        if parts and parts[0]:
            break
        protocol = following
    return protocol, at, parts if parts and (parts[0] or parts[1]) else None


def later_fragment(packet, datagrams, name):
    """Ports and protocol are in the datagram's first fragment, which must have come before."""
    packet.later = True
    if name in datagrams:
        packet.protocol, packet.source_port, packet.destination_port = datagrams[name]
    elif packet.version == 6 or packet.protocol in PORTS:
        raise Unread
    packet.s = packet.p = packet.s if packet.protocol in HEADER else 0


def transport(packet, data, at):
    protocol, header = packet.protocol, HEADER.get(packet.protocol)
    if header is None:
        packet.s = packet.p = 0
        return
    if protocol in PORTS:
        packet.source_port, packet.destination_port = struct.unpack_from(">HH", data, at)
    if protocol == TCP and len(data) >= at + 16:
        packet.seq, packet.ack, offset, packet.flags, packet.window = struct.unpack_from(">IIBBH", data, at + 4)
        header = (offset >> 4) * 4
        packet.options = data[at + 20:at + header]
    packet.p = max(0, packet.s - header)
    packet.payload = data[at + header:] if packet.p else b""
