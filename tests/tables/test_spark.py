"""Spark takes the statements of the dialects spark and iceberg, and loads the sensor's records by its own reader of Avro. What it stored is read by
pyarrow and pyiceberg."""
import json
import unittest

import pyarrow.parquet
from place import KEY, Records, differences, fields_of, run_java, statements, table_of
from pyiceberg.table import StaticTable

ONE = {"boolean": "boolean", "int": "integer", "long": "long", "double": "double", "string": "string", "timestamp-micros": "timestamp"}
ICEBERG = ONE | {"int": "int", "timestamp-micros": "timestamptz"}
PARTITIONED = ("bidirectional_first_seen", "report_time", "heartbeat_time")  # whichever a schema has
LOADED = ("flow/v1", "flow/v2")


def plain(avro):
    return avro[1] if isinstance(avro, list) else avro


def spark_type(avro):
    """What the type of a field is in Spark, in its JSON."""
    avro = plain(avro)
    if isinstance(avro, str):
        return ONE[avro]
    if avro["type"] == "array":
        return {"type": "array", "elementType": ONE[avro["items"]], "containsNull": True}
    if avro["type"] == "record":
        return {"type": "struct", "fields": [{"name": field["name"], "type": spark_type(field["type"]), "nullable": True,
                                              "metadata": {"comment": field["doc"]}} for field in avro["fields"]]}
    return ONE[avro["logicalType"]]


def iceberg_type(avro):
    """The same in Iceberg, but for arrays and records: those are read by their values."""
    avro = plain(avro)
    return ICEBERG[avro] if isinstance(avro, str) else ICEBERG[avro["logicalType"]] if "logicalType" in avro else None


class Spark(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.made = Records()
        cls.addClassCleanup(cls.made.close)
        cls.folder = cls.made.folder
        for dialect in ("spark", "iceberg"):
            (cls.folder / dialect).mkdir()
            for schema in cls.made.schemas():
                (cls.folder / dialect / f"{table_of(schema)}.sql").write_text(statements(dialect, schema), encoding="utf-8")
        for schema in (*LOADED, cls.made.composed):
            cls.made.container(schema, "all").rename(cls.folder / f"{table_of(schema)}.avro")
            cls.made.containers[(str(schema), "all")] = cls.folder / f"{table_of(schema)}.avro"
        run_java("spark", cls.folder)

    def iceberg(self, table):
        return StaticTable.from_metadata(str(self.folder / "catalog" / "flows" / table))

    def rows(self, arrow):
        return sorted(arrow.to_pylist(), key=lambda row: [row[name] for name in KEY])

    def test_columns_of_every_schema(self):
        for schema in self.made.schemas():
            for dialect in ("spark", "iceberg"):
                with self.subTest(schema=schema, dialect=dialect):
                    found = json.loads((self.folder / dialect / f"{table_of(schema)}.columns").read_text(encoding="utf-8"))["fields"]
                    self.assertEqual([(row["name"], row["type"], row["metadata"]["comment"]) for row in found],
                                     [(field["name"], spark_type(field["type"]), field["doc"]) for field in fields_of(schema)])

    def test_iceberg_has_nulls_keys_and_days(self):
        for schema in self.made.schemas():
            with self.subTest(schema):
                table, fields = self.iceberg(table_of(schema)), fields_of(schema)
                for column, field in zip(table.schema().columns, fields, strict=True):
                    self.assertEqual(column.required, not isinstance(field["type"], list), column)
                    self.assertIn(iceberg_type(field["type"]), (None, str(column.field_type)))
                days = [(table.schema().find_column_name(part.source_id), str(part.transform)) for part in table.spec().fields]
                names = {field["name"] for field in fields}
                self.assertEqual(days, [(time, "day") for time in PARTITIONED if time in names])
                self.assertEqual(table.schema().identifier_field_names(),
                                 set(KEY) if "flow_uid" in names else {"sensor_id", "boot_id", "output", "seq"} if "seq" in names
                                 else {"ndpi_version", "protocol_id"} if "protocol_id" in names else set())

    def test_records(self):
        for schema in (*LOADED, self.made.composed):
            with self.subTest(schema):
                name, expected = table_of(schema), self.made.of(schema, "all")
                self.assertEqual(differences(expected, self.rows(pyarrow.parquet.read_table(self.folder / "warehouse" / name))), [])
                self.assertEqual(differences(expected, self.rows(self.iceberg(name).scan().to_arrow())), [])


if __name__ == "__main__":
    unittest.main()
