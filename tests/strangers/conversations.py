"""One conversation, seen by two sensors: the Kafka Streams program finds by conn_key what addresses and times say."""
import collections
import csv
import json
import sys

import streams
from harness import BINARY, REPOSITORY, run

sys.path.append(str(REPOSITORY / "tests" / "common"))
import vxlan  # noqa: E402

CAPTURE = REPOSITORY / "tests" / "captures" / "mix.pcap"
TOPIC, PAIRS_TOPIC = "strangers-conversations", "strangers-pairs"
PLACES = ("pod", "uplink")
HOUR_US, LATER_US = 3_600_000_000, 3_000
CONF = """
identity = {{ sensor_id = "{place}"; conn_key_file = "{folder}/conn-key"; }};
outputs = ( {{ path = "{folder}/{place}.csv"; schema = "flow/v2"; }},
            {{ topic = "{topic}"; schema = "flow/v2"; columns_to_anonymize = [ "all=keep" ]; kafka = [ "bootstrap.servers={bootstrap}" ]; }} );
registry = {{ url = "{registry}"; auto_register = true; }};
log = {{ level = "warning"; }};
"""


def captures(folder):
    """What each place sees: a capture, and an hour later the same again; the uplink sees it in VXLAN, a little later."""
    once = list(vxlan.packets(CAPTURE.read_bytes()))
    twice = vxlan.pcap(once + [(time + HOUR_US, *rest) for time, *rest in once])
    for place, content in zip(PLACES, (twice, vxlan.wrapped(twice, LATER_US))):
        (folder / f"{place}.pcap").write_bytes(content)


def meter(servers, folder, place):
    """Runs a place's sensor; its records, or an AssertionError."""
    conf = folder / f"{place}.conf"
    conf.write_text(CONF.format(place=place, folder=folder, topic=TOPIC, bootstrap=servers.bootstrap, registry=servers.registry))
    done = run(BINARY, "-c", conf, "-r", folder / f"{place}.pcap")
    if done.returncode != 0:
        raise AssertionError(f"{place}: exit {done.returncode}: {done.stderr.strip()}")
    with open(folder / f"{place}.csv", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def by_ends(row, later):
    """Both ends, whoever spoke first, and when the flow began at the first place."""
    ends = sorted(((row["src_ip"], row["src_port"]), (row["dst_ip"], row["dst_port"])))
    return *ends, row["protocol"], int(row["bidirectional_first_seen"]) - later


def wanted(pod, uplink):
    """The pairs by addresses and times, without conn_key: ((sensor, flow_uid, slice), the other's)."""
    seen = {by_ends(row, LATER_US): row for row in uplink}
    return collections.Counter((named(row, "sensor_id", "flow_uid"), named(seen[by_ends(row, 0)], "sensor_id", "flow_uid")) for row in pod)


def named(row, sensor, uid):
    """What names a record."""
    return row[sensor], row[uid], int(row["slice"])


def paired(line):
    """The same of one line that the program wrote."""
    pair = json.loads(line)
    return tuple(named(pair[one], "place", "flowUid") for one in ("one", "other"))


def values(bootstrap, topic):
    """The values of a topic's messages. Its end is told by the broker: transactions take offsets too, so they can't be counted."""
    from confluent_kafka import Consumer, KafkaError, TopicPartition
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "strangers", "enable.auto.commit": False,
                         "enable.partition.eof": True})
    found = []
    try:
        left = {number for number in consumer.list_topics(topic, timeout=30).topics[topic].partitions}
        consumer.assign([TopicPartition(topic, number, 0) for number in left])
        while left:
            message = consumer.poll(30)
            if message is None:
                raise AssertionError(f"topic {topic}: nothing came")
            if message.error() and message.error().code() == KafkaError._PARTITION_EOF:
                left.discard(message.partition())
            elif message.error():
                raise AssertionError(f"topic {topic}: {message.error()}")
            else:
                found.append(message.value())
    finally:
        consumer.close()
    return found


def problems_of(jar, servers, folder):
    """(lines that say what is wrong, number of pairs)"""
    captures(folder)
    (folder / "conn-key").touch(0o600)
    (folder / "conn-key").write_text("{:016x}{:016x}\n".format(3, 4))
    servers.topics(TOPIC, PAIRS_TOPIC)
    pod, uplink = (meter(servers, folder, place) for place in PLACES)
    lines, output = folder / "pairs.jsonl", folder / "streams.out"
    code = streams.start(jar, servers, TOPIC, output, len(pod) + len(uplink), "--conversations", lines, "--output", PAIRS_TOPIC)
    if code != 0:
        return [output.read_text(errors="replace").strip()[-400:]], 0
    expected = wanted(pod, uplink)
    found = collections.Counter(map(paired, lines.read_text().splitlines()))
    produced = collections.Counter(paired(message) for message in values(servers.bootstrap, PAIRS_TOPIC))
    problems = [f"{len(pod)} records, but {expected.total()} pairs are wanted"] if expected.total() != len(pod) else []
    for what, pairs in (("the file", found), ("the topic", produced)):
        missing, more = expected - pairs, pairs - expected
        if missing or more:
            problems.append(f"{what} lacks {missing.total()} pairs and has {more.total()} others: {next(iter(missing | more))}")
    return problems, found.total()


def check(servers, report, jar, folder):
    """The check."""
    folder.mkdir()
    problems, count = problems_of(jar, servers, folder)
    report.check("Kafka Streams: conversations that two sensors saw, one of them in VXLAN", problems, f"{count} pairs")
