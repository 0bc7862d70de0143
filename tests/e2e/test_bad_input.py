"""Bad captures, bad schemas, bad places to write to: one line that names cause, object and remedy, the right exit code,
and what came before is still readable. Run: python3 tests/e2e/run.py test_bad_input
"""
import csv
import io
import json
import os
import stat
import unittest

import fastavro

import frames
from harness import CAPTURES, NOBODY, SCHEMAS, Case, run

ROOT = os.geteuid() == 0
NEEDS_ROOT = unittest.skipUnless(ROOT, "changing the user needs root")


def rows(text):
    return list(csv.DictReader(io.StringIO(text)))


class Captures(Case):
    def test_no_such_file(self):
        self.refused(os.EX_NOINPUT, ["no such capture file", "absent.pcap", "check the path"], "-r", "absent.pcap", "-w", "null:")

    def test_files_that_are_refused_among_several(self):
        """Each is named before the first packet, the others are read, and the exit code is the first one's."""
        names = [self.write(f"good{i}.pcap", frames.pcap([(i, frames.udp(5000 + i, 53, b"question"))])) for i in range(2)]
        empty, text = self.write("empty.pcap", b""), self.write("letter.txt", "Dear reader, this is no capture at all.\n")
        for bad, code, says in (("absent.pcap", os.EX_NOINPUT, "no such capture file"), (self.folder, os.EX_NOINPUT, "is a directory"),
                                (empty, os.EX_DATAERR, "is empty"), (text, os.EX_DATAERR, "not a pcap or pcapng capture")):
            for place in range(3):
                with self.subTest(bad=bad, place=place):
                    captures = list(names)
                    captures.insert(place, bad)
                    result = run(*[word for name in captures for word in ("-r", name)], "-w", "-")
                    self.failed(result, code, [bad, says])
                    self.assertEqual({row["src_port"] for row in result.jsonl()}, {5000, 5001})
        result = run("-r", empty, "-r", names[0], "-r", "absent.pcap", "-r", self.folder, "-w", "-")
        self.assertEqual(result.code, os.EX_NOINPUT)
        for line, says in zip(result.errors, ("absent.pcap", "is a directory", "empty.pcap"), strict=True):
            self.assertIn(says, line)

    def test_no_file_that_can_be_read(self):
        """All are named, and no output is begun."""
        output = self.folder / "flows.csv"
        result = run("-r", "absent.pcap", "-r", self.write("empty.pcap", b""), "-w", output)
        self.assertEqual(result.code, os.EX_DATAERR)
        self.assertEqual(len(result.errors), 2, result)
        self.assertFalse(output.exists(), "an output was begun though nothing can be read")

    def test_folder_instead_of_a_file(self):
        self.refused(os.EX_NOINPUT, [self.folder, "directory", "name the capture files"], "-r", self.folder, "-w", "null:")

    def test_not_a_capture(self):
        text = self.write("letter.txt", "Dear reader, this is a letter and no capture at all.\n")
        self.refused(os.EX_DATAERR, ["letter.txt", "not a pcap or pcapng capture"], "-r", text, "-w", "null:")

    def test_not_a_capture_behind_a_good_one(self):
        good, bad = self.write("good.pcap", frames.conversations(5)), self.write("bad.pcap", "no capture, only words, enough of them")
        output = self.folder / "flows.csv"
        result = run("-r", good, "-r", bad, "-w", output)
        self.failed(result, os.EX_DATAERR, ["bad.pcap", "not a pcap or pcapng capture"])
        self.assertEqual(len(rows(output.read_text())), 5)
        self.assertEqual(self.ledger(result).packets["read"], 10)

    def test_file_of_no_bytes(self):
        self.refused(os.EX_DATAERR, ["nothing.pcap", "is empty", "header"], "-r", self.write("nothing.pcap", b""), "-w", "null:")

    def test_standard_input_of_no_bytes(self):
        self.refused(os.EX_DATAERR, ["standard input", "is empty"], "-r", "-", "-w", "null:")

    def test_capture_without_packets(self):
        empty = self.write("empty.pcap", frames.pcap([]))
        result = self.succeeds("-r", empty, "--format", "csv", "-w", "-")
        self.assertEqual(len(result.text().splitlines()), 1, "a CSV of no flows is its header")
        self.assertEqual(self.ledger(result).packets["read"], 0)
        self.succeeds("-r", empty, "-w", self.folder / "flows.avro")
        with open(self.folder / "flows.avro", "rb") as stream:
            self.assertEqual(list(fastavro.reader(stream)), [])

    def test_unknown_link_type(self):
        """Packets of a link type that nobody decodes are read, ignored for that reason, and a warning names it."""
        packets = [(0.1 * i, b"some bytes of a private link type") for i in range(7)]
        private = self.write("private.pcap", frames.pcap(packets, link_type=frames.USER0))
        result = self.succeeds("-r", private, "-w", "-")
        ledger = self.ledger(result)
        self.assertEqual(ledger.packets, {"read": 7, "metered": 0, "ignored": 7, "why": {"link_type": 7}})
        self.assertEqual(result.out, b"")
        warnings = [line for line in result.lines if "warning" in line]
        self.assertEqual(len(warnings), 1, result)
        for word in ("private.pcap", "147", "not decoded"):
            self.assertIn(word, warnings[0])

    def test_link_type_that_no_one_knows(self):
        """One that uses reserved bits is a damaged header; any other may come to be, and its packets are counted."""
        strange = self.write("strange.pcap", frames.pcap([], link_type=3145728))
        self.refused(os.EX_DATAERR, ["strange.pcap", "link type", "3145728", "reserved"], "-r", strange, "-w", "null:")
        new = self.write("new.pcap", frames.pcap([(0, b"bytes of a link type that was given out later")], link_type=0xFFF0))
        self.assertEqual(self.ledger(self.succeeds("-r", new, "-w", "null:")).packets["why"], {"link_type": 1})

    @NEEDS_ROOT
    def test_no_permission_to_read(self):
        secret = self.write("secret.pcap", frames.conversations(1))
        secret.chmod(0)
        self.refused(os.EX_NOPERM, ["no permission", "secret.pcap", "read access"], "-r", secret, "-w", "null:", prefix=NOBODY,
                     binary=self.public_binary())

    def test_standard_input_given_twice(self):
        self.refused(os.EX_USAGE, ["standard input", "twice"], "-r", "-", "-r", "-", "-w", "null:")

    def test_bad_filter(self):
        good = self.write("good.pcap", frames.conversations(1))
        self.refused(os.EX_CONFIG, ["prot 53", "good.pcap", "pcap-filter(7)"], "-r", good, "-f", "prot 53", "-w", "null:")


class Truncated(Case):
    """A capture that breaks off within its last packet: exit 65, and all flows before the cut are in the output."""

    def setUp(self):
        super().setUp()
        self.capture = self.write("cut.pcap", frames.conversations(50)[:-5])

    def check(self, output, count):
        result = run("-r", self.capture, "-w", output)
        self.failed(result, os.EX_DATAERR, ["cut.pcap", "cut or damaged", "99 packets", "the packets before that are metered"])
        ledger = self.ledger(result)
        self.assertEqual(ledger.packets["read"], 99)
        self.assertEqual(ledger.outputs["file"]["acknowledged"], 50)
        self.assertEqual(count(output), 50)

    def test_one_line_at_level_error(self):
        self.refused(os.EX_DATAERR, ["cut.pcap"], "-r", self.capture, "-w", "null:")

    def test_csv(self):
        self.check(self.folder / "flows.csv", lambda path: len(rows(path.read_text())))

    def test_jsonl(self):
        self.check(self.folder / "flows.jsonl", lambda path: len([json.loads(line) for line in path.read_text().splitlines()]))

    def test_avro(self):
        def count(path):
            with open(path, "rb") as stream:
                return len(list(fastavro.reader(stream)))
        self.check(self.folder / "flows.avro", count)

    def test_from_standard_input(self):
        result = run("-r", "-", "-w", "-", stdin=self.capture.read_bytes())
        self.failed(result, os.EX_DATAERR, ["standard input", "99 packets"])
        self.assertEqual(len(result.jsonl()), 50)

    def test_pcapng(self):
        whole = (CAPTURES / "nano.pcapng").read_bytes()
        cut = self.write("cut.pcapng", whole[:len(whole) // 2])
        result = run("-r", cut, "-w", "-")
        self.failed(result, os.EX_DATAERR, ["cut.pcapng", "cut or damaged"])
        self.assertGreater(len(result.jsonl()), 0)


class Interfaces(Case):
    def test_no_such_interface(self):
        self.refused(os.EX_NOINPUT, ["no interface \"lo0\"", "did you mean \"lo\""], "-i", "lo0", "-w", "null:")

    def test_name_that_no_interface_can_have(self):
        self.refused(os.EX_CONFIG, ["capture.interfaces", "longer than an interface's name"], "-i", "x" * 300, "-w", "null:")

    def test_no_permission_to_capture(self):
        self.refused(os.EX_NOPERM, ["no permission", "lo", "cap_net_raw"], "-i", "lo", "-w", "null:",
                     prefix=NOBODY if ROOT else (), binary=self.public_binary())

    @NEEDS_ROOT
    def test_bad_filter(self):
        self.refused(os.EX_CONFIG, ["prot 53", "lo", "pcap-filter(7)"], "-i", "lo", "-f", "prot 53", "-w", "null:")


class Schemas(Case):
    """Changes to flow/v1 that must not get past the start."""

    def setUp(self):
        super().setUp()
        self.capture = self.write("good.pcap", frames.conversations(1))
        self.schema = json.loads((SCHEMAS / "flow" / "v1.avsc").read_text())

    def field(self, name):
        return next(field for field in self.schema["fields"] if field["name"] == name)

    def check(self, *says, text=None):
        path = self.write("changed.avsc", json.dumps(self.schema) if text is None else text)
        output = self.folder / "flows.avro"
        self.refused(os.EX_CONFIG, ["changed.avsc", *says], "-r", self.capture, "--schema", path, "-w", output)
        self.assertFalse(output.exists(), "an output was begun with a refused schema")

    def test_unchanged_copy_is_taken(self):
        path = self.write("copy.avsc", json.dumps(self.schema))
        self.assertEqual(len(self.succeeds("-r", self.capture, "--schema", path, "-w", "-").jsonl()), 1)

    def test_no_such_schema(self):
        self.refused(os.EX_CONFIG, ["flow/v9", "flow/v1"], "-r", self.capture, "--schema", "flow/v9", "-w", "null:")

    def test_unknown_field(self):
        self.field("src_ip")["name"] = "src_ipp"
        self.check("src_ipp", "no such value", "did you mean src_ip?")

    def test_unknown_field_far_from_any(self):
        self.field("src_ip")["name"] = "zzz_favourite_colour_of_the_operator"
        self.check("zzz_favourite_colour_of_the_operator", "field reference")

    def test_wrong_type(self):
        self.field("src_port")["type"] = "string"
        self.check("src_port", "type string found", "int expected")

    def test_type_without_null(self):
        field = self.field("icmp_type")
        field["type"] = "int"
        del field["default"]
        self.check("icmp_type", "can be null", '["null", int]')

    def test_duplicate_field(self):
        self.schema["fields"].append(dict(self.field("src_ip")))
        self.check("src_ip", "a second field of this name")

    def test_duplicate_key(self):
        self.check("duplicate", text=json.dumps(self.schema).replace('"name": "Flow"', '"name": "Flow", "name": "Flow"', 1))

    def test_wrong_default(self):
        self.field("src_mac")["default"] = "00:00:00:00:00:00"
        self.check("src_mac", "wrong default", "null")

    def test_nullable_without_default(self):
        del self.field("src_mac")["default"]
        self.check("src_mac", "no default", 'add "default": null')

    def test_null_second(self):
        self.field("src_mac")["type"] = ["string", "null"]
        self.check("src_mac", "null is not the first")

    def test_nested_union(self):
        self.field("src_mac")["type"] = ["null", ["null", "string"]]
        self.check("src_mac", "a union within a union")

    def test_unsupported_type(self):
        self.field("src_port")["type"] = {"type": "map", "values": "long"}
        self.check("src_port", "unsupported type", "map")

    def test_no_doc(self):
        del self.field("src_port")["doc"]
        self.check("src_port", 'no "doc"')

    def test_no_namespace(self):
        del self.schema["namespace"]
        self.check('no "namespace"')

    def test_no_fields(self):
        self.schema["fields"] = []
        self.check("no fields", "add at least one")

    def test_not_a_record(self):
        self.check("not a record", text='{"type": "enum", "name": "E", "symbols": ["A"]}')

    def test_not_json(self):
        self.check("line 1", "JSON", text="{ name: Flow }")

    def test_larger_than_a_schema_may_be(self):
        self.check("larger than 1 MiB", text=json.dumps(self.schema) + " " * (1 << 20))

    def test_fields_of_two_profiles(self):
        self.refused(os.EX_CONFIG, ["nfstream/v1", "profile", "nfstream"], "-r", self.capture, "--schema", "nfstream/v1", "-w", "null:")

    def test_switch_that_no_schema_asks_for(self):
        self.schema["fields"] = [self.field("src_ip"), self.field("dst_ip")]
        path = self.write("slim.avsc", json.dumps(self.schema))
        self.refused(os.EX_CONFIG, ["meter.splt_analysis", "unset it or choose"], "-r", self.capture, "--schema", path, "-w", "null:",
                     "--set", "meter.splt_analysis=5")


class Outputs(Case):
    def setUp(self):
        super().setUp()
        self.capture = self.write("good.pcap", frames.conversations(2000))

    def test_folder_is_absent(self):
        path = self.folder / "absent" / "flows.csv"
        self.refused(os.EX_CANTCREAT, [path, "cannot create", "check the folder"], "-r", self.capture, "-w", path)

    @NEEDS_ROOT
    def test_no_permission_to_write(self):
        path = self.folder / "flows.csv"
        self.refused(os.EX_NOPERM, [path, "Permission denied", "permissions"], "-r", self.capture, "-w", path, prefix=NOBODY,
                     binary=self.public_binary())

    def test_full_disk(self):
        self.assertTrue(stat.S_ISCHR(os.stat("/dev/full").st_mode))
        for output_format in ("avro", "csv", "jsonl"):
            with self.subTest(output_format):
                self.refused(os.EX_IOERR, ["/dev/full", "No space left", "free space"], "-r", self.capture, "-w", "/dev/full",
                             "--format", output_format, "--set", "delivery.timeout=1s")

    def test_disk_that_fills_up_leaves_whole_records(self):
        """A file system of 1 MiB: the output ends with a whole block, and the ledger counts what didn't fit."""
        if not ROOT:
            self.skipTest("mounting needs root")
        disk = self.folder / "disk"
        disk.mkdir()
        path = disk / "flows.avro"
        mount = f'mount -t tmpfs -o size=1m none "{disk}" && "$@"; code=$?; cp "{disk}"/* "{self.folder}"; umount "{disk}"; exit $code'
        result = run("-r", self.capture, "-w", path, "--set", "outputs.0.codec=null", "--set", "delivery.timeout=1s",
                     prefix=("unshare", "-m", "sh", "-c", mount, "sh"))
        self.failed(result, os.EX_IOERR, [path, "No space left"])
        with open(self.folder / "flows.avro", "rb") as stream:
            records = list(fastavro.reader(stream))
        output = self.ledger(result).outputs["file"]
        self.assertGreater(len(records), 0)
        self.assertEqual(len(records), output["acknowledged"])
        self.assertEqual(set(output["why"]), {"write_failed"})

    def test_one_output_fails_the_other_gets_everything(self):
        path = self.folder / "flows.csv"
        result = run("-r", self.capture, "--set", f"outputs.0.path={path}", "--set", "outputs.1.path=/dev/full", "--set", "outputs.1.name=full", "--set",
                     "delivery.timeout=1s")
        self.failed(result, os.EX_IOERR, ["full", "/dev/full"])
        self.assertFalse(path.exists() and not path.read_text(), "an output was begun and left without its header")

    def test_closed_standard_output(self):
        self.refused(os.EX_IOERR, ["standard output", "-w"], "-r", self.capture, "-w", "-", close_fds=(1,))

    def test_closed_standard_descriptors_never_become_files(self):
        """With standard error closed, log lines must not end up in the first file that is opened."""
        path = self.folder / "flows.jsonl"
        result = run("-r", self.capture, "-w", path, close_fds=(0, 1, 2))
        self.assertEqual(result.code, 0, result)
        self.assertEqual(len([json.loads(line) for line in path.read_text().splitlines()]), 2000)

    def test_reader_of_standard_output_goes_away(self):
        descriptor, write_end = os.pipe()
        os.close(descriptor)
        running = self.start("-r", self.capture, "-w", "-", "--set", "log.level=error", stdout=write_end)
        os.close(write_end)
        result = running.finish()
        self.assertEqual((result.code, result.lines), (0, []), result)

    def test_failure_of_standard_output_cuts_nothing_that_was_there(self):
        """Standard output appended to a file on a full disk: what others wrote there stays."""
        if not ROOT:
            self.skipTest("mounting needs root")
        disk = self.folder / "disk"
        disk.mkdir()
        commands = (f'mount -t tmpfs -o size=1m none "{disk}" && head -c 900000 /dev/zero | tr "\\0" "x" >"{disk}/log"; '
                    f'"$@" >>"{disk}/log"; code=$?; head -c 900000 "{disk}/log" >"{self.folder}/log"; umount "{disk}"; exit $code')
        result = run("-r", self.capture, "-w", "-", "--set", "delivery.timeout=1s", prefix=("unshare", "-m", "sh", "-c", commands, "sh"))
        self.failed(result, os.EX_IOERR, ["standard output", "No space left"])
        self.assertEqual((self.folder / "log").read_bytes(), b"x" * 900000)

    def refused_and_kept(self, kept, words, *arguments, **options):
        """Refused before anything is opened; what is read stays as it is."""
        before = kept.read_bytes()
        self.refused(os.EX_CONFIG, ["overwrite", "choose another path", *words], *arguments, **options)
        self.assertEqual(kept.read_bytes(), before)
        self.assertEqual(sorted(path.name for path in self.folder.iterdir()), self.names)

    def test_output_that_is_what_is_read(self):
        """By whatever name either is opened: links, descriptors, redirections, files of a ring, keys."""
        capture = self.write("good.csv", self.capture.read_bytes())
        small = self.write("small.csv", frames.pcap([]))
        key = self.write("key.csv", b"0123456789abcdef0123456789abcdef")
        ring = self.write("flows.2.csv", self.capture.read_bytes())
        hard, soft = self.folder / "hard.csv", self.folder / "soft.csv"
        hard.hardlink_to(capture)
        soft.symlink_to(capture)
        self.names = sorted(path.name for path in self.folder.iterdir())
        for read, written in ((capture, capture), (capture, hard), (hard, soft), (soft, capture), (small, small)):
            with self.subTest(read=read, written=written):
                self.refused_and_kept(capture, [written], "-r", read, "-w", written)
                self.refused_and_kept(capture, [written], "-r", self.capture, "-r", read, "-w", "null:", "-w", written)
        for name in ("-", "/dev/stdin", "/proc/self/fd/0"):
            with self.subTest(name):
                redirected = ("sh", "-c", f'exec "$@" <"{capture}"', "sh")
                self.refused_and_kept(capture, [soft], "-r", name, "-w", soft, prefix=redirected)
        for read, redirection in ((capture, f'>>"{hard}"'), (capture, f'1<>"{soft}"'), ("-", f'<"{hard}" >>"{soft}"')):
            with self.subTest(redirection):
                self.refused_and_kept(capture, ["standard output"], "-r", read, "-w", "-", prefix=("sh", "-c", f'exec "$@" {redirection}', "sh"))
        ring_of = ("--set", "outputs.0.rotate_flows=10", "--set", "outputs.0.rotate_files=3")
        self.refused_and_kept(ring, [ring], "-r", ring, "-w", self.folder / "flows.csv", *ring_of)
        self.refused_and_kept(key, [key, "identity.key_file"], "-r", capture, "-w", key, "--set", f"identity.key_file={key}")

    def test_what_is_no_file_may_be_both(self):
        """/dev/null is nobody's capture, and a pipe no file."""
        self.refused(os.EX_DATAERR, ["is empty"], "-r", "/dev/null", "-w", "/dev/null", "--format", "csv")
        self.succeeds("-r", "-", "-w", "-", stdin=self.capture.read_bytes())

    def test_output_that_is_the_input(self):
        before = self.capture.read_bytes()
        link = self.folder / "link.avro"
        link.symlink_to(self.capture)
        for output in (self.capture, link):
            self.refused(os.EX_CONFIG, [output, "overwrite the capture", "choose another path"], "-r", self.capture, "-w", output, "--format", "csv")
        self.assertEqual(self.capture.read_bytes(), before, "the capture was overwritten")


if __name__ == "__main__":
    unittest.main()
