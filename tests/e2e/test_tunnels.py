"""Tunnels in the native profile: captures that scapy makes, of every kind over IPv4 and IPv6 and in each other, with tenants
whose inner addresses are equal. What the records must say is worked out here from how the packets were made.

FLOWSENSOR_SANITIZED may name a binary built with sanitizers: it reads the cut and the deep captures as well.
Run: python3 tests/e2e/run.py test_tunnels
"""
import collections
import functools
import ipaddress
import itertools
import os
import random
import struct
import unittest
from pathlib import Path

from scapy.contrib.gtp import GTP_U_Header
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import GRE
from scapy.layers.vxlan import VXLAN
from scapy.utils import PcapReader

import frames
from harness import BINARY, CAPTURES, SHARED, Case, run
from tunnel_frames import FOU_PORT, HOSTS, KINDS, Layer, datagram, erspan_2, ethernet, ip, tagged, wrapped

OUTER = ((4, False), (6, False), (6, True))  # IP version, and whether extension headers stand before the tunnel
ENDS = ("src_ip", "src_port", "dst_ip", "dst_port", "ip_version", "protocol")
COUNTERS = ("src2dst_packets", "dst2src_packets", "src2dst_bytes", "dst2src_bytes")
FLOW = (*ENDS, "tunnel_id", "tunnel_key", *COUNTERS)
QUICK = ("--set", "meter.n_dissections=0")
WITH_FOU = ("--set", f"meter.tunnel_ports=fou={FOU_PORT}")
# The reasons that a frame cut within its headers can have, by the header that was cut.
CUT = {"link_truncated", "ip_truncated", "ip_extension", "tunnel_malformed", "transport_truncated"}
NESTING = 64
TUNNELS_LIMIT = 8
SANITIZERS = {"ASAN_OPTIONS": "exitcode=99:detect_leaks=1", "UBSAN_OPTIONS": "halt_on_error=1:exitcode=99"}
CAPTURED = ("gtp-u.pcap", "ipv6_in_gtp.pcap", "false_positives.pcapng", "tls_change_cipher.pcap", "ndpi-zoom.pcap",
            "http_origin_different_than_host.pcap", "vxlan.pcap")


class Sent(collections.namedtuple("Sent", "layers version port back payload")):
    """One packet of the made captures: its tunnels, outermost first, and the datagram inside."""

    @functools.cache
    def frame(self):
        return wrapped(datagram(self.version, self.port, self.back, self.payload), self.layers)

    def key(self, symmetric):
        return tuple(layer.identity(symmetric) for layer in self.layers), self.version, self.port

    def ends(self):
        hosts = [(host, port) for host, port in zip(HOSTS[self.version], (self.port, 53))]
        (source, source_port), (destination, destination_port) = reversed(hosts) if self.back else hosts
        return source, source_port, destination, destination_port, self.version, 17


def expected(sent, symmetric=False):
    """The flows as tuples of FLOW: packets with equal keys are one flow, which the first of them describes."""
    flows = {}
    for packet in sent:
        first, counters = flows.setdefault(packet.key(symmetric), (packet, [0, 0, 0, 0]))
        direction = packet.back != first.back
        counters[direction] += 1
        counters[2 + direction] += len(packet.frame())
    return [(*first.ends(), *first.layers[-1].identity(symmetric=False), *counters) for first, counters in flows.values()]


def order(flow):
    return [(value is not None, value) for value in flow]


def keys_of(kind, tenant):
    """The identifiers that a tenant's packets there and back have."""
    limit = KINDS[kind].limit
    if limit == 0:
        return 0, 0
    return (limit - 2 * tenant, limit - 2 * tenant - 1) if KINDS[kind].by_direction else (limit - tenant,) * 2


def combinations():
    """Each kind, each outer packet, each IP version that it carries."""
    return ((kind, outer, inner) for kind, outer, inner in itertools.product(KINDS, OUTER, (4, 6)) if inner in KINDS[kind].versions)


def version_in(kind, version):
    """Of the packet in a tunnel: the wanted one, or the only one that it carries."""
    return version if version in KINDS[kind].versions else KINDS[kind].versions[0]


def chain(kinds, version=4, innermost=4):
    """(layers, version of the packet inside) of tunnels in each other, outermost first, whose packets have versions that fit."""
    layers = []
    for kind in kinds:
        layers.append(Layer(kind, min(5, KINDS[kind].limit), version))
        version = version_in(kind, 10 - version)
    return layers, version_in(kinds[-1], innermost)


def conversation(kind, tenant, outer, inner, port):
    """Three datagrams there and two back."""
    version, options = outer
    there, back = (Layer(kind, key, version, options) for key in keys_of(kind, tenant))
    payload = b"tenant" * (tenant + 1)
    return [Sent((layer,), inner, port, is_back, payload) for layer, is_back in
            ((there, False), (back, True), (there, False), (back, True), (there, False))]


class TunnelCase(Case):
    """Runs of the sensor over frames, and what came out."""

    def meter(self, packets, *options, binary=None):
        """(flows as tuples of FLOW, ledger) of frames or of (time, frame)."""
        if packets and isinstance(packets[0], bytes):
            packets = frames.every(0.001, packets)
        capture = self.write("tunnels.pcap", frames.pcap(packets))
        return self.meter_file(capture, *options, binary=binary)

    def meter_file(self, capture, *options, binary=None):
        result = self.ended_well(run("-r", capture, "-w", "-", *QUICK, *options, binary=binary, env=SANITIZERS))
        return result.jsonl(), self.ledger(result)

    def assert_flows(self, records, wanted):
        got = sorted((tuple(record[name] for name in FLOW) for record in records), key=order)
        self.assertEqual(got, sorted(wanted, key=order))


class Tenants(TunnelCase):
    """Equal addresses and ports inside, different tunnels outside."""

    def sent(self):
        for port, (kind, outer, inner) in enumerate(combinations(), 10000):
            one, other = (conversation(kind, tenant, outer, inner, port) for tenant in (0, 1))
            yield from itertools.chain.from_iterable(zip(one, other))

    def check(self, symmetric):
        sent = list(self.sent())
        records, ledger = self.meter([packet.frame() for packet in sent],
                                     "--set", f"meter.tunnel_key={'symmetric' if symmetric else 'all'}", *WITH_FOU)
        self.assertEqual(ledger.packets["metered"], len(sent))
        self.assert_flows(records, expected(sent, symmetric))
        return collections.Counter(record["tunnel_id"] for record in records)

    def test_all_identifiers(self):
        flows = self.check(symmetric=False)
        # 6 combinations of a kind: two tenants' flows each, halves where the identifier differs by direction, one flow
        # where there is none.
        self.assertEqual(flows, {1: 24, 2: 6, 3: 6, 4: 3 * 24, 5: 4 * 12, 6: 3 * 6 + 5 * 12 + 24, 7: 24, 8: 6 + 2 * 12, 9: 2 * 6, 10: 6, 11: 3,
                                 12: 6, 13: 12, 15: 6})

    def test_symmetric_identifiers(self):
        flows = self.check(symmetric=True)
        self.assertEqual(flows, {1: 6, 2: 6, 3: 6, 4: 3 * 6, 5: 4 * 12, 6: 3 * 6 + 5 * 12 + 6, 7: 24, 8: 6 + 2 * 12, 9: 2 * 6, 10: 6, 11: 3,
                                 12: 6, 13: 12, 15: 6})

    def test_feature_hash_and_uid(self):
        sent = conversation("vxlan", 0, (4, False), 4, 7)
        other = conversation("vxlan", 1, (4, False), 4, 7)
        self.write("key", "00112233445566778899aabbccddeeff")
        packets = [(0.5, packet.frame()) for packet in (*sent, *other)]
        runs = {choice: self.meter(packets, "--set", f"meter.tunnel_key={choice}", "--set",
                                   f"identity.key_file={self.folder / 'key'}")[0] for choice in ("all", "symmetric")}
        # Of equal time and addresses, only the tunnel tells the flows apart.
        self.assertEqual(len({record["flow_uid"] for record in runs["all"]}), 2)
        self.assertNotEqual(*({record["feature_hash"] for record in records} for records in runs.values()))

    def test_tunnels_off_and_nfstream(self):
        sent = [packet for kind in ("gre", "vxlan", "geneve", "l2tp", "erspan_2")
                for packet in conversation(kind, 0, (4, False), 4, 7)]
        packets = [packet.frame() for packet in sent]
        for options in (("--set", "meter.decode_tunnels=false"), ("--profile", "nfstream")):
            records, _ = self.meter(packets, *options)
            self.assertEqual({record["src_ip"] for record in records}, {"192.0.2.1"})
            self.assertEqual({record.get("tunnel_id") for record in records}, {None if "--set" in options else 0})


class Ports(TunnelCase):
    """meter.tunnel_ports, and what its mistakes are answered with."""

    @staticmethod
    def moved(kind, port, inner=4):
        """A conversation in a tunnel of this kind, to this port."""
        for number, packet in enumerate(conversation(kind, 0, (4 + 2 * (port % 2), False), inner, port)):
            frame = bytearray(packet.frame())
            udp = 14 + (20 if frame[14] >> 4 == 4 else 40)
            struct.pack_into("!HHxxH", frame, udp, 49152 + 10 * list(KINDS).index(kind) + number, port, 0)
            yield bytes(frame)

    def tunnels(self, packets, *options):
        """(tunnel, outer port or the inner one that equals it) of each flow."""
        records, ledger = self.meter(packets, *options)
        self.assertEqual(ledger.packets["metered"], len(packets))
        return collections.Counter((record["tunnel_id"], record["dst_port"] if record["tunnel_id"] == 0 else
                                    record["src_port"] + record["dst_port"] - 53) for record in records)

    def test_usual_and_given(self):
        packets = [frame for port in (4789, 8472, 8473, 65535) for frame in self.moved("vxlan", port)]
        packets += [frame for port in (6081, 8473, 6082) for frame in self.moved("geneve", port)]
        self.assertEqual(self.tunnels(packets), {(5, 4789): 1, (5, 8472): 1, (0, 8473): 10, (0, 65535): 5, (7, 6081): 1, (0, 6082): 5})
        given = ("--set", "meter.tunnel_ports=vxlan=8473,65535,geneve=6082")
        self.assertEqual(self.tunnels(packets, *given), {(0, 4789): 5, (0, 8472): 5, (5, 8473): 1, (5, 65535): 1, (0, 6081): 5, (7, 6082): 1,
                                                         (0, 8473): 5})

    def test_configuration_file(self):
        conf = self.write("ports.conf", 'meter = { tunnel_ports = [ "vxlan=250,4790", "vxlan_gpe=", "gtp_u=2152,2153" ]; };')
        packets = [frame for port in (250, 4790) for frame in self.moved("vxlan", port)] + list(self.moved("vxlan_gpe", 4790))
        packets += [frame for port in (2152, 2153) for frame in self.moved("gtp_u", port)]
        # GTP-U's two directions have identifiers of their own. VXLAN-GPE's header is none of VXLAN.
        self.assertEqual(self.tunnels(packets, "-c", conf), {(5, 250): 1, (5, 4790): 1, (0, 4790): 5, (1, 2152): 2, (1, 2153): 2})

    def test_mistakes(self):
        for value, words in {"vxlan=70000": "expected ports from 1 to 65535", "vxlan=6081": "port 6081 belongs to both vxlan and geneve",
                             "gre=47": "names no tunnel that has ports; they are gtp_u,", "vxlan": "has no ports"}.items():
            result = run("-r", self.write("none.pcap", frames.pcap([])), "-w", "-", "--set", f"meter.tunnel_ports={value}")
            self.assertEqual((result.code, result.text()), (78, ""))
            self.assertRegex(result.errors[0], f"meter.tunnel_ports: .*{words}")


class Nested(TunnelCase):
    """Tunnels in tunnels: the innermost is told, and all of them keep tenants apart."""

    def test_pairs(self):
        sent = []
        for port, (outer, inner) in enumerate(itertools.product(KINDS, KINDS), 10000):
            version = 4 + 2 * (port % 2)
            for tenant, turn in itertools.product((0, 1), range(2)):
                within = version_in(outer, 10 - version)
                layers = (Layer(outer, keys_of(outer, tenant)[0], version), Layer(inner, keys_of(inner, 0)[0], within))
                sent.append(Sent(layers, version_in(inner, 4 + 2 * turn), port, False, b"x" * (tenant + 1)))
        records, _ = self.meter([packet.frame() for packet in sent], *WITH_FOU)
        self.assert_flows(records, expected(sent))

    def too_deep(self, binary):
        dice = random.Random(7)
        deep = [chain([kind] * NESTING, version) for kind in KINDS for version in (4, 6)]
        deep += [chain(dice.choices(list(KINDS), k=NESTING), dice.choice((4, 6))) for _ in range(10)]
        records, ledger = self.meter([wrapped(datagram(version), layers) for layers, version in deep], *WITH_FOU, binary=binary)
        self.assertEqual(records, [])
        self.assertEqual(ledger.packets["why"], {"too_deep": len(deep)})

    def test_64_fold(self):
        self.too_deep(BINARY)

    @unittest.skipUnless(os.environ.get("FLOWSENSOR_SANITIZED"), "FLOWSENSOR_SANITIZED names no binary")
    def test_64_fold_sanitized(self):
        self.too_deep(Path(os.environ["FLOWSENSOR_SANITIZED"]).resolve())

    def test_up_to_the_limit(self):
        sent = [Sent((Layer(kind, key),) * TUNNELS_LIMIT, 4, port, False, b"x")
                for port, kind in enumerate(("gre_key", "vxlan", "gtp_u")) for key in (1, 2)]
        over = Sent((Layer("gre_key", 1),) * (TUNNELS_LIMIT + 1), 4, 9, False, b"x")
        records, ledger = self.meter([packet.frame() for packet in (*sent, over)])
        self.assert_flows(records, expected(sent))
        self.assertEqual(ledger.packets["why"], {"too_deep": 1})


class InnerFrames(TunnelCase):
    """VLAN tags and MPLS labels within the tunnel."""

    def test_tags(self):
        packets = []
        kinds = ("capwap", "tzsp", "vxlan", "geneve", "gre_ethernet", "erspan_1", "erspan_2", "erspan_3", "etherip")
        for port, kind in enumerate(kinds, 10000):
            for vlan, version in itertools.product((100, 200), (4, 6)):
                packets.append(wrapped(tagged(datagram(version, port), vlan), [Layer(kind, min(5, KINDS[kind].limit), version)]))
        records, _ = self.meter(packets)
        got = {(record["src_port"], record["vlan_id"], record["ip_version"], record["tunnel_id"]) for record in records}
        self.assertEqual(got, {(port, vlan, version, KINDS[kind].number) for port, kind in enumerate(kinds, 10000)
                               for vlan in (100, 200) for version in (4, 6)})
        self.assertEqual({record["src_mac"] for record in records}, {"02:00:00:00:02:01"})

    def test_vlan_in_the_header_of_erspan(self):
        packets = []
        for vlan in (0, 100, 200):
            mirrored = erspan_2(datagram(4), 5, vlan)
            packets.append(bytes(ethernet(ip(4, ("192.0.2.1", "192.0.2.2"), proto=47) / mirrored)))
        records, _ = self.meter(packets)
        self.assertEqual(sorted(record["vlan_id"] for record in records), [0, 100, 200])


class Cut(TunnelCase):
    """Each frame, cut at every byte: a named reason up to the inner ports, the inner flow from there on."""

    def cuts(self):
        """(port, length, least captured bytes that are metered, packets) for each kind and version."""
        for number, (kind, (version, options), inner) in enumerate(combinations()):
            layers = [Layer(kind, min(5, KINDS[kind].limit), version, options)]
            frame = wrapped(datagram(inner, 10000 + number), layers)
            # UDP's header and the payload of datagram() end the frame; the ports are the header's first half.
            yield 10000 + number, len(frame), len(frame) - 8 - len(b"question") + 4, [frame[:kept] for kept in range(len(frame))]

    @staticmethod
    def capture(cases):
        """Cut packets have their length on the wire, and the number of their bytes as their time in ms."""
        blocks = [struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, frames.ETHERNET)]
        for number, (_, length, _, packets) in enumerate(cases):
            for kept, packet in enumerate(packets):
                blocks.append(struct.pack("<IIII", frames.START + number, kept * 1000, kept, length) + packet)
        return b"".join(blocks)

    def check(self, binary):
        cases = list(self.cuts())
        records, ledger = self.meter_file(self.write("cut.pcap", self.capture(cases)), *WITH_FOU, binary=binary)
        got = {record["src_port"]: record for record in records}
        self.assertEqual(len(records), len(cases))
        for number, (port, length, least, _) in enumerate(cases):
            record, whole = got[port], length - least
            self.assertEqual([record["bidirectional_packets"], record["bidirectional_bytes"]], [whole, whole * length], record)
            # All of them and no others: from `least` on, without a gap.
            start = (frames.START + number) * 1_000_000
            self.assertEqual([record["bidirectional_first_seen"], record["bidirectional_last_seen"]],
                             [start + least * 1000, start + (length - 1) * 1000], record)
            self.assertIn("truncated", record["quality_flags"])
        self.assertEqual(ledger.packets["ignored"], sum(least for _, _, least, _ in cases))
        self.assertEqual(set(ledger.packets["why"]), CUT)

    def test_every_byte(self):
        self.check(BINARY)

    @unittest.skipUnless(os.environ.get("FLOWSENSOR_SANITIZED"), "FLOWSENSOR_SANITIZED names no binary")
    def test_every_byte_sanitized(self):
        self.check(Path(os.environ["FLOWSENSOR_SANITIZED"]).resolve())


def identity(layer):
    """(tunnel_id, tunnel_key) of a scapy layer; None if it is no tunnel."""
    if isinstance(layer, VXLAN):
        return 5, layer.vni
    if isinstance(layer, GTP_U_Header) and layer.gtp_type == 255:
        return 1, layer.teid
    return (6, layer.key if layer.key_present else None) if isinstance(layer, GRE) else None


def innermost(packet):
    """What scapy sees in a packet: key of its flow, or None if a tunnel carries no IP."""
    tunnels, network, ports, layer = [], None, (0, 0), packet
    while layer:
        if isinstance(layer, (IP, IPv6)):
            network, ports = layer, (0, 0)
        elif isinstance(layer, (TCP, UDP)):
            ports = (layer.sport, layer.dport)
        elif (tunnel := identity(layer)) is not None:
            tunnels.append(tunnel)
            network = None
        elif isinstance(layer, ICMP):
            break  # what it quotes was not sent
        layer = layer.payload
    if network is None:
        return None
    ends = sorted(zip(map(ipaddress.ip_address, (network.src, network.dst)), ports))
    return (*ends, network.version, *(tunnels[-1] if tunnels else (0, None)))


class Captured(TunnelCase):
    """Tunnels of real programs, against scapy's view of the same captures."""

    def check(self, path):
        with PcapReader(str(path)) as reader:
            seen = collections.Counter(innermost(packet) for packet in reader)
        ignored = seen.pop(None, 0)
        records, ledger = self.meter_file(path)
        got = collections.Counter()
        for record in records:
            ends = sorted((ipaddress.ip_address(record[f"{end}_ip"]), record[f"{end}_port"]) for end in ("src", "dst"))
            got[*ends, record["ip_version"], record["tunnel_id"], record["tunnel_key"]] += record["bidirectional_packets"]
        self.assertEqual(got, seen, path.name)
        self.assertEqual(ledger.packets["ignored"], ignored, path.name)
        self.assertTrue(any(record["tunnel_id"] for record in records), path.name)

    def test_own(self):
        for name in ("gre.pcap", "gtpu.pcap", "vxlan.pcap"):
            self.check(CAPTURES / name)

    @unittest.skipUnless((SHARED / "pcaps").is_dir(), f"{SHARED / 'pcaps'} is absent")
    def test_shared(self):
        for name in CAPTURED:
            self.check(SHARED / "pcaps" / name)


if __name__ == "__main__":
    unittest.main()
