"""Tunnelled packets, made with scapy: every kind of tunnel that the sensor looks into, around any packet, in each other.

A layer wraps an IP packet into an outer IP packet: Layer(kind, key, version). What the sensor must say of it stands here
as the RFCs have it, in numbers of the record (tunnel_id, tunnel_key).
"""
import struct
from typing import NamedTuple

from scapy.contrib.erspan import ERSPAN_I, ERSPAN_II
from scapy.contrib.geneve import GENEVE
from scapy.contrib.gtp import GTP_U_Header
from scapy.contrib.mpls import MPLS
from scapy.layers.inet import IP, UDP
from scapy.layers.inet6 import IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrHopByHop
from scapy.layers.l2 import GRE, Dot1Q, Ether, GRE_PPTP
from scapy.layers.l2tp import L2TP
from scapy.layers.ppp import HDLC, PPP
from scapy.layers.vxlan import VXLAN
from scapy.packet import Raw

GATEWAYS = {4: ("192.0.2.1", "192.0.2.2"), 6: ("2001:db8:9::1", "2001:db8:9::2")}
HOSTS = {4: ("10.0.0.1", "10.0.0.2"), 6: ("fd00::1", "fd00::2")}
FOU_PORT = 5555
SWITCHES = ("02:00:00:00:01:01", "02:00:00:00:01:02")
MACHINES = ("02:00:00:00:02:01", "02:00:00:00:02:02")


def ethertype(packet):
    """Of an IP packet, or of a tag before one."""
    if isinstance(packet, Dot1Q):
        return 0x8100
    return 0x0800 if bytes(packet)[0] >> 4 == 4 else 0x86DD


def ethernet(packet, ends=MACHINES):
    """A frame around an IP packet, or around what tagged() makes."""
    return Ether(src=ends[0], dst=ends[1], type=ethertype(packet)) / packet


def ppp(packet):
    return HDLC() / PPP(proto=0x0021 if ethertype(packet) == 0x0800 else 0x0057) / packet


def ip(version, ends, **fields):
    """An IP header of either version."""
    return IP(src=ends[0], dst=ends[1], **fields) if version == 4 else IPv6(src=ends[0], dst=ends[1])


def over_udp(port, payload, source_port=None):
    return UDP(sport=source_port or port, dport=port) / payload


def capwap(packet, _key):
    """802.3 frames (RFC 5415, 4.3): header length 2 words, no binding's frame."""
    return over_udp(5247, Raw(struct.pack("!BBHHH", 0, 2 << 3, 1 << 9, 0, 0) + bytes(ethernet(packet))), 12380)


def tzsp(packet, _key):
    """Version 1, a received frame, Ethernet, no tag but the end."""
    return over_udp(37008, Raw(struct.pack("!BBHB", 1, 0, 1, 1) + bytes(ethernet(packet))))


def gtp_u(packet, key):
    return over_udp(2152, GTP_U_Header(gtp_type=255, teid=key) / packet)


def vxlan(packet, key):
    return over_udp(4789, VXLAN(flags=8, vni=key) / ethernet(packet), 50000)


def vxlan_gpe(packet, key):
    return over_udp(4790, VXLAN(flags=12, NextProtocol=1 if ethertype(packet) == 0x0800 else 2, vni=key) / packet, 50000)


def geneve(packet, key):
    return over_udp(6081, GENEVE(vni=key, proto=0x6558) / ethernet(packet), 50000)


def geneve_ip(packet, key):
    """Without Ethernet, with an option of 4 bytes."""
    option = struct.pack("!HBBI", 0x0102, 0x80, 1, 7)
    return over_udp(6081, Raw(struct.pack("!BBHI", 2, 0x40, ethertype(packet), key << 8) + option + bytes(packet)), 50000)


def gre(packet, _key):
    return GRE(proto=ethertype(packet)) / packet


def gre_key(packet, key):
    return GRE(proto=ethertype(packet), key_present=1, key=key, seqnum_present=1, sequence_number=9, chksum_present=1) / packet


def gre_ethernet(packet, key):
    return GRE(proto=0x6558, key_present=1, key=key) / ethernet(packet)


def gre_mpls(packet, key):
    return GRE(proto=0x8847, key_present=1, key=key) / MPLS(label=77, s=0) / MPLS(label=78, s=1) / packet


def pptp(packet, key):
    return GRE_PPTP(call_id=key, seqnum_present=1, sequence_number=3, payload_len=len(packet) + 4) / ppp(packet)


def erspan_1(packet, _key):
    return GRE(proto=0x88BE) / ERSPAN_I() / ethernet(packet)


def erspan_2(packet, key, vlan=0):
    return GRE(proto=0x88BE, seqnum_present=1, sequence_number=5) / ERSPAN_II(session_id=key, vlan=vlan) / ethernet(packet)


def erspan_3(packet, key):
    """With the subheader of a platform; the time stamp and the security group are nobody's flow."""
    header = struct.pack("!HHIHHII", 2 << 12, key, 0x01020304, 7, 0x8001, 5 << 26, 9)
    return GRE(proto=0x22EB, seqnum_present=1, sequence_number=5) / Raw(header + bytes(ethernet(packet)))


def wccp(packet, _key):
    """Version 2, with its redirect header."""
    return GRE(proto=0x883E) / Raw(struct.pack("!BBBB", 0x80, 61, 3, 17) + bytes(packet))


def aruba(packet, _key):
    """A data frame of 802.11 from a station, to the distribution system."""
    body = struct.pack("!BBH", 8, 1, 0) + bytes(6) + b"\2" + bytes(11) + b"\x10\0" + b"\xaa\xaa\3\0\0\0" + struct.pack("!H", ethertype(packet))
    return GRE(proto=0x8210) / Raw(body + bytes(packet))


def nsh(packet, length=6):
    """A service chain's header with fixed metadata."""
    return struct.pack("!HBBI16x", 0x0FC0 | length, 1, 1 if ethertype(packet) == 0x0800 else 2, 42 << 8 | 255) + bytes(packet)


def gre_nsh(packet, key):
    return GRE(proto=0x894F, key_present=1, key=key) / Raw(nsh(packet))


def vxlan_8472(packet, key):
    return over_udp(8472, VXLAN(flags=8, vni=key) / ethernet(packet), 50000)


def vxlan_gpe_nsh(packet, key):
    return over_udp(4790, VXLAN(flags=12, NextProtocol=4, vni=key) / Raw(nsh(packet)), 50000)


def gue(packet, _key):
    """Variant 0 with one extension."""
    return over_udp(6080, Raw(struct.pack("!BBHI", 1, 4 if ethertype(packet) == 0x0800 else 41, 0x8000, 7) + bytes(packet)), 50000)


def gue_1(packet, _key):
    return over_udp(6080, Raw(bytes(packet)), 50000)


def gue_gre(packet, key):
    return over_udp(6080, Raw(struct.pack("!BBH", 0, 47, 0) + bytes(gre_key(packet, key))), 50000)


def fou(packet, _key):
    """On the port that the tests give it."""
    return over_udp(FOU_PORT, Raw(bytes(packet)), 50000)


def teredo(packet, _key):
    """Behind an origin indication."""
    return over_udp(3544, Raw(struct.pack("!HHI", 0, 0xFBE4, 0x3DFFFDFE) + bytes(packet)))


def mpls_udp(packet, _key):
    return over_udp(6635, MPLS(label=77, s=0) / MPLS(label=78, s=1) / Raw(bytes(packet)), 50000)


def lisp(packet, key):
    return over_udp(4341, Raw(struct.pack("!II", 0x88ABCDEF, key << 8 | 3) + bytes(packet)), 50000)


def etherip(packet, _key):
    return Raw(struct.pack("!H", 0x3000) + bytes(ethernet(packet)))


def session_3(packet, key):
    """A session of L2TPv3: a cookie of eight bytes, the default sublayer, Ethernet."""
    return struct.pack("!IQI", key, 0xC00C1E00C00C1E01, 1 << 30) + bytes(ethernet(packet))


def l2tpv3(packet, key):
    return Raw(session_3(packet, key))


def l2tpv3_udp(packet, key):
    return over_udp(1701, Raw(struct.pack("!HH", 3, 0) + session_3(packet, key)))


def l2tp(packet, key):
    return over_udp(1701, L2TP(hdr=["length", "sequence"], version=2, tunnel_id=key >> 16, session_id=key & 0xFFFF) / ppp(packet))


class Kind(NamedTuple):
    """`wrap(packet, key)` makes the outer packet's payload; `limit` is the largest key, 0 where there is none."""
    wrap: object
    protocol: int
    number: int
    limit: int
    by_direction: bool = False
    versions: tuple = (4, 6)  # of IP that it carries


KINDS = {
    "gtp_u": Kind(gtp_u, 17, 1, 2**32 - 1, True),
    "capwap": Kind(capwap, 17, 2, 0),
    "tzsp": Kind(tzsp, 17, 3, 0),
    "l2tp": Kind(l2tp, 17, 4, 2**32 - 1, True),
    "vxlan": Kind(vxlan, 17, 5, 2**24 - 1),
    "vxlan_gpe": Kind(vxlan_gpe, 17, 5, 2**24 - 1),
    "gre": Kind(gre, 47, 6, 0),
    "gre_key": Kind(gre_key, 47, 6, 2**32 - 1),
    "gre_ethernet": Kind(gre_ethernet, 47, 6, 2**32 - 1),
    "gre_mpls": Kind(gre_mpls, 47, 6, 2**32 - 1),
    "pptp": Kind(pptp, 47, 6, 2**16 - 1, True),
    "geneve": Kind(geneve, 17, 7, 2**24 - 1),
    "geneve_ip": Kind(geneve_ip, 17, 7, 2**24 - 1),
    "erspan_1": Kind(erspan_1, 47, 8, 0),
    "erspan_2": Kind(erspan_2, 47, 8, 2**10 - 1),
    "erspan_3": Kind(erspan_3, 47, 8, 2**10 - 1),
    "wccp": Kind(wccp, 47, 6, 0),
    "aruba": Kind(aruba, 47, 6, 0),
    "gre_nsh": Kind(gre_nsh, 47, 6, 2**32 - 1),
    "vxlan_8472": Kind(vxlan_8472, 17, 5, 2**24 - 1),
    "vxlan_gpe_nsh": Kind(vxlan_gpe_nsh, 17, 5, 2**24 - 1),
    "gue": Kind(gue, 17, 9, 0),
    "gue_1": Kind(gue_1, 17, 9, 0),
    "gue_gre": Kind(gue_gre, 17, 6, 2**32 - 1),
    "fou": Kind(fou, 17, 10, 0),
    "teredo": Kind(teredo, 17, 11, 0, versions=(6,)),
    "mpls_udp": Kind(mpls_udp, 17, 12, 0),
    "lisp": Kind(lisp, 17, 13, 2**24 - 1),
    "etherip": Kind(etherip, 97, 15, 0),
    "l2tpv3": Kind(l2tpv3, 115, 4, 2**32 - 1, True),
    "l2tpv3_udp": Kind(l2tpv3_udp, 17, 4, 2**32 - 1, True),
}


class Layer(NamedTuple):
    """One tunnel around an IP packet; `version` is the outer packet's, `options` puts extension headers into its IPv6."""
    kind: str
    key: int = 0
    version: int = 4
    options: bool = False

    def wrap(self, packet):
        """The outer IP packet."""
        kind = KINDS[self.kind]
        outer = ip(self.version, GATEWAYS[self.version])
        payload = kind.wrap(packet, self.key)
        if self.version == 4:
            outer.proto = kind.protocol
        elif self.options:
            outer = outer / IPv6ExtHdrHopByHop() / IPv6ExtHdrDestOpt(nh=kind.protocol)
        else:
            outer.nh = kind.protocol
        # As bytes: scapy need not look at them again, level by level.
        return Raw(bytes(outer / payload))

    @property
    def tunnel_key(self):
        """As a record has it."""
        return self.key if KINDS[self.kind].limit else None

    def identity(self, symmetric):
        """What of this tunnel is in the flow key."""
        kind = KINDS[self.kind]
        return kind.number, None if symmetric and kind.by_direction else self.tunnel_key


def wrapped(packet, layers):
    """The frame with the packet in all of `layers`, the first one outermost."""
    for layer in reversed(layers):
        packet = layer.wrap(packet)
    return bytes(ethernet(packet, SWITCHES))


def datagram(version, source_port=1234, back=False, payload=b"question"):
    """An inner packet between the two hosts that all tenants have."""
    ends, ports = HOSTS[version], (source_port, 53)
    if back:
        ends, ports = ends[::-1], ports[::-1]
    return ip(version, ends) / UDP(sport=ports[0], dport=ports[1]) / Raw(payload)


def tagged(packet, vlan):
    """What stands in an Ethernet frame with a VLAN tag and an MPLS label before the packet."""
    return Dot1Q(vlan=vlan) / MPLS(label=500, s=1) / packet
