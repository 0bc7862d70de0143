"""The command line: information and help, inputs, precedence of options, lines and log formats.
Run: python3 tests/e2e/run.py test_cli
"""
import json
import os
import pty
import re
import socket
import subprocess
import unittest

import frames
from harness import BINARY, CAPTURES, SCHEMAS, Case, environment, run
from record_files import read_avro, read_csv, read_jsonl

FLOWS = 30
CONTROL = re.compile(rb"[\x00-\x09\x0b-\x1f\x7f]")
# Fields that are another at each start.
OF_THE_RUN = {"boot_id", "capture_file", "flow_uid", "output"}


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
        for name in ("flow/v1", "flow/v2", "flow/v3", "flow_lite/v1", "flow_full/v1", "nfstream/v1", "sensor_stats/v1", "heartbeat/v1", "ndpi_dictionary/v1"):
            more = ["--profile", "nfstream"] if name.startswith("nfstream") else []
            self.assertEqual(self.succeeds("schema", "print", "--schema", name, *more).text(), (SCHEMAS / f"{name}.avsc").read_text())

    def tables(self, *arguments):
        """Of which tables `schema ddl` writes statements."""
        return re.findall(r'(?m)^CREATE TABLE "(\w+)"', self.succeeds("schema", "ddl", "duckdb", *arguments).text())

    def test_schema_ddl_has_a_table_for_each_schema_of_the_outputs(self):
        self.assertEqual(self.tables(), ["flow_v2"])
        self.assertEqual(self.tables("--profile", "nfstream"), ["nfstream_v1"])
        self.assertEqual(self.tables("--schema", "nfstream/v1"), ["nfstream_v1"])
        conf = self.write("x.conf", """outputs = ( { path = "a.avro"; }, { path = "b.avro"; schema = "sensor_stats/v1"; },
                                                   { path = "c.avro"; schema = "flow/v2"; } );""")
        self.assertEqual(self.tables("-c", conf), ["flow_v2", "sensor_stats_v1"])
        self.assertEqual(self.tables("-c", conf, "--schema", "flow/v1"), ["flow_v1"])

    def test_schema_ddl_says_what_it_cannot_do(self):
        refused = run("schema", "ddl", "duckdb", "--schema", "flow/v9")
        self.assertEqual((refused.code, refused.out), (78, b""))
        self.assertIn("did you mean flow/v", refused.errors[0])
        self.assertEqual(run("schema", "ddl", "duckbd").code, 64)

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
        live = self.write("live.conf", 'capture = { interfaces = [ "lo" ]; };')
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
