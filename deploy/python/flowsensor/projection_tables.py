"""The columns of other tools' data sets, from those of `flow_full/v1`.

Each expression is SQL that polars and DuckDB read alike; 1e3 is a double in both, where polars takes 1000.0 for a decimal. Times in it are microseconds since 1970. `emits`: what the tool itself writes, where
that is not the number that the column's name promises; "" where it can't be had.
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


class Projection(NamedTuple):
    """`inputs`: what the expressions see instead of a column, by its name."""

    inputs: Dict[str, str]
    columns: List[Column]


def choose(condition: str, then: str, otherwise: str = "0") -> str:
    return f"CASE WHEN {condition} THEN {then} ELSE {otherwise} END"


def or_zero(name: str) -> str:
    return f"COALESCE({name}, 0)"


def flag_bits(direction: str) -> str:
    return " + ".join(choose(f"{direction}_{flag}_packets > 0", str(1 << bit)) for bit, flag in enumerate(FLAGS))


def milliseconds_between(first: str, last: str) -> str:
    return or_zero(f"{last} // 1000 - {first} // 1000")


def nf_v3() -> Projection:
    """Section 1.1 of feature_sets.md."""
    duration = milliseconds_between(f"{BOTH}_first_seen", f"{BOTH}_last_seen")
    ends = (("IN", "SRC_TO_DST", "CLIENT", FORWARD), ("OUT", "DST_TO_SRC", "SERVER", BACKWARD))
    bins = {"NUM_PKTS_UP_TO_128_BYTES": 1, "NUM_PKTS_128_TO_256_BYTES": 2, "NUM_PKTS_256_TO_512_BYTES": 3, "NUM_PKTS_512_TO_1024_BYTES": 5,
            "NUM_PKTS_1024_TO_1514_BYTES": 7}
    made = [Column("IPV4_SRC_ADDR", "src_ip"), Column("IPV4_DST_ADDR", "dst_ip"), Column("L4_SRC_PORT", "src_port"), Column("L4_DST_PORT", "dst_port"),
            Column("PROTOCOL", "protocol"),
            Column("L7_PROTO", or_zero(choose("application_id > 0", "application_id", "application_protocol_id")), APPROXIMATE),
            Column("FLOW_START_MILLISECONDS", f"{BOTH}_first_seen // 1000"), Column("FLOW_END_MILLISECONDS", f"{BOTH}_last_seen // 1000"),
            Column("FLOW_DURATION_MILLISECONDS", duration), Column("TCP_FLAGS", flag_bits(BOTH)),
            Column("MIN_TTL", f"{BOTH}_min_ttl"), Column("MAX_TTL", f"{BOTH}_max_ttl"),
            Column("MIN_IP_PKT_LEN", f"{BOTH}_min_ip_ps"), Column("MAX_IP_PKT_LEN", f"{BOTH}_max_ip_ps"),
            Column("SHORTEST_FLOW_PKT", f"{BOTH}_min_ip_ps", APPROXIMATE), Column("LONGEST_FLOW_PKT", f"{BOTH}_max_ip_ps", APPROXIMATE)]
    made += [Column(name, f"{FORWARD}_ip_ps_hist[{place}] + {BACKWARD}_ip_ps_hist[{place}]") for name, place in bins.items()]
    for way, path, end, direction in ends:
        rate = f"1e3 * {direction}_ip_bytes / ({duration})"
        made += [
            Column(f"{way}_BYTES", f"{direction}_ip_bytes"), Column(f"{way}_PKTS", f"{direction}_packets"),
            Column(f"DURATION_{way}", milliseconds_between(f"{direction}_first_seen", f"{direction}_last_seen"), APPROXIMATE),
            Column(f"{end}_TCP_FLAGS", flag_bits(direction)),
            Column(f"{path}_SECOND_BYTES", choose(f"({duration}) > 0", rate, "0e0"), APPROXIMATE),
            Column(f"{path}_AVG_THROUGHPUT", choose(f"({duration}) > 0", f"FLOOR(8 * {rate})", "0e0"), APPROXIMATE),
            Column(f"RETRANSMITTED_{way}_BYTES", or_zero(f"{direction}_retransmitted_bytes"), APPROXIMATE),
            Column(f"RETRANSMITTED_{way}_PKTS", or_zero(f"{direction}_retransmitted_packets"), APPROXIMATE),
            Column(f"TCP_WIN_MAX_{way}", or_zero(f"{direction}_max_window"))]
        made += [Column(f"{path}_IAT_{name}", f"{direction}_{ours}_piat_us / 1e3", APPROXIMATE)
                 for name, ours in (("MIN", "min"), ("MAX", "max"), ("AVG", "mean"), ("STDDEV", "stddev"))]
    made += [Column("ICMP_TYPE", or_zero("256 * icmp_type + icmp_code"), APPROXIMATE), Column("ICMP_IPV4_TYPE", or_zero("icmp_type"), APPROXIMATE),
             Column("DNS_QUERY_ID", or_zero("dns_query_id"), APPROXIMATE), Column("DNS_QUERY_TYPE", or_zero("dns_query_type"), APPROXIMATE),
             Column("DNS_TTL_ANSWER", or_zero(choose("dns_query_type = 1", "dns_answer_ttl")), APPROXIMATE),
             Column("FTP_COMMAND_RET_CODE", or_zero("ftp_reply_code"), APPROXIMATE)]
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
        ("STDEV", f"{piat} * SQRT(1e0 * ({n} - 1) / {n})", CORRECTED, f"SQRT(GREATEST({deviation}, 0e0))"),
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
            Column("PPI_PKT_DIRECTIONS", "ppi_directions"), Column("PPI_LEN", "ppi_len"), Column("PPI_DURATION", "ppi_duration", APPROXIMATE),
            Column("PPI_ROUNDTRIPS", "ppi_changes // 2", APPROXIMATE), Column("DURATION", f"{BOTH}_duration_us / 1e6"),
            Column("FLOW_ENDREASON_ACTIVE", choose("end_reason = 'active'", "1"), APPROXIMATE),
            Column("FLOW_ENDREASON_IDLE", choose(f"end_reason = 'idle' AND {or_zero(f'{BOTH}_fin_packets + {BOTH}_rst_packets')} = 0", "1"), APPROXIMATE),
            Column("FLOW_ENDREASON_OTHER", choose(f"end_reason = 'active' OR (end_reason = 'idle' AND {or_zero(f'{BOTH}_fin_packets + {BOTH}_rst_packets')} = 0)",
                                                  "0", "1"), APPROXIMATE)]
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
    made += [Column("TLS_SNI", choose(quic, "NULL", "requested_server_name"), APPROXIMATE), Column("QUIC_SNI", choose(quic, "requested_server_name", "NULL"), APPROXIMATE),
             Column("TLS_JA3", "ja3", APPROXIMATE), Column("QUIC_USER_AGENT", choose(quic, "user_agent", "NULL"), APPROXIMATE),
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
        emitted = choose(f"({or_zero('first_tcp_flags')} // {bit}) % 2 = 1", "1")
        made += [Column(f"Fwd {flag.upper()} Flags", f"{FORWARD}_{flag}_packets", CORRECTED, emitted),
                 Column(f"Bwd {flag.upper()} Flags", f"{BACKWARD}_{flag}_packets", CORRECTED, "0")]
    for way, direction in (("Fwd", FORWARD), ("Bwd", BACKWARD)):
        made.append(Column(f"{way} Header Length", f"{direction}_transport_bytes - {direction}_payload_bytes"))
    for way, direction in (("Fwd", FORWARD), ("Bwd", BACKWARD)):
        made.append(Column(f"{way} Packets/s", choose(f"{BOTH}_duration_us = 0", "0e0", f"{direction}_packets / ({BOTH}_duration_us / 1e6)")))
    made += lengths_of("Packet Length", BOTH, other_order) + of_packets() + of_flows()
    return Projection(inputs, made)


PROJECTIONS: Dict[str, Projection] = {"nf_v3": nf_v3(), "cesnet": cesnet(), "cicflowmeter": cicflowmeter()}
