"""The command line: flags, inputs, outputs by extension, rotation, several outputs at once, schema commands, null:,
precedence, log formats. Run: python3 tests/e2e/run.py test_cli
"""
import csv
import gzip
import io
import json
import os
import pty
import re
import signal
import socket
import subprocess
import unittest
import zlib

import fastavro

import frames
from harness import BINARY, CAPTURES, SCHEMAS, Case, environment, run, wait_until

FLOWS = 30
CONTROL = re.compile(rb"[\x00-\x09\x0b-\x1f\x7f]")
# Fields that are another at each start.
OF_THE_RUN = {"boot_id", "capture_file", "flow_uid", "output"}


def read_avro(path):
    with open(path, "rb") as stream:
        return list(fastavro.reader(stream))


def read_csv(path):
    return list(csv.DictReader(io.StringIO(path.read_text())))


def read_jsonl(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def gunzip(path):
    return gzip.decompress(path.read_bytes())


def unzstd(path):
    return subprocess.run(["zstd", "-dcq", path], check=True, stdout=subprocess.PIPE).stdout


def without_run(record):
    return {name: value for name, value in record.items() if name not in OF_THE_RUN}


class Information(Case):
    def test_help_names_every_flag(self):
        result = self.succeeds("--help")
        self.assertEqual(result.lines, [])
        for flag in ("-r", "-i", "-f", "-w", "-c", "-D", "--format", "--profile", "--schema", "--set", "--check-config", "--print-config",
                     "--list-interfaces", "--version", "--help"):
            self.assertRegex(result.text(), rf"(?m)^ .*{flag}\b", flag)
        self.assertLessEqual(max(map(len, result.text().splitlines())), 120)

    def test_version_names_every_library(self):
        text = self.succeeds("--version").text()
        for word in ("flowsensor ", "libpcap", "nDPI ", "libcurl", "jansson ", "Avro C ", "libpsl ", "librdkafka ", "libconfig "):
            self.assertRegex(text, rf"{word}.*\d+\.\d+", word)

    def test_list_interfaces(self):
        self.assertRegex(self.succeeds("-D").text(), r"(?m)^lo\s+127\.0\.0\.1")
        self.assertEqual(self.succeeds("-D").out, self.succeeds("--list-interfaces").out)

    def test_reference_names_every_option_of_the_printed_configuration(self):
        reference = self.succeeds("reference").text()
        group, printed = "", self.succeeds("-r", "x.pcap", "-w", "x.csv", "--print-config").text()
        names = []
        for line in printed.splitlines():
            if found := re.match(r"(\w+) = [{(]?$", line):
                group = found[1] + "."
            elif found := re.match(r" +(\w+) = ", line):
                names.append(group + found[1])
        self.assertGreater(len(names), 15)
        for name in names:
            self.assertIn(f"`{name}`", reference)

    def test_schema_print_is_the_shipped_text(self):
        for name in ("flow/v1", "flow/v2", "nfstream/v1", "sensor_stats/v1"):
            more = ["--profile", "nfstream"] if name.startswith("nfstream") else []
            self.assertEqual(self.succeeds("schema", "print", "--schema", name, *more).text(), (SCHEMAS / f"{name}.avsc").read_text())

    def test_schema_features_change_with_what_changes_a_value(self):
        def feature_hash(*arguments):
            text = self.succeeds("schema", "features", *arguments).text()
            return re.search(r"(?m)^# feature_hash ([0-9a-f]{32})$", text)[1]
        first = feature_hash()
        self.assertEqual(first, feature_hash())
        for change in ("meter.idle_timeout=7s", "meter.splt_analysis=7", "meter.accounting_mode=1", "meter.decode_tunnels=false", "meter.tunnel_ports=vxlan=4789"):
            self.assertNotEqual(first, feature_hash("--set", change), change)
        for no_change in ("meter.flow_table_size=5000", "identity.sensor_id=other", "capture.bpf_filter=udp"):
            self.assertEqual(first, feature_hash("--set", no_change), no_change)
        # What is published is what records carry.
        record = self.succeeds("-r", self.write("x.pcap", frames.conversations(1)), "-w", "-").jsonl()[0]
        self.assertEqual(record["feature_hash"], first)


class Help(Case):
    """Whoever asks for help gets that and nothing else."""

    def commands(self):
        """Every command of the general help but help itself, as its words."""
        for word, subwords in re.findall(r"(?m)^ {7}flowsensor (\w+)(?: ([a-z|]+))?", self.succeeds("help").text()):
            for subword in subwords.split("|"):
                if word != "help":
                    yield [word, subword] if subword else [word]

    def setUp(self):
        super().setUp()
        self.server = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(self.server.close)
        self.server.setblocking(False)
        place = f"127.0.0.1:{self.server.getsockname()[1]}"
        self.acts = ["--set", "outputs.0.topic=flows", "--set", f"outputs.0.kafka=bootstrap.servers={place}", "--set",
                     f"registry.url=http://{place}", "--set", "outputs.0.columns_to_anonymize=all=keep", "--set", "registry.timeout=1s",
                     "--set", "delivery.timeout=1s"]
        # Who opens it waits for somebody to write.
        self.fifo = self.folder / "flowsensor.conf"
        os.mkfifo(self.fifo)

    def connections(self):
        try:
            while True:
                self.server.accept()[0].close()
                self.connected += 1
        except BlockingIOError:
            return self.connected

    def test_no_command_acts(self):
        self.connected = 0
        commands = list(self.commands())
        self.assertGreater(len(commands), 14)
        texts = set()
        for command in commands:
            for words in ([*command, "--help"], [*command, "-h"], ["help", *command], [*command, "-c", self.fifo, *self.acts, "--help"],
                          ["--help", *self.acts, *command], [*command, *self.acts, "-f", "--help"]):
                with self.subTest(words=words[:3]):
                    result = self.succeeds(*words, limit=10)
                    self.assertEqual(result.lines, [])
                    self.assertIn(f"Usage: flowsensor {' '.join(command)}", result.text())
            texts.add(result.text())
        self.assertEqual(len(texts), len(commands))
        self.assertEqual(self.connections(), 0)

    def test_without_help_they_do_act(self):
        """The connections above would be seen."""
        self.connected = 0
        run("schema", "find", *self.acts)
        self.assertGreater(self.connections(), 0)


class Inputs(Case):
    def setUp(self):
        super().setUp()
        self.capture = self.write("flows.pcap", frames.conversations(FLOWS))

    def test_standard_input(self):
        piped = self.succeeds("-r", "-", "-w", "-", stdin=self.capture.read_bytes()).jsonl()
        read = self.succeeds("-r", self.capture, "-w", "-").jsonl()
        self.assertEqual(list(map(without_run, piped)), list(map(without_run, read)))

    def test_several_files_are_one_stream(self):
        """A conversation cut over three files is one flow; their order is the one given."""
        conversation = frames.every(0.5, frames.tcp_conversation(80, b"GET / HTTP/1.1\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\n"))
        parts = [self.write(f"{i}.pcap", frames.pcap(conversation[i * 2:i * 2 + 2])) for i in range(3)]
        whole = self.write("whole.pcap", frames.pcap(conversation))
        of_parts = self.succeeds("-r", parts[0], "-r", parts[1], "-r", parts[2], "-w", "-").jsonl()
        self.assertEqual(len(of_parts), 1)
        self.assertEqual(of_parts[0]["bidirectional_packets"], 6)
        self.assertEqual(list(map(without_run, of_parts)), list(map(without_run, self.succeeds("-r", whole, "-w", "-").jsonl())))

    def test_captures_without_flag(self):
        """As a shell writes *.pcap out, with flags before, between and behind."""
        other = self.write("other.pcap", frames.pcap(frames.every(1, [frames.udp(5, 6, b"x")], begin=20)))
        flagged = self.succeeds("-r", self.capture, "-r", other, "-w", "-").jsonl()
        for words in ((self.capture, other, "-w", "-"), ("-w", "-", self.capture, other), ("-r", self.capture, other, "-w", "-"),
                      (self.capture, "-w", "-", other)):
            self.assertEqual(list(map(without_run, self.succeeds(*words).jsonl())), list(map(without_run, flagged)))
        bare = self.folder / "capture"
        other.rename(bare)
        self.assertEqual(len(self.succeeds("capture", cwd=self.folder).jsonl()), 1)
        self.refused(os.EX_NOINPUT, ["no such capture file: nowhere.pcap"], "nowhere.pcap")
        self.refused(os.EX_USAGE, ["unexpected argument \"captur\""], "captur", cwd=self.folder)

    def test_standard_input_among_files(self):
        other = self.write("other.pcap", frames.pcap(frames.every(1, [frames.udp(5, 6, b"x")], begin=20)))
        result = self.succeeds("-r", "-", "-r", other, "-w", "-", stdin=self.capture.read_bytes())
        self.assertEqual(len(result.jsonl()), FLOWS + 1)

    def test_filter(self):
        result = self.succeeds("-r", self.capture, "-f", "udp port 10003", "-w", "-")
        self.assertEqual([record["src_port"] for record in result.jsonl()], [10003])
        self.assertEqual(self.ledger(result).packets["read"], 2)

    def test_pcap_and_pcapng_in_micro_and_nanoseconds(self):
        of_pcap = self.succeeds("-r", CAPTURES / "nano.pcap", "-w", "-").jsonl()
        of_pcapng = self.succeeds("-r", CAPTURES / "nano.pcapng", "-w", "-").jsonl()
        self.assertGreater(len(of_pcap), 3)
        self.assertEqual(list(map(without_run, of_pcap)), list(map(without_run, of_pcapng)))


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
            self.assertEqual(fastavro.reader(stream).metadata["avro.schema"], (SCHEMAS / "flow" / "v1.avsc").read_text())

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
    def test_bytes_and_checksum_are_of_what_was_encoded(self):
        """What null: sums is what the Avro file has: the same bodies, written again by an independent encoder."""
        key = self.write("key", "00112233445566778899aabbccddeeff")
        same = ["--set", f"identity.key_file={key}", "--set", "identity.sensor_id=here", "--set", "outputs.0.name=out", "--profile", "nfstream"]
        result = self.succeeds("-r", CAPTURES / "mix.pcap", "-w", "null:", *same)
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
        output = self.ledger(self.succeeds("-r", capture, "-w", "null:", *same)).outputs["null"]
        self.assertEqual((output["bytes"], int(output["checksum"], 16)), (len(out), zlib.crc32(out)))


class Precedence(Case):
    """Later wins: defaults, configuration file, --set, other flags."""

    def printed(self, option, *arguments):
        text = self.succeeds(*arguments, "--print-config").text()
        return re.search(rf"(?m)^ *{option} = (.*);$", text)[1]

    def test_file_over_default(self):
        conf = self.write("s.conf", 'meter = { idle_timeout = "7s"; };')
        self.assertEqual(self.printed("idle_timeout"), '"120s"')
        self.assertEqual(self.printed("idle_timeout", "-c", conf), '"7s"')

    def test_set_over_file_wherever_it_stands(self):
        conf = self.write("s.conf", 'meter = { idle_timeout = "7s"; };')
        self.assertEqual(self.printed("idle_timeout", "--set", "meter.idle_timeout=9s", "-c", conf), '"9s"')

    def test_last_set_wins(self):
        self.assertEqual(self.printed("idle_timeout", "--set", "meter.idle_timeout=8s", "--set", "meter.idle_timeout=9s"), '"9s"')

    def test_flag_over_set_and_file(self):
        conf = self.write("s.conf", 'capture = { bpf_filter = "tcp"; };\nprofile = "nfstream";')
        arguments = ["-f", "icmp", "--profile", "native", "--set", "capture.bpf_filter=udp", "-c", conf]
        self.assertEqual(self.printed("bpf_filter", *arguments), '"icmp"')
        self.assertEqual(self.printed("profile", *arguments), '"native"')

    def test_source_of_the_command_line_replaces_the_one_of_the_file(self):
        live = self.write("live.conf", 'capture = { interface = "lo"; };')
        capture = self.write("flows.pcap", frames.conversations(1))
        self.assertEqual(len(self.succeeds("-c", live, "-r", capture, "-w", "-").jsonl()), 1)


class Lines(Case):
    """What is written to standard error."""

    def setUp(self):
        super().setUp()
        self.capture = self.write("flows.pcap", frames.conversations(FLOWS))

    def test_json_lines(self):
        result = run("-r", self.capture, "-w", "null:", "--set", "log.format=json")
        self.assertEqual(result.code, 0)
        lines = [json.loads(line) for line in result.lines]
        self.assertEqual([sorted(line) for line in lines], [["level", "message", "ts"]] * 3)
        self.assertEqual({line["level"] for line in lines}, {"info"})
        for line in lines:
            self.assertRegex(line["ts"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$")

    def test_errors_as_json(self):
        result = run("-r", 'no"such\\file\n.pcap', "-w", "null:", "--set", "log.format=json", "--set", "log.level=error")
        self.assertEqual((result.code, len(result.lines)), (os.EX_NOINPUT, 1), result)
        line = json.loads(result.lines[0])
        self.assertEqual(line["level"], "error")
        self.assertIn('no"such\\file?.pcap', line["message"])

    def test_file_name_with_control_characters(self):
        result = run("-r", "\x1b[31mred\x07.pcap", "-w", "null:")
        self.assertEqual(result.code, os.EX_NOINPUT)
        self.assertIsNone(CONTROL.search(result.raw_error), result)

    def test_level(self):
        self.assertEqual(run("-r", self.capture, "-w", "null:", "--set", "log.level=warning").lines, [])

    def test_strings_from_packets_never_reach_the_terminal(self):
        """Names with escape sequences, line ends, quotes and broken UTF-8, in DNS, HTTP and TLS."""
        evil = b"\x1b[2J\x07\r\nflowsensor: error: fake\x00\xff\xc3\x28\"',;\x9b31m"
        packets = frames.every(0.01, [frames.udp(3000, 53, frames.dns_query([evil[:60], b"test"]))])
        request = b"GET /" + evil.replace(b"\r\n", b"") + b" HTTP/1.1\r\nHost: " + evil[:6] + b"x.test\r\nUser-Agent: " + evil[:6] + b"agent\r\n\r\n"
        packets += frames.every(0.01, frames.tcp_conversation(80, request, b"HTTP/1.1 200 OK\r\nContent-Type: " + evil[:5] + b"\r\n\r\n", 3001), 1)
        packets += frames.every(0.01, frames.tcp_conversation(443, frames.tls_client_hello(evil), b"\x15\x03\x01\0\x02\x02\x28", 3002), 2)
        capture = self.write("evil.pcap", frames.pcap(packets))
        for profile in ("native", "nfstream"):
            for output_format in ("jsonl", "csv", "avro"):
                with self.subTest(profile=profile, format=output_format):
                    path = self.folder / f"f.{output_format}"
                    result = self.succeeds("-r", capture, "-w", path, "--profile", profile, "--set", "log.level=debug")
                    self.assertIsNone(CONTROL.search(result.raw_error), result)
                    self.assertNotIn(b"fake", result.raw_error)
                    records = {"jsonl": read_jsonl, "csv": read_csv, "avro": read_avro}[output_format](path)
                    self.assertEqual(len(records), 3)
                    self.assertIn("test", " ".join(str(record["requested_server_name"]) for record in records))
                    self.assertIsNone(CONTROL.search(path.read_bytes()) if output_format == "jsonl" else None)

    def test_progress_bar_on_a_terminal_only(self):
        """A reader that is slow enough to see one: standard input, fed for a while."""
        self.assertNotIn(b"\r", run("-r", self.capture, "-w", "null:").raw_error)
        main, terminal = pty.openpty()
        process = subprocess.Popen([str(BINARY), "-r", "-", "-w", "null:"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=terminal,
                                   env=environment(None))
        os.close(terminal)
        one = frames.conversations(20000)
        header, packets = one[:24], one[24:]
        process.stdin.write(header)
        with process.stdin:
            for _ in range(12):
                process.stdin.write(packets)
        shown = b""
        try:
            while piece := os.read(main, 65536):
                shown += piece
        except OSError:
            pass  # the end of a terminal whose last user is gone
        os.close(main)
        self.assertEqual(process.wait(30), 0)
        self.assertRegex(shown.decode(), r"\r.*\d+ packets \(\d+/s\), \d+ flows")
        self.assertIn(b"packets: read 480000", shown)


if __name__ == "__main__":
    unittest.main()
