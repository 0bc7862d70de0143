"""Anonymization: values are as defined, NFStream's parameter does the same, and what can't be done is refused.

Run: python3 tests/e2e/run.py test_anonymization
"""
import csv
import io
import os
import subprocess
import sys
import unittest

import personal
from anonymized import KEEP, KEY, SEED, Anonymization, Pseudonyms
from harness import CAPTURES, REPOSITORY, SHARED

SECRET = ("src_ip", "dst_ip", "src_mac", "dst_mac", "requested_server_name", "user_agent", "ja3")


class Values(Anonymization):
    """Each value as the definition in Python says, from the same records in clear."""

    def both(self, capture, items, *arguments):
        """(record in clear, record as the items say), one after another."""
        clear = self.records(capture, KEEP, *arguments)
        hidden = self.records(capture, items, *arguments, key=self.key_file())
        self.assertEqual(len(clear), len(hidden))
        self.assertGreater(len(clear), 50)
        return list(zip(clear, hidden))

    def check(self, capture, items, expected, *arguments):
        """`expected`: for each field a function of its value in clear; all other fields are as they were."""
        defined = Pseudonyms(KEY)
        for clear, hidden in self.both(capture, items, *arguments):
            for field, value in clear.items():
                if field in expected and value is not None:
                    self.assertEqual(hidden[field], expected[field](defined, value), field)
                elif field not in ("boot_id", "flow_uid", "feature_hash", "anon_key_id"):
                    self.assertEqual(hidden[field], value, field)
            if "anon_key_id" in hidden:
                self.assertEqual(hidden["anon_key_id"], defined.anon_key_id())

    def captures(self):
        yield self.write("personal.pcap", personal.Personal(SEED).capture)
        yield CAPTURES / "mix.pcap"

    def test_hash_and_short_hash(self):
        fields = ("src_ip", "dst_ip", "src_mac", "dst_mac", "src_oui", "dst_oui", "requested_server_name", "user_agent", "ja3", "ja3s",
                  "hassh", "hassh_server", "dhcp_fingerprint", "capture_file")
        for capture in self.captures():
            self.check(capture, ["all=hash"], dict.fromkeys(fields, Pseudonyms.hash))
            self.check(capture, ["all=short_hash"], dict.fromkeys(fields, Pseudonyms.short_hash))

    def test_prefix_preserving_and_keep_oui(self):
        def oui(defined, value):
            return defined.keep_oui(value + ":00:00:00")[:8] if not int(value[:2], 16) & 2 else None

        for capture in self.captures():
            self.check(capture, ["address=prefix_preserving"], dict.fromkeys(("src_ip", "dst_ip"), Pseudonyms.prefix_preserving))
            self.check(capture, ["src_mac=keep_oui", "dst_mac=keep_oui"], dict.fromkeys(("src_mac", "dst_mac"), Pseudonyms.keep_oui))
            for clear, hidden in self.both(capture, ["mac=keep_oui"]):
                for end in ("src", "dst"):
                    self.assertEqual(hidden[f"{end}_oui"], hidden[f"{end}_mac"][:8])
                    if wanted := oui(Pseudonyms(KEY), clear[f"{end}_oui"]):
                        self.assertEqual(hidden[f"{end}_oui"], wanted)

    def test_keep_registered_domain(self):
        def domain(name):
            """Of the names in this capture."""
            if name.endswith(".arpa"):
                return "in-addr.arpa"
            return next((known for known in personal.DOMAINS if name.endswith("." + known)), "")

        capture = next(self.captures())
        self.check(capture, ["name=keep_registered_domain"],
                   {"requested_server_name": lambda defined, name: defined.keep_registered_domain(name, domain(name))})
        names = {hidden["requested_server_name"] for _, hidden in self.both(capture, ["name=keep_registered_domain:cut"])}
        self.assertEqual(names, {None, "in-addr.arpa", *personal.DOMAINS})

    def test_example_program(self):
        program = REPOSITORY / "deploy" / "examples" / "python" / "pseudonyms.py"
        record = self.records(CAPTURES / "mix.pcap", ["src_ip=prefix_preserving"], key=self.key_file())[0]
        clear = self.records(CAPTURES / "mix.pcap", KEEP)[0]
        done = subprocess.run([sys.executable, program, self.key_file(), "prefix_preserving", clear["src_ip"]], capture_output=True, text=True,
                              check=True)
        self.assertEqual(done.stdout.strip(), record["src_ip"])

    def test_runs_can_be_joined_only_by_a_kept_key(self):
        first, second = (self.records(CAPTURES / "dns.pcap", ["all=hash"], key=self.key_file()) for _ in range(2))
        self.assertEqual([[record[name] for name in SECRET] for record in first], [[record[name] for name in SECRET] for record in second])
        result = self.succeeds("-r", CAPTURES / "dns.pcap", "-w", "-", "--set", "outputs.0.columns_to_anonymize=all=hash")
        self.assertEqual(len([line for line in result.lines if "anonymization.key_file is not set" in line and "warning" in line]), 1, result)
        third = result.jsonl()
        self.assertNotEqual(first[0]["src_ip"], third[0]["src_ip"])
        self.assertNotEqual(first[0]["anon_key_id"], third[0]["anon_key_id"])

    def test_nothing_is_said_where_no_key_is_needed(self):
        result = self.succeeds("-r", CAPTURES / "dns.pcap", "-w", "-", "--set", "outputs.0.columns_to_anonymize=all=drop,address=truncate")
        self.assertFalse([line for line in result.lines if "anonymization" in line], result)
        self.assertEqual({record["anon_key_id"] for record in result.jsonl()}, {None})


NFSTREAM = """
import sys
from nfstream import NFStreamer
if __name__ == "__main__":
    NFStreamer(source=sys.argv[1], n_meters=1).to_csv(path=sys.argv[2], columns_to_anonymize=sys.argv[3].split(","))
"""
COLUMNS = "src_ip,src_mac,src_oui,dst_ip,dst_mac,src_port,dst_port,bidirectional_packets,bidirectional_first_seen_ms"


class AsNFStream(Anonymization):
    """NFStream's parameter: the same columns hashed, the same values equal, everything else as it is."""

    @staticmethod
    def pattern(rows, columns):
        """Each cell's number, equal for equal cells, in the order in which they come first."""
        numbers = {}
        return [[numbers.setdefault(row[column], len(numbers)) for column in columns] for row in rows]

    def test_pattern_of_equal_values(self):
        captures = [CAPTURES / "mix.pcap", *(path for path in [SHARED / "pcaps" / "instagram.pcap"] if path.exists())]
        columns, program = COLUMNS.split(","), self.write("nfstream_run.py", NFSTREAM)
        for capture in captures:
            with self.subTest(capture.name):
                path = self.folder / f"{capture.stem}.csv"
                subprocess.run([sys.executable, program, capture, path, COLUMNS], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                               cwd=self.folder, timeout=120)
                theirs = list(csv.DictReader(io.StringIO(path.read_text())))
                done = self.succeeds("-r", capture, "-w", "-", "--format", "csv", "--profile", "nfstream",
                                     "--set", f"outputs.0.columns_to_anonymize={COLUMNS}")
                ours = list(csv.DictReader(io.StringIO(done.text())))
                self.assertEqual(self.pattern(ours, columns), self.pattern(theirs, columns))
                for mine, other in zip(ours, theirs):
                    for column in columns:
                        self.assertRegex(mine[column], "^[0-9a-f]{128}$")
                        self.assertNotEqual(mine[column], other[column])  # either key is random
                    for column in ("dst_oui", "protocol", "bidirectional_bytes", "src2dst_first_seen_ms"):
                        self.assertEqual(mine[column], other[column])


class Refusals(Anonymization):
    """Starts that are refused, each in one line; tests/unit/record/anonymize/policy_test.c has the rest."""

    def refuse(self, code, says, *arguments):
        self.refused(code, says, "-r", CAPTURES / "dns.pcap", "-w", self.folder / "x.avro", *arguments)
        self.assertFalse((self.folder / "x.avro").exists())

    def test_a_method_that_does_not_fit(self):
        self.refuse(os.EX_CONFIG, ["address=keep_oui", "doesn't fit the class address", "prefix_preserving"],
                    "--set", "outputs.0.columns_to_anonymize=address=keep_oui")

    def test_a_key_that_others_can_read(self):
        path = self.key_file(mode=0o644)
        self.refuse(os.EX_CONFIG, [path, "mode 0644", f"chmod 600 {path}"], "--set", "outputs.0.columns_to_anonymize=all=hash",
                    "--set", f"anonymization.key_file={path}")

    def test_a_key_that_is_none(self):
        path = self.write("key", "0123")
        path.chmod(0o600)
        self.refuse(os.EX_CONFIG, [path, "64 hexadecimal digits", "openssl rand -hex 32"], "--set", "outputs.0.columns_to_anonymize=all=hash",
                    "--set", f"anonymization.key_file={path}")

    def test_a_key_that_is_not_there(self):
        self.refuse(os.EX_NOINPUT, [self.folder / "none", "No such file"], "--set", "outputs.0.columns_to_anonymize=all=hash",
                    "--set", f"anonymization.key_file={self.folder / 'none'}")

    def test_the_line_that_is_shown_starts(self):
        """What the refusal tells to add is enough."""
        conf = self.write("sensor.conf", 'outputs = ( { topic = "flows"; kafka = [ "bootstrap.servers=127.0.0.1:9" ]; } );')
        refused = self.refused(os.EX_CONFIG, ["nothing says how personal data"], "-c", conf, "-r", CAPTURES / "dns.pcap", "--check-config")
        line = refused.errors[0].split("the line ")[1].split("; or,")[0] + ";"
        conf.write_text(conf.read_text().replace("kafka =", line + " kafka ="))
        self.succeeds("-c", conf, "-r", CAPTURES / "dns.pcap", "--check-config")


if __name__ == "__main__":
    unittest.main()
