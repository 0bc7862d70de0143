"""conn_key: one conversation is recognised wherever it is seen; the SQL of deploy/one_conversation.md. Run: python3 tests/e2e/run.py test_conn_key
"""
import collections
import json
import re
import sqlite3
import sys
from pathlib import Path

import frames
from harness import CAPTURES, REPOSITORY, Case, run
from record_files import read_avro, read_csv

sys.path.append(str(Path(REPOSITORY / "tests" / "strangers")))
import vxlan  # noqa: E402
from siphash import siphash128  # noqa: E402

PAGE = (REPOSITORY / "deploy" / "one_conversation.md").read_text()
PAIRS, VIEW, ONCE = re.findall(r"```sql\n(.*?)```", PAGE, re.DOTALL)
KEY = "00112233445566778899aabbccddeeff"
HOUR_US, LATER_US = 3_600_000_000, 3_000


def sqlite(rows):
    """The records of several runs as the table `flows`; numbers are numbers."""
    database = sqlite3.connect(":memory:")
    names = list(rows[0])
    numbers = {name for name in names if name.endswith(("_seen", "_packets", "_bytes", "slice"))}
    columns = ", ".join(f'"{name}" {"INTEGER" if name in numbers else "TEXT"}' for name in names)
    database.execute(f"CREATE TABLE flows ({columns})")
    database.executemany(f"INSERT INTO flows VALUES ({', '.join('?' * len(names))})", [[row[name] or None for name in names] for row in rows])
    return database


def ends(row):
    """Both ends of a flow, whoever spoke first."""
    return tuple(sorted(((row["src_ip"], row["src_port"]), (row["dst_ip"], row["dst_port"])))), row["protocol"]


class Metered(Case):
    def setUp(self):
        super().setUp()
        self.key = self.write("conn-key", KEY + "\n")
        self.key.chmod(0o600)

    def meter(self, capture, name, *arguments, key=None, schema="flow/v2"):
        """The records of a capture, given as bytes, as a sensor `name` makes them."""
        capture, out = self.write(f"{name}.pcap", capture), self.folder / f"{name}.csv"
        self.succeeds("-r", capture, "-w", out, "--schema", schema, "--set", f"identity.sensor_id={name}",
                      "--set", f"identity.conn_key_file={key or self.key}", *arguments)
        return read_csv(out)

    def keys(self, packets, name="one", **options):
        """conn_key of each flow of frames that follow each other by a millisecond."""
        timed = [(number / 1000, frame) for number, frame in enumerate(packets)]
        return [row["conn_key"] for row in self.meter(frames.pcap(timed), name, **options)]


class TwoPlaces(Metered):
    """The capture of many protocols, and an hour later the same again; the pod's device sees it as it is, the uplink in VXLAN."""

    def setUp(self):
        super().setUp()
        once = list(vxlan.packets((CAPTURES / "mix.pcap").read_bytes()))
        twice = vxlan.pcap(once + [(time + HOUR_US, *rest) for time, *rest in once])
        self.pod, self.uplink = self.meter(twice, "pod"), self.meter(vxlan.wrapped(twice, LATER_US), "uplink")
        self.assertGreater(len(self.pod), 900)
        self.database = sqlite(self.pod + self.uplink)

    def test_places_are_not_alike(self):
        """Otherwise the rest would be no wonder."""
        self.assertEqual({row["tunnel_id"] for row in self.pod}, {"0"})
        self.assertEqual({row["tunnel_id"] for row in self.uplink}, {"5"})
        self.assertFalse({row["flow_uid"] for row in self.pod} & {row["flow_uid"] for row in self.uplink})

    def test_one_key_for_each_pair_of_ends(self):
        by_ends = collections.defaultdict(set)
        for row in self.pod + self.uplink:
            by_ends[ends(row)].add(row["conn_key"])
        self.assertEqual({len(keys) for keys in by_ends.values()}, {1})
        self.assertEqual(len({key for keys in by_ends.values() for key in keys}), len(by_ends))

    def test_pairs(self):
        """Each record of the one place is with the record of the other that has the same ends and began 3 ms later."""
        wanted = collections.Counter()
        later = collections.defaultdict(list)
        for row in self.uplink:
            later[ends(row), int(row["bidirectional_first_seen"]) - LATER_US].append(row)
        for row in self.pod:
            other, = later[ends(row), int(row["bidirectional_first_seen"])]
            wanted[row["conn_key"], "pod", "uplink", int(row["bidirectional_packets"]), int(other["bidirectional_packets"])] += 1
        self.assertEqual(collections.Counter(self.database.execute(PAIRS)), wanted)
        self.assertEqual(wanted.total(), len(self.pod))

    def test_two_interfaces_of_one_sensor(self):
        """As a live sensor says it: one sensor_id, two observation points."""
        named = [{**row, "sensor_id": "node", "observation_point": f"node/{row['sensor_id']}"} for row in self.pod + self.uplink]
        database = sqlite(named)
        pairs = database.execute(PAIRS).fetchall()
        self.assertEqual(len(pairs), len(self.pod))
        self.assertEqual({pair[1:3] for pair in pairs}, {("node/pod", "node/uplink")})
        database.execute(VIEW)
        self.assertEqual({places for _, _, places, _, _ in database.execute(ONCE)}, {2})

    def test_each_conversation_once(self):
        self.database.execute(VIEW)
        rows = self.database.execute(ONCE).fetchall()
        self.assertEqual({places for _, _, places, _, _ in rows}, {2})
        self.assertEqual(collections.Counter(number for _, number, _, _, _ in rows)[1], len(rows) // 2)
        packets = [sum(int(row["bidirectional_packets"]) for row in place) for place in (self.pod, self.uplink)]
        self.assertEqual([sum(row[4] for row in rows)] * 2, packets)

    def test_another_key_recognises_nothing(self):
        other = self.write("other-key", KEY[::-1])
        other.chmod(0o600)
        strangers = self.meter((CAPTURES / "mix.pcap").read_bytes(), "stranger", key=other)
        self.assertFalse({row["conn_key"] for row in strangers} & {row["conn_key"] for row in self.pod})


class Values(Metered):
    QUERY = frames.udp(5000, 53, b"query")
    ANSWER = frames.udp(53, 5000, b"answer", source=frames.SERVER, destination=frames.CLIENT)

    def test_definition(self):
        """By an implementation of its own: addresses in 16 bytes, the lower end first, ports, protocol, IP version."""
        low, high = (bytes(map(int, address.split("."))) + bytes(12) for address in (frames.CLIENT, frames.SERVER))
        message = low + high + (5000).to_bytes(2, "big") + (53).to_bytes(2, "big") + bytes([17, 4])
        words = tuple(int(KEY[at:at + 16], 16) for at in (0, 16))
        self.assertEqual(self.keys([self.QUERY, self.ANSWER]), [siphash128(words, message).hex()])

    def test_whoever_spoke_first(self):
        self.assertEqual(self.keys([self.QUERY, self.ANSWER]), self.keys([self.ANSWER, self.QUERY], "other"))

    def test_vlan_and_profile_and_output_are_not_in_it(self):
        tagged = self.QUERY[:12] + b"\x81\x00\x00\x07" + self.QUERY[12:]
        expected = self.keys([self.QUERY])
        self.assertEqual(self.keys([tagged], "tagged"), expected)
        schema = self.write("own.avsc", json.dumps({"type": "record", "name": "Own", "namespace": "test", "doc": "A test's.", "fields": [
            {"name": "conn_key", "type": "string", "doc": "The key of the conversation."},
            {"name": "src_ip", "type": "string", "doc": "Source."}]}))
        for profile in ("native", "nfstream"):
            rows = self.meter(frames.pcap([(0, self.QUERY)]), profile, "--profile", profile, schema=schema)
            self.assertEqual([row["conn_key"] for row in rows], expected)

    def test_other_ports_protocol_or_translated_address(self):
        syn = frames.tcp(5000, 53, 0, 0, 2)
        translated = frames.udp(5000, 53, b"query", source="10.1.0.9")
        found = self.keys([self.QUERY, frames.udp(5001, 53, b"query"), syn, translated])
        self.assertEqual(len(set(found)), 4)


class Configured(Metered):
    def test_null_without_a_key(self):
        capture, out = CAPTURES / "dns.pcap", self.folder / "flows.avro"
        self.succeeds("-r", capture, "-w", out, "--schema", "flow/v2")
        rows = read_avro(out)
        self.assertEqual({row["conn_key"] for row in rows}, {None})
        self.succeeds("-r", capture, "-w", self.folder / "flows.csv", "--schema", "flow/v2")
        self.assertNotIn("conn_key", read_csv(self.folder / "flows.csv")[0])

    def test_feature_hash_is_the_same_with_any_key(self):
        other = self.write("other-key", KEY[::-1])
        other.chmod(0o600)
        texts = {run("schema", "features", "--schema", "flow/v2", *words).text()
                 for words in ((), *(("--set", f"identity.conn_key_file={key}") for key in (self.key, other)))}
        self.assertEqual(len(texts), 1)
        self.assertIn("field.conn_key=1\n", texts.pop())

    def test_pseudonym(self):
        """Sensors that share both keys agree; one with another key of pseudonyms doesn't."""
        keys = [self.write(f"pseudonyms-{number}", f"{number:064x}") for number in (1, 2)]
        rows = []
        for number, key in enumerate((keys[0], keys[0], keys[1])):
            key.chmod(0o600)
            conf = self.write("sensor.conf", 'outputs = ( { path = "%s"; schema = "flow/v2"; columns_to_anonymize = [ "fingerprint=short_hash" ]; } );'
                              ' identity = { conn_key_file = "%s"; }; anonymization = { key_file = "%s"; };'
                              % (self.folder / f"{number}.avro", self.key, key))
            self.succeeds("-c", conf, "-r", CAPTURES / "dns.pcap")
            rows.append({row["conn_key"] for row in read_avro(self.folder / f"{number}.avro")})
        self.assertEqual(rows[0], rows[1])
        self.assertFalse(rows[0] & rows[2])
        self.assertEqual({len(key) for key in rows[0]}, {16})

    def test_refused(self):
        words = ("-r", CAPTURES / "dns.pcap", "-w", self.folder / "flows.csv", "--schema")
        of_key = ("--set", f"identity.conn_key_file={self.key}")
        self.refused(78, ["identity.conn_key_file is set, but no output's schema", "conversation"], *words, "flow/v1", *of_key)
        self.key.chmod(0o644)
        self.refused(78, [f"identity.conn_key_file {self.key}: too many may use it (mode 0644)"], *words, "flow/v2", *of_key)
        self.key.chmod(0o600)
        self.key.write_text("short\n")
        self.refused(78, [f"identity.conn_key_file {self.key}: expected 32 hexadecimal digits"], *words, "flow/v2", *of_key)
        self.key.unlink()
        self.refused(66, [f"identity.conn_key_file {self.key}: No such file"], *words, "flow/v2", *of_key)
        self.assertFalse((self.folder / "flows.csv").exists())
