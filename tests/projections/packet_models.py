"""The columns of other tools, computed from a flow's packets by sections 1.1 to 1.3 of feature_sets.md: {column: number}.

What is right comes first; *_emitted() has what the tool writes instead. Labels, messages and whatever else is no number of packets are left out.
"""
import ipaddress
import math
import statistics
from bisect import bisect_right
from collections import Counter
from datetime import datetime, timezone

from oracle import activity, directions, segments, series
from oracle.directions import BACKWARD, BOTH, FORWARD
from oracle.packets import PSH, TCP, UDP, URG

FLAGS = ("FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR")
WAYS = (("", FORWARD), ("_REV", BACKWARD))
EDGES = (16, 32, 64, 128, 256, 512, 1024)
ALL = ("Max", "Min", "Mean", "Std")


def times(made):
    return [packet.time for packet in made]


def duration(made):
    return made[-1].time - made[0].time if made else 0


def milliseconds(made):
    return [packet.time // 1000 for packet in made]


def any_flag(made):
    flags = 0
    for packet in made:
        flags |= packet.flags
    return flags


def ends(made):
    """Source and destination of the flow, each an address and a port."""
    packet = made[0]
    pairs = ((packet.source, packet.source_port), (packet.destination, packet.destination_port))
    return [(str(ipaddress.ip_address(address)), port) for address, port in (pairs if packet.forward else reversed(pairs))]


def windows(made):
    return [packet.window for packet in made if packet.has_tcp]


def summary(values, prefix, order, factor=1):
    """0 of nothing."""
    found = {"Max": max(values, default=0), "Min": min(values, default=0), "Mean": directions.mean(values), "Std": directions.stddev(values)}
    return {f"{prefix} {name}": factor * found[name] for name in order}


def netflow(made):
    """But for messages and labels."""
    (source, source_port), (destination, destination_port) = ends(made)
    sizes, begin, end = [packet.i for packet in made], made[0].time // 1000, made[-1].time // 1000
    found = {"IPV4_SRC_ADDR": source, "IPV4_DST_ADDR": destination, "L4_SRC_PORT": source_port, "L4_DST_PORT": destination_port, "PROTOCOL": made[0].protocol,
             "FLOW_START_MILLISECONDS": begin, "FLOW_END_MILLISECONDS": end, "FLOW_DURATION_MILLISECONDS": end - begin, "TCP_FLAGS": any_flag(made),
             "MIN_TTL": min(packet.ttl for packet in made), "MAX_TTL": max(packet.ttl for packet in made), "MIN_IP_PKT_LEN": min(sizes), "MAX_IP_PKT_LEN": max(sizes),
             "SHORTEST_FLOW_PKT": min(sizes), "LONGEST_FLOW_PKT": max(sizes)}
    for name, low, high in (("UP_TO_128", 0, 128), ("128_TO_256", 129, 256), ("256_TO_512", 257, 511), ("512_TO_1024", 513, 1023), ("1024_TO_1514", 1025, 1514)):
        found[f"NUM_PKTS_{name}_BYTES"] = sum(low <= size <= high for size in sizes)
    for way, path, who, direction in (("IN", "SRC_TO_DST", "CLIENT", FORWARD), ("OUT", "DST_TO_SRC", "SERVER", BACKWARD)):
        part = directions.of(made, direction)
        size, again = sum(packet.i for packet in part), segments.sent_again([], [packet for packet in part if packet.has_tcp])
        second = 1000 * size / (end - begin) if end > begin else 0
        found |= {f"{way}_BYTES": size, f"{way}_PKTS": len(part), f"{who}_TCP_FLAGS": any_flag(part), f"TCP_WIN_MAX_{way}": max(windows(part), default=0),
                  f"DURATION_{way}": part[-1].time // 1000 - part[0].time // 1000 if part else 0, f"{path}_SECOND_BYTES": second,
                  f"{path}_AVG_THROUGHPUT": math.floor(8 * second), f"RETRANSMITTED_{way}_PKTS": again["retransmitted_packets"],
                  f"RETRANSMITTED_{way}_BYTES": again["retransmitted_bytes"]}
        waits = summary(directions.gaps(part), "", ALL, 1e-3)
        found |= {f"{path}_IAT_{name}": waits[f" {ours}"] for name, ours in (("MIN", "Min"), ("MAX", "Max"), ("AVG", "Mean"), ("STDDEV", "Std"))}
    return found


def binned(values):
    counts = Counter(bisect_right(EDGES, value) for value in values)
    return [counts[place] for place in range(len(EDGES) + 1)]


def cesnet(made):
    """But for PPI, labels and texts."""
    found = {"DURATION": duration(made) / 1e6}
    for suffix, direction in WAYS:
        part = directions.of(made, direction)
        data, flags = [packet for packet in part if packet.p], any_flag(part)
        waits = [later - earlier for earlier, later in zip(milliseconds(data), milliseconds(data)[1:])]
        found |= {f"PACKETS{suffix}": len(part), f"BYTES{suffix}": sum(packet.i for packet in part)}
        found |= {f"FLAG_{flag}{suffix}": flags >> bit & 1 for bit, flag in enumerate(FLAGS)}
        found |= {f"PSIZE_BIN{place}{suffix}": count for place, count in enumerate(binned([packet.p for packet in data]), 1)}
        found |= {f"IPT_BIN{place}{suffix}": count for place, count in enumerate(binned(waits), 1)}
        bursts, prefix = activity.bursts(made, direction), "SBI" if direction == FORWARD else "DBI"
        starts = [made[0].time + start for start in bursts["start_us"]]
        found |= {f"{prefix}_BRST_PACKETS": bursts["packets"], f"{prefix}_BRST_BYTES": bursts["bytes"], f"{prefix}_BRST_TIME_START": [start // 1000 for start in starts],
                  f"{prefix}_BRST_TIME_STOP": [(start + length) // 1000 for start, length in zip(starts, bursts["duration_us"])]}
    names, right = nettisa(made)
    return found | {f"NTS_{name}": value for name, value in zip(names, right)}


def nettisa(made):
    """(names, their numbers); nothing of a single packet."""
    names = ("MEAN", "MIN", "MAX", "STDEV", "ROOT_MEAN_SQUARE", "KURTOSIS", "AVERAGE_DISPERSION", "MEAN_SCALED_TIME", "MEAN_DIFFTIMES", "MIN_DIFFTIMES", "MAX_DIFFTIMES",
             "TIME_DISTRIBUTION", "SWITCHING_RATIO")
    if len(made) == 1:
        return names, [None] * len(names)
    sizes, gaps, n = [packet.p for packet in made], directions.gaps(made), len(made)
    spread = max(gaps) - min(gaps)
    return names, [
        statistics.fmean(sizes), min(sizes), max(sizes), statistics.pstdev(sizes), math.sqrt(sum(size * size for size in sizes) / n), directions.kurtosis(sizes) or 0,
        series.dispersion_of_payloads(sizes), sum(time - made[0].time for time in times(made)) / n, statistics.fmean(gaps), min(gaps), max(gaps),
        series.dispersion_of_gaps(made) / spread if spread else None, (1 + sum(one.r != other.r for one, other in zip(made, made[1:]))) / n]


def cesnet_emitted(made):
    if len(made) == 1:
        return dict.fromkeys(("NTS_STDEV", "NTS_KURTOSIS", "NTS_MEAN_DIFFTIMES", "NTS_MIN_DIFFTIMES", "NTS_TIME_DISTRIBUTION"))
    sizes, n = [packet.p for packet in made], len(made)
    spread = max(directions.gaps(made)) - min(sizes)
    return {"NTS_STDEV": math.sqrt(max(0, sum(size * size for size in sizes) / n - (sum(sizes) // n) ** 2)), "NTS_KURTOSIS": None,
            "NTS_MEAN_DIFFTIMES": duration(made) / n, "NTS_MIN_DIFFTIMES": 0, "NTS_TIME_DISTRIBUTION": series.dispersion_of_gaps(made) / spread if spread else None}


def is_known(made):
    """CICFlowMeter reads TCP and UDP; others have neither ports nor payload."""
    return made[0].protocol in (TCP, UDP)


def payloads(made):
    return [packet.p if is_known(made) else 0 for packet in made]


def rate(amount, made):
    """As Java divides doubles."""
    spent = duration(made) / 1e6
    return amount / spent if spent else math.inf if amount else math.nan


def bulk(made, direction):
    runs = activity.bulks(made, direction) if is_known(made) else []
    count, size, spent = len(runs), sum(packet.p for run in runs for packet in run), sum(run[-1].time - run[0].time for run in runs)
    return [size // count if count else 0, sum(map(len, runs)) // count if count else 0, 10**6 * size // spent if spent else 0]


def cicflowmeter(made):
    (source, source_port), (destination, destination_port) = ends(made)
    source_port, destination_port, protocol = (source_port, destination_port, made[0].protocol) if is_known(made) else (0, 0, 0)
    sizes, flags = payloads(made), {flag: sum(packet.flags >> bit & 1 for packet in made) for bit, flag in enumerate(FLAGS)}
    forward, backward = (directions.of(made, direction) for direction in (FORWARD, BACKWARD))
    subflows = sum(gap > 1_000_000 for gap in directions.gaps(made))
    found = {"Flow ID": f"{source}-{destination}-{source_port}-{destination_port}-{protocol}", "Src IP": source, "Src Port": source_port, "Dst IP": destination,
             "Dst Port": destination_port, "Protocol": protocol, "Flow Duration": duration(made),
             "Timestamp": datetime.fromtimestamp(made[0].time // 10**6, timezone.utc).strftime("%d/%m/%Y %I:%M:%S %p"),
             "Total Fwd Packet": len(forward), "Total Bwd packets": len(backward), "Flow Bytes/s": rate(sum(sizes), made), "Flow Packets/s": rate(len(made), made),
             "Packet Length Variance": directions.stddev(sizes) ** 2, "Average Packet Size": directions.mean(sizes),
             "Down/Up Ratio": len(backward) / len(forward) if forward else 0, "Fwd Act Data Pkts": sum(packet.p > 0 for packet in forward) if is_known(made) else 0,
             "FWD Init Win Bytes": (windows(forward) or [0])[0], "Bwd Init Win Bytes": (windows(backward) or [0])[0],
             "Fwd Seg Size Min": min((packet.s - packet.p for packet in forward if packet.s > packet.p), default=0) if is_known(made) else 0}
    found |= summary(sizes, "Packet Length", ALL) | summary(directions.gaps(made), "Flow IAT", ALL)
    found |= {f"{flag} Flag Count": count for flag, count in flags.items()}
    periods = activity.periods(made, directions.gaps(made))
    found |= {f"{state.title()} {name}": periods[f"{state}_{ours}_us"] for state in ("active", "idle")
              for name, ours in (("Mean", "mean"), ("Std", "stddev"), ("Max", "max"), ("Min", "min"))}
    for way, part, direction in (("Fwd", forward, FORWARD), ("Bwd", backward, BACKWARD)):
        total = sum(packet.p for packet in part) if is_known(made) else 0
        found |= summary([packet.p if is_known(made) else 0 for packet in part], f"{way} Packet Length", ALL) | summary(directions.gaps(part), f"{way} IAT", ALL)
        found |= {f"Total Length of {way} Packet": total, f"{way} Segment Size Avg": found[f"{way} Packet Length Mean"], f"{way} IAT Total": duration(part),
                  f"{way} PSH Flags": sum(bool(packet.flags & PSH) for packet in part), f"{way} URG Flags": sum(bool(packet.flags & URG) for packet in part),
                  f"{way} Header Length": sum(packet.s - packet.p for packet in part) if is_known(made) else 0,
                  f"{way} Packets/s": len(part) / (duration(made) / 1e6) if duration(made) else 0,
                  f"Subflow {way} Packets": len(part) // subflows if subflows else 0, f"Subflow {way} Bytes": total // subflows if subflows else 0}
        found |= dict(zip((f"{way} Bytes/Bulk Avg", f"{way} Packet/Bulk Avg", f"{way} Bulk Rate Avg"), bulk(made, direction)))
    return found


def cicflowmeter_emitted(made):
    """The first packet is entered twice; other columns have one packet, the last one, or all of them."""
    sizes, first, forward = payloads(made), made[0], directions.of(made, FORWARD)
    twice = [sizes[0], *sizes]
    backward = len(made) - len(forward)
    return {"Packet Length Mean": directions.mean(twice), "Packet Length Std": directions.stddev(twice), "Packet Length Variance": statistics.variance(twice),
            "Average Packet Size": sum(twice) / len(made), "Down/Up Ratio": backward // len(forward) if forward else 0,
            "Fwd PSH Flags": int(bool(first.flags & PSH)), "Bwd PSH Flags": 0, "Fwd URG Flags": int(bool(first.flags & URG)), "Bwd URG Flags": 0,
            "Bwd Init Win Bytes": (windows(directions.of(made, BACKWARD)) or [0])[-1],
            "Fwd Act Data Pkts": (sum(packet.p > 0 for packet in forward) if is_known(made) else 0) - (sizes[0] > 0),
            **dict.fromkeys(("Fwd Bytes/Bulk Avg", "Fwd Packet/Bulk Avg", "Fwd Bulk Rate Avg"), 0),
            **dict(zip(("Bwd Bytes/Bulk Avg", "Bwd Packet/Bulk Avg", "Bwd Bulk Rate Avg"), bulk(made, BOTH)))}
