"""nDPI's dictionary: what it says in files, that labels of flows join with it, and the compacted topic of it.
Run: python3 tests/e2e/run.py test_dictionary
"""
import io
import itertools
import json
import os
import re
import sqlite3
import unittest

import fastavro

from commands import Commands
from harness import CAPTURES, REPOSITORY, SHARED, Case, run
from record_files import read_jsonl

DICTIONARY = "ndpi_dictionary/v1"
SCHEMA = fastavro.schema.load_schema(REPOSITORY / "schemas" / f"{DICTIONARY}.avsc")
NAME_LENGTH = 39  # of a label at most
UNKNOWN = {"protocol_id": 0, "protocol_name": "Unknown", "category_id": 0, "category_name": "Unspecified", "breed": "Unrated"}


class Files(Case):
    def read(self, *captures, options=()):
        """(flows, protocols by their id) of a run."""
        flows, protocols = self.folder / "flows.jsonl", self.folder / "protocols.jsonl"
        for path in (flows, protocols):
            path.unlink(missing_ok=True)
        path = self.write("sensor.conf", f"""outputs = ( {{ name = "flows"; path = "{flows}"; schema = "flow/v2"; }},
            {{ name = "protocols"; path = "{protocols}"; schema = "{DICTIONARY}"; }} );""")
        result = run("-c", path, *itertools.chain.from_iterable(("-r", capture) for capture in captures), *options)
        self.assertIn(result.code, (os.EX_OK, os.EX_DATAERR), result)
        table = read_jsonl(protocols)
        account = self.ledger(result).outputs["protocols"]
        self.assertEqual((account["of"], account["due"], account["made"]), ("protocols", len(table), len(table)), result)
        by_id = {protocol["protocol_id"]: protocol for protocol in table}
        self.assertEqual(len(by_id), len(table))
        return read_jsonl(flows), by_id

    def check_label(self, flow, protocols):
        """The label is made of the names that the dictionary has for its ids."""
        names = [protocols[flow[field]]["protocol_name"] for field in ("application_protocol_id", "application_id")]
        label = names[0] if names[0] == names[1] else ".".join(names)
        self.assertEqual(flow["application_name"], label[:NAME_LENGTH], flow)
        self.assertEqual({protocol["ndpi_version"] for protocol in protocols.values()}, {flow["ndpi_version"]})

    def test_every_protocol_of_this_ndpi(self):
        _, protocols = self.read(CAPTURES / "dns.pcap")
        self.assertGreater(len(protocols), 200)
        self.assertEqual({**protocols[0], **UNKNOWN}, protocols[0])
        for protocol in protocols.values():
            self.assertTrue(all(protocol[field] for field in ("ndpi_version", "protocol_name", "category_name", "breed")), protocol)
        self.assertEqual([protocols[91][field] for field in ("protocol_name", "category_name", "breed")], ["TLS", "Web", "Safe"])

    def test_labels_have_the_dictionarys_names(self):
        """On every capture that there is: one label has one pair of ids."""
        captures = sorted(path for folder in (CAPTURES, SHARED / "pcaps") for path in folder.rglob("*.pcap*"))
        self.assertGreater(len(captures), 40)
        found = {}
        flows, protocols = self.read(*captures)
        self.assertGreater(len({flow["capture_file"] for flow in flows}), len(captures) * 0.9)
        for flow in flows:
            self.check_label(flow, protocols)
            ids = flow["application_protocol_id"], flow["application_id"]
            self.assertEqual(found.setdefault(flow["application_name"], ids), ids, flow)
        self.assertGreater(len(found), 50)
        self.assertIn((0, 0), found.values())
        self.assertTrue(any(one != other for one, other in found.values()))

    def test_meters_and_profiles_have_one_dictionary(self):
        whole = self.read(CAPTURES / "mix.pcap")[1]
        self.assertEqual(self.read(CAPTURES / "mix.pcap", options=("--set", "meter.n_meters=3"))[1], whole)
        path = self.folder / "alone.jsonl"
        self.succeeds("-r", CAPTURES / "mix.pcap", "-w", path, "--schema", DICTIONARY, "--profile", "nfstream")
        self.assertEqual({protocol["protocol_id"]: protocol for protocol in read_jsonl(path)}, whole)

    def test_without_labels_there_is_none(self):
        self.refused(os.EX_CONFIG, [DICTIONARY, "meter.n_dissections is 0"], "-r", CAPTURES / "dns.pcap", "-w",
                     self.folder / "protocols.csv", "--schema", DICTIONARY, "--set", "meter.n_dissections=0")

    def test_the_join_of_the_page(self):
        """As SQL that every engine takes."""
        flows, protocols = self.read(CAPTURES / "mix.pcap")
        query = re.search(r"^ *(SELECT d\.breed.*?;)$", (REPOSITORY / "schemas" / "README.md").read_text(), re.DOTALL | re.MULTILINE)[1]
        database = sqlite3.connect(":memory:")
        self.addCleanup(database.close)
        for name, rows in (("flows", flows), ("protocols", list(protocols.values()))):
            database.execute(f"CREATE TABLE {name} ({', '.join(rows[0])})")
            database.executemany(f"INSERT INTO {name} VALUES ({', '.join('?' * len(rows[0]))})",
                                 [[json.dumps(value) if isinstance(value, list) else value for value in row.values()] for row in rows])
        sums = database.execute(query).fetchall()
        self.assertEqual(sum(row[-1] for row in sums), sum(flow["bidirectional_bytes"] for flow in flows))
        self.assertGreater(len(sums), 5)


class Topic(Commands):
    PARTITIONS = 2

    def setUp(self):
        super().setUp()
        self.flows = f"{self.topic}-flows"
        self.both = self.config({"topic": self.flows, "schema": "flow/v2"}, {"schema": DICTIONARY, "headers": ["boot_id"], "framing": "none"},
                                more=f'topics = {{ partitions = {self.PARTITIONS}; config = [ "retention.ms=3600000", "cleanup.policy=delete" ]; }};')

    def sent(self):
        return [(message, fastavro.schemaless_reader(io.BytesIO(message.value()), SCHEMA))
                for message in self.servers.messages(self.topic, self.PARTITIONS)]

    def test_its_topic_is_compacted_and_that_of_flows_is_not(self):
        text = self.topics("create", config=self.both)
        self.assertEqual(len(text.splitlines()), 2)
        self.assertEqual([self.metadata(topic)[1]["cleanup.policy"] for topic in (self.flows, self.topic)], ["delete", "compact"])
        self.assertNotIn("differs", self.topics("check", config=self.both))

    def test_check_tells_of_a_topic_that_deletes(self):
        self.servers.topic(self.topic, self.PARTITIONS)
        self.servers.topic(self.flows, self.PARTITIONS, retention_ms=3600000)
        flows, table = self.topics("check", config=self.both).splitlines()
        self.assertNotIn("differs", flows)
        self.assertIn("cleanup.policy delete, not compact", table)

    def test_each_run_sends_the_same_table(self):
        """So a compacted topic keeps one record of each protocol, whichever sensors send it."""
        self.topics("create", config=self.both)
        self.register(self.both)
        runs = [list(itertools.chain.from_iterable(self.run_once(number))) for number in range(2)]
        self.assertEqual(runs[0], runs[1])
        self.assertEqual(len(runs[0]), len(set(runs[0])))

    def run_once(self, number):
        """What the table's topic has got by another run: (key, value) pairs, in order of the keys."""
        before = self.sent()
        self.succeeds("-c", self.both, "-r", CAPTURES / "dns.pcap", "--set", f"identity.sensor_id=sensor-{number}")
        boots = {dict(message.headers())["boot_id"] for message, _ in before}
        for message, record in self.sent():
            if dict(message.headers())["boot_id"] not in boots:
                self.assertEqual(message.key().decode(), f"{record['ndpi_version']}:{record['protocol_id']}")
                yield [(message.key(), message.value())]

    def test_verify_leaves_a_true_record(self):
        """What it leaves in the table is true."""
        self.topics("create", config=self.both)
        self.register(self.both)
        self.assertEqual(len(self.succeeds("verify", "-c", self.both).text().splitlines()), 2)
        ((message, record),) = self.sent()
        self.assertEqual({**record, **UNKNOWN}, record)
        self.assertEqual(message.key().decode(), f"{record['ndpi_version']}:0")
        self.assertEqual(dict(message.headers())["verify"], b"true")


if __name__ == "__main__":
    unittest.main()
