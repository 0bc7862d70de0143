"""Anonymization: nothing in clear leaves the process, values are as defined, keys change at one record.

Run: python3 tests/e2e/run.py test_anonymization
"""
import csv
import hashlib
import importlib.util
import io
import json
import os
import re
import resource
import signal
import struct
import subprocess
import sys
import threading
import unittest
import urllib.request
from pathlib import Path

import fastavro

import frames
import personal
from harness import BINARY, CAPTURES, REPOSITORY, SHARED, Case, environment, is_idle, run, wait_until
from namespaces import FAR, NEAR, Wire
from servers import LocalServers
from test_live import ABLE, wait_for_capture
from test_signals import pending

SEED = 20261124
KEY = bytes(range(100, 132))
POLICIES = {
    "sample": ["address=prefix_preserving", "mac=keep_oui", "name=keep_registered_domain", "agent=short_hash", "fingerprint=short_hash", "user=drop"],
    "hash": ["all=hash"],
    "drop": ["all=drop"],
    "mixed": ["src_ip=truncate:8,16", "dst_ip=short_hash", "mac=short_hash", "name=keep_registered_domain:cut", "agent=drop",
              "fingerprint=hash", "user=hash"],
    "nfstream": ["all=short_hash"],
}
KEEP = ["all=keep"]
SECRET = ("src_ip", "dst_ip", "src_mac", "dst_mac", "requested_server_name", "user_agent", "ja3")


def definition():
    """The published definition of the methods: deploy/examples/python/pseudonyms.py."""
    path = REPOSITORY / "deploy" / "examples" / "python" / "pseudonyms.py"
    spec = importlib.util.spec_from_file_location("pseudonyms", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.Pseudonyms


Pseudonyms = definition()


def listed(items):
    return "[ " + ", ".join(f'"{item}"' for item in items) + " ]"


def comma_list(items):
    """As --set takes it."""
    return ",".join(item.replace(",", "\\,") for item in items)


class Anonymization(Case):
    """What the tests below share: a key file, and runs with columns_to_anonymize."""

    def key_file(self, key=KEY, name="key", mode=0o600):
        path = self.write(name, key.hex() + "\n")
        path.chmod(mode)
        return path

    def records(self, capture, items, *arguments, key=None):
        """Records of one run, as JSON."""
        arguments += ("--set", f"anonymization.key_file={key}") if key else ()
        return self.succeeds("-r", capture, "-w", "-", "--set", f"outputs.0.columns_to_anonymize={comma_list(items)}", *arguments).jsonl()


class Leaks(Anonymization):
    """Everything that a run lets out, searched for everything personal that its capture had."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.servers = LocalServers.get()
        cls.personal = personal.Personal(SEED)

    def setUp(self):
        super().setUp()
        self.capture = self.write("personal.pcap", self.personal.capture)

    def configuration(self, name, items):
        """All outputs at once, each with the same policy; the log as talkative as it gets."""
        folder = self.folder / name
        folder.mkdir()
        topic = self.servers.topic(f"anonymization-{name}")
        line = f"columns_to_anonymize = {listed(items)};"
        kafka = f'"bootstrap.servers={self.servers.bootstrap}", "debug=broker,topic,msg,protocol"'
        return topic, folder, self.write(f"{name}.conf", f"""
profile = "{"nfstream" if name == "nfstream" else "native"}";
outputs = (
  {{ topic = "{topic}"; kafka = [ {kafka} ]; {line} }},
  {{ name = "csv"; path = "{folder}/flows.csv"; {line} }},
  {{ name = "jsonl"; path = "{folder}/flows.jsonl"; {line} }},
  {{ name = "null"; path = "{folder}/null.avro"; codec = "null"; {line} }},
  {{ name = "deflate"; path = "{folder}/deflate.avro"; codec = "deflate"; {line} }},
  {{ name = "out"; path = "-"; {line} }} );
registry = {{ url = "{self.servers.registry}"; cache_directory = "{folder}"; auto_register = true; }};
anonymization = {{ key_file = "{self.key_file()}"; }};
identity = {{ key_file = "{self.write("uid", "0123456789abcdef" * 2)}"; }};
log = {{ level = "debug"; format = "{"json" if name == "hash" else "plain"}"; }};
""")

    def told_by_http(self, items):
        """What the endpoint says while the capture's packets come again and again."""
        running = self.start("-r", "-", "-w", "null:", "--set", f"outputs.0.columns_to_anonymize={comma_list(items)}", "--set",
                             f"anonymization.key_file={self.key_file()}", "--set", "meter.active_timeout=0", "--set",
                             "monitoring.listen=127.0.0.1:0", stdin=subprocess.PIPE)
        stream, running.process.stdin = running.process.stdin, None
        ending = threading.Event()

        def feed():
            with stream:
                stream.write(self.personal.capture[:24])
                while not ending.is_set():
                    stream.write(self.personal.capture[24:])
        thread = threading.Thread(target=feed, daemon=True)
        thread.start()
        found = wait_until(lambda: re.search(rb"monitoring: (http://\S+)/metrics", os.pread(running.errors.fileno(), 1 << 20, 0)),
                           what="the endpoint", limit=30)

        def get(path):
            with urllib.request.urlopen(found[1].decode() + path, timeout=10) as answer:
                return answer.read()
        wait_until(lambda: b"flowsensor_application_flows_total{" in get("/metrics"), what="flows in /metrics", limit=30)
        told = b"\n".join(map(get, ("/metrics", "/livez", "/readyz", "/startupz")))
        ending.set()
        thread.join()
        return told + self.ended_well(running.finish()).raw_error

    def let_out(self, name, items):
        """{where: bytes}: all that the sensor wrote, printed, sent and kept."""
        topic, folder, path = self.configuration(name, items)
        good = run("-c", path, "-r", self.capture)
        self.assertEqual((good.code, good.errors), (0, []), good)
        out = {"standard output": good.out, "log": good.raw_error}
        damaged = self.write("damaged.pcap", self.personal.capture[:-7])
        bad = run("-c", path, "-r", damaged)
        self.assertNotEqual(bad.code, 0, bad)
        out["log of a damaged capture"] = bad.raw_error + bad.out
        out["/metrics and the probes"] = self.told_by_http(items)
        for command in (["--print-config"], ["--check-config"], ["schema", "features"]):
            done = run(*command, "-c", path, "-r", self.capture)
            self.assertEqual(done.code, 0, done)
            out[" ".join(command)] = done.out + done.raw_error
        for file in sorted(folder.iterdir()):
            if file.name != "deflate.avro":  # below, inflated
                out[file.name] = file.read_bytes()
        self.assertTrue({"flows.csv", "flows.jsonl", "null.avro", "deflate.avro"} < {file.name for file in folder.iterdir()})
        self.assertTrue([name for name in out if "cache" in name or name.endswith(".json")], f"no cache among {sorted(out)}")
        with open(folder / "deflate.avro", "rb") as file:
            reader = fastavro.reader(file)
            out["deflate.avro, inflated"] = "\n".join(map(repr, [reader.metadata, *reader])).encode()
        messages = self.servers.messages(topic)
        self.assertGreater(len(messages), personal.CONVERSATIONS)
        out["Kafka's values"] = b"\n".join(message.value() for message in messages)
        out["Kafka's keys"] = b"\n".join(message.key() for message in messages)
        out["Kafka's headers"] = b"\n".join(repr(message.headers()).encode() for message in messages)
        return out

    def fingerprints(self):
        clear = self.records(self.capture, KEEP)
        return {record[name] for record in clear for name in ("ja3", "ja3s", "ja4", "hassh", "dhcp_fingerprint") if record[name]}

    def test_nothing_personal_is_let_out(self):
        search = personal.Search(self.personal, self.fingerprints())
        for name, items in POLICIES.items():
            with self.subTest(name):
                for where, data in self.let_out(name, items).items():
                    self.assertTrue(data or where in ("standard output", "--check-config"), where)
                    self.assertEqual(search.found(data), {}, where)

    def test_a_leak_would_be_found(self):
        """The same search with a policy that keeps all finds every value, and one of each class where only that leaks."""
        search = personal.Search(self.personal, self.fingerprints())
        out = self.let_out("keep", KEEP)
        wanted = {"address": len(self.personal.addresses), "mac": len(self.personal.macs), "name": len(self.personal.names),
                  "agent": len(self.personal.agents), "fingerprint": 1}
        for where in ("standard output", "flows.csv", "flows.jsonl", "null.avro", "deflate.avro, inflated", "Kafka's values"):
            found = search.found(out[where])
            self.assertEqual({kind: len(values) for kind, values in found.items()}, wanted, where)
        # Metrics are of no one, whatever the records show.
        self.assertEqual(search.found(out["/metrics and the probes"]), {})
        for kind in ("address", "mac", "name", "agent", "fingerprint"):
            with self.subTest(kind):
                text = json.dumps(self.records(self.capture, ["all=drop", f"{kind}=keep"])).encode()
                found = search.found(text)
                self.assertGreaterEqual(set(found), {kind})
                # A name may be an address; nothing else is in two classes.
                self.assertLessEqual(set(found), {kind, "address"} if kind == "name" else {kind})

    def test_the_search_knows_every_form(self):
        """Each way of writing a value, hidden in bytes, is found."""
        search = personal.Search(self.personal)
        mac, agent = self.personal.macs[0], self.personal.agents[0]
        for address in self.personal.addresses[:8]:
            packed = address.packed
            for form in (str(address).encode(), address.exploded.upper().encode(), packed, packed[::-1], packed.hex().upper().encode(),
                         packed[::-1].hex().encode(), struct.pack("<I", int(address)) if address.version == 4 else packed):
                self.assertEqual(search.found(b"\0x" + form + b"y\0")["address"], {str(address)})
        for form in (mac, mac[::-1], mac.hex().encode(), mac.hex("-").upper().encode()):
            self.assertEqual(search.found(b"\1" + form + b"\2"), {"mac": {mac.hex(":")}})
        self.assertEqual(search.found(agent.upper().encode()), {"agent": {agent}})


class Dumps(Anonymization):
    """A core dump would hold packets in clear."""

    def dumped(self, number, *arguments):
        """Whether a run that is killed by the signal, allowed any core file, dumps one."""
        unlimited = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
        process = subprocess.Popen([str(BINARY), "-r", "-", "-w", "null:", *arguments], stdin=subprocess.PIPE, stderr=subprocess.PIPE,
                                   cwd=self.folder, env=environment(None), preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CORE, unlimited))
        try:
            process.stdin.write(personal.Personal(SEED).capture)
            process.stdin.flush()
            wait_until(lambda: pending(process.stdin) == 0 and is_idle(process), what="reading of the capture")
            process.send_signal(number)
            _, status = os.waitpid(process.pid, 0)
        finally:
            process.returncode = 0
            process.stdin.close()
            process.stderr.close()
        self.assertEqual(os.WTERMSIG(status), number)
        return os.WCOREDUMP(status) or any(self.folder.glob("core*"))

    def test_none_is_left_by_who_anonymizes(self):
        for number in (signal.SIGABRT, signal.SIGSEGV):
            with self.subTest(number):
                self.assertFalse(self.dumped(number, "--set", "outputs.0.columns_to_anonymize=address=hash"))

    def test_one_would_be_left_otherwise(self):
        if resource.getrlimit(resource.RLIMIT_CORE)[1] != resource.RLIM_INFINITY and os.geteuid() != 0:
            self.skipTest("core files can't be allowed here")
        if Path("/proc/sys/kernel/core_pattern").read_text().startswith("|"):
            self.skipTest("core dumps go to a program on this host")
        self.assertTrue(self.dumped(signal.SIGABRT, "--set", "outputs.0.columns_to_anonymize=all=keep"))
        self.assertTrue(any(self.folder.glob("core*")))


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


class Rotation(Anonymization):
    """A new key while the sensor runs: one record has the old one, the next the new one, none is mixed."""

    KEYS = [hashlib.blake2b(bytes([number]), digest_size=32).digest() for number in (1, 2, 3)]
    USES = (b"hash", b"short_hash", b"prefix_preserving", b"keep_oui", b"keep_registered_domain")

    def logged(self, running, text):
        running.errors.seek(0)
        return text in running.errors.read().decode()

    def replace(self, path, content, mode=0o600):
        """As the mount of a secret does it: the old file or the new one is there, and nothing between."""
        new = self.write("new", content)
        new.chmod(mode)
        new.rename(path)

    def rotate(self, running, path, key):
        self.replace(path, key.hex())
        running.signal(signal.SIGHUP)
        wait_until(lambda: self.logged(running, f"anon_key_id is {Pseudonyms(key).anon_key_id()} from here on"), what="the new key")

    def check(self, records, keys, ends):
        """One change for each new key; each record's ends are the pseudonyms of `ends` by the key that it names."""
        records = sorted(records, key=lambda record: record["seq"])  # of several meters they come as they were made
        self.assertEqual([record["seq"] for record in records], list(range(len(records))))
        ids = [record["anon_key_id"] for record in records]
        wanted = [Pseudonyms(key).anon_key_id() for key in keys]
        self.assertEqual(list(dict.fromkeys(ids)), wanted)
        self.assertEqual(ids, sorted(ids, key=wanted.index))
        expected = {identity: tuple(map(Pseudonyms(key).hash, ends)) for identity, key in zip(wanted, keys)}
        for record in records:
            self.assertEqual((record["src_ip"], record["dst_ip"]), expected[record["anon_key_id"]])

    @unittest.skipUnless(ABLE, "network namespaces need root and iproute2")
    def test_on_a_live_link(self):
        for meters in (1, 3):
            with self.subTest(meters):
                self.on_a_live_link(meters)

    def on_a_live_link(self, meters):
        flows, wire = 1500, Wire()
        self.addCleanup(wire.remove)
        path, written = self.key_file(self.KEYS[0]), self.folder / f"{meters}.jsonl"
        running = self.start("-i", "near0", "-f", "udp", "-w", written, "--set", "outputs.0.columns_to_anonymize=all=hash",
                             "--set", f"anonymization.key_file={path}", "--set", "meter.idle_timeout=200ms", "--set", "log.level=debug",
                             "--set", f"meter.n_meters={meters}", prefix=wire.prefix)
        wait_for_capture(running, meters)
        program = ("import socket,time\nfor port in range(20000, %d):\n s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n"
                   " s.bind(('', port))\n s.sendto(b'x', ('%s', 9))\n s.close()\n time.sleep(0.002)  # the pace of the traffic") % (20000 + flows, NEAR)
        sender = subprocess.Popen(["ip", "netns", "exec", wire.far, sys.executable, "-c", program])

        def wait_for_records(more):
            """Each has more than 3 kB."""
            end = (written.stat().st_size if written.exists() else 0) + 3000 * more
            wait_until(lambda: written.exists() and written.stat().st_size > end, limit=30, what="records")

        wait_for_records(100)
        self.rotate(running, path, self.KEYS[1])
        self.replace(path, "not a key\n")
        running.signal(signal.SIGHUP)
        wait_until(lambda: self.logged(running, "the old key stays in use"), what="the refusal")
        wait_for_records(200)
        self.rotate(running, path, self.KEYS[2])
        wait_for_records(200)
        self.assertEqual(sender.wait(60), 0)
        running.signal(signal.SIGTERM)
        # The file that was none is told, once, and nothing else is wrong.
        result = self.failed(running.finish(), 0, [path, "64 hexadecimal digits", "the old key stays in use"])
        self.assertNotRegex(result.raw_error, rf"{FAR}|{NEAR}".replace(".", "[.]").encode())
        records = [json.loads(line) for line in written.read_text().splitlines()]
        # Datagrams that were sent while the last meter's socket was being opened may be missing.
        self.assertGreater(len(records), flows * 9 // 10)
        self.assertEqual(self.ledger(result).outputs["file"]["acknowledged"], len(records))
        self.check(records, self.KEYS, (FAR, NEAR))

    @staticmethod
    def memory(process):
        """All that the process could write to."""
        regions = [line.split() for line in Path(f"/proc/{process.pid}/maps").read_text().splitlines()]
        with open(f"/proc/{process.pid}/mem", "rb", buffering=0) as file:
            for region in (region for region in regions if region[1].startswith("rw")):
                begin, end = (int(place, 16) for place in region[0].split("-"))
                file.seek(begin)
                yield file.read(end - begin)

    def secrets_in(self, process, key):
        """What of a key is in the process's memory: itself, as digits, or a use's subkey."""
        defined = Pseudonyms(key)
        secrets = {"the key": key, "its digits": key.hex().encode(), **{use.decode(): defined.subkey(use)[:16] for use in self.USES}}
        return {name for chunk in self.memory(process) for name, secret in secrets.items() if secret in chunk}

    @unittest.skipUnless(os.geteuid() == 0, "another's memory is read by root alone")
    def test_an_old_key_is_wiped(self):
        """Of the key in use there are the subkeys in memory, which shows that the search works; of an old one nothing."""
        for meters in (1, 3):
            with self.subTest(meters):
                self.old_key_is_wiped(meters)

    def old_key_is_wiped(self, meters):
        path, capture = self.key_file(self.KEYS[0]), frames.conversations(6000)
        half = 24 + (len(capture) - 24) // 2
        running = self.start("-r", "-", "-w", self.folder / "flows.jsonl", "--set", "outputs.0.columns_to_anonymize=all=hash",
                             "--set", f"anonymization.key_file={path}", "--set", "meter.idle_timeout=1ms",
                             "--set", f"meter.n_meters={meters}", stdin=subprocess.PIPE)
        running.process.stdin.write(capture[:half])
        running.process.stdin.flush()
        wait_until(lambda: pending(running.process.stdin) == 0, what="reading of the first half")
        self.assertEqual(self.secrets_in(running.process, self.KEYS[0]), {use.decode() for use in self.USES})
        self.replace(path, self.KEYS[1].hex())
        running.signal(signal.SIGHUP)
        running.process.stdin.write(capture[half:-40])
        running.process.stdin.flush()
        wait_until(lambda: self.logged(running, Pseudonyms(self.KEYS[1]).anon_key_id()), what="the new key")
        self.assertEqual(self.secrets_in(running.process, self.KEYS[0]), set())
        self.assertEqual(self.secrets_in(running.process, self.KEYS[1]), {use.decode() for use in self.USES})
        running.process.stdin.write(capture[-40:])
        running.process.stdin.close()
        self.ended_well(running.finish())

    def test_in_kafka(self):
        """The header says the same as the record."""
        for meters in (1, 3):
            with self.subTest(meters):
                self.in_kafka(meters)

    def in_kafka(self, meters):
        flows, servers = 6000, LocalServers.get()
        topic, path = servers.topic(f"rotation-{meters}"), self.key_file(self.KEYS[0])
        capture = frames.conversations(flows)
        half = 24 + (len(capture) - 24) // 2
        running = self.start("-r", "-", "--set", f"outputs.0.topic={topic}", "--set", f"outputs.0.kafka=bootstrap.servers={servers.bootstrap}",
                             "--set", "outputs.0.columns_to_anonymize=all=hash", "--set", f"anonymization.key_file={path}",
                             "--set", "meter.idle_timeout=1ms", "--set", f"meter.n_meters={meters}", stdin=subprocess.PIPE)
        running.process.stdin.write(capture[:half])
        running.process.stdin.flush()
        wait_until(lambda: pending(running.process.stdin) == 0 and is_idle(running.process), what="reading of the first half")
        self.replace(path, self.KEYS[1].hex())
        running.signal(signal.SIGHUP)
        if meters > 1:  # with one, the key is read at the next packets
            wait_until(lambda: self.logged(running, Pseudonyms(self.KEYS[1]).anon_key_id()), what="the new key")
        running.process.stdin.write(capture[half:])
        running.process.stdin.close()
        self.ended_well(running.finish())
        schema = fastavro.schema.load_schema(REPOSITORY / "schemas" / "flow" / "v1.avsc")
        records = []
        for message in servers.messages(topic):
            records.append(fastavro.schemaless_reader(io.BytesIO(message.value()[10:]), schema))
            self.assertEqual(dict(message.headers())["anon_key_id"].decode(), records[-1]["anon_key_id"])
        self.assertEqual(len(records), flows)
        self.check(records, self.KEYS[:2], (frames.CLIENT, frames.SERVER))


if __name__ == "__main__":
    unittest.main()
