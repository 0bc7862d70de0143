"""Kafka Connect writes the sensor's records to an Iceberg table: each once, whole, over a kill of the worker and over a new version of the schema.
With a real broker, registry and worker; the table is made by Spark of `schema ddl iceberg`, and read by pyiceberg."""
import json
import struct
import sys
import tempfile
import time
import unittest
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1] / "tables"))
from place import BINARY, CAPTURES, EMBEDDED, KEY, RUNS, captures, differences, fields_of, output, run_java, statements  # noqa: E402
from pyiceberg.table import StaticTable  # noqa: E402 (of its requirements.txt)
from harness import wait_until  # noqa: E402
from servers import LocalServers  # noqa: E402
from topic import Topics  # noqa: E402
from worker import EXAMPLE, Worker  # noqa: E402

LIMIT_S = 180
QUIET_S = 3  # three intervals of commits, in which a second copy would come
GARBAGE = (b"no record", b"\0\x7f\xff\xff\xffof an unknown schema")


def records(topics):
    """Those of traffic."""
    return in_order(topics.record(value) for _, value, headers in topics.messages() if value not in GARBAGE and "verify" not in dict(headers or ()))


def next_day(capture):
    """A capture whose packets come a day later."""
    data, at = bytearray(capture.read_bytes()), 24
    assert data[:4] in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1")
    while at < len(data):
        seconds, _, length = struct.unpack_from("<III", data, at)
        struct.pack_into("<I", data, at, seconds + 24 * 3600)
        at += 16 + length
    return data


def in_order(rows):
    return sorted(rows, key=lambda row: [row[name] for name in KEY])


class Iceberg(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        temporary = tempfile.TemporaryDirectory(prefix="flowsensor-connect-")
        cls.addClassCleanup(temporary.cleanup)
        cls.folder, cls.servers = Path(temporary.name), LocalServers.get()
        cls.topics = Topics(cls.servers, "connect", cls.folder)
        cls.dead = cls.servers.topic("connect-dead")
        cls.make_table()
        cls.worker = Worker(cls.folder, cls.servers, (cls.topics.flows, cls.servers.topic("connect-control"), cls.dead), cls.folder / "catalog")
        cls.addClassCleanup(cls.worker.stop)
        cls.begin()
        cls.kill()
        cls.upgrade()

    @classmethod
    def make_table(cls):
        for dialect in ("spark", "iceberg"):
            (cls.folder / dialect).mkdir()
        (cls.folder / "iceberg" / "flow_v2.sql").write_text(statements("iceberg", "flow/v2"), encoding="utf-8")
        run_java("spark", cls.folder)

    @classmethod
    def table(cls):
        return StaticTable.from_metadata(str(cls.folder / "catalog" / "flows" / "flow_v2"))

    @classmethod
    def count(cls):
        """How many rows the table has now."""
        snapshot = cls.table().current_snapshot()
        return int(snapshot.summary["total-records"]) if snapshot else 0

    @classmethod
    def rows(cls):
        """What the table has once it has as many rows as the topic has records, and some time later."""
        expected = records(cls.topics)
        try:
            wait_until(lambda: cls.worker.failures() or cls.count() >= len(expected), limit=LIMIT_S, pause=0.3)
        except AssertionError as error:
            raise AssertionError(f"{cls.count()} of {len(expected)} rows: {cls.worker.last_words()}") from error
        if cls.worker.failures():
            raise AssertionError(cls.worker.failures()[0][:2000])
        time.sleep(QUIET_S)
        return expected, in_order(cls.table().scan().to_arrow().to_pylist())

    @classmethod
    def send(cls, schema):
        later = cls.folder / "later.pcap"
        later.write_bytes(next_day(CAPTURES / "mix.pcap"))
        cls.topics.send(schema, *captures(), later, *RUNS["all"])

    @classmethod
    def begin(cls):
        cls.send("flow/v2")
        output(BINARY, "verify", "-c", cls.topics.configuration("flow/v2"))
        cls.topics.put(cls.topics.flows, [(None, value, None) for value in GARBAGE])
        cls.worker.start()
        cls.first = cls.rows()

    @classmethod
    def kill(cls):
        """Ends the worker as soon as it has committed some of many records, and before it can have told Kafka."""
        before = cls.count()
        for _ in range(3):
            cls.send("flow/v2")
        wait_until(lambda: cls.count() > before, limit=LIMIT_S, what="a commit", pause=0.01)
        cls.worker.kill()
        cls.at_kill = cls.count()
        cls.send("flow/v1")
        cls.worker.start()
        cls.second = cls.rows()

    @classmethod
    def upgrade(cls):
        cls.send("flow/v3")
        cls.third = cls.rows()

    def same(self, expected, found, schema):
        """Each value of each column that the schema has; what a record lacks is null."""
        names = [field["name"] for field in fields_of(schema)]
        self.assertEqual(differences([{name: row.get(name) for name in names} for row in expected], [{name: row[name] for name in names} for row in found]), [])

    def test_each_value(self):
        expected, found = self.first
        self.assertGreater(len(found), 500)
        self.same(expected, found, "flow/v2")

    def test_nothing_is_lost_or_twice_when_the_worker_is_killed(self):
        expected, found = self.second
        self.assertLess(len(self.first[1]), self.at_kill)
        self.assertLess(self.at_kill, len(found))
        self.same(expected, found, "flow/v2")

    def test_a_new_version_adds_columns(self):
        expected, found = self.third
        self.same(expected, found, "flow/v3")
        self.assertTrue(any(row["ndpi_risks"] for row in found))
        self.assertEqual(sum(row["ndpi_risks"] is not None for row in found), sum(row.get("ndpi_risks") is not None for row in expected))

    def test_partitions_are_days(self):
        days = {file.file.partition[0] for file in self.table().scan().plan_files()}
        self.assertEqual(len(days), len({row["bidirectional_first_seen"].date() for row in self.third[0]}))
        self.assertGreater(len(days), 1)

    def test_what_is_no_record_is_a_dead_letter(self):
        letters = self.servers.messages(self.dead)
        self.assertEqual({letter.value() for letter in letters}, set(GARBAGE))  # those that were read again after the kill are there twice
        for letter in letters:
            self.assertEqual(dict(letter.headers())["__connect.errors.topic"], self.topics.flows.encode())

    def test_each_time_is_named(self):
        named = json.loads((EXAMPLE / "iceberg-sink.json").read_text())["config"]["transforms.times.fields"].split(",")
        times = {field["name"] for schema in EMBEDDED for field in fields_of(schema)
                 if "timestamp-micros" in json.dumps(field["type"]) and "flow_uid" in {other["name"] for other in fields_of(schema)}}
        self.assertEqual(sorted(named), sorted(times))


if __name__ == "__main__":
    unittest.main()
