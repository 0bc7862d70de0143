"""Outputs by the command line: format by extension, several at once, compression, rotation, null:.
Run: python3 tests/e2e/run.py test_outputs
"""
import gzip
import io
import json
import os
import signal
import subprocess
import unittest
import zlib

import fastavro

import frames
from harness import CAPTURES, SCHEMAS, Case, wait_until
from record_files import gunzip, read_avro, read_csv, read_jsonl, unzstd

FLOWS = 30
CHECKSUM = ("--set", "outputs.0.checksum=true")


class Outputs(Case):
    def setUp(self):
        super().setUp()
        self.capture = self.write("flows.pcap", frames.conversations(FLOWS))

    def test_format_by_extension(self):
        for name, read in (("f.avro", read_avro), ("f.csv", read_csv), ("f.json", read_jsonl), ("f.jsonl", read_jsonl), ("f.ndjson", read_jsonl),
                           ("f.CSV", read_csv), ("f", read_avro)):
            with self.subTest(name):
                self.succeeds("-r", self.capture, "-w", self.folder / name)
                records = read(self.folder / name)
                self.assertEqual([int(record["src_port"]) for record in records], [10000 + i for i in range(FLOWS)])

    def test_format_flag_wins_over_the_extension(self):
        self.succeeds("-r", self.capture, "-w", self.folder / "f.avro", "--format", "csv")
        self.assertEqual(len(read_csv(self.folder / "f.avro")), FLOWS)

    def test_without_output_records_go_to_standard_output(self):
        self.assertEqual(len(self.succeeds("-r", self.capture).jsonl()), FLOWS)

    def test_avro_on_standard_output(self):
        out = self.succeeds("-r", self.capture, "-w", "-", "--format", "avro").out
        self.assertEqual(len(list(fastavro.reader(io.BytesIO(out)))), FLOWS)

    def test_several_outputs_of_the_line(self):
        result = self.succeeds("-r", self.capture, "-w", self.folder / "a.csv", "-w", self.folder / "b.avro", "-w", "-", "--set",
                               "outputs.1.codec=null")
        ports = [10000 + i for i in range(FLOWS)]
        rows, records, lines = read_csv(self.folder / "a.csv"), read_avro(self.folder / "b.avro"), result.jsonl()
        self.assertEqual([[int(record["src_port"]) for record in each] for each in (rows, records, lines)], [ports] * 3)
        self.assertEqual({rows[0]["output"], records[0]["output"], lines[0]["output"]},
                         {str(self.folder / "a.csv"), str(self.folder / "b.avro"), "-"})
        self.assertEqual(len(self.ledger(result).outputs), 3)
        self.refused(os.EX_USAGE, ["-w x.csv is given twice"], "-r", self.capture, "-w", "x.csv", "-w", "x.csv")

    def test_codecs(self):
        sizes = {}
        for codec in ("null", "deflate"):
            path = self.folder / f"{codec}.avro"
            self.succeeds("-r", self.capture, "-w", path, "--set", f"outputs.0.codec={codec}")
            with open(path, "rb") as stream:
                reader = fastavro.reader(stream)
                self.assertEqual((reader.codec, len(list(reader))), (codec, FLOWS))
            sizes[codec] = path.stat().st_size
        self.assertLess(sizes["deflate"], sizes["null"])

    def test_compression_by_extension(self):
        plain = {}
        for name in ("plain.csv", "plain.jsonl"):
            self.succeeds("-r", self.capture, "-w", self.folder / name)
            plain[name.split(".")[1]] = len((self.folder / name).read_bytes().splitlines())
        for name, read in (("f.csv.gz", gunzip), ("f.JSON.GZ", gunzip), ("f.jsonl.zst", unzstd), ("f.csv.zstd", unzstd)):
            with self.subTest(name):
                self.succeeds("-r", self.capture, "-w", self.folder / name)
                text = read(self.folder / name)
                self.assertEqual(len(text.splitlines()), plain["csv" if "csv" in name else "jsonl"])
                self.assertLess((self.folder / name).stat().st_size, len(text) / 2)
        out = self.succeeds("-r", self.capture, "-w", "-", "--format", "csv", "--set", "outputs.0.compression=gzip").out
        self.assertEqual(len(gzip.decompress(out).splitlines()), FLOWS + 1)

    def test_unknown_extension(self):
        for name in ("f.orc", "f.arrow", "f.xml", "f.txt", "f.pcap", "f.csv.lz4", "f.gz", "f.avro.zst"):
            with self.subTest(name):
                self.refused(os.EX_USAGE, [name, "-w"], "-r", self.capture, "-w", self.folder / name)
                self.assertFalse((self.folder / name).exists())
        conf = self.write("orc.conf", f'outputs = ( {{ path = "{self.folder}/f.orc"; }} );')
        self.refused(os.EX_CONFIG, ["output 0", "f.orc", ".orc"], "-r", self.capture, "-c", conf)
        self.succeeds("-r", self.capture, "-w", self.folder / "f.orc", "--format", "csv")
        self.assertEqual(len(read_csv(self.folder / "f.orc")), FLOWS)

    def test_container_carries_the_shipped_schema(self):
        self.succeeds("-r", self.capture, "-w", self.folder / "f.avro")
        with open(self.folder / "f.avro", "rb") as stream:
            self.assertEqual(fastavro.reader(stream).metadata["avro.schema"], (SCHEMAS / "flow" / "v2.avsc").read_text())

    def test_an_older_file_is_replaced(self):
        path = self.write("f.jsonl", "x" * 1_000_000)
        self.succeeds("-r", self.capture, "-w", path)
        self.assertEqual(len(read_jsonl(path)), FLOWS)

    def test_three_encodings_say_the_same(self):
        key = self.write("key", "00112233445566778899aabbccddeeff")
        same = ["--set", f"identity.key_file={key}"]
        outputs = [word for i, name in enumerate(("a.avro", "a.csv", "a.jsonl")) for word in
                   ("--set", f"outputs.{i}.path={self.folder / name}", "--set", f"outputs.{i}.name={name}")]
        result = self.succeeds("-r", CAPTURES / "mix.pcap", *outputs, *same)
        self.assertEqual(len({output["acknowledged"] for output in self.ledger(result).outputs.values()}), 1)
        avro, text, lines = read_avro(self.folder / "a.avro"), read_csv(self.folder / "a.csv"), read_jsonl(self.folder / "a.jsonl")
        self.assertGreater(len(avro), 100)
        self.assertEqual((len(text), len(lines)), (len(avro), len(avro)))
        for record, row, line in zip(avro, text, lines):
            self.assertEqual((record["output"], row["output"], line["output"]), ("a.avro", "a.csv", "a.jsonl"))
            self.assertEqual((record["flow_uid"], row["flow_uid"]), (line["flow_uid"],) * 2)
            for name in ("src_ip", "dst_port", "bidirectional_bytes", "application_name", "seq", "end_reason"):
                self.assertEqual((str(record[name]), row[name]), (str(line[name]),) * 2)

    def test_several_outputs_with_their_own_schemas(self):
        slim = json.loads((SCHEMAS / "flow" / "v1.avsc").read_text())
        slim["fields"] = [field for field in slim["fields"] if field["name"] in ("src_ip", "dst_ip", "bidirectional_packets")]
        schema = self.write("slim.avsc", json.dumps(slim))
        conf = self.write("two.conf", f"""
outputs = (
  {{ name = "full"; path = "{self.folder}/full.jsonl"; }},
  {{ name = "slim"; path = "{self.folder}/slim.avro"; schema = "{schema}"; codec = "null"; }},
  {{ name = "sum"; sink = "null"; }}
);
""")
        result = self.succeeds("-c", conf, "-r", self.capture)
        full, small = read_jsonl(self.folder / "full.jsonl"), read_avro(self.folder / "slim.avro")
        names = [field["name"] for field in slim["fields"]]
        self.assertEqual([{name: record[name] for name in names} for record in full], small)
        self.assertEqual([record["seq"] for record in full], list(range(FLOWS)))
        outputs = self.ledger(result).outputs
        self.assertEqual({name: output["acknowledged"] for name, output in outputs.items()}, {"full": FLOWS, "slim": FLOWS, "sum": FLOWS})

    def test_flag_replaces_the_outputs_of_the_file(self):
        conf = self.write("one.conf", f'outputs = ( {{ path = "{self.folder}/configured.csv"; }} );')
        self.succeeds("-c", conf, "-r", self.capture, "-w", self.folder / "flag.csv")
        self.assertFalse((self.folder / "configured.csv").exists())
        self.assertEqual(len(read_csv(self.folder / "flag.csv")), FLOWS)

    def test_nfstream_profile(self):
        self.succeeds("-r", self.capture, "--profile", "nfstream", "-w", self.folder / "f.csv")
        rows = read_csv(self.folder / "f.csv")
        self.assertEqual([int(row["id"]) for row in rows], list(range(FLOWS)))
        self.assertNotIn("flow_uid", rows[0])


class Rotation(Case):
    def setUp(self):
        super().setUp()
        self.capture = self.write("flows.pcap", frames.conversations(1000))

    def rotate(self, name, *settings):
        arguments = [word for setting in settings for word in ("--set", f"outputs.0.{setting}")]
        return self.succeeds("-r", self.capture, "-w", self.folder / name, *arguments)

    def files(self, stem, suffix):
        found = self.folder.glob(f"{stem}.*{suffix}")
        return sorted(found, key=lambda path: int(path.name[len(stem) + 1:-len(suffix)]))

    def test_by_flows(self):
        for name, suffix, read in (("f.csv", ".csv", read_csv), ("f.jsonl", ".jsonl", read_jsonl), ("f.avro", ".avro", read_avro)):
            with self.subTest(name):
                self.rotate(name, "rotate_flows=300")
                files = self.files("f", suffix)
                self.assertEqual([path.name for path in files], [f"f.{i}{suffix}" for i in range(1, 5)])
                self.assertEqual([len(read(path)) for path in files], [300, 300, 300, 100])
                self.assertFalse((self.folder / name).exists())

    def test_by_size(self):
        self.rotate("f.jsonl", "rotate_size=100kB")
        files = self.files("f", ".jsonl")
        sizes = [path.stat().st_size for path in files]
        self.assertGreater(len(files), 3)
        self.assertEqual(sum(len(read_jsonl(path)) for path in files), 1000)
        for size in sizes[:-1]:
            self.assertGreaterEqual(size, 100_000)
            self.assertLess(size, 110_000)

    def test_by_size_of_what_is_compressed(self):
        self.rotate("f.avro", "rotate_size=40kB")
        files = self.files("f", ".avro")
        self.assertEqual(sum(len(read_avro(path)) for path in files), 1000)
        for path in files[:-1]:
            self.assertGreaterEqual(path.stat().st_size, 40_000)

    def test_compressed_files(self):
        for name, read in (("f.csv.gz", gunzip), ("g.csv.zst", unzstd)):
            with self.subTest(name):
                self.rotate(name, "rotate_size=10kB")
                stem, suffix = name.split(".", 1)
                files = self.files(stem, f".{suffix}")
                self.assertGreater(len(files), 3)
                texts = [read(path).splitlines() for path in files]
                self.assertEqual(sum(len(lines) - 1 for lines in texts), 1000)
                self.assertEqual(len({lines[0] for lines in texts}), 1)
                for path in files[:-1]:
                    self.assertGreaterEqual(path.stat().st_size, 10_000)
                    self.assertLess(path.stat().st_size, 15_000)

    def test_a_killed_run_leaves_whole_files(self):
        for name, read in (("k.csv.gz", gunzip), ("l.jsonl.zst", unzstd)):
            with self.subTest(name):
                path = self.folder / name
                running = self.start("-r", "-", "-w", path, "--set", "meter.idle_timeout=0", stdin=subprocess.PIPE)
                running.process.stdin.write(self.capture.read_bytes()[:-100])
                running.process.stdin.flush()
                lines = 900 if "csv" in name else 899
                wait_until(lambda: path.exists() and path.stat().st_size and len(read(path).splitlines()) > lines, what="records in the file")
                running.signal(signal.SIGKILL)
                running.process.wait(10)
                self.assertGreater(len(read(path).splitlines()), lines)

    def test_files_of_an_earlier_run_stay(self):
        self.rotate("f.csv", "rotate_flows=600")
        before = {path: path.read_bytes() for path in self.files("f", ".csv")}
        self.rotate("f.csv", "rotate_flows=600")
        self.assertEqual(len(self.files("f", ".csv")), 4)
        self.assertEqual({path: path.read_bytes() for path in before}, before)

    def test_no_empty_file_at_the_end(self):
        self.rotate("f.csv", "rotate_flows=500")
        self.assertEqual([len(read_csv(path)) for path in self.files("f", ".csv")], [500, 500])


class Null(Case):
    def test_checksum_only_where_asked_for(self):
        self.assertIsNone(self.ledger(self.succeeds("-r", CAPTURES / "dns.pcap", "-w", "null:")).outputs["null"]["checksum"])
        self.refused(os.EX_CONFIG, ["checksum", "null"], "-r", CAPTURES / "dns.pcap", "-w", self.folder / "f.avro", *CHECKSUM)

    def test_bytes_and_checksum_are_of_what_was_encoded(self):
        """What null: sums is what the Avro file has: the same bodies, written again by an independent encoder."""
        key = self.write("key", "00112233445566778899aabbccddeeff")
        same = ["--set", f"identity.key_file={key}", "--set", "identity.sensor_id=here", "--set", "outputs.0.name=out", "--profile", "nfstream"]
        result = self.succeeds("-r", CAPTURES / "mix.pcap", "-w", "null:", *CHECKSUM, *same)
        self.succeeds("-r", CAPTURES / "mix.pcap", "-w", self.folder / "f.avro", *same)
        bodies = io.BytesIO()
        with open(self.folder / "f.avro", "rb") as stream:
            reader = fastavro.reader(stream)
            schema = fastavro.parse_schema(reader.writer_schema)
            records = list(reader)
            for record in records:
                fastavro.schemaless_writer(bodies, schema, record)
        output = self.ledger(result).outputs["out"]
        self.assertEqual(output["sink"], "null")
        self.assertEqual(output["acknowledged"], len(records))
        self.assertEqual(output["bytes"], len(bodies.getvalue()))
        self.assertEqual(int(output["checksum"], 16), zlib.crc32(bodies.getvalue()))

    def test_other_formats_are_encoded_too(self):
        capture = self.write("flows.pcap", frames.conversations(FLOWS))
        same = ["--profile", "nfstream", "--format", "jsonl"]
        out = self.succeeds("-r", capture, "-w", "-", *same).out
        output = self.ledger(self.succeeds("-r", capture, "-w", "null:", *CHECKSUM, *same)).outputs["null"]
        self.assertEqual((output["bytes"], int(output["checksum"], 16)), (len(out), zlib.crc32(out)))


if __name__ == "__main__":
    unittest.main()
