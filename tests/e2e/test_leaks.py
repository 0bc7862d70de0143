"""Nothing in clear leaves a process that anonymizes, in what it lets out; and no process leaves a core dump.

Run: python3 tests/e2e/run.py test_leaks
"""
import contextlib
import json
import os
import re
import resource
import signal
import struct
import subprocess
import threading
import unittest
import urllib.request
from pathlib import Path

import fastavro

import personal
from anonymized import KEEP, SEED, Anonymization, comma_list
from harness import BINARY, CAPTURES, NOBODY, Case, environment, is_idle, run, wait_until
from servers import LocalServers
from test_signals import pending

POLICIES = {
    "sample": ["address=prefix_preserving", "mac=keep_oui", "name=keep_registered_domain", "agent=short_hash", "fingerprint=short_hash", "user=drop"],
    "hash": ["all=hash"],
    "drop": ["all=drop"],
    "mixed": ["src_ip=truncate:8,16", "dst_ip=short_hash", "mac=short_hash", "name=keep_registered_domain:cut", "agent=drop",
              "fingerprint=hash", "user=hash"],
    "nfstream": ["all=short_hash"],
}


def listed(items):
    return "[ " + ", ".join(f'"{item}"' for item in items) + " ]"


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
        headers = listed(["sensor_id", "boot_id", "output", "feature_hash", "record_kind", "anon_key_id", "seq"])
        return topic, folder, self.write(f"{name}.conf", f"""
profile = "{"nfstream" if name == "nfstream" else "native"}";
outputs = (
  {{ topic = "{topic}"; kafka = [ {kafka} ]; headers = {headers}; {line} }},
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


UNLIMITED = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)


class Dumps(Case):
    """A core dump would hold packets in clear, keys and passwords."""

    def dumped(self, number, program, *arguments, ready):
        """Whether a program that is killed by the signal, though any core file is allowed, dumps one. The limit is raised once
        more when it is `ready`, if we may: what still keeps it from a dump keeps it from one into a program too (core_pattern)."""
        process = subprocess.Popen([str(program), *arguments], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                   cwd=self.folder, env=environment(None), preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CORE, UNLIMITED))
        try:
            process.stdin.write((CAPTURES / "dns.pcap").read_bytes())
            process.stdin.flush()
            wait_until(lambda: ready(process), what="the program")
            with contextlib.suppress(PermissionError):
                resource.prlimit(process.pid, resource.RLIMIT_CORE, UNLIMITED)
            process.send_signal(number)
            _, status = os.waitpid(process.pid, 0)
        finally:
            process.returncode = 0
            process.stdin.close()
        self.assertEqual(os.WTERMSIG(status), number)
        return os.WCOREDUMP(status) or any(self.folder.glob("core*"))

    def test_none_is_left_whatever_the_policy(self):
        for policy in ("address=hash", "all=keep"):
            for number in (signal.SIGABRT, signal.SIGSEGV, signal.SIGQUIT):
                with self.subTest(policy=policy, number=number):
                    self.assertFalse(self.dumped(number, BINARY, "-r", "-", "-w", "null:", "--set", f"outputs.0.columns_to_anonymize={policy}",
                                                 ready=lambda process: pending(process.stdin) == 0 and is_idle(process)))

    def test_others_leave_one_here(self):
        """Else the test above would prove nothing."""
        if resource.getrlimit(resource.RLIMIT_CORE)[1] != resource.RLIM_INFINITY and os.geteuid() != 0:
            self.skipTest("core files can't be allowed here")
        if Path("/proc/sys/kernel/core_pattern").read_text().startswith("|"):
            self.skipTest("core dumps go to a program on this host")
        self.assertTrue(self.dumped(signal.SIGABRT, "sleep", "60", ready=lambda process: Path(f"/proc/{process.pid}/comm").read_text() == "sleep\n"))

    def test_memory_and_environment_are_nobodys(self):
        """The kernel gives /proc/PID of a process that isn't dumpable to root; the process itself is another user's."""
        if os.geteuid() != 0:
            self.skipTest("another user needs root")
        running = self.start("-r", "-", "-w", "null:", prefix=NOBODY, binary=self.public_binary(), stdin=subprocess.PIPE)
        wait_until(lambda: is_idle(running.process), what="reading")
        for name in ("environ", "mem", "maps", "fd"):
            self.assertEqual(os.stat(f"/proc/{running.process.pid}/{name}").st_uid, 0, name)
        read = subprocess.run([*NOBODY, "cat", f"/proc/{running.process.pid}/environ"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
        self.assertEqual((read.returncode, read.stdout), (1, b""))


if __name__ == "__main__":
    unittest.main()
