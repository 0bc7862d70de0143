"""Frames that polars reads equal those that are made record by record, for every schema, and for what polars can't read."""
import contextlib
import io
import json
import math
import os
import random
import re
import signal
import subprocess
import sys
import threading
import time
import unittest
import unittest.mock

from support import CAPTURES, EVERYTHING, PACKAGE
import fastavro
import pandas
import polars
from pandas.testing import assert_frame_equal
from polars.testing import assert_frame_equal as assert_polars_equal

import flowsensor
from flowsensor import columns, container, frames
from flowsensor.layout import Layout
from harness import SCHEMAS, SHARED, Case, run

ALL_SCHEMAS = sorted(SCHEMAS.glob("*/*.avsc"))


def by_records(flows):
    """The table of version 0.1: from dictionaries, whether polars is there or not."""
    table = frames.Table(by_polars=False)
    for layout, rows in flows._parts(False):
        table.add(layout, rows)
    return table


@contextlib.contextmanager
def reading():
    """How often polars was asked to read, and what it couldn't: [(count, whether it could)]."""
    seen, original = [], columns.read

    def read(head, body, count):
        frame = original(head, body, count)
        seen.append((count, frame is not None))
        return frame
    with unittest.mock.patch.object(columns, "read", read):
        yield seen


class Equal(Case):
    def compare(self, flows):
        """Both frames in both ways; how many rows there are."""
        with reading() as seen:
            ours = flows.to_pandas()
            assert_frame_equal(ours, by_records(flows).to_pandas(False), check_exact=True)
            assert_polars_equal(flows.to_polars(), by_records(flows).to_polars(False), check_exact=True)
            assert_polars_equal(flows.to_polars(all_columns=True), by_records(flows).to_polars(True), check_exact=True)
        if len(ours):
            self.assertEqual({could for _, could in seen}, {True})
        return len(ours)

    def container(self, schema, records, codec="deflate", name="made.avro"):
        path = self.folder / name
        with open(path, "wb") as file:
            fastavro.writer(file, fastavro.parse_schema(schema), records, codec=codec, sync_interval=500)
        return path


class Captures(Equal):
    def test_captures(self):
        """The repository's, and a tenth of the shared ones; all of them with LONG=yes."""
        folder = SHARED / "pcaps"
        shared = sorted(path for path in folder.iterdir() if path.is_file()) if folder.is_dir() else []
        rows = 0
        for capture in CAPTURES + (shared if os.environ.get("LONG") == "yes" else shared[::10]):
            for profile, schema in (("native", "flow/v1"), ("native", "flow/v2"), ("nfstream", "nfstream/v1")):
                with self.subTest(capture=capture.name, schema=schema):
                    path = self.folder / "flows.avro"
                    result = run("--profile", profile, "--schema", schema, "-r", capture, "-w", path, *EVERYTHING)
                    self.assertIn(result.code, (0, 65), result)
                    rows += self.compare(flowsensor.read(path))
        self.assertGreater(rows, 1000)

    def test_each_codec(self):
        for codec in ("deflate", "null"):
            path = self.folder / f"{codec}.avro"
            self.succeeds("-r", CAPTURES[0].parent / "mix.pcap", "-w", path, "--set", f"outputs.0.codec={codec}")
            with open(path, "rb") as file:
                self.assertEqual(fastavro.block_reader(file).codec, codec)
            self.assertEqual(self.compare(flowsensor.read(path)), 458)

    @unittest.skipUnless(os.geteuid() == 0, "captures live, which needs root")
    def test_reports_of_a_sensor(self):
        path = self.folder / "stats.avro"
        config = self.write("stats.conf", f'performance_report = "1s"; outputs = ( {{ path = "{path}"; schema = "sensor_stats/v1"; }} );')
        sensor = self.start("-c", config, "-i", "lo")
        time.sleep(2.5)
        sensor.signal(signal.SIGTERM)
        self.ended_well(sensor.finish())
        self.assertGreater(self.compare(flowsensor.read(path)), 1)


class Values(Equal):
    """Records that no capture has: every field null, and as large as it gets."""

    def value(self, chance, avro_type, name):
        if isinstance(avro_type, list):
            branch = chance.choice(avro_type)
            return None if branch == "null" else self.value(chance, branch, name)
        if isinstance(avro_type, dict) and avro_type["type"] == "array":
            return [self.value(chance, avro_type["items"], name) for _ in range(chance.choice((0, 1, 3, 20)))]
        if isinstance(avro_type, dict) and avro_type.get("logicalType"):
            return chance.choice((0, 1, -1, 1785000000123456, 4102444800000000))
        simple = avro_type["type"] if isinstance(avro_type, dict) else avro_type
        return chance.choice({"int": (0, -1, 2**31 - 1, -2**31, 77), "long": (0, -1, 2**63 - 1, -2**63, 300),
                              "double": (0.0, -0.0, math.inf, 1e308, 5e-324, 0.1), "float": (0.5,), "boolean": (True, False),
                              "string": ("", "x", "\0", "\N{SNOWMAN} over twelve bytes", "y" * 300, "constant")}[simple])

    def test_every_schema(self):
        self.assertGreater(len(ALL_SCHEMAS), 3)
        for path in ALL_SCHEMAS:
            schema, chance = json.loads(path.read_text()), random.Random(7)
            self.assertTrue(columns.Columns(Layout(schema)).can_read, path)
            for share in (0, 300):  # without records, with some
                records = [{field["name"]: self.value(chance, field["type"], field["name"]) for field in schema["fields"]}
                           for _ in range(share)]
                with self.subTest(schema=path.name, records=share):
                    self.assertEqual(self.compare(flowsensor.read(self.container(schema, records))), share)

    def test_fields_of_the_user(self):
        """udps: a record in the record, missing in some; and a nested field that is missing."""
        udps = {"type": "record", "name": "udps", "fields": [
            {"name": "n", "type": ["null", "long"]}, {"name": "r", "type": ["null", "double"]}, {"name": "b", "type": ["null", "boolean"]},
            {"name": "s", "type": ["null", "string"]}, {"name": "l", "type": ["null", {"type": "array", "items": "long"}]}]}
        schema = {"type": "record", "name": "flowsensor.nfstream.Flow", "fields": [
            {"name": "src_ip", "type": "string"}, {"name": "udps", "type": ["null", udps]}]}
        whole = {"n": 1, "r": 0.5, "b": False, "s": "", "l": [1, 2]}
        records = [{"src_ip": "a", "udps": udp} for udp in (whole, None, dict.fromkeys(whole), {**whole, "l": []})]
        self.assertEqual(self.compare(flowsensor.read(self.container(schema, records))), 4)

    def test_several_files(self):
        """Columns that only one of them has, and one that has no records."""
        first, second = (json.loads((SCHEMAS / "flow" / f"v{number}.avsc").read_text()) for number in (1, 2))
        chance = random.Random(1)
        paths = [self.container(schema, [{field["name"]: self.value(chance, field["type"], field["name"]) for field in schema["fields"]}
                                         for _ in range(count)], name=f"{place}.avro")
                 for place, (schema, count) in enumerate(((first, 30), (second, 0), (second, 20), (first, 10)))]
        for order in (paths, paths[::-1]):
            self.assertEqual(self.compare(flowsensor.read(order)), 60)


class Foreign(Equal):
    """What polars can't read, or would read otherwise, is read record by record."""

    def frame_of(self, avro_type, values):
        schema = {"type": "record", "name": "Flow", "fields": [{"name": "a", "type": "string"}, {"name": "b", "type": avro_type}]}
        flows = flowsensor.read(self.container(schema, [{"a": "x", "b": value} for value in values]))
        with reading() as seen:
            frame = flows.to_pandas()
        self.assertEqual(seen, [])
        assert_frame_equal(frame, by_records(flows).to_pandas(False))
        return flows, frame

    def test_types(self):
        for avro_type, values in (
                ({"type": "enum", "name": "E", "symbols": ["A", "B"]}, ["B", "A"]),
                (["null", {"type": "enum", "name": "E", "symbols": ["A", "B"]}], ["B", None]),
                ({"type": "map", "values": "long"}, [{"k": 1}, {}]),
                ("bytes", [b"\xff", b""]),
                ({"type": "fixed", "name": "F", "size": 2}, [b"ab", b"cd"]),
                (["null", "string", "long"], ["a", 2, None]),
                ({"type": "array", "items": {"type": "enum", "name": "E", "symbols": ["A"]}}, [["A"], []])):
            with self.subTest(str(avro_type)):
                flows, frame = self.frame_of(avro_type, values)
                self.assertEqual(frame["b"].tolist(), values)
                if frame["b"].iloc[0] != ["A"]:  # no list of objects in polars
                    self.assertEqual(flows.to_polars()["b"].to_list(), values)

    def test_records_within(self):
        inner = {"type": "record", "name": "Inner", "fields": [{"name": "n", "type": "long"}]}
        flows, frame = self.frame_of({"type": "array", "items": inner}, [[{"n": 1}], []])
        self.assertEqual(frame["b"].tolist(), [[{"n": 1}], []])
        outer = {"type": "record", "name": "Outer", "fields": [{"name": "i", "type": inner}]}
        flows, frame = self.frame_of(outer, [{"i": {"n": 1}}, {"i": {"n": 2}}])
        self.assertEqual(frame["b.i"].tolist(), [{"n": 1}, {"n": 2}])
        self.assertEqual(flows.to_polars()["b.i"].to_list(), [{"n": 1}, {"n": 2}])

    def test_a_logical_type_of_others(self):
        _, frame = self.frame_of({"type": "string", "logicalType": "uuid"}, ["00000000-0000-4000-8000-000000000000"])
        self.assertEqual(list(map(str, frame["b"])), ["00000000-0000-4000-8000-000000000000"])

    def test_milliseconds(self):
        schema = {"type": "record", "name": "Flow", "fields": [
            {"name": "a", "type": "string"}, {"name": "b", "type": {"type": "long", "logicalType": "timestamp-millis"}},
            {"name": "c", "type": ["null", "float"]}]}
        path = self.container(schema, [{"a": "x", "b": 1785000000123, "c": 0.1}, {"a": "y", "b": -1, "c": None}])
        self.compare(flowsensor.read(path))

    def test_no_text(self):
        """There is no field that could hold the seal."""
        schema = {"type": "record", "name": "Flow", "fields": [{"name": "a", "type": "long"}, {"name": "b", "type": ["null", "double"]}]}
        flows = flowsensor.read(self.container(schema, [{"a": 1, "b": 0.5}, {"a": 2, "b": None}]))
        with reading() as seen:
            self.assertEqual(flows.to_polars().rows(), [(1, 0.5), (2, None)])
            assert_frame_equal(flows.to_pandas(), by_records(flows).to_pandas(False))
        self.assertEqual(seen, [])

    def test_other_types_after_ours(self):
        """A table that polars has begun goes on record by record."""
        plain = {"type": "record", "name": "Flow", "fields": [{"name": "a", "type": "string"}]}
        with_bytes = {"type": "record", "name": "Flow", "fields": [*plain["fields"], {"name": "b", "type": "bytes"}]}
        paths = [self.container(plain, [{"a": "x"}] * 3, name="plain.avro"),
                 self.container(with_bytes, [{"a": "y", "b": b"\xff"}] * 2, name="bytes.avro")]
        for order in (paths, paths[::-1]):
            flows = flowsensor.read(order)
            assert_frame_equal(flows.to_pandas(), by_records(flows).to_pandas(False))
            self.assertEqual(sorted(flows.to_pandas()["a"]), ["x"] * 3 + ["y"] * 2)


class Seals(unittest.TestCase):
    """polars says nothing of bytes that it left over."""

    SCHEMA = {"type": "record", "name": "Flow", "fields": [{"name": "n", "type": ["null", "long"]}, {"name": "s", "type": ["null", "string"]}]}

    def setUp(self):
        # Rust complains on standard error before it gives up.
        kept = os.dup(2)
        self.addCleanup(os.close, kept)
        self.addCleanup(os.dup2, kept, 2)
        with open(os.devnull, "wb") as nothing:
            os.dup2(nothing.fileno(), 2)
        self.columns = columns.Columns(Layout(self.SCHEMA))
        self.bodies = [self.encoded(n, s) for n, s in ((1, "a"), (None, None), (3, "ccc"))]

    def encoded(self, n, s):
        data = io.BytesIO()
        fastavro.schemaless_writer(data, fastavro.parse_schema(self.SCHEMA), {"n": n, "s": s})
        return data.getvalue()

    def test_whole(self):
        for frame in (self.columns.of_messages(self.bodies), self.columns.of_blocks(self.bodies, 3), self.columns.of_blocks([b"".join(self.bodies)], 3)):
            self.assertEqual(frame.rows(), [(1, "a"), (None, None), (3, "ccc")])

    def test_every_byte_counts(self):
        for place in range(3):
            body = self.bodies[place]
            for wrong in (body + b"\0", body + b"\0\0", body + body, body[:-1], b""):
                bodies = [*self.bodies[:place], wrong, *self.bodies[place + 1:]]
                self.assertIsNone(self.columns.of_messages(bodies), (place, wrong))
                self.assertIsNone(self.columns.of_blocks(bodies, 3), (place, wrong))

    def test_every_record_counts(self):
        for count in (0, 1, 2, 4, 5, 10**12):
            self.assertIsNone(self.columns.of_blocks(self.bodies, count), count)

    def test_an_int_of_more_than_32_bits(self):
        """No writer should make one; it is what it says all the same."""
        made, told = ({"type": "record", "name": "Flow", "fields": [{"name": "s", "type": "string"}, {"name": "n", "type": number}]}
                      for number in ("long", "int"))
        data = io.BytesIO()
        fastavro.schemaless_writer(data, fastavro.parse_schema(made), {"s": "x", "n": 2**40})
        self.assertEqual(columns.Columns(Layout(told)).of_messages([data.getvalue()]).rows(), [("x", 2**40)])

    def test_absurd_numbers_are_no_end_of_the_program(self):
        self.assertIsNone(self.columns.of_messages([b"\x00\x02" + b"\xfe" * 7 + b"\x01"]))


class Damage(Equal):
    """A frame is read to the same place as records are."""

    def test_cut_anywhere(self):
        schema = {"type": "record", "name": "flowsensor.flow.Flow", "fields": [{"name": "s", "type": "string"}, {"name": "n", "type": "long"}]}
        data = self.container(schema, [{"s": f"10.0.0.{i}", "n": i} for i in range(200)]).read_bytes()
        for length in range(0, len(data), 7):
            flows = flowsensor.read(self.write("cut.avro", data[:length]), strict=False)
            with unittest.mock.patch("warnings.warn") as told:
                rows = [record["n"] for record in flows]
                frame = flows.to_pandas()
            self.assertEqual(frame["n"].tolist() if len(frame.columns) else [], rows, length)
            calls = [call.args for call in told.call_args_list]
            self.assertEqual(calls[:len(calls) // 2], calls[len(calls) // 2:])

    def test_a_block_that_says_a_wrong_number(self):
        schema = {"type": "record", "name": "Flow", "fields": [{"name": "s", "type": "string"}]}
        path = self.container(schema, [{"s": "x" * 600}, {"s": "y" * 600}], codec="null")
        data = path.read_bytes()
        second = data.index(b"y" * 600) - 5  # count, two bytes of size, two bytes of the text's length
        self.assertEqual(data[second], 2)
        for count in (0, 4):
            damaged = self.write("damaged.avro", data[:second] + bytes([count]) + data[second + 1:])
            with self.assertRaisesRegex(flowsensor.DecodeError, "after 1 records"):
                flowsensor.read(damaged).to_polars()
            with self.assertWarnsRegex(UserWarning, "after 1 records"):
                self.assertEqual(flowsensor.read(damaged, strict=False).to_polars()["s"].to_list(), ["x" * 600])

    def test_what_is_read_ahead_of_a_damage(self):
        """Of chunks that are read at the same time those before it are handed out, in order, and none behind it."""
        schema = {"type": "record", "name": "Flow", "fields": [{"name": "s", "type": "string"}, {"name": "n", "type": "long"}]}
        text = "x" * 20000  # more than a block's interval: each record has a block of its own
        whole = self.container(schema, [{"s": text, "n": n} for n in range(8)], codec="null").read_bytes()
        places = [place.start() for place in re.finditer(text[:1000] + "x*", whole.decode("latin-1"))]
        self.assertEqual(len(places), 8)
        with unittest.mock.patch.object(container, "CHUNK_BYTES", 1):
            self.assertEqual(flowsensor.read(self.write("whole.avro", whole)).to_polars()["n"].to_list(), list(range(8)))
            for block in range(8):
                # It is said to have no record, in the byte before three for its size and three for the text's.
                data = bytearray(whole)
                self.assertEqual(data[places[block] - 7], 2)
                data[places[block] - 7] = 0
                flows = flowsensor.read(self.write("damaged.avro", bytes(data)), strict=False)
                with self.subTest(block), self.assertWarnsRegex(UserWarning, f"after {block} records"):
                    self.assertEqual(flows.to_polars(all_columns=True)["n"].to_list(), list(range(block)))
            cut = flowsensor.read(self.write("cut.avro", whole[:-10]), strict=False)
            with self.assertWarnsRegex(UserWarning, "after 7 records"):
                self.assertEqual(cut.to_polars()["n"].to_list(), list(range(7)))

    def test_the_writer_goes_on_while_columns_are_made(self):
        """polars is busy with a chunk, and the next one's bytes are read already."""
        schema = {"type": "record", "name": "Flow", "fields": [{"name": "s", "type": "string"}]}
        data = self.container(schema, [{"s": "x" * 20000}] * 3, codec="null").read_bytes()
        stream, read_on = io.BytesIO(data), threading.Event()

        class Watched:
            def read(self, size=-1):
                if stream.tell() > len(data) // 2:
                    read_on.set()
                return stream.read(size)

        def of_blocks(*_):
            self.assertTrue(read_on.wait(10))

        with unittest.mock.patch.object(container, "CHUNK_BYTES", 1), unittest.mock.patch.object(columns.Columns, "of_blocks", of_blocks):
            self.assertEqual(flowsensor.read(Watched()).to_polars().height, 3)


class Without(Case):
    """Packages that are not installed."""

    def frame_without(self, *modules):
        path = self.folder / "flows.avro"
        self.succeeds("-r", CAPTURES[0].parent / "mix.pcap", "-w", path, *EVERYTHING)
        code = ("import sys; sys.path.insert(0, sys.argv[1])\n"
                f"for name in {modules}: sys.modules[name] = None\n"
                "import flowsensor; flowsensor.read(sys.argv[2]).to_pandas().to_pickle(sys.argv[3])")
        subprocess.run([sys.executable, "-c", code, PACKAGE, path, self.folder / "frame"], check=True)
        return pandas.read_pickle(self.folder / "frame"), flowsensor.read(path).to_pandas()

    def test_pandas_alone(self):
        assert_frame_equal(*self.frame_without("polars"))

    def test_no_arrow(self):
        ours, theirs = self.frame_without("pyarrow")
        self.assertEqual(ours.columns.tolist(), theirs.columns.tolist())
        for name in ours.columns:
            self.assertEqual(str(ours[name].dtype), str(theirs[name].dtype))
            self.assertTrue(ours[name].astype("object").equals(theirs[name].astype("object")), name)


class Outputs(Case):
    """Arrow and Parquet have all columns, and the same values."""

    def test_arrow_and_parquet(self):
        path = self.folder / "flows.avro"
        self.succeeds("-r", CAPTURES[0].parent / "mix.pcap", "-w", path)
        flows = flowsensor.read(path)
        whole = flows.to_polars(all_columns=True)
        self.assertGreater(whole.width, flows.to_polars().width)
        self.assertEqual(list(flows.to_pandas(all_columns=True).columns), whole.columns)
        assert_polars_equal(polars.from_arrow(flows.to_arrow()), whole)
        self.assertEqual(flows.to_arrow(all_columns=False).num_columns, flows.to_polars().width)
        flows.to_parquet(self.folder / "flows.parquet")
        assert_polars_equal(polars.read_parquet(self.folder / "flows.parquet"), whole)
        flows.to_parquet(str(self.folder / "less.parquet"), all_columns=False)
        assert_polars_equal(polars.read_parquet(self.folder / "less.parquet"), flows.to_polars())


if __name__ == "__main__":
    unittest.main()
