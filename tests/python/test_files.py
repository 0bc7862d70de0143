"""Container files in pandas and polars: what the same run wrote as CSV, types, files that are cut, several at once."""
import csv
import gzip
import io
import os
import subprocess
import sys
import threading
import unittest
import warnings

from support import CAPTURES, EVERYTHING, PACKAGE, REPOSITORY, cell
import fastavro
import pandas
import polars

import flowsensor
from flowsensor.layout import group_of
from harness import Case, run

MIX = REPOSITORY / "tests" / "captures" / "mix.pcap"
SWITCHES = {"nothing more": (), "everything": EVERYTHING, "no labels": ("--set", "meter.n_dissections=0"),
            "no tunnels": ("--set", "meter.decode_tunnels=false"),
            "SPLT alone": ("--set", "meter.statistical_analysis=false", "--set", "meter.splt_analysis=3")}

# Groups that no switch leaves out.
# From tcp on: no option switches them off.
ALWAYS = ("core", "identity", "quality", "tcp", "sizes", "series", "histograms", "ip", "tcp_more", "activity", "bursts", "dns", "ftp", "entropy")


class Files(Case):
    def meter(self, *arguments, capture=MIX, name="flows.avro", profile="nfstream"):
        """Meters a capture into a container file; its path."""
        path = self.folder / name
        self.succeeds("--profile", profile, "-r", capture, "-w", path, *arguments)
        return path

    def meter_twice(self, capture, profile, arguments):
        """One run with two outputs: the container file's path and the CSV's rows."""
        avro, table = self.folder / "both.avro", self.folder / "both.csv"
        config = self.write("both.conf", f'profile = "{profile}"; outputs = ( {{ name = "one"; path = "{avro}"; }}, '
                                         f'{{ name = "two"; path = "{table}"; }} );')
        result = run("-c", config, "-r", capture, *arguments)
        self.assertIn(result.code, (0, 65), result)
        with open(table, encoding="utf-8", newline="") as file:
            rows = list(csv.reader(file))
        # The one column that text has and the schema of flow/v1 has not.
        if "flow/v1" in arguments:
            self.assertEqual({row[-1] for row in rows}, {"capture_file", str(capture)} if rows[1:] else {"capture_file"})
            rows = [row[:-1] for row in rows]
        return avro, rows


class RoundTrip(Files):
    def check(self, profile, captures, switches):
        for capture in captures:
            for name in switches:
                with self.subTest(capture=capture.name, switches=name):
                    avro, rows = self.meter_twice(capture, profile, SWITCHES[name])
                    self.compare(flowsensor.read(avro).to_pandas(), rows)

    def compare(self, frame, rows):
        header, rows = rows[0], rows[1:]
        if not rows:
            self.assertEqual(len(frame), 0)
            return
        self.assertEqual(list(frame.columns), header)
        ours = [[cell(value) for value in frame[name].tolist()] for name in header if name not in ("output", "seq")]
        theirs = [[row[i] for row in rows] for i, name in enumerate(header) if name not in ("output", "seq")]
        self.assertEqual(ours, theirs)

    def test_native_equals_csv(self):
        self.check("native", CAPTURES, ["everything"])

    def test_the_older_version_equals_csv(self):
        avro, rows = self.meter_twice(MIX, "native", (*EVERYTHING, "--schema", "flow/v1"))
        self.compare(flowsensor.read(avro).to_pandas(), rows)

    def test_both_versions_at_once(self):
        old, new = (self.meter("--schema", schema, name=f"{schema[-2:]}.avro", profile="native") for schema in ("flow/v1", "flow/v2"))
        for paths in ((old, new), (new, old)):
            flows = flowsensor.read(*paths)
            frame = flows.to_pandas()
            missing = [path == old for path in paths for _ in range(len(frame) // 2)]
            self.assertEqual(frame["capture_file"].isna().tolist(), missing)
            self.assertEqual(set(frame["capture_file"].dropna()), {str(MIX)})
            self.assertEqual(flows.to_polars()["capture_file"].is_null().to_list(), missing)

    def test_nfstream_equals_csv(self):
        self.check("nfstream", CAPTURES, ["everything"])

    def test_columns_follow_the_switches(self):
        for profile in ("native", "nfstream"):
            self.check(profile, [MIX], SWITCHES)


class Types(Files):
    NATIVE = {"seq": "int64", "icmp_type": "Int64", "bidirectional_first_seen": "datetime64[us, UTC]",
              "bidirectional_mean_ps": "float64", "application_is_guessed": "bool", "src_ip": "str",
              "requested_server_name": "str", "splt_ps": "object", "quality_flags": "object"}

    def test_native_dtypes(self):
        frame = flowsensor.read(self.meter(profile="native")).to_pandas()
        self.assertEqual({name: str(frame[name].dtype) for name in self.NATIVE}, self.NATIVE)
        # 4368 packets were sent in these seconds; a unit mistaken would be another century.
        self.assertEqual(frame["bidirectional_first_seen"].dt.year.unique().tolist(), [2026])

    def test_polars_equals_pandas(self):
        for capture in CAPTURES:
            for profile in ("native", "nfstream"):
                with self.subTest(capture=capture.name, profile=profile):
                    flows = flowsensor.read(self.meter_twice(capture, profile, EVERYTHING)[0])
                    ours, theirs = flows.to_polars(), flows.to_pandas()
                    self.assertEqual(ours.columns, list(theirs.columns))
                    self.assertEqual(ours.height, len(theirs))
                    for name in ours.columns:
                        self.assertEqual(list(map(cell, theirs[name].tolist())), [self.text(value) for value in ours[name]])

    @staticmethod
    def text(value):
        """A polars value in the same spelling."""
        if isinstance(value, polars.Series):
            value = value.to_list()
        return cell(pandas.Timestamp(value) if hasattr(value, "tzinfo") else value)

    def test_polars_types(self):
        frame = flowsensor.read(self.meter(profile="native")).to_polars()
        expected = {"seq": polars.Int64, "icmp_type": polars.Int64, "bidirectional_first_seen": polars.Datetime("us", "UTC"),
                    "bidirectional_mean_ps": polars.Float64, "application_is_guessed": polars.Boolean, "src_ip": polars.String,
                    "splt_ps": polars.List(polars.Int64), "quality_flags": polars.List(polars.String)}
        self.assertEqual({name: frame.schema[name] for name in expected}, expected)

    def test_iteration_gives_dictionaries(self):
        path = self.meter()
        flows = flowsensor.read(path)
        self.assertEqual([flow["id"] for flow in flows], list(range(458)))
        self.assertEqual(sum(flow["bidirectional_packets"] for flow in flows), 4351)

    def test_a_capture_without_flows(self):
        empty = self.write("none.pcap", MIX.read_bytes()[:24])
        for profile, first in (("native", "sensor_id"), ("nfstream", "id")):
            flows = flowsensor.read(self.meter(capture=empty, profile=profile))
            for frame in (flows.to_pandas(), flows.to_polars()):
                self.assertEqual((frame.shape[0], list(frame.columns)[0]), (0, first))
            self.assertEqual(str(flows.to_pandas()["dst_port"].dtype), "int64")

    def test_groups_are_the_catalogues(self):
        section = (REPOSITORY / "deploy" / "reference.md").read_text().split("## Record fields")[1].split("\n## ")[0].split("\nOf records of the sensor")[0]
        rows = [line.split("|") for line in section.splitlines() if line.startswith("| `")]
        # The nested record stands for the columns that its fields become.
        fields = [(row[1].strip().strip("`") + ".NAME" * (row[2].strip() == "record"), row[4].strip()) for row in rows]
        self.assertGreater(len(fields), 80)
        for name, group in fields:
            marks = {"D_": ("bidirectional", "src2dst", "dst2src"), "W_": ("src2dst", "dst2src")}
            for column in [f"{direction}_{name[2:]}" for direction in marks.get(name[:2], ())] or [name]:
                self.assertEqual(group_of(column), None if group in ALWAYS else group, column)


def container(schema, blocks, codec="deflate"):
    """A container file's bytes with one block for each list of records."""
    data = io.BytesIO()
    writer = fastavro.write.Writer(data, fastavro.parse_schema(schema), codec=codec, sync_marker=bytes(range(16)))
    ends = [data.tell()]
    for records in blocks:
        for record in records:
            writer.write(record)
        writer.flush()
        ends.append(data.tell())
    return data.getvalue(), ends


class Damage(Files):
    SCHEMA = {"type": "record", "name": "Flow", "namespace": "flowsensor.flow", "fields": [
        {"name": "src_ip", "type": "string"}, {"name": "seq", "type": "long"}]}

    def setUp(self):
        super().setUp()
        self.blocks = [[{"src_ip": f"10.0.{block}.{i}", "seq": i} for i in range(100)] for block in range(3)]
        self.data, self.ends = container(self.SCHEMA, self.blocks)

    def read(self, data):
        """The records of `data`, and the error behind them."""
        path, records = self.write("cut.avro", data), []
        try:
            for record in flowsensor.read(path):
                records.append(record)
        except flowsensor.DecodeError as error:
            self.assertIn(str(path), str(error))
            return records, str(error)
        return records, None

    def test_cut_anywhere(self):
        for length in range(len(self.data)):
            records, error = self.read(self.data[:length])
            whole = [record for block, end in zip(self.blocks, self.ends[1:]) if end <= length for record in block]
            self.assertEqual(records, whole, length)
            self.assertEqual(error is None, length in self.ends, f"cut to {length} bytes: {error}")
            if length > self.ends[0] and error:
                self.assertIn(f"after {len(whole)} records", error)

    def test_a_bad_byte_never_makes_records_silently_vanish(self):
        for place in range(self.ends[1], len(self.data)):
            data = bytearray(self.data)
            data[place] ^= 0x55
            records, error = self.read(bytes(data))
            self.assertTrue(error or len(records) == 300, place)
            self.assertEqual(records[:100], self.blocks[0])

    def test_not_strict_warns_and_goes_on(self):
        cut, good = self.write("cut.avro", self.data[:-5]), self.write("good.avro", self.data)
        with self.assertRaises(flowsensor.DecodeError):
            flowsensor.read(cut, good).to_pandas()
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            frame = flowsensor.read(cut, good, strict=False).to_pandas()
        self.assertEqual(len(frame), 200 + 300)
        self.assertEqual(len(told), 1)
        self.assertIn(str(cut), str(told[0].message))

    def test_a_sensor_that_is_still_writing(self):
        """Its own file, cut in the middle of a block."""
        path = self.folder / "long.avro"
        self.succeeds("-r", MIX, "-r", MIX, "-w", path, "--set", "meter.idle_timeout=1s")
        data = path.read_bytes()
        total = len(list(flowsensor.read(path)))
        records, error = self.read(data[:len(data) - 1])
        self.assertLess(len(records), total)
        self.assertIn("breaks off", error)

    def test_other_files(self):
        for data in (b"", b"id,src_ip\r\n", b"Obj\x01", MIX.read_bytes()):
            records, error = self.read(data)
            self.assertEqual(records, [])
            self.assertIn("no Avro container file", error)
        with self.assertRaisesRegex(FileNotFoundError, "absent.avro"):
            flowsensor.read(self.folder / "absent.avro")
        with self.assertRaises(ValueError):
            flowsensor.read()


class Several(Files):
    def test_a_list_a_pattern_and_a_rotated_output(self):
        whole = list(flowsensor.read(self.meter()))
        self.meter("--set", "outputs.0.rotate_flows=40", name="part.avro")
        self.assertTrue((self.folder / "part.12.avro").exists())
        parts = [self.folder / f"part.{number}.avro" for number in range(1, 13)]
        for arguments in (["part.avro"], ["part.*.avro"], ["part.[0-9].avro", "part.1?.avro"]):
            found = flowsensor.read(*[self.folder / name for name in arguments])
            self.assertEqual(list(found), whole)
        self.assertEqual(list(flowsensor.read(parts)), whole)
        self.assertEqual(list(flowsensor.read(*parts)), whole)

    def test_files_with_other_groups_on(self):
        plain = self.meter(name="plain.avro")
        full = self.meter(*EVERYTHING, name="full.avro")
        frame = flowsensor.read(plain, full).to_pandas()
        self.assertEqual(frame["bidirectional_min_ps"].isna().sum(), 458)
        self.assertEqual(str(frame["bidirectional_min_ps"].dtype), "Int64")
        self.assertEqual(flowsensor.read(plain, full).to_polars()["splt_ps"].null_count(), 458)

    def test_a_schema_that_grew(self):
        older = {"type": "record", "name": "flowsensor.flow.Flow", "fields": [{"name": "seq", "type": "long"}]}
        newer = {**older, "fields": older["fields"] + [{"name": "icmp_type", "type": ["null", "int"], "default": None}]}
        paths = [self.write("older.avro", container(older, [[{"seq": 1}]])[0]),
                 self.write("newer.avro", container(newer, [[{"seq": 2, "icmp_type": 8}]])[0])]
        for order in (paths, paths[::-1]):
            frame = flowsensor.read(order).to_pandas()
            self.assertEqual(list(frame.columns), ["seq", "icmp_type"])
            self.assertEqual(dict(zip(frame["seq"], map(cell, frame["icmp_type"]))), {1: "", 2: "8"})

    def test_two_kinds_of_record_are_no_table(self):
        native = self.meter(profile="native", name="native.avro")
        with self.assertRaisesRegex(ValueError, "flowsensor.flow.Flow and of flowsensor.nfstream.Flow"):
            flowsensor.read(native, self.meter()).to_pandas()

    def test_udps_are_flattened(self):
        udps = {"type": "record", "name": "udps", "fields": [
            {"name": "a", "type": ["null", "long"], "default": None}, {"name": "b", "type": ["null", "string"], "default": None}]}
        schema = {"type": "record", "name": "flowsensor.nfstream.Flow", "fields": [
            {"name": "id", "type": "long"}, {"name": "udps", "type": ["null", udps], "default": None},
            {"name": "vlan_id", "type": "int"}]}
        records = [{"id": 0, "udps": {"a": 7, "b": "x"}, "vlan_id": 0}, {"id": 1, "udps": None, "vlan_id": 0}]
        flows = flowsensor.read(self.write("udps.avro", container(schema, [records])[0]))
        for frame in (flows.to_pandas(), flows.to_polars()):
            self.assertEqual(list(frame.columns), ["id", "udps.a", "udps.b", "vlan_id"])
            self.assertEqual([cell(value) for value in frame["udps.a"].to_list()], ["7", ""])
        self.assertEqual(next(iter(flows)), {"id": 0, "udps.a": 7, "udps.b": "x", "vlan_id": 0})
        none = flowsensor.read(self.write("none.avro", container(schema, [records[1:]])[0])).to_pandas()
        self.assertEqual(list(none.columns), ["id", "vlan_id"])


class Rotation(Files):
    """Against NFStream's to_csv(flows_per_file, rotate_files); its files are numbered from 0."""

    def nfstream(self, **options):
        code = f"import nfstream; nfstream.NFStreamer({str(MIX)!r}, n_meters=1, n_dissections=0).to_csv('theirs.csv', **{options})"
        subprocess.run([sys.executable, "-c", code], cwd=self.folder, check=True)
        return [path.read_bytes() for path in sorted(self.folder.glob("theirs.*.csv"))]

    def flowsensor(self, *settings):
        self.meter("--set", "meter.n_dissections=0", *settings, name="ours.csv")
        return [path.read_bytes() for path in sorted(self.folder.glob("ours.*.csv"))]

    def test_flows_per_file(self):
        ours, theirs = self.flowsensor("--set", "outputs.0.rotate_flows=100"), self.nfstream(flows_per_file=100)
        self.assertEqual(len(theirs), 5)
        self.assertEqual(ours, theirs)

    def test_rotate_files(self):
        ours = self.flowsensor("--set", "outputs.0.rotate_flows=100", "--set", "outputs.0.rotate_files=3")
        theirs = self.nfstream(flows_per_file=100, rotate_files=3)
        self.assertEqual(len(theirs), 3)
        self.assertEqual(ours, theirs)


class Streams(Files):
    """What is no path of a file: pipes, file objects, standard input, compressed containers."""

    def setUp(self):
        super().setUp()
        self.path = self.meter(profile="native")
        self.records = list(flowsensor.read(self.path))
        self.assertGreater(len(self.records), 400)

    def test_a_file_object_may_be_read_again(self):
        for stream in (open(self.path, "rb"), open(self.path, "rb", buffering=0), io.BytesIO(self.path.read_bytes())):
            with stream:
                flows = flowsensor.read(stream)
                self.assertEqual(list(flows), self.records)
                self.assertEqual(list(flows), self.records)

    def test_a_file_object_goes_on_where_it_is(self):
        with open(self.path, "rb") as stream:
            both = io.BytesIO(b"before" + stream.read())
        both.seek(len("before"))
        flows = flowsensor.read(both)
        self.assertEqual((list(flows), list(flows)), (self.records, self.records))

    def test_standard_input(self):
        code = f"import sys; sys.path.insert(0, {str(PACKAGE)!r}); import flowsensor; print(len(flowsensor.read('-').to_pandas()))"
        with subprocess.Popen(["cat", self.path], stdout=subprocess.PIPE) as cat:
            done = subprocess.run([sys.executable, "-c", code], stdin=cat.stdout, stdout=subprocess.PIPE, check=True, timeout=60)
        self.assertEqual(int(done.stdout), len(self.records))

    def test_a_pipe_can_be_read_once(self):
        with subprocess.Popen(["cat", self.path], stdout=subprocess.PIPE) as cat:
            flows = flowsensor.read(cat.stdout)
            self.assertEqual(list(flows), self.records)
            with self.assertRaisesRegex(ValueError, "was read already"):
                list(flows)

    def test_a_fifo(self):
        fifo = self.folder / "fifo"
        os.mkfifo(fifo)
        with subprocess.Popen(["cp", self.path, fifo]):
            self.assertEqual(list(flowsensor.read(fifo)), self.records)

    def test_records_come_before_the_end_of_a_pipe(self):
        with open(self.path, "rb") as file:
            reader = fastavro.block_reader(file)
            first = next(reader)
            end = first.offset + first.size
        data = self.path.read_bytes()
        come, go = os.pipe()
        may_go_on = threading.Event()

        def write():
            with open(go, "wb") as writer:
                writer.write(data[:end])
                writer.flush()
                may_go_on.wait(60)
                writer.write(data[end:])
        threading.Thread(target=write, daemon=True).start()
        with open(come, "rb") as stream:
            flows = iter(flowsensor.read(stream))
            self.assertEqual(next(flows), self.records[0])
            may_go_on.set()
            self.assertEqual([self.records[0], *flows], self.records)

    def test_compressed(self):
        data = self.path.read_bytes()
        packed = {"f.avro.gz": gzip.compress(data), "members.avro.gz": gzip.compress(data[:5000]) + gzip.compress(data[5000:])}
        for name, content in packed.items():
            with self.subTest(name):
                self.assertEqual(list(flowsensor.read(self.write(name, content))), self.records)
        broken = self.write("broken.avro.gz", packed["f.avro.gz"][:-3000])
        with self.assertRaisesRegex(flowsensor.DecodeError, "breaks off or is damaged|cut within its header"):
            list(flowsensor.read(broken))

    def test_a_pipe_that_breaks_off(self):
        cut = io.BufferedReader(OneWay(self.path.read_bytes()[:-100]))
        with self.assertRaisesRegex(flowsensor.DecodeError, "breaks off or is damaged"):
            list(flowsensor.read(cut))

    def test_text_is_told_from_a_container(self):
        for name, form in (("f.csv", "csv"), ("f.jsonl", "jsonl")):
            path = self.folder / name
            self.succeeds("-r", MIX, "-w", path, "--format", form)
            with self.assertRaisesRegex(flowsensor.DecodeError, "but text; pandas.read_csv"):
                list(flowsensor.read(path))


class OneWay(io.RawIOBase):
    """A stream as a pipe is."""

    def __init__(self, data):
        super().__init__()
        self._data = io.BytesIO(data)

    def readable(self):
        return True

    def readinto(self, place):
        return self._data.readinto(place)


if __name__ == "__main__":
    unittest.main()
