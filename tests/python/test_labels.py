"""label(): a table's columns at the flows that they are of, in pandas and polars."""
import unittest

from support import CAPTURES
import pandas
import polars

import flowsensor
from harness import Case

FLOWS = {"src_ip": ["a", "b", None, "a", "c"], "dst_port": [1, 2, 3, 4, 5], "capture_file": ["x.pcap", "y.pcap", "y.pcap", None, "z.pcap"]}


class Both(unittest.TestCase):
    """Each test runs with pandas and with polars."""

    def each(self):
        for kind, make in (("pandas", pandas.DataFrame), ("polars", polars.DataFrame)):
            with self.subTest(kind):
                yield make

    def values(self, frame, name):
        column = frame[name].to_list()
        return [None if value is None or value is pandas.NA or value != value else value for value in column]

    def test_one_column(self):
        table = {"src_ip": ["c", "a", None], "attack": ["scan", "none", "lost"]}
        for make in self.each():
            labelled = flowsensor.label(make(FLOWS), make(table), on="src_ip")
            self.assertEqual(list(labelled.columns), [*FLOWS, "attack"])
            self.assertEqual(self.values(labelled, "attack"), ["none", None, None, "none", "scan"])
            self.assertEqual(self.values(labelled, "dst_port"), FLOWS["dst_port"])

    def test_numbers_and_booleans_stay_such(self):
        table = {"src_ip": ["a"], "class": [3], "bad": [True], "score": [0.5]}
        for make in self.each():
            labelled = flowsensor.label(make(FLOWS), make(table), on=["src_ip"])
            for name in ("class", "bad", "score"):
                self.assertEqual(self.values(labelled, name), [table[name][0], None, None, table[name][0], None])
            self.assertEqual([str(labelled[name].dtype) for name in ("dst_port", "class", "bad", "score")],
                             ["int64", "Int64", "boolean", "float64"] if make is pandas.DataFrame else ["Int64", "Int64", "Boolean", "Float64"])

    def test_several_columns_by_other_names(self):
        table = {"Source IP": ["a", "a", "b"], "Port": [1, 4, 1], "Label": ["one", "four", "no"]}
        for make in self.each():
            labelled = flowsensor.label(make(FLOWS), make(table), on={"src_ip": "Source IP", "dst_port": "Port"})
            self.assertEqual(list(labelled.columns), [*FLOWS, "Label"])
            self.assertEqual(self.values(labelled, "Label"), ["one", None, None, "four", None])

    def test_an_ambiguous_match_is_an_error(self):
        table = {"src_ip": ["a", "a", "d", "d"], "attack": ["scan", "none", "x", "y"]}
        for make in self.each():
            with self.assertRaisesRegex(ValueError, "2 rows fit several rows of the table, such as .*'src_ip': 'a'"):
                flowsensor.label(make(FLOWS), make(table), on="src_ip")
            # What no flow asks for may be ambiguous.
            rest = {name: values[1:] for name, values in table.items()}
            self.assertEqual(self.values(flowsensor.label(make(FLOWS), make(rest), on="src_ip"), "attack"), ["none", None, None, "none", None])

    def test_a_table_without_rows(self):
        for make in self.each():
            table = make({"src_ip": ["a"], "attack": ["scan"]})[:0]
            self.assertEqual(self.values(flowsensor.label(make(FLOWS), table, on="src_ip"), "attack"), [None] * 5)

    def test_types_that_differ(self):
        for make in self.each():
            labelled = flowsensor.label(make(FLOWS), make({"dst_port": ["1", "5"], "attack": ["p", "q"]}), on="dst_port")
            self.assertEqual(self.values(labelled, "attack"), ["p", None, None, None, "q"])
            for wrong in (["http"], ["080"], [1.5]):
                with self.assertRaisesRegex(ValueError, "column dst_port is int64|column dst_port is Int64"):
                    flowsensor.label(make(FLOWS), make({"dst_port": wrong, "attack": ["p"]}), on="dst_port")

    def test_wrong_names(self):
        for make in self.each():
            for table, on, says in (({"src_ip": ["a"], "dst_port": [1]}, "src_ip", "both have a column dst_port"),
                                    ({"x": ["a"]}, "src_ip", "no column src_ip"), ({"src_ip": ["a"]}, {"absent": "src_ip"}, "no column absent"),
                                    ({"x": ["a"]}, {"src_ip": "x", "capture_file": "x"}, "twice"), ({"x": ["a"]}, [], "needs a column")):
                with self.assertRaisesRegex(ValueError, says):
                    flowsensor.label(make(FLOWS), make(table), on=on)
        with self.assertRaises(TypeError):
            flowsensor.label(pandas.DataFrame(FLOWS), polars.DataFrame({"src_ip": ["a"]}), on="src_ip")

    def test_the_index_stays(self):
        frame = pandas.DataFrame(FLOWS, index=[9, 7, 5, 3, 1])
        table = pandas.DataFrame({"src_ip": ["c", "a"], "attack": ["scan", "none"]})
        labelled = flowsensor.label(frame, table, on="src_ip")
        self.assertEqual(labelled.index.tolist(), [9, 7, 5, 3, 1])
        self.assertEqual(labelled.loc[1, "attack"], "scan")
        self.assertEqual(list(table.columns), ["src_ip", "attack"])


class Capture(Case):
    def test_labels_of_captures(self):
        """Two captures in one file, of which one has a label."""
        path, captures = self.folder / "flows.avro", [CAPTURES[0].parent / name for name in ("dns.pcap", "mix.pcap")]
        self.succeeds("--schema", "flow/v2", "-r", captures[0], "-r", captures[1], "-w", path)
        flows = flowsensor.read(path)
        for frame, make in ((flows.to_pandas(), pandas.DataFrame), (flows.to_polars(), polars.DataFrame)):
            labelled = flowsensor.label(frame, make({"capture_file": [str(captures[0])], "attack": ["scan"]}), on="capture_file")
            rows = list(zip(labelled["capture_file"].to_list(), labelled["attack"].to_list()))
            self.assertEqual({(name, attack == "scan") for name, attack in rows}, {(str(captures[0]), True), (str(captures[1]), False)})
            self.assertGreater(len(rows), 458)


if __name__ == "__main__":
    unittest.main()
