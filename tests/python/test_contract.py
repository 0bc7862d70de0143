"""What a model is bound to: the same text and hash as the sensor prints, from each kind of frame."""
import json
import re
import unittest

from support import CAPTURES, EVERYTHING, REPOSITORY
import pandas
import polars

import flowsensor
from flowsensor import contract
from flowsensor.layout import OF_NDPI, group_of
from harness import Case, run

MIX = CAPTURES[0].parent / "mix.pcap"
KEY = "5" * 64
# Without personal data and nDPI's; with nDPI's; with both; with personal data alone.
LISTS = (["splt_ps", "bidirectional_packets", "splt_ps"], ["protocol", "application_is_guessed"], ["ja4", "dst_port"], ["src_ip", "protocol"])


def record(**other):
    return {"metering_hash": "0123456789abcdef" * 2, "ndpi_version": "4.2.0-17-abc", "anon_key_id": None, "record_kind": "final",
            "bidirectional_packets": 3, **other}


def frames_of(records):
    return {"dictionaries": records, "polars": polars.DataFrame(records, infer_schema_length=None), "pandas": pandas.DataFrame(records)}


class Text(unittest.TestCase):
    def test_lines(self):
        """By hand, from what schemas/README.md says."""
        expected = {
            0: "fields=bidirectional_packets,splt_ps\nmetering_hash=0123456789abcdef0123456789abcdef\n",
            1: "fields=application_is_guessed,protocol\nmetering_hash=0123456789abcdef0123456789abcdef\nndpi_version=4.2.0\n",
            2: "anon_key_id=\nfields=dst_port,ja4\nmetering_hash=0123456789abcdef0123456789abcdef\nndpi_version=4.2.0\n",
            3: "anon_key_id=\nfields=protocol,src_ip\nmetering_hash=0123456789abcdef0123456789abcdef\n",
        }
        for kind, frame in frames_of([record(), record()]).items():
            for place, text in expected.items():
                with self.subTest(kind, names=LISTS[place]):
                    self.assertEqual(flowsensor.fields_text(frame, LISTS[place]), text)

    def test_fields_of_plugins_are_personal_where_it_is_said(self):
        self.assertNotIn("anon_key_id", flowsensor.fields_text([record()], ["udps.user"]))
        self.assertIn("anon_key_id=aa\n", flowsensor.fields_text([record(anon_key_id="aa")], ["udps.user"], pii=["udps.user"]))

    def test_records_of_several_kinds_are_refused(self):
        for other, names in (({"metering_hash": "f" * 32}, ["protocol"]), ({"ndpi_version": "4.3.0"}, ["ja4"]), ({"anon_key_id": "aa"}, ["src_ip"])):
            for kind, frame in frames_of([record(), record(**other)]).items():
                with self.subTest(kind, other=other), self.assertRaisesRegex(ValueError, f"2 values of {next(iter(other))}"):
                    flowsensor.fields_hash(frame, names)
        # What the model doesn't use may differ.
        self.assertEqual(flowsensor.fields_hash([record(), record(ndpi_version="4.3.0", anon_key_id="aa")], ["protocol"]),
                         flowsensor.fields_hash([record()], ["protocol"]))

    def test_what_says_nothing_is_refused(self):
        absent = [{name: value for name, value in record().items() if name != "metering_hash"}]
        for frame in frames_of(absent).values():
            with self.assertRaisesRegex(ValueError, "no.* metering_hash.*flow/v2"):
                flowsensor.fields_hash(frame, ["protocol"])
        for frame, said in (([], "no record"), (polars.DataFrame([record()]).head(0), "no record"), ([record(metering_hash=None)], "not 32"),
                            ([record(metering_hash="F" * 32)], "not 32")):
            with self.assertRaisesRegex(ValueError, said):
                flowsensor.fields_hash(frame, ["protocol"])

    def test_mixed_versions_are_told(self):
        """Records of flow/v1 have no metering_hash."""
        for frame in frames_of([record(), record(metering_hash=None)]).values():
            with self.assertRaisesRegex(ValueError, "2 values of metering_hash, such as none and 0123456789abcdef"):
                flowsensor.fields_hash(frame, ["protocol"])
        for frame in frames_of([record(), record(record_kind=None)]).values():
            with self.assertRaisesRegex(ValueError, "without record_kind"):
                flowsensor.model_metadata(frame, ["protocol"], ["a", "b"])


class Metadata(unittest.TestCase):
    NAMES = ["splt_ps", "protocol"]

    def test_what_is_said(self):
        frame = [record(record_kind="early", bidirectional_packets=10), record()]
        said = flowsensor.model_metadata(frame, self.NAMES, ["bad", "good"], splt=5, early_packets=[10])
        self.assertEqual(said, {
            "flowsensor.contract": "1", "flowsensor.fields": '["splt_ps", "protocol"]', "flowsensor.splt": "5", "flowsensor.width": "6",
            "flowsensor.padding": "-1.0", "flowsensor.missing": "nan", "flowsensor.fields_hash": flowsensor.fields_hash(frame, self.NAMES),
            "flowsensor.fields_text": flowsensor.fields_text(frame, self.NAMES), "flowsensor.record_kinds": '["early", "final"]',
            "flowsensor.early_packets": "[10]", "flowsensor.classes": '["bad", "good"]'})

    def test_early_records_of_other_numbers_of_packets(self):
        frame = [record(record_kind="early", bidirectional_packets=packets) for packets in (10, 3)]
        with self.assertRaisesRegex(ValueError, "early records of 3 packets"):
            flowsensor.model_metadata(frame, self.NAMES, ["bad", "good"], early_packets=[10])
        self.assertEqual(flowsensor.model_metadata(frame, self.NAMES, ["a", "b"])["flowsensor.early_packets"], "[]")

    def test_no_record(self):
        with self.assertRaisesRegex(ValueError, "no record"):
            flowsensor.model_metadata([], self.NAMES, ["bad", "good"])


class Sensor(Case):
    def test_the_sensor_prints_the_same(self):
        """Of the same configuration, without and with pseudonyms."""
        key = self.write("key", KEY)
        key.chmod(0o600)
        for items in ('"all=keep"', '"all=short_hash"'):
            path = self.folder / "flows.avro"
            path.unlink(missing_ok=True)
            config = self.write("sensor.conf", 'outputs = ( { path = "%s"; schema = "flow_full/v1"; columns_to_anonymize = [ %s ]; } ); '
                                'anonymization = { key_file = "%s"; };' % (path, items, key))
            self.succeeds("-c", config, "-r", MIX, *EVERYTHING)
            frame = flowsensor.read(path).to_polars(all_columns=True)
            for names in (*LISTS, ["ndpi_risk_score"], ["tls_version"], ["http_status"], ["dst2src_quic_version"], ["tls_issuer"], ["dns_query_type"]):
                with self.subTest(items, names=names):
                    printed = self.succeeds("schema", "features", "-c", config, *EVERYTHING, "--fields", ",".join(names)).text()
                    self.assertEqual(printed, flowsensor.fields_text(frame, names) + f"# fields_hash {flowsensor.fields_hash(frame, names)}\n")

    def test_fields_are_known_as_schemas_have_them(self):
        for path in (REPOSITORY / "schemas").glob("*/v*.avsc"):
            for field in json.loads(path.read_text())["fields"]:
                self.assertEqual(bool(re.fullmatch(contract.PERSONAL, field["name"])), "pii" in field, f"{path}: {field['name']}")

    def test_ndpi_s_fields_are_known_as_the_reference_has_them(self):
        of_flows = {field["name"] for record in ("flow", "flow_full", "nfstream") for path in (REPOSITORY / "schemas" / record).glob("v*.avsc")
                    for field in json.loads(path.read_text())["fields"]}
        rows = [row for row in re.findall(r"(?m)^\| `(\w+)` \| [^|]+ \| [^|]* \| (\w+) \|", run("reference").text()) if row[0] in of_flows]
        self.assertGreater(len([name for name, group in rows if group in OF_NDPI]), 18)
        for name, group in rows:
            self.assertEqual(group_of(name) in OF_NDPI, group in OF_NDPI, name)


if __name__ == "__main__":
    unittest.main()
