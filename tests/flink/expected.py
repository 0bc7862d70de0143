"""What the job's tables must have, computed from a topic's messages alone."""
import collections
import io
import json
from datetime import datetime, timedelta, timezone

import fastavro

from cluster import REPOSITORY
from disorder import behind_later_ones

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
PREFIX_BYTES = 5
FLOW = fastavro.parse_schema(json.loads((REPOSITORY / "schemas" / "flow" / "v2.avsc").read_text()))


def micros(time):
    return (time - EPOCH) // timedelta(microseconds=1)


def time_of(milliseconds):
    return EPOCH + timedelta(milliseconds=milliseconds)


def decode(message):
    return fastavro.schemaless_reader(io.BytesIO(message[PREFIX_BYTES:]), FLOW)


def unique(records):
    """Final records of traffic, each once, by their key."""
    return {(record["flow_uid"], record["slice"], record["revision"]): record for record in records
            if record["record_kind"] == "final" and "synthetic" not in record["quality_flags"]}


def millis(record):
    return micros(record["bidirectional_last_seen"]) // 1000


def flows(records):
    """Rows of the Parquet files, in the order of their key."""
    return [{"flow_uid": record["flow_uid"], "slice": record["slice"], "revision": record["revision"], "sensor_id": record["sensor_id"],
             "first_seen": record["bidirectional_first_seen"], "last_seen": record["bidirectional_last_seen"],
             **{name: record[name] for name in ("src_ip", "src_port", "dst_ip", "dst_port", "protocol")},
             "application_name": record["application_name"] or "(none)", "packets": record["bidirectional_packets"],
             "bytes": record["bidirectional_bytes"]} for _, record in sorted(records.items())]


def applications(records, window_ms):
    """{(window's start, application): (flows, packets, bytes)}"""
    sums = collections.defaultdict(lambda: (0, 0, 0))
    for record in records.values():
        key = time_of(millis(record) // window_ms * window_ms), record["application_name"] or "(none)"
        count, packets, octets = sums[key]
        sums[key] = count + 1, packets + record["bidirectional_packets"], octets + record["bidirectional_bytes"]
    return dict(sums)


def sessions(records, gap_ms):
    """[(host, begin, end, flows, bytes, destinations)], in order: a flow that ends at most a gap behind the last one goes on with it."""
    of_hosts = collections.defaultdict(list)
    for record in records.values():
        of_hosts[record["src_ip"]].append((millis(record), record))
    found = []
    for host, ended in of_hosts.items():
        ended.sort(key=lambda pair: pair[0])
        parts = [[ended[0]]]
        for pair in ended[1:]:
            if pair[0] - parts[-1][-1][0] > gap_ms:
                parts.append([])
            parts[-1].append(pair)
        found += [(host, time_of(part[0][0]), time_of(part[-1][0]), len(part), sum(record["bidirectional_bytes"] for _, record in part),
                   len({record["dst_ip"] for _, record in part})) for part in parts]
    return sorted(found)


def disorder(records):
    """How many records a watermark of the latest last packet would make late; `records` are in the order of their coming."""
    return behind_later_ones(micros(record["bidirectional_last_seen"]) for record in records)
