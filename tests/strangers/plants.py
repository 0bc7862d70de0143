"""Flows that no capture has, with the extremes of every field: as text for the program plant (plant.c), which feeds them
to the shipped recorder and sinks. What the records must then say is worked out in plant_expected.py, from the same values.
"""
import copy
import random
import socket

RECORD_KINDS = ("final", "early", "update")
END_REASONS = ("idle", "active", "end_of_input", "evicted", "shutdown", "plugin", "tcp_fin", "tcp_reset",
               "answered", "tcp_reuse")
DIRECTIONS = ("bidirectional", "src2dst", "dst2src")
FLAGS = ("syn", "cwr", "ece", "urg", "ack", "psh", "rst", "fin")
TEXTS = ("server_name", "user_agent", "content_type", "ja3", "ja3s", "ja4", "hassh", "hassh_server", "dhcp")
# enum packet_flag (decode/walk/packet.h) and enum field_group (record/field/catalogue.h).
TRUNCATED, TIME_RAISED, OFFLOAD, FRAGMENT, HAS_MAC, HAS_ICMP, HAS_TUNNEL_KEY = (1 << bit for bit in range(7))
GROUPS = ("tunnel", "stats", "splt", "l7", "process")
SYN, ACK = 2, 16
MAX_LONG, MAX_INT = 2**63 - 1, 2**31 - 1
MAX_SIZE = 2**23 - 1  # of a packet in SPLT (feature/splt.c)
# The last microsecond that readers can make a date of: Python's datetime ends with the year 9999.
MAX_DATE = 253402300799999999
KEY = (0x0706050403020100, 0x0F0E0D0C0B0A0908)
SPLT_PLACES = 300
SEED = 20260
RANDOM_FLOWS = 200

# What packets may hold, and readers stumble over.
INVALID_UTF8 = (b"\xff\xfe", b"a\xc3", b"\xc3(", b"\xe2\x82", b"\xed\xa0\x80", b"\xf0\x80\x80\x80", b"\xc0\xaf",
                b"\x80\xbf", b"ok\xf4\x90\x80\x80end", b"\xf0\x9f\x98", "Zürich".encode("latin-1"))
AWKWARD = (b'"', b'""', b",", b"\n", b"\r", b"\r\n", b"a,b\nc\"d", b"\\", b"\\u0041", b"'", b"\t", b"\x01\x1f\x7f", b" x ",
           b"null", b"[1, 2]", b"=1+1", "ключ".encode(), "😀".encode(), "\u2028\ufeff".encode(), b"before\0behind")
LONG = (b"n" * 65535, b"n" * 65536, b"n" * 65537, b"n" * 70000, "é".encode() * 40000, b"x" + "é".encode() * 40000,
        b"\xff" * 30000, b'"' * 65536, b"n" * 65530 + b"\xff\xff\xff", "😀".encode() * 16385)


def ordinary(profile):
    """A TLS flow as any capture has it; the others are this one with something changed."""
    second = 1_000_000 if profile == "native" else 1000
    start = 1_700_000_000 * second
    return {
        "source": "192.0.2.1", "destination": "198.51.100.7", "ports": (40000, 443), "protocol": 6, "ip_version": 4,
        "vlan_id": 0, "tunnel": 0, "tunnel_key": 0, "tunnel_path": 0, "macs": ("020000000001", "0200000000fe"), "icmp": (0, 0), "first_flags": HAS_MAC,
        "seen_flags": HAS_MAC, "tcp_flags": SYN, "slice": 0, "revision": 0, "record_kind": 0, "end_reason": 2, "uid_time": start,
        "counters": [(start, start + second, 5, 1000), (start + 7, start + 9, 4, 4000)],
        "sizes": [(54, 1514, 555.5555555555555, 1234567.0), (54, 517, 200.0, 99999.5), (60, 1514, 1000.0, 0.1)],
        "intervals": [(0, second, 0.1, 1e10), (1, second // 2, 3.5, 5.0), (2, second // 3, 1 / 3, 7.0)],
        "tcp": [(1, 0, 0, 0, 4, 2, 0, 1), (1, 0, 0, 0, 4, 2, 0, 1)],
        "packets": [(0, 74, 0), (1, 74, 10), (0, 66, 20)],
        "application": b"TLS.Google", "category": b"Web", "confidence": 6, "guessed": 0,
        "texts": {"server_name": b"www.example.org"}, "process": None,
    }


def changed(profile, **values):
    """The ordinary flow with other values."""
    return {**copy.deepcopy(ordinary(profile)), **values}


def largest(profile):
    """Each number as large as it gets; unsigned ones larger than Avro's, which must be cut to Avro's largest."""
    last = MAX_DATE if profile == "native" else MAX_LONG
    return changed(
        profile, ports=(65535, 65535), protocol=255, vlan_id=4095, tunnel=15, tunnel_key=2**32 - 1, tunnel_path=2**56 - 1, icmp=(255, 255), slice=2**32 - 1,
        source="255.255.255.255", destination="255.255.255.254", macs=("ffffffffffff", "ffffffffffff"),
        first_flags=HAS_MAC | HAS_ICMP | HAS_TUNNEL_KEY, uid_time=MAX_LONG, counters=[(0, last, MAX_LONG, 2**64 - 1)] * 2,
        sizes=[(2**31 - 1, 2**32 - 1, 1.7976931348623157e308, 1e308)] * 3,
        intervals=[(2**63 - 1, 2**64 - 1, 1e308, 1.7976931348623157e308)] * 3, tcp=[(2**32 - 1,) * 8] * 2,
        packets=[(1, 2**32 - 1, MAX_LONG)] * SPLT_PLACES, confidence=9, guessed=1)


def smallest(profile):
    """One packet of nothing: no link addresses, no answer, no text, no label."""
    none = (0, 0, 0.0, 0.0)
    return changed(
        profile, source="0.0.0.0", destination="0.0.0.0", ports=(0, 0), protocol=0, macs=("000000000000",) * 2,
        first_flags=0, seen_flags=0, tcp_flags=0, uid_time=0, counters=[(0, 0, 1, 0), (0, 0, 0, 0)],
        sizes=[none] * 3, intervals=[none] * 3, tcp=[(0,) * 8] * 2, packets=[], application=b"Unknown",
        category=b"Unspecified", confidence=0, texts={})


def doubles(profile):
    """Doubles that only an exact encoding keeps."""
    reals = (5e-324, 0.1, 1e308, -0.0, 1e16, 1e-5, 123456789.12345679, 2.2250738585072014e-308, 1 / 3)
    for at in range(0, len(reals), 3):
        three = [(1, 2, real, real) for real in reals[at:at + 3]]
        yield changed(profile, sizes=three, intervals=three[::-1],
                      counters=[(0, 1, 3, 3), (0, 1, 2**62, 3)])


def reasons(profile):
    """Every end, every quality flag alone and all at once."""
    for reason in range(len(END_REASONS)):
        yield changed(profile, end_reason=reason, slice=reason)
    for kind in range(len(RECORD_KINDS)):
        yield changed(profile, record_kind=kind, revision=kind * 65535 // 2)
    for flag in (TRUNCATED, TIME_RAISED, OFFLOAD, FRAGMENT, TRUNCATED | TIME_RAISED | OFFLOAD | FRAGMENT):
        yield changed(profile, seen_flags=flag | HAS_MAC)
    yield changed(profile, tcp_flags=0)
    yield changed(profile, seen_flags=0xFF, tcp_flags=0, guessed=1, end_reason=3)


def networks(profile):
    """IPv6 in all its spellings, ICMP, tunnels."""
    for address in ("::", "::1", "2001:db8::1", "::ffff:192.0.2.1", "::192.0.2.1", "fe80:0:0:1::", "1:2:3:4:5:6:7:8",
                    "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "0:0:1::", "1::8"):
        yield changed(profile, source=address, destination="2001:db8:0:0:1::", ip_version=6)
    for protocol in (1, 58):
        yield changed(profile, protocol=protocol, first_flags=HAS_ICMP, icmp=(8, 1), ports=(0, 0))
    for tunnel in range(16):
        yield changed(profile, tunnel=tunnel, vlan_id=tunnel)
        yield changed(profile, tunnel=tunnel, tunnel_key=7 << tunnel, tunnel_path=1 << 32 | 7 << tunnel,
                      first_flags=HAS_MAC | HAS_TUNNEL_KEY)


def texts(profile):
    """Every text set, none, awkward ones in each place, long ones as the server name."""
    yield changed(profile, texts={name: f"{name} of the flow".encode() for name in TEXTS})
    yield changed(profile, texts={})
    for number, value in enumerate(AWKWARD + INVALID_UTF8):
        name = TEXTS[number % len(TEXTS)]
        yield changed(profile, texts={"server_name": value, "user_agent": b"<" + value + b">", name: value},
                      # The example's table of applications has one line for each, so their names have no line ends.
                      application=b"app<" + value.replace(b"\n", b"").replace(b"\r", b"") + b">", category=value)
    for value in LONG:
        yield changed(profile, texts={"ja4": b"t13d1516h2_8daaf6152771_e5627efa2ab1", "server_name": value})
    yield changed(profile, texts={name: b"y" * 7000 for name in TEXTS})
    yield changed(profile, texts={"dhcp": b"1,3,6", "hassh": b"h", "ja4": b"j"})
    yield changed(profile, texts={"hassh": b"h", "ja4": b"j", "ja3s": b"s"})
    yield changed(profile, texts={"ja3": b"only"})


def processes(profile):
    """Who holds the socket: all that is known of it, next to nothing, and names as awkward as files may have."""
    container = b"0123456789abcdef" * 4
    yield changed(profile, process=(1234, 1000, 1, b"curl", b"/usr/bin/curl", b"/user.slice", b""))
    yield changed(profile, process=(2**31 - 2, 2**32 - 1, 2, b"nginx", b"/usr/sbin/nginx", b"/docker/" + container, container))
    yield changed(profile, process=(1, -1, 1, b"", b"", b"", b""))
    for value in AWKWARD + INVALID_UTF8:
        yield changed(profile, process=(7, 0, 2, b"<" + value + b">", b"/bin/" + value, b"/" + value, b"f" * 64))


def sequences(profile):
    """SPLT of every kind of length, with every kind of number."""
    for length in (0, 1, 2, 20, SPLT_PLACES):
        yield changed(profile, packets=[(at % 2, 2**(at % 32), 2**(at % 63) - 1) for at in range(length)])


def chances(profile):
    """Numbers of every magnitude and bytes of every kind, by a fixed seed."""
    dice = random.Random(SEED)

    def number(bits):
        return dice.getrandbits(dice.randint(0, bits))

    for _ in range(RANDOM_FLOWS):
        first = number(50)
        yield changed(
            profile, ports=(number(16), number(16)), protocol=number(8), vlan_id=number(12), slice=number(31),
            end_reason=dice.randrange(len(END_REASONS)), source=socket.inet_ntoa(dice.randbytes(4)), uid_time=first, confidence=number(3),
            macs=(dice.randbytes(6).hex(), dice.randbytes(6).hex()), guessed=number(1), seen_flags=number(4),
            # A flow has a packet, and its first one is from its source; only the answers may lack.
            counters=[(first, first + number(40), max(number(63), least), number(63)) for least in (1, 0)],
            sizes=[(number(31), number(31), dice.expovariate(0.001), dice.random() * 10**dice.randint(-9, 18))
                   for _ in DIRECTIONS],
            intervals=[(number(63), number(63), dice.expovariate(1e-6), dice.random()) for _ in DIRECTIONS],
            tcp=[tuple(number(32) for _ in FLAGS) for _ in DIRECTIONS[1:]],
            packets=[(number(1), number(31), number(62)) for _ in range(number(5))],
            texts={name: dice.randbytes(dice.randint(1, 40)) for name in dice.sample(TEXTS, dice.randint(0, 9))})


def flows(profile):
    """All planted flows, in the order of their records."""
    yield ordinary(profile)
    yield largest(profile)
    yield smallest(profile)
    for kind in (doubles, reasons, networks, texts, processes, sequences, chances):
        yield from kind(profile)


def packed_address(flow, name):
    """The 16 bytes of an address in struct flow: IPv4 in front, the rest 0."""
    family = socket.AF_INET if flow["ip_version"] == 4 else socket.AF_INET6
    return socket.inet_pton(family, flow[name]).ljust(16, b"\0")


def key_order(flow):
    """Whether the source is the key's second end: addresses as numbers, then ports."""
    source, destination = (packed_address(flow, name) for name in ("source", "destination"))
    return (source, flow["ports"][0]) > (destination, flow["ports"][1])


def tunnel_word(flow, profile):
    """The tunnel in the flow key: its kind, and natively what tells it from others."""
    return flow["tunnel"] | (flow["tunnel_path"] << 8 if profile == "native" else 0)


def flow_lines(flow, profile):
    """One flow in plant's language (plant_spec.c)."""
    swapped = key_order(flow)
    ends = [(packed_address(flow, end).hex(), port) for end, port in zip(("source", "destination"), flow["ports"])]
    (address_a, port_a), (address_b, port_b) = reversed(ends) if swapped else ends
    yield f"ends {port_a} {port_b} {int(swapped)}"
    yield f"addresses {address_a} {address_b}"
    yield "macs {} {}".format(*flow["macs"])
    key_version = 0 if profile == "nfstream" else flow["ip_version"]
    yield f"network {flow['protocol']} {flow['ip_version']} {flow['vlan_id']} {key_version}"
    yield f"tunnel {flow['tunnel_key']} {tunnel_word(flow, profile)}"
    yield f"life {flow['slice']} {flow['revision']} {flow['record_kind']} {flow['end_reason']} {flow['uid_time']}"
    yield "flags {first_flags} {seen_flags} {tcp_flags} {icmp[0]} {icmp[1]}".format(**flow)
    for way in range(2):
        yield "counters {} {} {} {} {}".format(way, *flow["counters"][way])
        yield f"tcp {way} " + " ".join(map(str, flow["tcp"][way]))
    for d in range(3):
        for name in ("sizes", "intervals"):
            low, high, mean, squares = flow[name][d]
            yield f"{name} {d} {low} {high} {mean.hex()} {squares.hex()}"
    for packet in flow["packets"]:
        yield "packet {} {} {}".format(*packet)
    yield f"label {flow['confidence']} {flow['guessed']}"
    yield f"application {flow['application'].hex()}"
    yield f"category {flow['category'].hex()}"
    if flow["process"]:
        yield "process {} {} {} {}".format(*flow["process"][:3], " ".join(text.hex() for text in flow["process"][3:]))
    for name, value in sorted(flow["texts"].items(), key=lambda item: len(item[1])):
        yield f"text {TEXTS.index(name)} {value.hex()}"
    yield "end"


def write(path, schema, profile, sensor_id, off=(), ndpi_version="4.2.0", anonymize_key=None):
    """Writes plant's input file and returns what the expectations need to know of it."""
    header = {"schema": schema.name, "profile": profile, "sensor_id": sensor_id, "off": tuple(off),
              "boot_id": "6fa459ea-ee8a-4ca4-894e-db77e160355e", "ndpi_version": ndpi_version, "loss": 1 << 49,
              "anonymize_key": anonymize_key}
    lines = [f"profile {profile}", f"schema {schema.name}", f"sensor_id {sensor_id}", f"boot_id {header['boot_id']}",
             f"ndpi_version {ndpi_version}", "key {:x} {:x}".format(*KEY), f"splt_analysis {SPLT_PLACES}",
             f"loss {header['loss']}", *([f"anonymize_key {anonymize_key.hex()}"] if anonymize_key else []), *(f"off {group}" for group in off), "flows"]
    for flow in flows(profile):
        lines += flow_lines(flow, profile)
    path.write_text("\n".join(lines) + "\n", encoding="ascii")
    return header
