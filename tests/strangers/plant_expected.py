"""What the records of the planted flows must say: the documented meaning of each field, worked out from the values that
were planted and from nothing that the sensor wrote (but the text that feature_hash is the hash of)."""
import hashlib
import math
import socket
import struct

from plants import (ACK, DIRECTIONS, END_REASONS, FLAGS, FRAGMENT, GROUPS, HAS_ICMP, HAS_MAC, HAS_TUNNEL_KEY, KEY, MAX_INT, MAX_LONG,
                    MAX_SIZE, OFFLOAD, RECORD_KINDS, SPLT_PLACES, SYN, TIME_RAISED, TRUNCATED, flows, key_order, packed_address, tunnel_word)
from siphash import siphash128

TEXT_LIMIT = 65536
NATIVE_TEXTS = {"requested_server_name": "server_name", "user_agent": "user_agent", "content_type": "content_type",
                "ja3": "ja3", "ja3s": "ja3s", "ja4": "ja4", "hassh": "hassh", "hassh_server": "hassh_server",
                "dhcp_fingerprint": "dhcp"}
NFSTREAM_TEXTS = {"requested_server_name": ("server_name",), "user_agent": ("user_agent",),
                  "content_type": ("content_type",), "client_fingerprint": ("dhcp", "hassh", "ja4"),
                  "server_fingerprint": ("hassh_server", "ja3s")}


def clean(wire):
    """A text as records have it: up to the first NUL, U+FFFD for what is no UTF-8, cut between characters."""
    valid = wire.split(b"\0")[0].decode("utf-8", "replace").encode()
    return valid[:TEXT_LIMIT].decode("utf-8", "ignore")


def flow_uid(flow, profile):
    """The keyed hash that the schema documents, over both ends in canonical order, the network and the first time."""
    ends = [(packed_address(flow, "source"), flow["ports"][0]), (packed_address(flow, "destination"), flow["ports"][1])]
    if key_order(flow):
        ends.reverse()
    version = 0 if profile == "nfstream" else flow["ip_version"]
    data = ends[0][0] + ends[1][0] + struct.pack(">HHHBBQq", ends[0][1], ends[1][1], flow["vlan_id"], flow["protocol"],
                                                 version, tunnel_word(flow, profile), flow["uid_time"])
    return siphash128(KEY, data).hex()


def quality(flow, loss):
    """The quality flags in their documented order."""
    seen = flow["seen_flags"]
    flags = {"midstream": flow["protocol"] == 6 and flow["tcp_flags"] & (SYN | ACK) != SYN,
             "truncated": seen & TRUNCATED, "time_raised": seen & TIME_RAISED,
             "loss_window": three_counters(flow)[0][0] <= loss, "guessed_label": flow["guessed"],
             "evicted": END_REASONS[flow["end_reason"]] == "evicted", "offload": seen & OFFLOAD, "fragment": seen & FRAGMENT}
    return [name for name, is_set in flags.items() if is_set]


def macs(flow):
    """Addresses of the link and their vendor parts."""
    record = {}
    for side, digits in zip(("src", "dst"), flow["macs"]):
        mac = ":".join(digits[at:at + 2] for at in range(0, 12, 2))
        record[f"{side}_mac"], record[f"{side}_oui"] = mac, mac[:8]
    return record


def core(flow):
    """What both schemas have of the key."""
    family = socket.AF_INET if flow["ip_version"] == 4 else socket.AF_INET6
    source, destination = (socket.inet_ntop(family, socket.inet_pton(family, flow[end])) for end in ("source", "destination"))
    return {"src_ip": source, "dst_ip": destination, "src_port": flow["ports"][0], "dst_port": flow["ports"][1],
            "protocol": flow["protocol"], "ip_version": flow["ip_version"], "vlan_id": flow["vlan_id"],
            **macs(flow)}


def three_counters(flow):
    """Times, packets and bytes of both ways together and of each; sums as 64 bits have them."""
    ways = [way if way[2] else (0, 0, 0, 0) for way in flow["counters"]]
    used = [way for way in ways if way[2]]
    both = (min(way[0] for way in used), max(way[1] for way in used), *(sum(way[at] for way in ways) % 2**64 for at in (2, 3)))
    return [both, *ways]


def counters(flow, profile):
    """Times, packets and bytes of the three directions."""
    record = {}
    unit = "us" if profile == "native" else "ms"
    stamp = "" if profile == "native" else "_ms"
    for name, (first, last, packets, octets) in zip(DIRECTIONS, three_counters(flow)):
        absent = None if profile == "native" else 0  # where nothing came that way
        record[f"{name}_first_seen{stamp}"] = first if packets else absent
        record[f"{name}_last_seen{stamp}"] = last if packets else absent
        record[f"{name}_duration_{unit}"] = last - first
        record[f"{name}_packets"] = min(packets, MAX_LONG)
        record[f"{name}_bytes"] = min(octets, MAX_LONG)
    return record


def deviation(squares, count):
    """Sample standard deviation."""
    return math.sqrt(squares / (count - 1)) if count > 1 else 0.0


def three_sizes(flow):
    """The least and the largest size of both ways together are those of all that have packets."""
    ways = [sizes if way[2] else (0, 0, *sizes[2:]) for sizes, way in zip(flow["sizes"][1:], flow["counters"])]
    used = [sizes for sizes, way in zip(ways, flow["counters"]) if way[2]]
    return [(min(low for low, *_ in used), max(high for _, high, *_ in used), *flow["sizes"][0][2:]), *ways]


def statistics(flow, profile):
    """Post-mortem statistics: sizes are Avro ints, intervals longs; n packets have n - 1 intervals."""
    record = {}
    of_kind = {"sizes": three_sizes(flow), "intervals": flow["intervals"]}
    flags = [list(map(sum, zip(*flow["tcp"]))), *flow["tcp"]]
    interval = "piat_us" if profile == "native" else "piat_ms"
    for d, name in enumerate(DIRECTIONS):
        packets = three_counters(flow)[d][2]
        for kind, source, limit, count in (("ps", "sizes", MAX_INT, packets), (interval, "intervals", MAX_LONG, packets - 1)):
            low, high, mean, squares = of_kind[source][d]
            low = low if count > 0 else 0
            record[f"{name}_min_{kind}"], record[f"{name}_max_{kind}"] = min(low, limit), min(high, limit)
            record[f"{name}_mean_{kind}"], record[f"{name}_stddev_{kind}"] = mean, deviation(squares, count)
        for flag, number in zip(FLAGS, flags[d]):
            record[f"{name}_{flag}_packets"] = number
    return record


def sequences(flow, profile):
    """SPLT: natively as long as it is, for NFStream filled up with -1."""
    interval = "splt_piat_us" if profile == "native" else "splt_piat_ms"
    fill = [] if profile == "native" else [-1] * (SPLT_PLACES - len(flow["packets"]))
    columns = list(zip(*flow["packets"])) or [(), (), ()]
    return {"splt_direction": [*columns[0], *fill], "splt_ps": [*(min(size, MAX_SIZE) for size in columns[1]), *fill],
            interval: [*columns[2], *fill]}


def labels(flow, profile, ndpi_version):
    """nDPI's columns."""
    record = {"application_name": clean(flow["application"]), "application_category_name": clean(flow["category"]),
              "application_confidence": flow["confidence"]}
    wire = {name: value.split(b"\0")[0] for name, value in flow["texts"].items()}
    if profile == "native":
        record["application_is_guessed"] = bool(flow["guessed"])
        record["ndpi_version"] = ndpi_version
        record.update({field: clean(wire.get(name, b"")) or None for field, name in NATIVE_TEXTS.items()})
    else:
        record["application_is_guessed"] = flow["guessed"]
        for field, names in NFSTREAM_TEXTS.items():
            record[field] = clean(next((wire[name] for name in names if wire.get(name)), b""))
    return record


def process(flow, profile):
    """Whose socket it was: natively null what is unknown, for NFStream -1 and an empty text."""
    pid, user, end, *texts = flow["process"] or (-1, -1, 0, b"", b"", b"", b"")
    name, executable, cgroup, container = (clean(text) for text in texts)
    if profile != "native":
        return {"system_process_pid": pid, "system_process_name": name}
    return {"system_process_pid": pid if flow["process"] else None, "system_process_name": name or None,
            "system_process_end": (None, "src", "dst")[end], "system_process_executable": executable or None,
            "system_user_id": user if user >= 0 else None, "system_cgroup": cgroup or None, "system_container_id": container or None}


def end_reason(flow):
    return END_REASONS[flow["end_reason"]] if RECORD_KINDS[flow["record_kind"]] == "final" else "open"


def native_only(flow, header, seq, feature_hash):
    """Identity, quality, and what is null where it was not on the wire."""
    record = {"sensor_id": header["sensor_id"], "boot_id": header["boot_id"], "output": "csv", "seq": seq,
              "feature_hash": feature_hash, "flow_uid": flow_uid(flow, "native"), "slice": min(flow["slice"], MAX_INT),
              "record_kind": RECORD_KINDS[flow["record_kind"]], "revision": flow["revision"], "end_reason": end_reason(flow),
              "quality_flags": quality(flow, header["loss"])}
    if "l7" in header["off"]:
        record["quality_flags"] = [flag for flag in record["quality_flags"] if flag != "guessed_label"]
    has_icmp = flow["first_flags"] & HAS_ICMP
    record["icmp_type"], record["icmp_code"] = flow["icmp"] if has_icmp else (None, None)
    if not flow["first_flags"] & HAS_MAC:
        record.update(dict.fromkeys(("src_mac", "src_oui", "dst_mac", "dst_oui")))
    return record


def tunnel(flow, profile):
    """What is known of the tunnel; its identifier natively only."""
    has_key = flow["first_flags"] & HAS_TUNNEL_KEY
    key = {"tunnel_key": flow["tunnel_key"] if has_key else None}
    return {"tunnel_id": flow["tunnel"], **(key if profile == "native" else {})}


def keyed(key, use, text=None):
    """The pseudonym that deploy/examples/python/pseudonyms.py defines, or without a text the key of its use."""
    subkey = hashlib.blake2b(b"flowsensor " + use, key=key).digest()
    return subkey if text is None else hashlib.blake2b(text.encode(), key=subkey, digest_size=8).hexdigest()


def pseudonyms(record, header):
    """In place: user_agent where the planted output anonymizes, and which key that took."""
    key = header["anonymize_key"]
    if header["profile"] == "native":
        record["anon_key_id"] = keyed(key, b"anon_key_id")[:8].hex() if key else None
    if key and record["user_agent"] is not None:
        record["user_agent"] = keyed(key, b"short_hash", record["user_agent"])


def record_of(flow, header, seq, feature_hash):
    """One record by field name."""
    profile = header["profile"]
    groups = {"tunnel": tunnel(flow, profile), "stats": statistics(flow, profile),
              "splt": sequences(flow, profile), "l7": labels(flow, profile, header["ndpi_version"]),
              "process": process(flow, profile)}
    record = {**core(flow), **counters(flow, profile)}
    for group in GROUPS:
        absent = group in header["off"]
        record.update(dict.fromkeys(groups[group]) if absent else groups[group])
    if profile == "native":
        record.update(native_only(flow, header, seq, feature_hash))
    else:
        record.update(id=seq, expiration_id={"active": 1, "plugin": -1}.get(END_REASONS[flow["end_reason"]], 0))
    pseudonyms(record, header)
    return record


def records(header, schema, features):
    """All records that plant makes of its input, as lists; `features` is the text that feature_hash covers."""
    feature_hash = hashlib.sha256(features).hexdigest()[:32]
    return [schema.listed(record_of(flow, header, seq, feature_hash))
            for seq, flow in enumerate(flows(header["profile"]))]
