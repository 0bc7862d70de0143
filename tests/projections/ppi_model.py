"""A model of ipfixprobe's plugin pstats, from sections 1.2 and 2.7 of feature_sets.md: which packets it keeps of a flow, and the columns made of them."""
from oracle.packets import PSH, TCP

MOST, DISTANCE = 30, 4252017623


def duplicates(made):
    """Rule P: whether each packet says again what the last new one of its direction has said, once the flow has had data."""
    marks, last, data = [], {}, False
    for packet in made:
        before = last.get(packet.forward)
        mark = packet.protocol == TCP and data and before is not None and (packet.p, packet.flags) == (before.p, before.flags) and all(
            -DISTANCE <= number - earlier <= 0 for number, earlier in ((packet.seq, before.seq), (packet.ack, before.ack)))
        marks.append(mark)
        if not mark:
            last[packet.forward] = packet
        data = data or packet.p > 0
    return marks


def kept(made, skipdup):
    """All that have payload, but for duplicates if they are skipped; the plugin takes the first MOST of them."""
    return [packet for packet, mark in zip(made, duplicates(made)) if packet.p and not (skipdup and mark)]


def lists(packets):
    """The columns of the plugin, and DataZoo's, which are filled up with zeros."""
    sizes, ways = [packet.p for packet in packets], [1 if packet.forward else -1 for packet in packets]
    times = [packet.time // 1000 for packet in packets]
    gaps = [0, *(later - earlier for earlier, later in zip(times, times[1:]))][:len(packets)]
    pushes = [int(bool(packet.flags & PSH)) for packet in packets]

    def padded(values):
        return values + [0] * (MOST - len(values))

    changes = sum(one != other for one, other in zip(ways, ways[1:]))
    return {"PPI_SIZE": padded(sizes), "PPI_IPT": padded(gaps), "PPI_DIR": padded(ways), "PPI_PUSH_FLAG": padded(pushes), "PPI_PKT_LENGTHS": sizes,
            "PPI_PKT_TIMES": times, "PPI_PKT_FLAGS": [packet.flags for packet in packets], "PPI_PKT_DIRECTIONS": ways, "PPI_LEN": len(packets),
            "PPI_DURATION": (packets[-1].time - packets[0].time) / 1e6 if packets else 0.0, "PPI_ROUNDTRIPS": changes // 2}
