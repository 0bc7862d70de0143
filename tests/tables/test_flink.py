"""Flink takes the statements, and reads with them the records that the sensor sends to Kafka under a schema of the registry."""
import datetime
import json
import unittest

from place import BINARY, COUNTER, KEY, RUNS, Records, captures, differences, fields_of, output, read, run_java, statements, table_of
from servers import LocalServers

EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
ONE = {"boolean": "BOOLEAN", "int": "INT", "long": "BIGINT", "double": "DOUBLE", "string": "STRING", "timestamp-micros": "BIGINT"}
CONFIGURATION = """
outputs = (
    {{ path = "{file}"; schema = "{schema}"; name = "file"; }},
    {{ topic = "{topic}"; schema = "{schema}"; name = "kafka"; columns_to_anonymize = [ "all=keep" ];
       kafka = [ "bootstrap.servers={servers.bootstrap}" ]; }}
);
registry = {{ url = "{servers.registry}"; auto_register = true; }};
"""
OF_AN_OUTPUT = ("output", "feature_hash")


def type_of(avro):
    """What the type of a field is in Flink, as DESCRIBE shows it: without NOT NULL, and without the comments of members."""
    avro = avro[1] if isinstance(avro, list) else avro
    if isinstance(avro, str):
        return ONE[avro]
    if avro["type"] == "array":
        return f"ARRAY<{ONE[avro['items']]} NOT NULL>"
    if avro["type"] == "record":
        return "ROW<" + ", ".join(f"`{field['name']}` {type_of(field['type'])}" for field in avro["fields"]) + ">"
    return ONE[avro["logicalType"]]


def micros(time):
    return (time - EPOCH) // datetime.timedelta(microseconds=1)


def times_of(fields):
    return [field["name"] for field in fields if "timestamp-micros" in json.dumps(field["type"])]


def as_row(record, fields):
    """What a table has of a record: times as numbers, and behind all columns as times of milliseconds; of a nested record its values alone."""
    row = {name: list(value.values()) if isinstance(value, dict) else value for name, value in record.items()}
    for name in times_of(fields):
        if row[name] is not None:
            row[name] = micros(row[name])
        row[f"{name}_ltz"] = None if row[name] is None else EPOCH + datetime.timedelta(milliseconds=row[name] // 1000)
    return row


class Flink(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.made = Records()
        cls.addClassCleanup(cls.made.close)
        cls.folder, cls.servers = cls.made.folder / "flink", LocalServers.get()
        cls.folder.mkdir()
        for schema in cls.made.schemas():
            (cls.folder / f"{table_of(schema)}.sql").write_text(statements("flink", schema), encoding="utf-8")
        cls.sent = [cls.send(schema) for schema in ("flow/v1", "flow/v2", cls.made.composed)]
        run_java("flink", cls.folder)

    @classmethod
    def send(cls, schema):
        """Has the sensor send the records of a schema to a topic, and write them to a file."""
        name = table_of(schema)
        topic, config = cls.servers.topic(f"tables-{name}", 2), cls.folder / f"{name}.conf"
        config.write_text(CONFIGURATION.format(schema=schema, topic=topic, file=cls.folder / f"{name}.avro", servers=cls.servers))
        output(BINARY, "-c", config, *captures(), *RUNS["all"], *(COUNTER if schema == cls.made.composed else ()))
        statement = cls.folder / f"{name}.sql"
        text = statement.read_text(encoding="utf-8")
        for sample, value in (("'TOPIC'", f"'{topic}'"), ("'HOST:9092'", f"'{cls.servers.bootstrap}'"), ("'http://HOST:8081'", f"'{cls.servers.registry}'")):
            assert text.count(sample) == 1, sample
            text = text.replace(sample, value)
        statement.write_text(text, encoding="utf-8")
        (cls.folder / f"{name}.topic").touch()
        return schema

    def lines(self, name):
        return [json.loads(line) for line in (self.folder / name).read_text(encoding="utf-8").splitlines()]

    def test_columns_of_every_schema(self):
        for schema in self.made.schemas():
            with self.subTest(schema):
                found, fields = self.lines(f"{table_of(schema)}.columns"), fields_of(schema)
                for row, field in zip(found[:len(fields)], fields, strict=True):
                    self.assertEqual((row["name"], row["type"], row["null"], row["comment"]),
                                     (field["name"], type_of(field["type"]), isinstance(field["type"], list), field["doc"]))
                self.assertEqual([(row["name"], row["type"]) for row in found[len(fields):]],
                                 [(f"{name}_ltz", "TIMESTAMP_LTZ(3)") for name in times_of(fields)])

    def rows(self, schema):
        """The records that Flink read, in the order of their key."""
        found = self.lines(f"{table_of(schema)}.rows")
        for row in found:
            for name in times_of(fields_of(schema)):
                time = row[f"{name}_ltz"]
                row[f"{name}_ltz"] = None if time is None else datetime.datetime.fromisoformat(time)
        return sorted(found, key=lambda row: [row[column] for column in KEY])

    def test_records(self):
        for schema in self.sent:
            with self.subTest(schema):
                expected = [as_row(record, fields_of(schema)) for record in read(self.folder / f"{table_of(schema)}.avro")]
                found = self.rows(schema)
                self.assertGreater(len(found), 100)
                for row in (*expected, *found):
                    for column in OF_AN_OUTPUT:
                        row.pop(column)
                self.assertEqual(differences(expected, found), [])


if __name__ == "__main__":
    unittest.main()
