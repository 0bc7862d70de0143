"""DuckDB takes the statements, and its own reader of Avro puts the sensor's records into the tables."""
import importlib.metadata
import re
import unittest

import duckdb
from place import KEY, PAGE, Records, differences, fields_of, statements, table_of

# The extension is a file of the package duckdb-ext-avro, so that nothing is fetched.
AVRO = next(file.locate() for file in importlib.metadata.files("duckdb-ext-avro") if file.name == "avro.duckdb_extension")
# The statement of the page deploy/tables.md.
LOAD = re.search(r"(?m)^    (INSERT INTO flow_v2 BY NAME\n(?:    .*\n)+)", PAGE.read_text(encoding="utf-8"))[1]
PLAIN = {"boolean": "BOOLEAN", "int": "INTEGER", "long": "BIGINT", "double": "DOUBLE", "string": "VARCHAR"}


def type_of(avro):
    """What the type of a field is in DuckDB."""
    avro = avro[1] if isinstance(avro, list) else avro
    if isinstance(avro, str):
        return PLAIN[avro]
    if avro["type"] == "array":
        return f"{PLAIN[avro['items']]}[]"
    if avro["type"] == "record":
        members = (f"\"{field['name']}\" {type_of(field['type'])}" for field in avro["fields"])
        return f"STRUCT({', '.join(members)})"
    return {"timestamp-micros": "TIMESTAMP WITH TIME ZONE"}[avro["logicalType"]]


def comment_of(field):
    """Of a nested record the members' docs stand behind its own."""
    nested = field["type"][1]["fields"] if isinstance(field["type"], list) and isinstance(field["type"][1], dict) and \
        field["type"][1]["type"] == "record" else ()
    return "\n".join([field["doc"], *(f"{member['name']}: {member['doc']}" for member in nested)])


class DuckDB(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.made = Records()
        cls.addClassCleanup(cls.made.close)

    def setUp(self):
        self.engine = duckdb.connect(config={"allow_unsigned_extensions": "true", "autoinstall_known_extensions": "false"})
        self.addCleanup(self.engine.close)
        self.engine.execute("SET TimeZone = 'UTC'")
        self.engine.execute(f"LOAD '{AVRO}'")

    def load(self, schema, container, how="INSERT"):
        self.engine.execute(LOAD.replace("INSERT", how).replace("flow_v2", table_of(schema)).replace("flows.avro", str(container)))

    def rows(self, query):
        found = self.engine.execute(query)
        names = [column[0] for column in found.description]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]

    def test_columns_of_every_schema(self):
        for schema in self.made.schemas():
            with self.subTest(schema):
                self.engine.execute(statements("duckdb", schema))
                found = self.engine.execute("SELECT column_name, is_nullable, comment FROM duckdb_columns() WHERE table_name = ? "
                                            "ORDER BY column_index", [table_of(schema)]).fetchall()
                self.assertEqual(found, [(field["name"], isinstance(field["type"], list), comment_of(field)) for field in fields_of(schema)])
                described = self.engine.execute(f'DESCRIBE "{table_of(schema)}"').fetchall()
                for field, row in zip(fields_of(schema), described, strict=True):
                    self.assertEqual(row[1].replace('"', ""), type_of(field["type"]).replace('"', ""), field["name"])

    def test_records(self):
        for schema, run in (("flow/v1", "all"), ("flow/v1", "off"), ("flow/v2", "all"), ("flow_full/v1", "all"), (self.made.composed, "all")):
            with self.subTest(schema=schema, run=run):
                table = table_of(schema)
                self.engine.execute(f'DROP TABLE IF EXISTS "{table}"')
                self.engine.execute(statements("duckdb", schema))
                self.load(schema, self.made.container(schema, run))
                self.assertEqual(differences(self.made.of(schema, run), self.rows(f"FROM \"{table}\" ORDER BY {', '.join(KEY)}")), [])

    def test_a_record_that_comes_twice_is_refused_or_left_out(self):
        self.engine.execute(statements("duckdb", "flow/v1"))
        container = self.made.container("flow/v1", "all")
        self.load("flow/v1", container)
        with self.assertRaises(duckdb.ConstraintException):
            self.load("flow/v1", container)
        self.load("flow/v1", container, "INSERT OR IGNORE")
        self.assertEqual(self.rows("SELECT count(*) AS n FROM flow_v1"), [{"n": len(self.made.of("flow/v1", "all"))}])


if __name__ == "__main__":
    unittest.main()
