"""The worked examples of CONTRIBUTING.md: each patch applies to this tree and touches no more files than the page says; all together
build, and the program has what they add.

The files as they are in the work tree count, so a change can be tested before its commit. The build is one, without optimization.
"""
import csv
import io
import json
import os
import socket
import struct
import subprocess
import tempfile
import unittest
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
EXAMPLES = REPOSITORY / "tests" / "examples"
HTTP = REPOSITORY / "tests" / "captures" / "http.pcap"
# What each example touches, and no more: the files that it adds, and those of its rows and of the place that uses them.
TOUCHED = {
    "counter": {"sensor/app/account/counters.def", "sensor/app/run/intake.c"},
    "option": {"sensor/app/config/option_rows.def", "sensor/app/run/pipeline.c"},
    "metric": {"sensor/app/account/counters.def"},
    "feature": {"sensor/feature/small.c", "sensor/meter/features.def", "sensor/record/field/catalogue.def"},
    "sink": {"sensor/sink/datagram.c", "sensor/sink/sinks.def"},
    "encoding": {"sensor/record/encoding/tsv.c", "sensor/record/encoding/encodings.def"},
    "tunnel": {"sensor/decode/tunnel/gre_udp.c", "sensor/decode/tunnel/tunnels.def"},
}
LINK_RAW = 101
UDP = 17
NOWHERE = ("--set", "outputs.0.sink=null")


def patch_of(name):
    return EXAMPLES / f"{name}.patch"


def ipv4(payload, source="192.0.2.1", destination="192.0.2.2"):
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), 0, 0x4000, 64, UDP, 0,
                       socket.inet_aton(source), socket.inet_aton(destination))
    return head + payload


def udp(payload, source=40000, destination=9):
    return struct.pack("!HHHH", source, destination, 8 + len(payload), 0) + payload


def pcap(packets, kept=1 << 16):
    """A capture of raw IP packets, a second apart, of each at most `kept` bytes."""
    records = (struct.pack("<IIII", second, 0, len(packet[:kept]), len(packet)) + packet[:kept]
               for second, packet in enumerate(packets, 1))
    return struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 1 << 16, LINK_RAW) + b"".join(records)


def execute(*command, **more):
    """What a command that must succeed wrote."""
    result = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **more)
    if result.returncode != 0:
        raise AssertionError(f"{command}: exit {result.returncode}\n{(result.stdout + result.stderr)[-4000:]}")
    return result


class Tree:
    """A copy of the tracked files, outside of any repository."""

    def __init__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="examples-")
        self.root = Path(self.folder.name)
        names = execute("git", "-C", REPOSITORY, "ls-files", "-z", "sensor", "schemas", "CMakeLists.txt", "CMakePresets.json")
        for name in filter(None, names.stdout.split("\0")):
            if (REPOSITORY / name).is_file():
                (self.root / name).parent.mkdir(parents=True, exist_ok=True)
                (self.root / name).write_bytes((REPOSITORY / name).read_bytes())

    def git_apply(self, *arguments):
        environment = {**os.environ, "GIT_CEILING_DIRECTORIES": str(self.root.parent)}
        return execute("git", "apply", *arguments, cwd=self.root, env=environment).stdout

    def build(self):
        """Builds the program; where it is."""
        folder = self.root / "build"
        # Without optimization the compiler sees less, and warns of texts that can't be too long.
        execute("cmake", "-S", self.root, "-B", folder, "-G", "Ninja", "-DBUILD_TESTING=OFF", "-DCMAKE_BUILD_TYPE=Debug",
                "-DCMAKE_C_FLAGS_DEBUG=-O0", "-DCMAKE_C_FLAGS=-Werror -Wno-error=format-truncation")
        execute("cmake", "--build", folder, "--target", "flowsensor")
        return folder / "sensor" / "flowsensor"


class Patches(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.tree = Tree()
        cls.addClassCleanup(cls.tree.folder.cleanup)

    def test_each_example_has_a_patch_and_a_place_on_the_page(self):
        self.assertEqual({path.stem for path in EXAMPLES.glob("*.patch")}, set(TOUCHED))
        page = (REPOSITORY / "CONTRIBUTING.md").read_text()
        for name in TOUCHED:
            self.assertIn(f"(tests/examples/{name}.patch)", page)

    def test_the_page_shows_the_counter_as_it_is(self):
        page = (REPOSITORY / "CONTRIBUTING.md").read_text()
        changes = [line for line in patch_of("counter").read_text().splitlines() if line[:1] in "+-" and line[:3] not in ("+++", "---")]
        self.assertTrue(changes)
        for line in changes:
            self.assertIn(f"    {line}\n", page)

    def test_each_patch_applies_alone_and_touches_what_the_page_says(self):
        for name, files in TOUCHED.items():
            with self.subTest(example=name):
                self.tree.git_apply("--check", patch_of(name))
                touched = self.tree.git_apply("--numstat", patch_of(name)).splitlines()
                self.assertEqual({line.split("\t")[2] for line in touched}, files)


class Program(unittest.TestCase):
    """All patches in one program."""

    @classmethod
    def setUpClass(cls):
        cls.tree = Tree()
        cls.addClassCleanup(cls.tree.folder.cleanup)
        for name in TOUCHED:
            cls.tree.git_apply(patch_of(name))
        cls.program = cls.tree.build()
        cls.reference = execute(cls.program, "reference").stdout

    def run_on(self, capture, *more):
        """A run over a capture's bytes: what it wrote to standard output, and its log."""
        path = self.tree.root / "example.pcap"
        path.write_bytes(capture)
        result = execute(self.program, "-r", path, *more, cwd=self.tree.root)
        return result.stdout, result.stderr

    def records_of(self, capture, *more):
        return [json.loads(line) for line in self.run_on(capture, "-w", "-", "--format", "jsonl", *more)[0].splitlines()]

    def test_counter(self):
        self.assertIn("`flowsensor_capture_jumbo_frames_total`", self.reference)
        sizes = (8972, 8973, 20000)
        _, log = self.run_on(pcap([ipv4(udp(bytes(size))) for size in sizes], kept=60), *NOWHERE)
        self.assertIn("; jumbo frames 2", log)

    def test_option(self):
        self.assertIn("| `log.ledger` | true or false | `true` |", self.reference)
        capture = pcap([ipv4(udp(b"x"))])
        self.assertIn("packets: read 1", self.run_on(capture, *NOWHERE)[1])
        self.assertNotIn("packets: read", self.run_on(capture, *NOWHERE, "--set", "log.ledger=false")[1])

    def test_metric(self):
        self.assertIn("| `flowsensor_meters` | gauge | meters |", self.reference)

    def test_feature(self):
        schema = json.loads((REPOSITORY / "schemas" / "flow" / "v1.avsc").read_text())
        schema["fields"].append({"name": "src2dst_small_packets", "type": ["null", "long"], "default": None,
                                 "unit": "packets", "doc": "Source to destination: packets of at most 100 bytes from the IP header on."})
        path = self.tree.root / "small.avsc"
        path.write_text(json.dumps(schema))
        packets = [ipv4(udp(bytes(size))) for size in (0, 73, 72, 1000, 71)]
        records = self.records_of(pcap(packets), "--schema", path)
        self.assertEqual([(record["src2dst_packets"], record["src2dst_small_packets"]) for record in records], [(5, 3)])

    def test_sink(self):
        path = self.tree.root / "records.socket"
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
            receiver.bind(str(path))
            receiver.setblocking(False)
            capture = pcap([ipv4(udp(b"x", source=port)) for port in (1001, 1002, 1003)])
            _, log = self.run_on(capture, "--set", "outputs.0.sink=datagram", "--set", f"outputs.0.path={path}",
                                 "--set", "outputs.0.format=jsonl")
            ports = {json.loads(receiver.recv(1 << 16))["src_port"] for _ in range(3)}
        self.assertEqual(ports, {1001, 1002, 1003})
        self.assertRegex(log, r"output datagram \(datagram\): made 3 = acknowledged 3 \+ in flight 0 \+ dropped 0")

    def test_encoding(self):
        same = ("--set", "identity.sensor_id=example", "--set", "outputs.0.name=example")
        lines = self.run_on(HTTP.read_bytes(), "-w", "-", "--format", "tsv", *same)[0].split("\n")
        rows = list(csv.reader(io.StringIO(self.run_on(HTTP.read_bytes(), "-w", "-", "--format", "csv", *same)[0])))
        self.assertEqual(lines.pop(), "")
        self.assertEqual(lines[0].split("\t"), rows[0])
        self.assertGreater(len(rows), 1)
        place = rows[0].index("bidirectional_bytes")
        self.assertEqual([line.split("\t")[place] for line in lines], [row[place] for row in rows])
        self.assertEqual({len(line.split("\t")) for line in lines}, {len(rows[0])})

    def test_tunnel(self):
        inner = ipv4(udp(b"inside", 1234, 4321), "198.51.100.1", "198.51.100.2")
        outer = ipv4(udp(struct.pack("!HHI", 0x2000, 0x0800, 77) + inner, destination=4754))
        records = self.records_of(pcap([outer]))
        self.assertEqual([(record["src_ip"], record["dst_port"], record["tunnel_id"], record["tunnel_key"]) for record in records],
                         [("198.51.100.1", 4321, 6, 77)])


if __name__ == "__main__":
    unittest.main()
