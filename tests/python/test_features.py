"""features(): the same matrix from pandas, polars and dictionaries, in an order that values don't change."""
import unittest

from support import CAPTURES, EVERYTHING
import numpy
import pandas
import polars

import flowsensor
from harness import Case

NAMES = ["protocol", "splt_ps", "bidirectional_mean_ps", "application_is_guessed", "icmp_type", "splt_piat_us"]
RECORDS = [
    {"protocol": 6, "splt_ps": [60, 1500, 40], "bidirectional_mean_ps": 0.5, "application_is_guessed": True, "icmp_type": None,
     "splt_piat_us": [], "src_ip": "10.0.0.1", "quality_flags": ["midstream"]},
    {"protocol": 1, "splt_ps": None, "bidirectional_mean_ps": None, "application_is_guessed": None, "icmp_type": 8,
     "splt_piat_us": [7, 2**40], "src_ip": None, "quality_flags": []},
]
NAN = float("nan")
# By hand, for a width of 2.
EXPECTED = [[6, 60, 1500, 0.5, 1, NAN, -1, -1], [1, NAN, NAN, NAN, NAN, 8, 7, 2**40]]


def frames_of(records):
    """The records as each kind of frame."""
    schema = {"protocol": polars.Int64, "splt_ps": polars.List(polars.Int64), "bidirectional_mean_ps": polars.Float64,
              "application_is_guessed": polars.Boolean, "icmp_type": polars.Int64, "splt_piat_us": polars.List(polars.Int64),
              "src_ip": polars.String, "quality_flags": polars.List(polars.String)}
    dtypes = {"protocol": "int64", "bidirectional_mean_ps": "float64", "application_is_guessed": "boolean", "icmp_type": "Int64"}
    made = pandas.DataFrame({name: pandas.Series([record[name] for record in records], dtype=dtypes.get(name, "object"),
                                                 index=range(5, 5 + len(records))) for name in schema})
    return {"dictionaries": records, "polars": polars.DataFrame(records, schema=schema), "pandas": made}


class Matrix(unittest.TestCase):
    def test_values(self):
        for kind, frame in frames_of(RECORDS).items():
            with self.subTest(kind):
                matrix = flowsensor.features(frame, NAMES, splt=2)
                self.assertEqual(matrix.dtype, numpy.float32)
                numpy.testing.assert_array_equal(matrix, numpy.array(EXPECTED, dtype=numpy.float32))

    def test_names_say_what_stands_where(self):
        names = flowsensor.feature_names(NAMES, splt=2)
        self.assertEqual(names, ["protocol", "splt_ps[0]", "splt_ps[1]", "bidirectional_mean_ps", "application_is_guessed", "icmp_type",
                                 "splt_piat_us[0]", "splt_piat_us[1]"])
        self.assertEqual(len(flowsensor.feature_names(NAMES)), 4 + 2 * 20)

    def test_the_order_is_that_of_the_names(self):
        for frame in frames_of(RECORDS).values():
            matrix = flowsensor.features(frame, NAMES[::-1], splt=2)
            numpy.testing.assert_array_equal(matrix[:, -1], numpy.float32([6, 1]))
            numpy.testing.assert_array_equal(matrix[:, :2], numpy.float32([[-1, -1], [7, 2**40]]))

    def test_one_record_is_as_wide_as_many(self):
        """Even where it has no list and no value that tells a type."""
        for place, record in enumerate(RECORDS):
            for kind, frame in frames_of([record]).items():
                with self.subTest(kind, record=place):
                    numpy.testing.assert_array_equal(flowsensor.features(frame, NAMES, splt=2), numpy.float32([EXPECTED[place]]))

    def test_no_record(self):
        for frame in frames_of([]).values():
            self.assertEqual(flowsensor.features(frame, NAMES, splt=2).shape, (0, 8))

    def test_what_is_no_number_is_refused(self):
        frames = frames_of(RECORDS)
        frames["pandas"]["first_seen"] = pandas.to_datetime([1, 2], utc=True)
        frames["polars"] = frames["polars"].with_columns(first_seen=polars.Series([1, 2], dtype=polars.Datetime("us", "UTC")))
        for record in frames["dictionaries"]:
            record["first_seen"] = pandas.Timestamp(1)
        for kind, frame in frames.items():
            for name in ("src_ip", "quality_flags", "first_seen"):
                with self.subTest(kind, name=name), self.assertRaisesRegex(TypeError, f"column {name} has .*no number"):
                    flowsensor.features(frame, ["protocol", name])

    def test_names(self):
        """A set's order differs from one process to the next, and would score other columns than it trained on."""
        frame = frames_of(RECORDS)["polars"]
        for names, error, said in (("protocol", TypeError, "not one text"), ({"protocol", "icmp_type"}, TypeError, "not a set"),
                                   (["protocol", 1], TypeError, "1, which is no name"), ([], ValueError, "names is empty")):
            for function, given in ((flowsensor.features, (frame, names)), (flowsensor.feature_names, (names,)),
                                    (flowsensor.fields_text, (frame, names)), (flowsensor.model_metadata, (frame, names, ["a", "b"]))):
                with self.subTest(function.__name__, names=names), self.assertRaisesRegex(error, rf"^{function.__name__}\(\): .*{said}"):
                    function(*given)
        numpy.testing.assert_array_equal(flowsensor.features(frame, (name for name in NAMES), splt=2), numpy.float32(EXPECTED))
        with self.assertRaisesRegex(ValueError, "splt is -1"):
            flowsensor.features(frame, NAMES, splt=-1)

    def test_what_is_no_frame_is_refused(self):
        frame = frames_of(RECORDS)["polars"]
        for other in (frame.to_arrow(), frame.lazy(), iter(RECORDS), None, 5):
            for function in (flowsensor.features, flowsensor.fields_hash):
                with self.subTest(type(other).__name__), self.assertRaisesRegex(TypeError, "neither a DataFrame of pandas or polars nor a list"):
                    function(other, ["protocol"])

    def test_a_column_that_some_records_have(self):
        """As records of flow/v1 and flow/v2 in one topic."""
        matrix = flowsensor.features([{"protocol": 6}, {"protocol": 17, "dot1q_vlan_id": 5, "splt_ps": [1]}], ["dot1q_vlan_id", "splt_ps"], splt=2)
        numpy.testing.assert_array_equal(matrix, numpy.float32([[NAN, NAN, NAN], [5, 1, -1]]))

    def test_a_splt_column_of_other_things_is_refused(self):
        for frame in ([{"splt_ps": "[1, 2]"}], pandas.DataFrame({"splt_ps": ["[1, 2]"]}), polars.DataFrame({"splt_ps": ["[1, 2]"]}),
                      [{"splt_ps": ["a"]}], polars.DataFrame({"splt_ps": [["a"]]}), pandas.DataFrame({"splt_ps": [["a"]]})):
            with self.assertRaisesRegex(TypeError, "column splt_ps has"):
                flowsensor.features(frame, ["splt_ps"])

    def test_columns_that_are_absent_are_named(self):
        for frame in frames_of(RECORDS).values():
            with self.assertRaisesRegex(ValueError, "no column absent, udps.x; .*all_columns=True"):
                flowsensor.features(frame, ["protocol", "absent", "udps.x"])


class Capture(Case):
    def test_from_parquet(self):
        """However it is read back: pandas has arrays where it had lists."""
        path, parquet = self.folder / "flows.avro", self.folder / "flows.parquet"
        self.succeeds("-r", CAPTURES[0].parent / "mix.pcap", "-w", path, *EVERYTHING)
        flows = flowsensor.read(path)
        flows.to_parquet(parquet)
        names = ["bidirectional_packets", "splt_ps", "icmp_type", "splt_piat_us"]
        expected, hashed = flowsensor.features(flows.to_polars(all_columns=True), names), flowsensor.fields_hash(flows.to_polars(), names)
        for kind, frame in (("polars", polars.read_parquet(parquet)), ("pandas", pandas.read_parquet(parquet)),
                            ("pandas of Arrow", pandas.read_parquet(parquet, dtype_backend="pyarrow")), ("Arrow", flows.to_arrow().to_pandas())):
            with self.subTest(kind):
                numpy.testing.assert_array_equal(flowsensor.features(frame, names), expected)
                self.assertEqual(flowsensor.fields_hash(frame, names), hashed)

    def test_lists_that_are_missing(self):
        lists = polars.DataFrame({"splt_ps": [[1, 2, 3], None, []]}, schema={"splt_ps": polars.List(polars.Int64)})
        for frame in (lists, lists.to_arrow().to_pandas(), lists.to_arrow().to_pandas(types_mapper=pandas.ArrowDtype)):
            numpy.testing.assert_array_equal(flowsensor.features(frame, ["splt_ps"], splt=2), numpy.float32([[1, 2], [NAN, NAN], [-1, -1]]))

    def test_training_and_scoring_have_the_same(self):
        """Rows of a file at once, and flow by flow."""
        path = self.folder / "flows.avro"
        self.succeeds("-r", CAPTURES[0].parent / "mix.pcap", "-w", path, *EVERYTHING)
        flows = flowsensor.read(path)
        names = ["bidirectional_packets", "splt_direction", "splt_ps", "splt_piat_us", "bidirectional_stddev_ps", "tunnel_key"]
        trained = flowsensor.features(flows.to_polars(all_columns=True), names)
        self.assertEqual(trained.shape, (458, 63))
        numpy.testing.assert_array_equal(trained, flowsensor.features(flows.to_pandas(all_columns=True), names))
        numpy.testing.assert_array_equal(trained, numpy.concatenate([flowsensor.features([flow], names) for flow in flows]))
        self.assertTrue(((trained[:, 1:21] == 0) | (trained[:, 1:21] == 1) | (trained[:, 1:21] == -1)).all())


if __name__ == "__main__":
    unittest.main()
