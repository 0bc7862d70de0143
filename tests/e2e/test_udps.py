"""User-defined fields: counters from the configuration, plugins that are built outside the tree against nothing but the
installed header, and the composed schema on its way through the registry. Run: python3 tests/e2e/run.py test_udps
"""
import csv
import io
import json
import os
import shlex
import struct
import subprocess
import tempfile
import unittest
from pathlib import Path

import fastavro
import frames
from harness import BINARY, CAPTURES, REPOSITORY, Case, run
from servers import LocalServers

SANITIZED = os.environ.get("FLOWSENSOR_SANITIZED")
COUNTER = 'packets = [ "small=ip[2:2] = 40" ];'
CAPTURE = CAPTURES / "tcp.pcap"


def tool(*command):
    done = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode != 0:
        raise AssertionError(f"{shlex.join(map(str, command))}: {done.stdout}")
    return done.stdout


class Installed:
    """What an author of plugins has: the installed header, and the examples built against it in a folder of their own."""

    instance = None

    @classmethod
    def get(cls):
        cls.instance = cls.instance or cls()
        return cls.instance

    def __init__(self):
        self.temporary = tempfile.TemporaryDirectory(prefix="flowsensor-plugins-")
        folder = Path(self.temporary.name)
        folder.chmod(0o755)
        self.prefix = folder / "prefix"
        tool("cmake", "--install", BINARY.parents[1], "--prefix", self.prefix, "--component", "plugin")
        # The sources are copied, so that nothing of the tree is within reach.
        tool("cp", "-r", REPOSITORY / "deploy" / "examples" / "plugins", folder / "source")
        tool("cmake", "-S", folder / "source", "-B", folder / "build", f"-DCMAKE_PREFIX_PATH={self.prefix}")
        tool("cmake", "--build", folder / "build")
        self.plugins = folder / "build"

    def compile(self, folder, name, source):
        """A plugin of the test's own."""
        (folder / f"{name}.c").write_text(source)
        tool("cc", "-std=c17", "-Wall", "-Werror", "-shared", "-fPIC", "-I", self.prefix / "include", folder / f"{name}.c",
             "-o", folder / f"{name}.so")
        return folder / f"{name}.so"


class Counters(Case):

    def configured(self, udps, outputs):
        return ["-c", self.write("sensor.conf", f"udps = {{ {udps} }};\n{outputs}\n")]

    def test_counts_in_every_format(self):
        """The same numbers in CSV, JSON lines and Avro; the sums are tcpdump's."""
        dump = tool("tcpdump", "-nr", CAPTURE, "ip[2:2] = 40").splitlines()
        counted = len([line for line in dump if not line.startswith("reading from")])
        self.assertGreater(counted, 0)
        udps = COUNTER + ' bytes = [ "tcp_bytes = tcp" ];'
        table = self.succeeds(*self.configured(udps, 'outputs = ( { path = "-"; format = "csv"; } );'), "-r", CAPTURE)
        rows = list(csv.DictReader(io.StringIO(table.text(), newline="")))
        records = self.succeeds(*self.configured(udps, ""), "-r", CAPTURE).jsonl()
        container = self.folder / "flows.avro"
        self.succeeds(*self.configured(udps, ""), "-r", CAPTURE, "-w", container)
        with container.open("rb") as stream:
            reader = fastavro.reader(stream)
            nested = [record["udps"] for record in reader]
        self.assertEqual([row["udps.small"] for row in rows], [str(record["udps.small"]) for record in records])
        for record, udps in zip(records, nested, strict=True):
            self.assertEqual({name.removeprefix("udps."): value for name, value in record.items() if name.startswith("udps.")}, udps)
            self.assertEqual(udps["small"], udps["src2dst_small"] + udps["dst2src_small"])
            self.assertEqual(record["protocol"] == 6, udps["tcp_bytes"] > 0)
            if record["protocol"] == 6:
                self.assertEqual(udps["src2dst_tcp_bytes"], record["src2dst_bytes"])
        self.assertEqual(sum(udps["small"] for udps in nested), counted)
        self.assertEqual(list(nested[0]), sorted(nested[0]))

    def test_nfstream_profile(self):
        """Columns stand behind nDPI's, as NFStream's udps do."""
        table = self.succeeds(*self.configured(COUNTER, ""), "--profile", "nfstream", "--format", "csv", "-r", CAPTURE)
        header = table.text().splitlines()[0].split(",")
        self.assertEqual(header[header.index("content_type") + 1:][:3], ["udps.dst2src_small", "udps.small", "udps.src2dst_small"])

    def test_refused(self):
        for udps, says in (('packets = [ "small" ];', ['udps.packets: "small"', "NAME=EXPRESSION"]),
                           ('packets = [ "small=ip[2:2] =" ];', ['udps.packets: small: "ip[2:2] ="', "syntax error"]),
                           ('packets = [ "a=tcp", "a=udp" ];', ["udps: the field a is there twice"]),
                           ('bytes = [ "a=portrange x" ];', ["udps.bytes: a:"])):
            with self.subTest(udps):
                self.refused(os.EX_CONFIG, says, *self.configured(udps, ""), "-r", CAPTURE)
                self.refused(os.EX_CONFIG, says, *self.configured(udps, ""), "-r", CAPTURE, "--check-config")

    def test_nobody_asks(self):
        """A topic's schema must be composed and registered: the line says how."""
        self.refused(os.EX_CONFIG, ["udps.", "flowsensor schema compose"],
                     *self.configured(COUNTER, 'outputs = ( { topic = "flows"; columns_to_anonymize = [ "all=keep" ]; } );'), "-r", CAPTURE)
        self.refused(os.EX_CONFIG, ["nothing to compose", "udps.packets"], "schema", "compose")

    def test_hash_covers_the_expression(self):
        texts = [self.succeeds(*self.configured(f'packets = [ "small={expression}" ];', ""), "schema", "features").text()
                 for expression in ("tcp", "udp")]
        self.assertIn("udps.counter.small=packets tcp\n", texts[0])
        self.assertNotEqual(texts[0].splitlines()[-1], texts[1].splitlines()[-1])


class Plugins(Case):

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.installed = Installed.get()

    def plugins(self, *entries):
        lines = ", ".join(f'"{self.installed.plugins / entry}"' for entry in entries)
        return ["-c", self.write("sensor.conf", f"udps = {{ plugins = [ {lines} ]; }};\n")]

    def test_only_the_header_is_installed(self):
        """And papers: documentation and examples."""
        files = [path for path in self.installed.prefix.rglob("*") if path.is_file() and "share" not in path.parts]
        self.assertEqual([path.relative_to(self.installed.prefix).as_posix() for path in files], ["include/flowsensor/plugin.h"])
        includes = [line for line in files[0].read_text().splitlines() if line.startswith("#include")]
        self.assertEqual(includes, ["#include <stddef.h>", "#include <stdint.h>"])

    def test_counter_as_plugin(self):
        """By code and by configuration the numbers are equal."""
        plugin = self.succeeds(*self.plugins("packet_with_40_ip_size.so"), "-r", CAPTURE).jsonl()
        counter = self.succeeds("--set", "udps.packets=packet_with_40_ip_size=ip[2:2] = 40", "-r", CAPTURE).jsonl()
        found = [record["udps.packet_with_40_ip_size"] for record in plugin]
        self.assertEqual(found, [record["udps.packet_with_40_ip_size"] for record in counter])
        self.assertGreater(sum(found), 0)

    def test_flow_slicer(self):
        """A plugin without fields ends flows: reason, ledger and NFStream's number say so, in all profiles."""
        for profile, field, expected in (("native", "end_reason", "plugin"), ("nfstream", "expiration_id", -1)):
            result = self.succeeds(*self.plugins("flow_slicer.so limit=3"), "--profile", profile, "-r", CAPTURE)
            records, ledger = result.jsonl(), self.ledger(result)
            ended = [record for record in records if record[field] == expected]
            self.assertGreater(len(ended), 0)
            self.assertEqual({record["bidirectional_packets"] for record in ended}, {3})
            self.assertLess(max(record["bidirectional_packets"] for record in records if record not in ended), 3)
            self.assertEqual(ledger.flows["why"]["plugin"], len(ended))
            self.assertFalse(any(name.startswith("udps") for name in records[0]))
            if profile == "native":
                keys = [(record["flow_uid"], record["slice"]) for record in records]
                self.assertEqual(len(set(keys)), len(keys))

    def test_dhcp(self):
        records = self.succeeds(*self.plugins("dhcp.so"), "-r", CAPTURES / "dhcp.pcap").jsonl()
        requests = [record for record in records if record["udps.dhcp_msg_type"] == 3]
        self.assertGreater(len(requests), 0)
        for record in requests:
            self.assertIn(53, record["udps.dhcp_options"])
            self.assertEqual(record["udps.dhcp_oui"], record["src_oui"])
            self.assertEqual(record["end_reason"] == "plugin", record["src_ip"] == "0.0.0.0")

    def test_refused(self):
        """One line each, whatever the file is."""
        installed, build = self.installed, self.installed.compile
        head = "#include <flowsensor/plugin.h>\n"
        abi = build(self.folder, "abi", head + 'FLOWSENSOR_PLUGIN = {.abi = 7, .name = "abi", .version = "1"};\n')
        packed = build(self.folder, "packed", head.replace("#include", "#pragma pack(1)\n#include") +
                       'FLOWSENSOR_PLUGIN = {FLOWSENSOR_PLUGIN_INTERFACE, .name = "packed", .version = "1"};\n')
        symbol = build(self.folder, "symbol", "int other;\n")
        unresolved = build(self.folder, "unresolved", head + "void nowhere(void *);\n"
                           'FLOWSENSOR_PLUGIN = {FLOWSENSOR_PLUGIN_INTERFACE, .name = "x", .version = "1", .cleanup = nowhere};\n')
        text = self.write("text.so", "no shared object\n")
        plugins = installed.plugins
        for entry, says in ((abi, ["interface version 7", "version 1", "flowsensor/plugin.h"]),
                            (packed, ["other sizes", "flowsensor/plugin.h"]),
                            (symbol, ["no symbol flowsensor_plugin"]),
                            (unresolved, ["nowhere"]),
                            (text, ["text.so", "shared object"]),
                            (self.folder / "absent.so", ["absent.so", "No such file"]),
                            (f"{plugins}/splt.so sequence_length=0", ["splt.so", "sequence_length=0", "1 to 8192"]),
                            (f"{plugins}/splt.so length=3", ["unknown parameter length"]),
                            (f"{plugins}/flow_slicer.so", ["limit=PACKETS"])):
            with self.subTest(str(entry)):
                self.refused(os.EX_CONFIG, ["udps.plugins: ", *says], "--set", f"udps.plugins={entry}", "-r", CAPTURE)
        twice = f"{plugins}/packet_with_40_ip_size.so"
        self.refused(os.EX_CONFIG, ["packet_with_40_ip_size is there twice", "rename one"], "--set", f"udps.plugins={twice},{twice}",
                     "-r", CAPTURE)

    def test_schema_goes_its_own_way(self):
        """What the schema has and the configuration doesn't, and types that changed, are refused by name."""
        schema = self.succeeds(*self.plugins("mdns.so"), "schema", "compose").text()
        path = self.write("flow.avsc", schema)
        self.succeeds(*self.plugins("mdns.so"), "--schema", path, "-r", CAPTURE)
        self.refused(os.EX_CONFIG, ["field udps.mdns_ptr", "udps"], "--schema", path, "-r", CAPTURE)
        self.refused(os.EX_CONFIG, ["field udps.mdns_ptr", "schema compose"], *self.plugins("splt.so"), "--schema", path, "-r", CAPTURE)
        wrong = self.write("wrong.avsc", schema.replace('{"type": "array", "items": "string"}], "default": null, "pii": "name"',
                                                        '"string"], "default": null, "pii": "name"'))
        self.assertNotEqual(wrong.read_text(), schema)
        self.refused(os.EX_CONFIG, ["field udps.mdns_ptr", "array<string> expected"], *self.plugins("mdns.so"), "--schema", wrong,
                     "-r", CAPTURE)

    @unittest.skipUnless(SANITIZED, "FLOWSENSOR_SANITIZED names no binary")
    def test_sanitized(self):
        """All examples at once under the sanitizers, over captures that have what they read, whole and cut off."""
        arguments = self.plugins("packet_with_40_ip_size.so", "splt.so sequence_length=7", "dhcp.so sessions=2", "mdns.so sessions=2",
                                 "flow_slicer.so limit=9")
        for name in ("dhcp.pcap", "lan.pcap", "mix.pcap", "snap96.pcap", "fragments.pcap"):
            for profile in ("native", "nfstream"):
                result = run(*arguments, "--profile", profile, "-r", CAPTURES / name, "-w", self.folder / "out.avro", binary=SANITIZED)
                self.ended_well(result)
                self.assertNotIn("Sanitizer", "\n".join(result.lines))


class Registered(Case):
    """From the configuration to a topic, as the pages describe it."""

    def setUp(self):
        super().setUp()
        self.servers, self.installed = LocalServers.get(), Installed.get()

    def test_compose_check_register_produce(self):
        topic = self.servers.topic("udps")
        capture = self.write("good.pcap", frames.conversations(3))
        path = self.folder / "flow-udps.avsc"

        def configured(name, schema):
            return ["-c", self.write(name, f"""
registry = {{ url = "{self.servers.registry}"; }};
udps = {{ packets = [ "small=ip[2:2] < 60" ]; plugins = [ "{self.installed.plugins}/splt.so sequence_length=4" ]; }};
outputs = ( {{ topic = "{topic}"; columns_to_anonymize = [ "all=keep" ]; schema = "{schema}"; kafka = [ "bootstrap.servers={self.servers.bootstrap}" ]; }} );
""")]
        base, arguments = configured("base.conf", "flow/v1"), configured("sensor.conf", path)
        # The release's schema comes first; the composed one must be a change that the registry takes.
        self.succeeds("schema", "register", "--set", f"registry.url={self.servers.registry}", "--set", f"outputs.0.topic={topic}",
                      "--set", "outputs.0.columns_to_anonymize=all=keep")
        path.write_text(self.succeeds(*base, "schema", "compose").text())
        self.refused(os.EX_CONFIG, ["flowsensor schema register", topic], *arguments, "-r", capture)
        self.assertIn("is compatible", self.succeeds(*arguments, "schema", "check").text())
        self.assertRegex(self.succeeds(*arguments, "schema", "register").text(), r"has id \d+")
        self.succeeds(*arguments, "-r", capture)
        schema = fastavro.parse_schema(json.loads(path.read_text()))
        messages = self.servers.messages(topic)
        self.assertEqual(len(messages), 3)
        for message in messages:
            self.assertEqual(struct.unpack(">b", message.value()[:1]), (0,))
            body = io.BytesIO(message.value()[5:])
            record = fastavro.schemaless_reader(body, schema)
            self.assertEqual(body.read(), b"")
            self.assertEqual(len(record["udps"]["splt_ps"]), 4)
            self.assertEqual(record["udps"]["splt_ps"][0], record["splt_ps"][0])
            self.assertIn(record["udps"]["small"], range(record["bidirectional_packets"] + 1))
        # Who reads by the release's schema doesn't see them, and is not disturbed.
        old = fastavro.parse_schema(json.loads((REPOSITORY / "schemas" / "flow" / "v1.avsc").read_text()))
        record = fastavro.schemaless_reader(io.BytesIO(messages[0].value()[5:]), schema, old)
        self.assertNotIn("udps", record)

    def test_fingerprint(self):
        """Of the composed schema, as fastavro computes it."""
        counter = ["--set", "udps.packets=small=tcp"]
        schema = json.loads(self.succeeds(*counter, "schema", "compose").text())
        form = fastavro.schema.to_parsing_canonical_form(schema)
        expected = fastavro.schema.fingerprint(form, "CRC-64-AVRO")
        features = self.succeeds(*counter, "schema", "features").text()
        found = next(line for line in features.splitlines() if line.startswith("schema_fingerprint="))
        self.assertIn(found.split("=")[1], (expected, bytes.fromhex(expected)[::-1].hex()))


if __name__ == "__main__":
    unittest.main()
