"""ClickHouse (chDB, the engine as a library) takes the statements, and its own reader of Avro puts the sensor's records into the tables."""
import datetime
import json
import unittest

from chdb import session
from place import KEY, Records, differences, fields_of, statements, table_of

UTC = datetime.timezone.utc


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


class ClickHouse(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.made = Records()
        cls.addClassCleanup(cls.made.close)
        cls.engine = session.Session(str(cls.made.folder / "clickhouse"))
        cls.addClassCleanup(cls.engine.close)

    def rows(self, query):
        """The rows of a query; numbers of 64 bits stay numbers."""
        text = str(self.engine.query(f"{query} SETTINGS output_format_json_quote_64bit_integers = 0, output_format_json_quote_denormals = 1",
                                     "JSONEachRow"))
        return [json.loads(line) for line in text.splitlines()]

    def create(self, schema):
        self.engine.query(f"DROP TABLE IF EXISTS `{table_of(schema)}`")
        self.engine.query(statements("clickhouse", schema))

    def load(self, schema, container):
        self.engine.query(f"INSERT INTO `{table_of(schema)}` SELECT * FROM file('{container}', 'Avro')")

    def test_columns_of_every_schema(self):
        for schema in self.made.schemas():
            with self.subTest(schema):
                self.create(schema)
                found = self.rows(f"SELECT name, type, comment FROM system.columns WHERE table = '{table_of(schema)}' ORDER BY position")
                self.assertEqual([row["name"] for row in found], [field["name"] for field in fields_of(schema)])
                for row, field in zip(found, fields_of(schema), strict=True):
                    self.assertTrue(row["comment"].startswith(field["doc"]), row)
                    self.assertEqual("DateTime64(6, 'UTC')" in row["type"], is_time(field["type"]), row)
                    if not is_array(field["type"]) and field["name"] != "udps":
                        self.assertEqual("Nullable(" in row["type"], isinstance(field["type"], list), row)

    def test_comment_of_members_and_table(self):
        self.create(self.made.hostile)
        schema = json.loads(self.made.hostile.read_text(encoding="utf-8"))
        udps = schema["fields"][-1]
        found = self.rows("SELECT comment FROM system.columns WHERE table = 'hostile' AND name = 'udps'")[0]["comment"]
        self.assertEqual(found, "\n".join([udps["doc"], *(f"{member['name']}: {member['doc']}" for member in udps["type"][1]["fields"])]))
        self.assertEqual(self.rows("SELECT comment FROM system.tables WHERE name = 'hostile'")[0]["comment"], schema["doc"])

    def test_records(self):
        for schema, run in (("flow/v1", "all"), ("flow/v1", "off"), ("flow/v2", "all"), ("flow_full/v1", "all")):
            with self.subTest(schema=schema, run=run):
                self.create(schema)
                self.load(schema, self.made.container(schema, run))
                fields = fields_of(schema)
                found = self.rows(f"SELECT * FROM {table_of(schema)} ORDER BY {', '.join(KEY)}")
                for row in found:
                    for field in fields:
                        if is_time(field["type"]) and row[field["name"]] is not None:
                            row[field["name"]] = datetime.datetime.fromisoformat(row[field["name"]]).replace(tzinfo=UTC)
                self.assertEqual(differences([as_table(record, fields) for record in self.made.of(schema, run)], found), [])

    def test_members_of_a_nested_record(self):
        self.create(self.made.composed)
        self.load(self.made.composed, self.made.container(self.made.composed, "all"))
        found = self.rows(f"SELECT udps.odd_sizes AS odd FROM composed ORDER BY {', '.join(KEY)}")
        self.assertEqual([row["odd"] for row in found], [record["udps"]["odd_sizes"] for record in self.made.of(self.made.composed, "all")])
        self.assertGreater(sum(row["odd"] for row in found), 0)

    def test_a_record_that_comes_twice_is_one(self):
        self.create("flow/v1")
        for _ in range(2):
            self.load("flow/v1", self.made.container("flow/v1", "all"))
        self.engine.query("OPTIMIZE TABLE flow_v1 FINAL")
        self.assertEqual(self.rows("SELECT count() AS n FROM flow_v1"), [{"n": len(self.made.of("flow/v1", "all"))}])


if __name__ == "__main__":
    unittest.main()
