"""Which packets a record stands for: those of its 5-tuple, as many as it counts, between its first and its last one's times."""
import ipaddress
from collections import defaultdict
from functools import lru_cache

IN_TUNNEL = "in a tunnel"


class Slice:
    """A record with its packets, in order; `before`: those of the flow's earlier slices, None if they aren't known; `cut`: how many are of slice 0."""

    def __init__(self, record, packets, before, cut=None):
        self.record, self.packets, self.before = record, packets, before
        self.cut = len(packets) if cut is None else cut


@lru_cache(100_000)
def packed(address):
    return ipaddress.ip_address(address).packed


def key_of(record):
    ends = sorted((packed(record[f"{end}_ip"]), record[f"{end}_port"]) for end in ("src", "dst"))
    return (*ends, record["protocol"], record["vlan_id"])


def microseconds(value):
    """A record's time, which readers of Avro make a datetime."""
    if isinstance(value, int):
        return value
    return (value - value.fromtimestamp(0, value.tzinfo)) // (value.resolution)


def orient(packets, record):
    """Copies nothing: a packet belongs to one final record only."""
    source = (packed(record["src_ip"]), record["src_port"])
    for packet in packets:
        packet.forward = (packet.source, packet.source_port) == source


def fits(packets, record):
    """Whether these are the record's packets, by their numbers and times."""
    if len(packets) != record["bidirectional_packets"] or not packets:
        return False
    orient(packets, record)
    return (sum(packet.forward for packet in packets) == record["src2dst_packets"] and
            packets[0].time == microseconds(record["bidirectional_first_seen"]) and
            packets[-1].time == microseconds(record["bidirectional_last_seen"]))


def find(packets, start, record):
    """The record's packets from a place of its 5-tuple's packets on, else by time alone; and the place behind them."""
    count = record["bidirectional_packets"]
    if fits(packets[start:start + count], record):
        return packets[start:start + count], start + count
    first, last = (microseconds(record[f"bidirectional_{which}_seen"]) for which in ("first", "last"))
    places = [place for place, packet in enumerate(packets) if first <= packet.time <= last]
    chosen = [packets[place] for place in places]
    return (chosen, places[-1] + 1) if fits(chosen, record) else (None, start)


def followed(record, before, chosen):
    """What the next slice has before it. Another connection of the same ends and time has a number of its own, as if it were a slice."""
    if record["end_reason"] != "active":
        return []
    return None if before is None else before + chosen


def slices(records, packets):
    """(slices, for each reason how many final records have none)."""
    by_key, found, missed = defaultdict(list), [], defaultdict(int)
    for packet in packets:
        by_key[packet.key].append(packet)
    finals, earlier, cuts = defaultdict(list), {}, {}
    for record in records:
        if record["tunnel_id"]:
            missed[IN_TUNNEL] += 1
        else:
            finals[key_of(record)].append(record)
    for key, of_key in finals.items():
        place = 0
        for record in sorted(of_key, key=lambda one: one["seq"]):  # one ends before the next begins
            if key not in by_key:
                missed["packets not read here"] += 1
                continue
            chosen, place = find(by_key[key], place, record)
            if chosen is None:
                missed["other packets"] += 1
                continue
            before = earlier.get(record["flow_uid"]) if record["slice"] else []
            cut = cuts.get(record["flow_uid"]) if before else None
            found.append(Slice(record, chosen, before, cut))
            earlier[record["flow_uid"]], cuts[record["flow_uid"]] = followed(record, before, chosen), found[-1].cut
    return found, dict(missed)
