"""The columns of other tools' data sets, from those of `flow_full/v1`.

Each expression is SQL that polars and DuckDB read alike; 1e3 is a double in both, where polars takes 1000.0 for a decimal. Times in it are microseconds since 1970. `emits`: what the tool itself writes, where
that is not the number that the column's name promises; "" where it can't be had. `bound`: how far an approximate number is from the tool's at
most, in the column's unit; "" where that can't be said.
"""
from __future__ import annotations

from typing import Dict, List, NamedTuple, Optional, Tuple

BOTH, FORWARD, BACKWARD = "bidirectional", "src2dst", "dst2src"
WAYS = (("", FORWARD), ("_REV", BACKWARD))
EXACT, APPROXIMATE, CORRECTED = "exact", "approximate", "corrected"
FLAGS = ("fin", "syn", "rst", "psh", "ack", "urg", "ece", "cwr")  # bit 0 to 7
NO_NUMBER = "CAST(NULL AS DOUBLE)"
PPI_LENGTH = 30


class Column(NamedTuple):
    name: str
    expression: str
    mark: str = EXACT
    emits: Optional[str] = None
    bound: str = ""


class Projection(NamedTuple):
    """`inputs`: what the expressions see instead of a column, by its name. `timestamp`: how they see the flow's begin as a text of that name."""

    inputs: Dict[str, str]
    columns: List[Column]
    timestamp: str = ""


def choose(condition: str, then: str, otherwise: str = "0") -> str:
    return f"CASE WHEN {condition} THEN {then} ELSE {otherwise} END"


def or_zero(name: str) -> str:
    return f"COALESCE({name}, 0)"


def flag_bits(direction: str) -> str:
    return " + ".join(choose(f"{direction}_{flag}_packets > 0", str(1 << bit)) for bit, flag in enumerate(FLAGS))


def flag_of_first(bit: int) -> str:
    return choose(f"({or_zero('first_tcp_flags')} // {bit}) % 2 = 1", "1")


def milliseconds_between(first: str, last: str) -> str:
    return or_zero(f"{last} // 1000 - {first} // 1000")


def about(name: str, expression: str, bound: str = "") -> Column:
    return Column(name, expression, APPROXIMATE, None, bound)


def of_population(deviation: str, count: str) -> str:
    """The deviation that divides by the number of values, from the one that divides by one less; 0 without values."""
    return choose(f"{count} > 0", f"{deviation} * SQRT(1e0 * ({count} - 1) / {count})", "0e0")


def other_layers(which: str) -> str:
    """How far a size of packets is from the IP packet's, whichever layer the other tool counts."""
    size, frame, payload = (f"{BOTH}_{which}{layer}_ps" for layer in ("_ip", "", "_payload"))
    return f"GREATEST({frame} - {size}, {size} - {payload})"


def nf_v3() -> Projection:
    """Section 1.1 of feature_sets.md."""
    duration = milliseconds_between(f"{BOTH}_first_seen", f"{BOTH}_last_seen")
    ends = (("IN", "SRC_TO_DST", "CLIENT", FORWARD), ("OUT", "DST_TO_SRC", "SERVER", BACKWARD))
    bins = {"NUM_PKTS_UP_TO_128_BYTES": 1, "NUM_PKTS_128_TO_256_BYTES": 2, "NUM_PKTS_256_TO_512_BYTES": 3, "NUM_PKTS_512_TO_1024_BYTES": 5,
            "NUM_PKTS_1024_TO_1514_BYTES": 7}
    made = [Column("IPV4_SRC_ADDR", "src_ip"), Column("IPV4_DST_ADDR", "dst_ip"), Column("L4_SRC_PORT", "src_port"), Column("L4_DST_PORT", "dst_port"),
            Column("PROTOCOL", "protocol"),
            about("L7_PROTO", or_zero(choose("application_id > 0", "application_id", "application_protocol_id"))),
            Column("FLOW_START_MILLISECONDS", f"{BOTH}_first_seen // 1000"), Column("FLOW_END_MILLISECONDS", f"{BOTH}_last_seen // 1000"),
            Column("FLOW_DURATION_MILLISECONDS", duration), Column("TCP_FLAGS", flag_bits(BOTH)),
            Column("MIN_TTL", f"{BOTH}_min_ttl"), Column("MAX_TTL", f"{BOTH}_max_ttl"),
            Column("MIN_IP_PKT_LEN", f"{BOTH}_min_ip_ps"), Column("MAX_IP_PKT_LEN", f"{BOTH}_max_ip_ps"),
            about("SHORTEST_FLOW_PKT", f"{BOTH}_min_ip_ps", other_layers("min")), about("LONGEST_FLOW_PKT", f"{BOTH}_max_ip_ps", other_layers("max"))]
    made += [Column(name, f"{FORWARD}_ip_ps_hist[{place}] + {BACKWARD}_ip_ps_hist[{place}]") for name, place in bins.items()]
    for way, path, end, direction in ends:
        rate = f"1e3 * {direction}_ip_bytes / ({duration})"
        other_rate = choose(f"({duration}) > 1", f"{rate} / ({duration} - 1)", "NULL")  # if it divides by a duration of its own
        gaps = f"GREATEST({direction}_packets - 1, 0)"
        deviation = f"{direction}_stddev_piat_us"
        made += [
            Column(f"{way}_BYTES", f"{direction}_ip_bytes"), Column(f"{way}_PKTS", f"{direction}_packets"),
            about(f"DURATION_{way}", milliseconds_between(f"{direction}_first_seen", f"{direction}_last_seen"), "1"),
            Column(f"{end}_TCP_FLAGS", flag_bits(direction)),
            about(f"{path}_SECOND_BYTES", choose(f"({duration}) > 0", rate, "0e0"), other_rate),
            about(f"{path}_AVG_THROUGHPUT", choose(f"({duration}) > 0", f"FLOOR(8 * {rate})", "0e0"), f"8 * {other_rate} + 1"),
            about(f"RETRANSMITTED_{way}_BYTES", or_zero(f"{direction}_retransmitted_bytes")),
            about(f"RETRANSMITTED_{way}_PKTS", or_zero(f"{direction}_retransmitted_packets"), or_zero(f"{direction}_out_of_order_packets")),
            Column(f"TCP_WIN_MAX_{way}", or_zero(f"{direction}_max_window"))]
        made += [about(f"{path}_IAT_{name}", f"{direction}_{ours}_piat_us / 1e3", "1") for name, ours in (("MIN", "min"), ("MAX", "max"), ("AVG", "mean"))]
        # With n or n - 1 under the root, of gaps that are each rounded by less than 1 ms.
        made.append(about(f"{path}_IAT_STDDEV", f"{deviation} / 1e3", f"({deviation} - {of_population(deviation, gaps)}) / 1e3 + 1.5e0"))
    made += [about("ICMP_TYPE", or_zero("256 * icmp_type + icmp_code")), about("ICMP_IPV4_TYPE", or_zero("icmp_type")),
             about("DNS_QUERY_ID", or_zero("dns_query_id")), about("DNS_QUERY_TYPE", or_zero("dns_query_type")),
             about("DNS_TTL_ANSWER", or_zero(choose("dns_query_type = 1", "dns_answer_ttl"))),
             about("FTP_COMMAND_RET_CODE", or_zero("ftp_reply_code"))]
    return Projection({}, made)


def of_all_but_one(expression: str) -> str:
    """NetTiSA has no value of a single packet."""
    return choose(f"{BOTH}_packets > 1", f"CAST({expression} AS DOUBLE)", "NULL")


def nettisa() -> List[Column]:
    n, payload, piat = f"{BOTH}_packets", f"{BOTH}_payload_bytes", f"{BOTH}_stddev_payload_ps"
    squares = f"(({n} - 1) * {piat} * {piat} + 1e0 * {payload} * {payload} / {n})"
    deviation = f"{squares} / {n} - 1e0 * ({payload} // {n}) * ({payload} // {n})"
    gap_range = f"({BOTH}_max_piat_us - {BOTH}_min_piat_us)"
    emitted_range = f"({BOTH}_max_piat_us - {BOTH}_min_payload_ps)"
    dispersion = f"{BOTH}_dispersion_piat_us"
    rows = [
        ("MEAN", f"{BOTH}_mean_payload_ps", EXACT, None), ("MIN", f"{BOTH}_min_payload_ps", EXACT, None),
        ("MAX", f"{BOTH}_max_payload_ps", EXACT, None),
        ("STDEV", of_population(piat, n), CORRECTED, f"SQRT(GREATEST({deviation}, 0e0))"),
        ("ROOT_MEAN_SQUARE", f"SQRT({squares} / {n})", EXACT, None),
        ("KURTOSIS", or_zero(f"{BOTH}_kurtosis_payload_ps"), CORRECTED, ""),
        ("AVERAGE_DISPERSION", f"{BOTH}_dispersion_payload_ps", EXACT, None),
        ("MEAN_SCALED_TIME", f"{BOTH}_mean_offset_us", EXACT, None),
        ("MEAN_DIFFTIMES", f"{BOTH}_mean_piat_us", CORRECTED, f"1e0 * {BOTH}_duration_us / {n}"),
        ("MIN_DIFFTIMES", f"{BOTH}_min_piat_us", CORRECTED, "0"), ("MAX_DIFFTIMES", f"{BOTH}_max_piat_us", EXACT, None),
        ("TIME_DISTRIBUTION", choose(f"{gap_range} > 0", f"{dispersion} / {gap_range}", "NULL"), CORRECTED,
         choose(f"{emitted_range} <> 0", f"{dispersion} / {emitted_range}", "NULL")),
        ("SWITCHING_RATIO", f"(1e0 + {BOTH}_size_changes) / {n}", EXACT, None)]
    return [Column(f"NTS_{name}", of_all_but_one(expression), mark, emits if not emits else of_all_but_one(emits)) for name, expression, mark, emits in rows]


def cesnet() -> Projection:
    """Section 1.2. The lists ppi_* are made of the SPLT before: see projections.py."""
    made = [Column("PPI_SIZE", "ppi_size"), Column("PPI_IPT", "ppi_ipt"), Column("PPI_DIR", "ppi_dir"), Column("PPI_PUSH_FLAG", "ppi_push"),
            Column("PPI_PKT_LENGTHS", "ppi_lengths"), Column("PPI_PKT_TIMES", "ppi_times"), Column("PPI_PKT_FLAGS", "ppi_flags"),
            Column("PPI_PKT_DIRECTIONS", "ppi_directions"), Column("PPI_LEN", "ppi_len"), about("PPI_DURATION", "ppi_duration", "1e-3"),
            about("PPI_ROUNDTRIPS", "ppi_changes // 2", "ppi_changes % 2"), Column("DURATION", f"{BOTH}_duration_us / 1e6"),
            about("FLOW_ENDREASON_ACTIVE", choose("end_reason = 'active'", "1")),
            about("FLOW_ENDREASON_IDLE", choose(f"end_reason = 'idle' AND {or_zero(f'{BOTH}_fin_packets + {BOTH}_rst_packets')} = 0", "1")),
            about("FLOW_ENDREASON_OTHER", choose(f"end_reason = 'active' OR (end_reason = 'idle' AND {or_zero(f'{BOTH}_fin_packets + {BOTH}_rst_packets')} = 0)",
                                                 "0", "1"))]
    for suffix, direction in WAYS:
        made += [Column(f"PACKETS{suffix}", f"{direction}_packets"), Column(f"BYTES{suffix}", f"{direction}_ip_bytes")]
        made += [Column(f"FLAG_{flag.upper()}{suffix}", choose(f"{direction}_{flag}_packets > 0", "1")) for flag in FLAGS]
        made += [Column(f"PSIZE_BIN{place}{suffix}", f"{direction}_payload_ps_hist[{place}]") for place in range(1, 9)]
        times = f"{direction}_payload_piat_hist"
        bins = [f"{times}[1] + {times}[2]", *(f"{times}[{place}]" for place in range(3, 9)), f"{times}[9] + {times}[10]"]
        made += [Column(f"IPT_BIN{place}{suffix}", expression) for place, expression in enumerate(bins, 1)]
    for prefix, direction in (("SBI", FORWARD), ("DBI", BACKWARD)):
        made += [Column(f"{prefix}_BRST_PACKETS", f"{direction}_burst_packets"), Column(f"{prefix}_BRST_BYTES", f"{direction}_burst_bytes"),
                 Column(f"{prefix}_BRST_TIME_START", f"{prefix.lower()}_start"), Column(f"{prefix}_BRST_TIME_STOP", f"{prefix.lower()}_stop")]
    quic = "application_name LIKE 'QUIC%'"
    made += [about("TLS_SNI", choose(quic, "NULL", "requested_server_name")), about("QUIC_SNI", choose(quic, "requested_server_name", "NULL")),
             about("TLS_JA3", "ja3"), about("QUIC_USER_AGENT", choose(quic, "user_agent", "NULL")),
             Column("QUIC_VERSION", f"{BACKWARD}_quic_version"), Column("QUIC_CLIENT_VERSION", f"{FORWARD}_quic_version")]
    return Projection({}, made + nettisa())


def lengths_of(prefix: str, direction: str, order: Tuple[str, ...]) -> List[Column]:
    return [Column(f"{prefix} {name}", f"{direction}_{name.lower().replace('std', 'stddev')}_payload_ps") for name in order]


def times_of(prefix: str, direction: str) -> List[Column]:
    return [Column(f"{prefix} {name}", f"{direction}_{ours}_piat_us") for name, ours in (("Mean", "mean"), ("Std", "stddev"), ("Max", "max"), ("Min", "min"))]


def per_second(amount: str) -> str:
    """Java's doubles: Infinity, and NaN of 0 / 0."""
    nothing = choose(f"{amount} = 0", "CAST('NaN' AS DOUBLE)", "CAST('Infinity' AS DOUBLE)")
    return choose(f"{BOTH}_duration_us = 0", nothing, f"{amount} / ({BOTH}_duration_us / 1e6)")


def bulk_of(direction: str) -> Tuple[str, str, str]:
    """Bytes and packets of a bulk, and bytes in a second of them; 0 without bulks."""
    count, time = or_zero(f"{direction}_bulk_count"), or_zero(f"{direction}_bulk_duration_us")
    return (choose(f"{count} > 0", f"{direction}_bulk_bytes // {direction}_bulk_count"), choose(f"{count} > 0", f"{direction}_bulk_packets // {direction}_bulk_count"),
            choose(f"{time} > 0", f"1000000 * {direction}_bulk_bytes // {direction}_bulk_duration_us"))


def of_packets() -> List[Column]:
    """Columns 47 to 61 of CICFlowMeter."""
    n, total, first = f"{BOTH}_packets", f"{BOTH}_payload_bytes", "first_payload_ps"
    mean, deviation = f"{BOTH}_mean_payload_ps", f"{BOTH}_stddev_payload_ps"
    variance = (f"(({n} - 1) * {deviation} * {deviation} + {n} * ({first} - {mean}) * ({first} - {mean}) / ({n} + 1)) / {n}")
    return [
        Column("Packet Length Mean", mean, CORRECTED, f"({n} * {mean} + {first}) / ({n} + 1)"),
        Column("Packet Length Std", deviation, CORRECTED, f"SQRT({variance})"),
        Column("Packet Length Variance", f"{deviation} * {deviation}", CORRECTED, variance),
        *(Column(f"{flag.upper()} Flag Count", f"{BOTH}_{flag}_packets") for flag in ("fin", "syn", "rst", "psh", "ack", "urg", "cwr", "ece")),
        Column("Down/Up Ratio", choose(f"{FORWARD}_packets > 0", f"1e0 * {BACKWARD}_packets / {FORWARD}_packets", "0e0"), CORRECTED,
               choose(f"{FORWARD}_packets > 0", f"{BACKWARD}_packets // {FORWARD}_packets")),
        Column("Average Packet Size", mean, CORRECTED, f"1e0 * ({total} + {first}) / {n}"),
        Column("Fwd Segment Size Avg", f"{FORWARD}_mean_payload_ps"), Column("Bwd Segment Size Avg", f"{BACKWARD}_mean_payload_ps")]


def of_flows() -> List[Column]:
    """Columns 62 to 83."""
    made = []
    for way, direction in (("Fwd", FORWARD), ("Bwd", BACKWARD)):
        emitted = bulk_of(BOTH) if way == "Bwd" else ("0", "0", "0")
        made += [Column(f"{way} {name}", value, CORRECTED, emits)
                 for name, value, emits in zip(("Bytes/Bulk Avg", "Packet/Bulk Avg", "Bulk Rate Avg"), bulk_of(direction), emitted)]
    for way, direction in (("Fwd", FORWARD), ("Bwd", BACKWARD)):
        made += [Column(f"Subflow {way} {name}", choose("subflow_gaps > 0", f"{direction}_{ours} // subflow_gaps"))
                 for name, ours in (("Packets", "packets"), ("Bytes", "payload_bytes"))]
    made += [
        Column("FWD Init Win Bytes", or_zero(f"{FORWARD}_first_window")),
        Column("Bwd Init Win Bytes", or_zero(f"{BACKWARD}_first_window"), CORRECTED, or_zero(f"{BACKWARD}_last_window")),
        Column("Fwd Act Data Pkts", f"{FORWARD}_payload_packets", CORRECTED, f"{FORWARD}_payload_packets - {choose('first_payload_ps > 0', '1')}"),
        Column("Fwd Seg Size Min", or_zero(f"{FORWARD}_min_header_bytes"))]
    for state in ("active", "idle"):
        made += [Column(f"{state.capitalize()} {name}", f"{state}_{ours}_us") for name, ours in (("Mean", "mean"), ("Std", "stddev"), ("Max", "max"), ("Min", "min"))]
    return made


def cicflowmeter() -> Projection:
    """Section 1.3: CICFlowMeter in Java. Of protocols other than TCP and UDP it knows packets and times alone."""
    known = "protocol IN (6, 17)"
    names = [f"{direction}_{name}" for direction in (BOTH, FORWARD, BACKWARD)
             for name in ("payload_bytes", "payload_packets", "transport_bytes", "min_payload_ps", "max_payload_ps", "mean_payload_ps", "stddev_payload_ps",
                          "bulk_count", "bulk_packets", "bulk_bytes", "bulk_duration_us")]
    inputs = {name: choose(known, name) for name in ("protocol", "src_port", "dst_port", "first_payload_ps", *names)}
    order, other_order = ("Max", "Min", "Mean", "Std"), ("Min", "Max")
    made = [
        Column("Flow ID", "src_ip || '-' || dst_ip || '-' || CAST(src_port AS VARCHAR) || '-' || CAST(dst_port AS VARCHAR) || '-' || CAST(protocol AS VARCHAR)"),
        Column("Src IP", "src_ip"), Column("Src Port", "src_port"), Column("Dst IP", "dst_ip"), Column("Dst Port", "dst_port"), Column("Protocol", "protocol"),
        Column("Timestamp", "timestamp"), Column("Flow Duration", f"{BOTH}_duration_us"),
        Column("Total Fwd Packet", f"{FORWARD}_packets"), Column("Total Bwd packets", f"{BACKWARD}_packets"),
        Column("Total Length of Fwd Packet", f"{FORWARD}_payload_bytes"), Column("Total Length of Bwd Packet", f"{BACKWARD}_payload_bytes"),
        *lengths_of("Fwd Packet Length", FORWARD, order), *lengths_of("Bwd Packet Length", BACKWARD, order),
        Column("Flow Bytes/s", per_second(f"{BOTH}_payload_bytes")), Column("Flow Packets/s", per_second(f"{BOTH}_packets")), *times_of("Flow IAT", BOTH),
        Column("Fwd IAT Total", f"{FORWARD}_duration_us"), *times_of("Fwd IAT", FORWARD),
        Column("Bwd IAT Total", f"{BACKWARD}_duration_us"), *times_of("Bwd IAT", BACKWARD)]
    for flag, bit in (("psh", 8), ("urg", 32)):
        made += [Column(f"Fwd {flag.upper()} Flags", f"{FORWARD}_{flag}_packets", CORRECTED, flag_of_first(bit)),
                 Column(f"Bwd {flag.upper()} Flags", f"{BACKWARD}_{flag}_packets", CORRECTED, "0")]
    for way, direction in (("Fwd", FORWARD), ("Bwd", BACKWARD)):
        made.append(Column(f"{way} Header Length", f"{direction}_transport_bytes - {direction}_payload_bytes"))
    for way, direction in (("Fwd", FORWARD), ("Bwd", BACKWARD)):
        made.append(Column(f"{way} Packets/s", choose(f"{BOTH}_duration_us = 0", "0e0", f"{direction}_packets / ({BOTH}_duration_us / 1e6)")))
    made += lengths_of("Packet Length", BOTH, other_order) + of_packets() + of_flows()
    return Projection(inputs, made, "%d/%m/%Y %I:%M:%S %p")


def seconds(name: str) -> str:
    return f"{name} / 1e6"


def where_unpadded(value: str, *directions: str) -> str:
    """Null unless each frame is of an Ethernet header and an IP packet: the tool takes padding for payload."""
    return choose(" AND ".join(f"{direction}_raw_bytes - {direction}_ip_bytes = 14 * {direction}_packets" for direction in directions), value, "NULL")


class Twice:
    """What the Python program makes of the sizes of packets: the first one, of `first` bytes, counts twice; deviations divide by the number."""

    first = "splt_ps[1]"

    def __init__(self, direction: str):
        self.n, self.total = f"{direction}_packets", f"{direction}_raw_bytes"
        self.mean, self.deviation = f"{direction}_mean_ps", f"{direction}_stddev_ps"

    @property
    def emitted_mean(self) -> str:
        return f"1e0 * ({self.total} + {self.first}) / ({self.n} + 1)"

    @property
    def emitted_variance(self) -> str:
        distance = f"({self.first} - {self.mean})"
        return f"(({self.n} - 1) * {self.deviation} * {self.deviation} + {self.n} * {distance} * {distance} / ({self.n} + 1)) / ({self.n} + 1)"

    def columns(self, prefix: str, doubled: bool) -> List[Column]:
        maximum, minimum = (Column(f"{prefix}_{name}", self.mean.replace("mean", name)) for name in ("max", "min"))
        deviation = of_population(self.deviation, self.n)
        if not doubled:
            return [maximum, minimum, Column(f"{prefix}_mean", self.mean), Column(f"{prefix}_std", deviation)]
        return [maximum, minimum, Column(f"{prefix}_mean", self.mean, CORRECTED, self.emitted_mean),
                Column(f"{prefix}_std", deviation, CORRECTED, f"SQRT({self.emitted_variance})")]


def python_rates() -> List[Column]:
    """Columns of a second and of a number of packets, in which the first packet counts twice."""
    def rate(name: str, amount: str, more: Optional[str]) -> Column:
        made = [choose(f"{BOTH}_duration_us > 0", f"({value}) / ({BOTH}_duration_us / 1e6)", "0e0") for value in (amount, f"{amount} + {more}")]
        return Column(name, made[0], CORRECTED, made[1]) if more else Column(name, made[0])

    n, raw, first = f"{FORWARD}_packets", f"{FORWARD}_raw_bytes", Twice.first
    return [rate("flow_byts_s", f"{BOTH}_raw_bytes", first), rate("flow_pkts_s", f"{BOTH}_packets", "1"), rate("fwd_pkts_s", n, "1"),
            rate("bwd_pkts_s", f"{BACKWARD}_packets", None),
            Column("tot_fwd_pkts", n, CORRECTED, f"{n} + 1"), Column("tot_bwd_pkts", f"{BACKWARD}_packets"),
            Column("totlen_fwd_pkts", raw, CORRECTED, f"{raw} + {first}"), Column("totlen_bwd_pkts", f"{BACKWARD}_raw_bytes")]


def python_headers() -> List[Column]:
    """Headers are IP's there. What the first packet's had, and how short one was, no record keeps: 20 bytes if all had no options."""
    size = f"{FORWARD}_ip_bytes - {FORWARD}_transport_bytes"
    plain = f"{size} = 20 * {FORWARD}_packets"
    counted = f"{FORWARD}_payload_packets"
    return [Column("fwd_header_len", size, CORRECTED, choose(plain, f"{size} + 20", "NULL")), Column("bwd_header_len", f"{BACKWARD}_ip_bytes - {BACKWARD}_transport_bytes"),
            Column("fwd_seg_size_min", or_zero(f"{FORWARD}_min_header_bytes"), CORRECTED, choose(plain, "20", "NULL")),
            Column("fwd_act_data_pkts", counted, CORRECTED, where_unpadded(f"{counted} + {choose('first_payload_ps > 0', '1')}", FORWARD))]


def python_times() -> List[Column]:
    """The flow's and the forward gaps begin with one of 0; those of the other direction are 0 unless there are two."""
    made = []
    for prefix, direction in (("flow", BOTH), ("fwd", FORWARD), ("bwd", BACKWARD)):
        n, total = f"{direction}_packets", f"{direction}_duration_us"
        mean, deviation = f"{direction}_mean_piat_us", f"{direction}_stddev_piat_us"
        right = {"max": f"{direction}_max_piat_us", "min": f"{direction}_min_piat_us", "mean": mean, "std": of_population(deviation, f"GREATEST({n} - 1, 0)")}
        if direction == BACKWARD:
            made += [Column("bwd_iat_tot", seconds(total), CORRECTED, choose(f"{n} > 2", seconds(total), "0e0"))]
            made += [Column(f"bwd_iat_{name}", seconds(value), CORRECTED, choose(f"{n} > 2", seconds(value), "0e0")) for name, value in right.items() if name != "std"]
            made += [Column("bwd_iat_std", seconds(right["std"]))]
            continue
        squares = f"(({n} - 2) * {deviation} * {deviation} + ({n} - 1) * {mean} * {mean} / {n})"
        emitted = {"min": "0", "mean": seconds(f"(1e0 * {total} / {n})"), "std": seconds(choose(f"{n} > 1", f"SQRT({squares} / {n})", "0e0"))}
        made += [Column("fwd_iat_tot", seconds(total))] if direction == FORWARD else []
        made += [Column(f"{prefix}_iat_{name}", seconds(value), *((CORRECTED, emitted[name]) if name in emitted else ())) for name, value in right.items()]
    return made


def python_flags() -> List[Column]:
    def doubled(name: str, direction: str, flag: str) -> Column:
        count = f"{direction}_{flag}_packets"
        return Column(name, count, CORRECTED, f"{count} + {flag_of_first(1 << FLAGS.index(flag))}")

    made = []
    for flag in ("psh", "urg"):
        made += [doubled(f"fwd_{flag}_flags", FORWARD, flag), Column(f"bwd_{flag}_flags", f"{BACKWARD}_{flag}_packets")]
    made += [doubled(f"{flag}_flag_cnt", BOTH, flag) for flag in ("fin", "syn", "rst", "psh", "ack", "urg", "ece")]
    return [*made, Column("cwr_flag_count", f"{BOTH}_cwr_packets", CORRECTED, doubled("", FORWARD, "urg").emits)]


def python_windows() -> List[Column]:
    """The program takes the first window that is not 0, which a record has if it is the first one."""
    made = []
    for way, direction in (("fwd", FORWARD), ("bwd", BACKWARD)):
        first, most = or_zero(f"{direction}_first_window"), or_zero(f"{direction}_max_window")
        made.append(Column(f"init_{way}_win_byts", first, CORRECTED, choose(f"{first} > 0 OR {most} = 0", first, "NULL")))
    return made


def python_periods() -> List[Column]:
    """Active and idle periods, bulks and subflows."""
    made = []
    for state in ("active", "idle"):
        values = {name: f"{state}_{name}_us" for name in ("max", "min", "mean")} | {"std": of_population(f"{state}_stddev_us", f"{state}_count")}
        made += [Column(f"{state}_{name}", seconds(value), CORRECTED, "0") for name, value in values.items()]
    for way, direction in (("fwd", FORWARD), ("bwd", BACKWARD)):
        count, time, size = (f"{direction}_bulk_{name}" for name in ("count", "duration_us", "bytes"))
        values = {"byts_b_avg": choose(f"{count} > 0", f"1e0 * {size} / {count}", "0e0"), "pkts_b_avg": choose(f"{count} > 0", f"1e0 * {direction}_bulk_packets / {count}", "0e0"),
                  "blk_rate_avg": choose(f"{time} > 0", f"1e6 * {size} / {time}", "0e0")}
        made += [Column(f"{way}_{name}", value, CORRECTED, where_unpadded(value, FORWARD, BACKWARD)) for name, value in values.items()]
        for name, total, more in (("pkts", f"{direction}_packets", "1"), ("byts", f"{direction}_raw_bytes", Twice.first)):
            made.append(Column(f"subflow_{way}_{name}", f"1e0 * {total} / (subflow_gaps + 1)", CORRECTED, f"{total} + {more}" if way == "fwd" else total))
    return made


def cicflowmeter_python() -> Projection:
    """Section 1.4: the package cicflowmeter of PyPI, which knows TCP and UDP over IPv4 alone."""
    both, forward, backward = Twice(BOTH), Twice(FORWARD), Twice(BACKWARD)
    ratio = choose(f"{FORWARD}_packets > 0", f"1e0 * {BACKWARD}_packets / {FORWARD}_packets", "0e0")
    made = [
        *(Column(name, name) for name in ("src_ip", "dst_ip", "src_port", "dst_port", "protocol")),
        Column("timestamp", "timestamp"), Column("flow_duration", seconds(f"{BOTH}_duration_us")), *python_rates(),
        *forward.columns("fwd_pkt_len", True), *backward.columns("bwd_pkt_len", False), *both.columns("pkt_len", True),
        Column("pkt_len_var", f"{both.deviation} * {both.deviation} * ({both.n} - 1) / {both.n}", CORRECTED, both.emitted_variance),
        *python_headers(), *python_times(), *python_flags(),
        Column("down_up_ratio", ratio, CORRECTED, f"1e0 * {BACKWARD}_packets / ({FORWARD}_packets + 1)"),
        Column("pkt_size_avg", both.mean, CORRECTED, both.emitted_mean), *python_windows(), *python_periods(),
        Column("fwd_seg_size_avg", forward.mean, CORRECTED, forward.emitted_mean), Column("bwd_seg_size_avg", backward.mean)]
    return Projection({}, made, "%Y-%m-%d %H:%M:%S")


PROJECTIONS: Dict[str, Projection] = {"nf_v3": nf_v3(), "cesnet": cesnet(), "cicflowmeter": cicflowmeter(), "cicflowmeter_python": cicflowmeter_python()}
