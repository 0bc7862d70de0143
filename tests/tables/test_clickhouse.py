"""ClickHouse (chDB, the engine as a library) takes the statements, and its own reader of Avro puts the sensor's records into the tables: those
that keep each value, and those that keep what predictions don't tell (clickhouse_packed).
"""
import datetime
import json
import re
import unittest

from chdb import session
from place import KEY, SHARED, Records, captures, differences, fields_of, meter, meter_mix, statements, table_of

UTC = datetime.timezone.utc
SHARE = 0.25  # of the benchmark's mix: 62,500 flows, each of which takes a byte more than in the whole


def is_array(avro):
    avro = avro[1] if isinstance(avro, list) else avro
    return isinstance(avro, dict) and avro["type"] == "array"


def is_time(avro):
    avro = avro[1] if isinstance(avro, list) else avro
    return isinstance(avro, dict) and avro.get("logicalType") == "timestamp-micros"


def as_table(record, fields):
    """What the table can hold of a record: no array is null, nor is a nested record."""
    row = {}
    for field in fields:
        value, name = record[field["name"]], field["name"]
        row[name] = [] if value is None and is_array(field["type"]) else value
    return row


class Engine(unittest.TestCase):
    """A session of its own, with one table's statements at a time."""

    @classmethod
    def setUpClass(cls):
        cls.made = Records()
        cls.addClassCleanup(cls.made.close)
        cls.engine = session.Session(str(cls.made.folder / "clickhouse"))
        cls.addClassCleanup(cls.engine.close)

    def rows(self, query):
        """The rows of a query; numbers of 64 bits stay numbers."""
        text = str(self.engine.query(f"{query} SETTINGS output_format_json_quote_64bit_integers = 0, output_format_json_quote_denormals = 1, final = 1",
                                     "JSONEachRow"))
        return [json.loads(line) for line in text.splitlines()]

    def create(self, dialect, schema, text=None):
        """Makes the tables; returns the name of the one that takes records."""
        self.engine.query("DROP DATABASE IF EXISTS tested; CREATE DATABASE tested; USE tested")
        self.engine.query(text or statements(dialect, schema))
        return table_of(schema) + ("_in" if dialect == "clickhouse_packed" else "")

    def fill(self, dialect, schema, container):
        self.engine.query(f"INSERT INTO `{self.create(dialect, schema)}` SELECT * FROM file('{container}', 'Avro')")


class ClickHouse(Engine):
    DIALECT = "clickhouse"

    def test_columns_of_every_schema(self):
        for schema in self.made.schemas():
            with self.subTest(schema):
                self.create(self.DIALECT, schema)
                found = self.rows(f"SELECT name, type, comment FROM system.columns WHERE table = '{table_of(schema)}' ORDER BY position")
                self.assertEqual([row["name"] for row in found], [field["name"] for field in fields_of(schema)])
                for row, field in zip(found, fields_of(schema), strict=True):
                    self.assertTrue(row["comment"].startswith(field["doc"]), row)
                    self.assertEqual("DateTime64(6, 'UTC')" in row["type"], is_time(field["type"]), row)
                    if not is_array(field["type"]) and field["name"] != "udps":
                        self.assertEqual("Nullable(" in row["type"], isinstance(field["type"], list), row)

    def test_comment_of_members_and_table(self):
        self.create(self.DIALECT, self.made.hostile)
        schema = json.loads(self.made.hostile.read_text(encoding="utf-8"))
        udps = schema["fields"][-1]
        found = self.rows("SELECT comment FROM system.columns WHERE table = 'hostile' AND name = 'udps'")[0]["comment"]
        self.assertEqual(found, "\n".join([udps["doc"], *(f"{member['name']}: {member['doc']}" for member in udps["type"][1]["fields"])]))
        self.assertEqual(self.rows("SELECT comment FROM system.tables WHERE name = 'hostile'")[0]["comment"], schema["doc"])

    def test_records(self):
        for schema, run in (("flow/v1", "all"), ("flow/v1", "off"), ("flow/v2", "all"), ("flow_full/v1", "all")):
            with self.subTest(schema=schema, run=run):
                self.fill(self.DIALECT, schema, self.made.container(schema, run))
                fields = fields_of(schema)
                found = self.rows(f"SELECT * FROM {table_of(schema)} ORDER BY {', '.join(KEY)}")
                for row in found:
                    for field in fields:
                        if is_time(field["type"]) and row[field["name"]] is not None:
                            row[field["name"]] = datetime.datetime.fromisoformat(row[field["name"]]).replace(tzinfo=UTC)
                self.assertEqual(differences([as_table(record, fields) for record in self.made.of(schema, run)], found), [])

    def test_members_of_a_nested_record(self):
        self.fill(self.DIALECT, self.made.composed, self.made.container(self.made.composed, "all"))
        found = self.rows(f"SELECT udps.odd_sizes AS odd FROM composed ORDER BY {', '.join(KEY)}")
        self.assertEqual([row["odd"] for row in found], [record["udps"]["odd_sizes"] for record in self.made.of(self.made.composed, "all")])
        self.assertGreater(sum(row["odd"] for row in found), 0)

    def test_a_record_that_comes_twice_is_one(self):
        table = self.create(self.DIALECT, "flow/v1")
        for _ in range(2):
            self.engine.query(f"INSERT INTO `{table}` SELECT * FROM file('{self.made.container('flow/v1', 'all')}', 'Avro')")
        self.assertEqual(self.rows("SELECT count() AS n FROM flow_v1"), [{"n": len(self.made.of("flow/v1", "all"))}])


class Packed(ClickHouse):
    DIALECT = "clickhouse_packed"

    def test_no_value_is_lost(self):
        """Of many captures all has come back, floating-point numbers to the last bit; flow_full/v1 has what other schemas have."""
        schema, table = "flow_full/v1", "flow_full_v1"
        container = meter(sorted((SHARED / "pcaps").glob("*.pcap*")) or captures(), self.made.folder / "many.avro", schema)
        # These captures are of many years, and their months would be a hundred parts.
        into = self.create(self.DIALECT, schema, re.sub(r"\nPARTITION BY .*", "", statements(self.DIALECT, schema)))
        self.engine.query(f"CREATE TABLE whole AS {table} ENGINE = Memory")
        for name in (into, "whole"):
            self.engine.query(f"INSERT INTO {name} SELECT * FROM file('{container}', 'Avro')")
        self.assertEqual(self.rows(f"SELECT count() AS n FROM {table}"), self.rows("SELECT count() AS n FROM whole"))
        bits = ", ".join(f"reinterpretAsInt64({field['name']})" if "double" in field["type"] else field["name"] for field in fields_of(schema))
        for one, other in (("whole", table), (table, "whole")):
            with self.subTest(one):
                self.assertEqual(self.rows(f"SELECT count() AS n FROM (SELECT {bits} FROM {one} EXCEPT SELECT {bits} FROM {other})"), [{"n": 0}])


class Size(Engine):
    def test_bytes_of_a_flow(self):
        """As deploy/tables.md says; and predictions hold for most flows."""
        containers = meter_mix(SHARE, self.made.folder, ("flow/v1", "flow_lite/v1"))
        for dialect, schema, most in (("clickhouse", "flow/v1", 134), ("clickhouse_packed", "flow/v1", 70), ("clickhouse", "flow_lite/v1", 45)):
            with self.subTest(dialect=dialect, schema=schema):
                self.fill(dialect, schema, containers[schema])
                table = table_of(schema) + ("_packed" if dialect == "clickhouse_packed" else "")
                self.engine.query(f"OPTIMIZE TABLE {table} FINAL")
                kept = self.rows("SELECT sum(data_compressed_bytes) / sum(rows) AS bytes, sum(rows) AS flows FROM system.parts "
                                 "WHERE active AND database = 'tested'")[0]
                self.assertEqual(kept["flows"], 250_000 * SHARE)
                self.assertLess(kept["bytes"], most)
                print(f"{schema}, {dialect}: {kept['bytes']:.1f} bytes")


if __name__ == "__main__":
    unittest.main()
