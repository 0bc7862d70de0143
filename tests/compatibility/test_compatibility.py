"""Every released version of a record's schema against every other, both ways; see README.md."""
import copy
import json
import tempfile
import unittest
from pathlib import Path

import readers
import versions


def pairs():
    """(reader, writer) of all versions of one record; the writer is a released one, the reader may be a draft."""
    return [(reader, writer) for writer in versions.released() for reader in versions.shipped()
            if versions.family(reader) == versions.family(writer)]


def expected(reader, writer):
    """The golden values as the reader's schema has them: null where the writer's doesn't know the field."""
    fields = [field["name"] for field in versions.document(reader)["fields"]]
    return [{name: record.get(name) for name in fields} for record in readers.lines(versions.golden(writer)[1])]


def breaking_changes(document):
    """(what, schema): changes that a later version must never make."""
    def changed(change):
        planted = copy.deepcopy(document)
        change(planted, {field["name"]: field for field in planted["fields"]})
        return planted
    return [
        ("a field without a default is taken off", changed(lambda schema, fields: schema["fields"].remove(fields["src_port"]))),
        ("a field without a default is added", changed(lambda schema, fields: schema["fields"].append({"name": "new", "type": "int", "doc": "."}))),
        ("a field has another type", changed(lambda schema, fields: fields["src_port"].update(type="string"))),
        ("a field is widened, which old readers can't read", changed(lambda schema, fields: fields["src_port"].update(type="long"))),
        ("a field becomes nullable, which old readers can't read", changed(lambda schema, fields: fields["src_port"].update(type=["null", "int"]))),
        ("a field has another name", changed(lambda schema, fields: fields["src_port"].update(name="source_port"))),
        ("the items of a list have another type", changed(lambda schema, fields: fields["splt_ps"].update(
            type=["null", {"type": "array", "items": "string"}]))),
    ]


class Released(unittest.TestCase):
    def test_released_files_are_as_they_were(self):
        self.assertGreaterEqual(len(versions.released()), 2)
        for name, digest in versions.released().items():
            self.assertEqual(versions.digest(name), digest, f"schemas/{name}.avsc is released and has changed: give it back its text, and make "
                             "the change in a new version")

    def test_each_has_golden_records(self):
        found = {path.name for path in versions.GOLDEN.iterdir()}
        self.assertEqual(found, {path.name for name in versions.released() for path in versions.golden(name)})

    def test_versions_of_a_record_have_one_name(self):
        for reader, writer in pairs():
            one, other = versions.document(reader), versions.document(writer)
            self.assertEqual((one["namespace"], one["name"]), (other["namespace"], other["name"]), (reader, writer))

    def test_later_versions_only_add_fields_that_may_be_null(self):
        for reader, writer in pairs():
            if versions.number(reader) <= versions.number(writer):
                continue
            before, after = (versions.document(name)["fields"] for name in (writer, reader))
            self.assertEqual([(field["name"], field["type"]) for field in before],
                             [(field["name"], field["type"]) for field in after[:len(before)]])
            for field in after[len(before):]:
                self.assertEqual((field["type"][0], field.get("default", "")), ("null", None), f"{reader}: {field['name']}")

    def test_golden_records_say_something(self):
        """Most nullable fields have a value in some record and null in another, or a test of values would show little."""
        for name in versions.released():
            records = readers.lines(versions.golden(name)[1])
            told = [field["name"] for field in versions.document(name)["fields"]
                    if any(record[field["name"]] not in (None, "", [], 0) for record in records)]
            self.assertGreater(len(told), 0.7 * len(records[0]), name)


class Matrix(unittest.TestCase):
    maxDiff = 2000

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def equal(self, found, reader, writer):
        for number, (one, other) in enumerate(zip(found, expected(reader, writer), strict=True)):
            self.assertEqual(one, other, f"record {number} of {writer}, read with {reader}")

    def test_fastavro(self):
        for reader, writer in pairs():
            with self.subTest(reader=reader, writer=writer):
                self.equal(readers.by_fastavro(versions.schema_path(reader), versions.golden(writer)[0]), reader, writer)

    def test_avro_c(self):
        """It knows no defaults, so it can't read records of an older version with a newer schema: take the schema in the file, or
        the registry's."""
        for reader, writer in pairs():
            ask = versions.schema_path(reader), versions.golden(writer)[0], self.folder
            with self.subTest(reader=reader, writer=writer):
                if versions.number(reader) > versions.number(writer):
                    with self.assertRaisesRegex(readers.Refused, "has no default for a field"):
                        readers.by_avro_c(*ask)
                else:
                    self.equal(readers.by_avro_c(*ask), reader, writer)

    def test_java(self):
        java, targets = readers.Java(), {}
        for place, (reader, writer) in enumerate(pairs()):
            targets[reader, writer] = self.folder / f"{place}.jsonl"
            java.ask("read", versions.schema_path(reader), versions.golden(writer)[0], targets[reader, writer])
            for one, other in ((reader, writer), (writer, reader)):
                java.ask("compare", versions.schema_path(one), versions.schema_path(other))
        answers = java.answers()
        self.assertEqual({answer for question, answer in answers.items() if question.startswith("compare")}, {"COMPATIBLE []"})
        for (reader, writer), target in targets.items():
            with self.subTest(reader=reader, writer=writer):
                self.equal(readers.lines(target), reader, writer)

    def test_planted_changes_are_found(self):
        """A schema that breaks readers is refused by Avro's comparison in one direction at least, and by the rule above."""
        java, asked = readers.Java(), {}
        path = versions.schema_path("flow/v1")
        for place, (what, planted) in enumerate(breaking_changes(versions.document("flow/v1"))):
            broken = self.folder / f"{place}.avsc"
            broken.write_text(json.dumps(planted))
            asked[what] = [f"compare\t{one}\t{other}" for one, other in ((path, broken), (broken, path))]
            for question in asked[what]:
                java.ask(*question.split("\t"))
        answers = java.answers()
        for what, questions in asked.items():
            self.assertTrue(any(answers[question].startswith("INCOMPATIBLE") for question in questions), what)


if __name__ == "__main__":
    unittest.main()
