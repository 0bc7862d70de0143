"""Captures as people have them: several interfaces in one file, compressed, in lists in any order, with times that are none.
NFStream itself says what the profile nfstream has to give. Run: python3 tests/e2e/run.py test_captures
"""
import csv
import datetime
import gzip
import importlib.util
import io
import json
import os
import random
import struct
import subprocess
import sys
import unittest

import fastavro

import frames
from harness import CAPTURES, REPOSITORY, SCHEMAS, Case, run

sys.path.append(str(REPOSITORY / "tests" / "parity"))
import nfstream_oracle  # noqa: E402

NEEDS_NFSTREAM = unittest.skipUnless(importlib.util.find_spec("nfstream"), "NFStream (tests/requirements.txt) is needed")
MIX = CAPTURES / "mix.pcap"
RAW, USB = 101, 220
DAY = 86400


def option(code, value):
    return struct.pack("<HH", code, len(value)) + value + bytes(-len(value) % 4)


def block(kind, body):
    return struct.pack("<II", kind, len(body) + 12) + body + struct.pack("<I", len(body) + 12)


def section():
    return block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1))


def interface(link=frames.ETHERNET, snapshot=0, options=b""):
    return block(1, struct.pack("<HHI", link, 0, snapshot) + (options + option(0, b"") if options else b""))


def packet(number, time, data):
    return block(6, struct.pack("<IIIII", number, time >> 32, time & 0xFFFFFFFF, len(data), len(data)) + data + bytes(-len(data) % 4))


def micro(seconds):
    return (frames.START + seconds) * 10 ** 6


def ports(records):
    return sorted(int(record["src_port"]) for record in records)


def of_nfstream(path):
    """NFStream's own rows."""
    nfstream_oracle.ensure_pairs([([str(path)], {})])
    return list(csv.DictReader(io.StringIO(nfstream_oracle.lookup([str(path)], {}).csv.decode())))


def zstd(data):
    return subprocess.run(["zstd", "-q", "-c"], input=data, stdout=subprocess.PIPE, check=True).stdout


class Interfaces(Case):
    """One file, several interfaces; each packet's source port tells them apart."""

    def ask(self, *blocks, options=()):
        path = self.write("several.pcapng", b"".join([section(), *blocks]))
        return path, run("-r", path, "-w", "-", *options)

    def udp(self, port, link=frames.ETHERNET):
        frame = frames.udp(port, 9, b"data")
        return frame if link == frames.ETHERNET else frame[14:]

    def different(self):
        """Another link type, resolution and offset; one that nobody decodes; one that comes late."""
        return [
            interface(frames.ETHERNET, 96), interface(RAW, 128, option(9, b"\x09") + option(14, struct.pack("<q", -7))), interface(USB),
            packet(0, micro(0), self.udp(1)), packet(1, (frames.START + 1 + 7) * 10 ** 9, self.udp(2, RAW)), packet(2, micro(2), b"usb"),
            interface(frames.ETHERNET, 0, option(9, b"\x83")), packet(3, (frames.START + 3) * 8 + 4, self.udp(3)),
        ]

    def test_all_are_read(self):
        _, result = self.ask(*self.different())
        self.assertEqual(result.code, 0, result)
        self.assertEqual(ports(result.jsonl()), [1, 2, 3])
        self.assertEqual(self.ledger(result).packets["why"], {"link_type": 1})
        times = {record["src_port"]: record["bidirectional_first_seen"] for record in result.jsonl()}
        self.assertEqual(times, {1: micro(0), 2: micro(1), 3: micro(3) + 500000})

    def test_a_filter_is_for_each(self):
        _, result = self.ask(*self.different(), options=("-f", "src port 2 or src port 3"))
        self.assertEqual(ports(result.jsonl()), [2, 3])
        _, result = self.ask(*self.different(), options=("-f", "ether src 02:00:00:00:00:01"))
        self.assertEqual(result.code, 0, result)
        self.assertEqual(ports(result.jsonl()), [1, 3])
        self.assertTrue(any("filter" in line and "interface 1" in line for line in result.lines), result)

    @NEEDS_NFSTREAM
    def test_as_nfstream_reads_them(self):
        """Whatever libpcap makes of it, and what can be read behind it."""
        for name, blocks in {
            "different": self.different(),
            "snapshot lengths": [interface(1, 300), interface(1, 301), packet(0, micro(0), self.udp(5)), packet(1, micro(1), self.udp(6))],
            "alike": [interface(1, 300), interface(1, 300), packet(1, micro(0), self.udp(7)), packet(0, micro(1), self.udp(8))],
            "described later": [interface(), packet(1, micro(0), self.udp(9)), interface(), packet(1, micro(0), self.udp(10))],
        }.items():
            with self.subTest(name):
                path, result = self.ask(*blocks, options=("--profile", "nfstream", "--format", "csv"))
                self.assertEqual(ports(csv.DictReader(io.StringIO(result.text()))), ports(of_nfstream(path)))
                self.assertEqual(result.code, os.EX_OK if name == "alike" else os.EX_DATAERR, result)


class Damaged(Case):
    @NEEDS_NFSTREAM
    def test_nfstream_profile_reads_on_behind_an_error(self):
        """A packet header that can't be, and sense behind it."""
        good = frames.pcap([(i, frames.udp(100 + i, 9, b"data")) for i in range(4)])
        record = (len(good) - 24) // 4
        path = self.write("damaged.pcap", good[:24 + record] + struct.pack("<IIII", 0, 0, 0x7FFFFFFF, 0) + good[24 + record:])
        theirs = of_nfstream(path)
        result = run("-r", path, "-w", "-", "--format", "csv", "--profile", "nfstream")
        self.failed(result, os.EX_DATAERR, [path, "to its end", "2147483647"])
        self.assertEqual(ports(csv.DictReader(io.StringIO(result.text()))), ports(theirs))
        self.assertEqual(ports(theirs), [100, 101, 102, 103])
        result = run("-r", path, "-w", "-")
        self.failed(result, os.EX_DATAERR, [path, "after 1 packet", "2147483647"])
        self.assertEqual(ports(result.jsonl()), [100])


class Compressed(Case):
    def setUp(self):
        super().setUp()
        self.plain = frames.conversations(300)
        self.expected = ports(self.succeeds("-r", self.write("plain.pcap", self.plain), "-w", "-").jsonl())

    def test_by_their_bytes_whatever_their_names(self):
        half = len(self.plain) // 2
        for name, data in {"a.pcap.gz": gzip.compress(self.plain), "b.pcap": gzip.compress(self.plain), "c.pcap.zst": zstd(self.plain),
                           "members.gz": gzip.compress(self.plain[:half]) + gzip.compress(self.plain[half:]),
                           "frames.zst": zstd(self.plain[:half]) + zstd(self.plain[half:])}.items():
            for profile in ("native", "nfstream"):
                with self.subTest(name=name, profile=profile):
                    path = self.write(name, data)
                    self.assertEqual(ports(self.succeeds("-r", path, "-w", "-", "--profile", profile).jsonl()), self.expected)
                    piped = self.succeeds("-r", "-", "-w", "-", "--profile", profile, stdin=data)
                    self.assertEqual(ports(piped.jsonl()), self.expected)

    def test_pcapng(self):
        path = self.write("nano.pcapng.gz", gzip.compress((CAPTURES / "nano.pcapng").read_bytes()))
        self.assertEqual(ports(self.succeeds("-r", path, "-w", "-").jsonl()),
                         ports(self.succeeds("-r", CAPTURES / "nano.pcapng", "-w", "-").jsonl()))

    def test_cut(self):
        noise = random.Random(7)
        noisy = frames.pcap([(i * 0.01, frames.udp(1000 + i, 9, noise.randbytes(1400))) for i in range(400)])
        for name, data in (("cut.gz", gzip.compress(noisy)), ("cut.zst", zstd(noisy))):
            with self.subTest(name):
                result = run("-r", self.write(name, data[:-9]), "-w", "-")
                self.failed(result, os.EX_DATAERR, [name, "cut"])
                self.assertTrue(0 < len(result.jsonl()) <= 400)

    def test_no_capture_inside(self):
        self.refused(os.EX_DATAERR, ["text.gz", "not a pcap or pcapng capture"], "-r", self.write("text.gz", gzip.compress(b"dear reader")),
                     "-w", "null:")
        self.refused(os.EX_DATAERR, ["a.xz", "compressed by xz", "xzcat"], "-r", self.write("a.xz", b"\xfd7zXZ\0" + bytes(50)), "-w", "null:")

    def test_memory_is_bounded(self):
        """Blocks of 100 MiB that nobody knows, in some hundred kilobytes of gzip."""
        noise = gzip.compress(block(0x0BAD, bytes(100 << 20)), 1)
        path = self.write("bomb.pcapng.gz", gzip.compress(section() + interface()) + noise * 3)
        limited = ("sh", "-c", 'ulimit -v 150000; exec "$@"', "sh")
        self.assertEqual(self.ledger(self.succeeds("-r", path, "-w", "null:", prefix=limited)).packets["read"], 0)


class Several(Case):
    def capture(self, name, begin, port, count=10, step=1.0):
        return self.write(name, frames.pcap([(begin + i * step, frames.udp(port, 9, b"data")) for i in range(count)]))


class Order(Several):
    """What follows what."""

    def read(self, *captures, options=()):
        return self.succeeds(*[word for path in captures for word in ("-r", path)], "-w", "-", *options)

    def warnings(self, result):
        return [line for line in result.lines if "warning" in line]

    def test_parts_in_order_are_one_stream(self):
        parts = [self.capture(f"part{i}.pcap", 10 * i, 77) for i in range(3)]
        result = self.read(*parts)
        record, = result.jsonl()
        self.assertEqual((record["bidirectional_packets"], record["capture_file"]), (30, str(parts[0])))
        self.assertEqual(self.warnings(result), [])

    def test_another_recording_starts_afresh(self):
        late, early = self.capture("late.pcap", 1000, 77), self.capture("early.pcap", 5, 77)
        for meters in (1, 2, 4):
            result = self.read(late, early, options=("--set", f"meter.n_meters={meters}"))
            records = sorted(result.jsonl(), key=lambda record: record["bidirectional_first_seen"])
            self.assertEqual([(record["bidirectional_first_seen"], record["bidirectional_duration_us"], record["end_reason"],
                               record["quality_flags"], record["capture_file"]) for record in records],
                             [(micro(5), 9 * 10 ** 6, "end_of_input", [], str(early)), (micro(1000), 9 * 10 ** 6, "end_of_input", [], str(late))])
            warning, = self.warnings(result)
            self.assertIn(str(late), warning)
            self.assertIn(str(early), warning)

    def test_the_same_capture_again(self):
        """Twice the flows, all with identities of their own."""
        once = self.succeeds("-r", MIX, "-w", "-").jsonl()
        for meters in (1, 3):
            twice = self.read(MIX, MIX, options=("--set", f"meter.n_meters={meters}")).jsonl()
            self.assertEqual(len(twice), 2 * len(once))
            self.assertEqual(len({(record["flow_uid"], record["slice"], record["revision"]) for record in twice}), len(twice))
            self.assertEqual(sum("time_raised" in record["quality_flags"] for record in twice),
                             2 * sum("time_raised" in record["quality_flags"] for record in once))

    def test_a_list_gives_what_its_captures_give(self):
        captures = sorted(CAPTURES.glob("*.pcap"))[::-1][:12]
        apart = sum(len(self.succeeds("-r", path, "-w", "-").jsonl()) for path in captures)
        records = self.read(*captures).jsonl()
        self.assertEqual(len(records), apart)
        self.assertEqual({record["capture_file"] for record in records}, {str(path) for path in captures})

    def test_sort(self):
        """As tcpdump -C names them: out of order in every glob from ten files on."""
        parts = [self.capture(f"trace{i or ''}.pcap", 10 * i, 77) for i in range(12)]
        globbed = sorted(parts, key=str)
        self.assertNotEqual(globbed, parts)
        for profile in ("native", "nfstream"):
            result = self.read(*globbed, options=("--sort", "--profile", profile))
            record, = result.jsonl()
            self.assertEqual(record["bidirectional_packets"], 120)
            self.assertEqual(self.warnings(result), [])
        self.assertGreater(len(self.read(*globbed).jsonl()), 1)
        self.refused(os.EX_USAGE, ["standard input", "--sort"], "-r", "-", "-r", parts[0], "--sort", "-w", "null:")
        text = self.write("text.pcap", "no capture at all")
        result = run("-r", parts[1], "-r", text, "-r", parts[0], "--sort", "-w", "-")
        self.failed(result, os.EX_DATAERR, [text])
        self.assertEqual([record["bidirectional_packets"] for record in result.jsonl()], [20])

    def test_raised_times_name_their_file(self):
        """In the nfstream profile all is one stream, as in NFStream; natively a file may be out of order in itself."""
        late, early = self.capture("late.pcap", 1000, 77), self.capture("early.pcap", 5, 77)
        warning, = self.warnings(self.read(late, early, options=("--profile", "nfstream")))
        self.assertIn("early.pcap: 10 of 10 packets", warning)
        self.assertIn("--sort", warning)
        mixed = self.write("mixed.pcap", frames.pcap([(i ^ 1, frames.udp(7, 9, b"data")) for i in range(50)]))
        warning, = self.warnings(self.read(mixed))
        self.assertIn("mixed.pcap: 25 of 50 packets", warning)
        tidy = self.write("tidy.pcap", frames.pcap([(i ^ (i == 50), frames.udp(7, 9, b"data")) for i in range(200)]))
        self.assertEqual(self.warnings(self.read(tidy)), [])

    def test_the_column_is_of_text_and_captures_alone(self):
        path = self.capture("one.pcap", 0, 77)
        row, = csv.DictReader(io.StringIO(self.succeeds("-r", path, "-w", "-", "--format", "csv", "--schema", "flow/v1").text()))
        self.assertEqual(list(row)[-1], "capture_file")
        self.assertEqual(row["capture_file"], str(path))
        piped, = self.succeeds("-r", "-", "-w", "-", "--schema", "flow/v1", stdin=path.read_bytes()).jsonl()
        self.assertEqual(piped["capture_file"], "-")
        nfstream, = self.succeeds("-r", path, "-w", "-", "--profile", "nfstream").jsonl()
        self.assertNotIn("capture_file", nfstream)
        self.succeeds("-r", path, "-w", self.folder / "flows.avro", "--schema", "flow/v1")
        with open(self.folder / "flows.avro", "rb") as stream:
            record, = fastavro.reader(stream)
        self.assertNotIn("capture_file", record)


class CaptureFile(Several):
    """The field capture_file of flow/v2, in every encoding."""

    def every_encoding(self, *words, stdin=b"", schema="flow/v2"):
        """One run; the records of its Avro, CSV and JSON lines, with capture_file and what else is asked for below as text."""
        outputs = [self.folder / f"{schema[-2:]}.{ending}" for ending in ("avro", "csv", "jsonl")]
        self.succeeds(*words, *[word for path in outputs for word in ("-w", path)], "--schema", schema, stdin=stdin)
        with open(outputs[0], "rb") as stream:
            avro = list(fastavro.reader(stream))
        with open(outputs[1], encoding="utf-8", newline="") as stream:
            table = list(csv.DictReader(stream))
        return avro, table, [json.loads(line) for line in outputs[2].read_text().splitlines()]

    def reads(self, *captures):
        return [word for path in captures for word in ("-r", path)]

    def check(self, expected, *words, stdin=b"", columns=("src_port",)):
        """In each encoding every record has the right capture."""
        for records in self.every_encoding(*words, stdin=stdin):
            found = sorted(tuple(int(record[name]) for name in columns) + (record["capture_file"],) for record in records)
            self.assertEqual(found, sorted(expected))

    def test_several_captures(self):
        captures = [self.capture(f"{port}.pcap", begin, port) for port, begin in ((71, 0), (72, 500), (73, 90), (74, 91))]
        expected = [(70 + i, str(path)) for i, path in enumerate(captures, 1)]
        for meters in (1, 3):
            self.check(expected, *self.reads(*captures), "--set", f"meter.n_meters={meters}")

    def test_sorted(self):
        captures = [self.capture(f"{port}.pcap", begin, port) for port, begin in ((71, 700), (72, 0), (73, 300))]
        self.check([(70 + i, str(path)) for i, path in enumerate(captures, 1)], *self.reads(*captures), "--sort")

    def test_each_slice_has_that_of_its_first_packet(self):
        """One flow of 40 packets in four parts of one recording, cut every 7 s; a slice may begin in one part and end in the next."""
        captures = [self.capture(f"part{i}.pcap", 10 * i, 77) for i in range(4)]
        begins = range(0, 40, 7)
        self.check([(number, 7 if number < 5 else 5, str(captures[begin // 10])) for number, begin in enumerate(begins)],
                   *self.reads(*captures), "--set", "meter.active_timeout=6500ms", columns=("slice", "bidirectional_packets"))

    def test_standard_input(self):
        self.check([(77, "-")], "-r", "-", stdin=self.capture("one.pcap", 0, 77).read_bytes())

    def test_the_first_version_is_as_it_was(self):
        """Its Avro has no such field; its text has that column all the same, and flow/v2's more fields follow it."""
        versions = [json.loads((SCHEMAS / "flow" / f"{version}.avsc").read_text())["fields"] for version in ("v1", "v2")]
        added = [field["name"] for field in versions[1][len(versions[0]):]]
        self.assertEqual(added[0], "capture_file")
        captures = self.reads(self.capture("a.pcap", 0, 71), self.capture("b.pcap", 50, 72))
        old, new = (self.every_encoding(*captures, schema=schema) for schema in ("flow/v1", "flow/v2"))
        self.assertEqual([list(record) for record in new[0]], [[*record, *added] for record in old[0]])
        added.remove("conn_key")  # text has no columns for a group that is off
        for before, after in zip(old[1] + old[2], new[1] + new[2], strict=True):
            self.assertEqual(list(after), [*before, *added[1:]])
            differing = {name for name in before if before[name] != after[name]}
            self.assertLessEqual({"feature_hash"}, differing)
            self.assertLessEqual(differing, {"feature_hash", "boot_id", "flow_uid", "output"})
        self.assertEqual(len({record["feature_hash"] for record in new[0]}), 1)

    def test_what_a_path_says_of_somebody_can_be_hidden(self):
        path = self.capture("alice.pcap", 0, 77)
        for schema in ("flow/v1", "flow/v2"):
            for item, expected in (("user=drop", {None, ""}), ("capture_file=keep", {str(path)}), ("address=drop", {str(path)})):
                with self.subTest(schema, item=item):
                    words = ("-r", path, "-w", "-", "--schema", schema, "--set", f"outputs.0.columns_to_anonymize={item}")
                    record, = self.succeeds(*words).jsonl()
                    row, = csv.DictReader(io.StringIO(self.succeeds(*words, "--format", "csv").text()))
                    self.assertLessEqual({record["capture_file"], row["capture_file"]}, expected)
        row, = self.succeeds("-r", path, "-w", "-", "--set", "outputs.0.columns_to_anonymize=all=short_hash").jsonl()
        self.assertRegex(row["capture_file"], "^[0-9a-f]{16}$")


class Times(Case):
    """What a capture may say of a time, and what readers can take."""

    def write_times(self, *seconds, name="times.pcapng"):
        blocks = [section(), interface(options=option(9, b"\x00"))]
        return self.write(name, b"".join(blocks + [packet(0, time & (1 << 64) - 1, frames.udp(100 + i, 9, b"data"))
                                                   for i, time in enumerate(seconds)]))

    def test_out_of_range(self):
        """Ignored, counted, and nothing that follows is raised."""
        year_9999 = int(datetime.datetime(9999, 12, 31, tzinfo=datetime.timezone.utc).timestamp())
        strange = [year_9999, year_9999 + 2 * DAY, 1 << 62, (1 << 64) - 1, 9214646400]
        path = self.write_times(frames.START, *strange, frames.START + 1)
        result = self.succeeds("-r", path, "-w", "-")
        self.assertEqual(ports(result.jsonl()), [100, 106])
        self.assertEqual(self.ledger(result).packets["why"], {"time_out_of_range": 5})
        self.assertTrue(all(record["quality_flags"] == [] for record in result.jsonl()))

    def test_every_reader_reads_the_last_moment(self):
        path = self.write_times(0, 4294967296, 9214646399)
        for profile in ("native", "nfstream"):
            output = self.folder / f"{profile}.avro"
            self.succeeds("-r", path, "-w", output, "--profile", profile)
            with open(output, "rb") as stream:
                self.assertEqual(len(list(fastavro.reader(stream))), 3)
            if importlib.util.find_spec("pandas"):
                program = "import flowsensor, sys; print(len(flowsensor.read(sys.argv[1]).to_pandas()))"
                answer = subprocess.run([sys.executable, "-c", program, output], stdout=subprocess.PIPE, text=True, check=True,
                                        env={**os.environ, "PYTHONPATH": str(REPOSITORY / "deploy" / "python")})
                self.assertEqual(answer.stdout.strip(), "3")

    def test_nfstream_profile_keeps_the_packets(self):
        path = self.write_times(frames.START, 1 << 62, frames.START + 1)
        records = self.succeeds("-r", path, "-w", "-", "--profile", "nfstream").jsonl()
        self.assertEqual(ports(records), [100, 101, 102])
        self.assertLessEqual(max(record["bidirectional_last_seen_ms"] for record in records), (frames.START + 1) * 1000)

    def test_seconds_of_pcap_have_no_sign(self):
        start, frames.START = frames.START, (1 << 31) - 5
        try:
            path = self.write("2038.pcap", frames.pcap([(i, frames.udp(7, 9, b"data")) for i in range(11)]))
        finally:
            frames.START = start
        record, = self.succeeds("-r", path, "-w", "-").jsonl()
        self.assertEqual((record["bidirectional_duration_us"], record["quality_flags"]), (10 ** 7, []))
        record, = self.succeeds("-r", path, "-w", "-", "--profile", "nfstream").jsonl()
        self.assertEqual(record["bidirectional_duration_ms"], 10 ** 4)


if __name__ == "__main__":
    unittest.main()
