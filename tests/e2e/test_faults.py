"""Calls that fail as the kernel lets them fail: the n-th allocation, write, thread, wait or open of the program (tests/faults). Whatever
fails, the run ends by itself, without a signal, with 0 or with a sysexits code and a line, its ledger closes, and nothing leaks
where the program is built with AddressSanitizer. LONG=yes: each n; else some of them.

Run: python3 tests/e2e/run.py test_faults
"""
import json
import os
import re
import shutil
import signal
import subprocess
import time
import unittest
from concurrent.futures import ThreadPoolExecutor

import frames
from harness import BINARY, CAPTURES, Case, Result, environment, run, wait_until

LIBRARY = BINARY.parents[1] / "tests" / "faults" / "faults.so"
LONG = os.environ.get("LONG") == "yes"
SAMPLES = 8  # of a kind and a scenario
LIMIT_S = 60
SYSEXITS = range(64, 79)
KINDS = ("alloc", "write", "thread", "wait", "open")
SANITIZER = "verify_asan_link_order=0:detect_leaks=1:abort_on_error=0:exitcode=1"


class Faults(Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        if not LIBRARY.exists():
            raise unittest.SkipTest(f"no {LIBRARY}: the program was built without its tests")

    def attempt(self, folder, arguments, until=None, **faults):
        """One run in a folder of its own; `until`: then it is told to end. The result, and what the library has to say."""
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        report = folder / "faults"
        variables = {f"FAULTS_{name.upper()}": str(value) for name, value in faults.items()}
        env = environment({"LD_PRELOAD": str(LIBRARY), "FAULTS_REPORT": str(report), "ASAN_OPTIONS": SANITIZER, **variables})
        began = time.monotonic()
        with open(folder / "errors", "w+b") as errors:
            process = subprocess.Popen([str(BINARY), *map(str, arguments)], cwd=folder, env=env, stdin=subprocess.DEVNULL,
                                       stdout=subprocess.DEVNULL, stderr=errors)
            try:
                wait_until(lambda: not until or process.poll() is not None or until in os.pread(errors.fileno(), 1 << 16, 0), LIMIT_S,
                           f"a beginning or an end: {faults}")
                if until and process.poll() is None:
                    process.send_signal(signal.SIGTERM)
                process.wait(LIMIT_S)
            except subprocess.TimeoutExpired:
                self.fail(f"it hangs: {faults}, {report.read_text()}")
            finally:
                if process.poll() is None:
                    process.kill()
                    process.wait()
            errors.seek(0)
            result = Result(process.returncode, b"", errors.read(), time.monotonic() - began)
        return result, report.read_text() if report.exists() else ""

    def judge(self, result, report, faults):
        what = f"{faults}: {report}\n{result}"
        self.assertTrue(result.code == 0 or result.code in SYSEXITS, what)
        self.assertNotRegex("\n".join(result.lines), "Sanitizer|runtime error:", what)
        if result.code != 0:
            self.assertGreater(len(result.errors), 0, what)
            if "all" not in faults:
                self.assertEqual(len(result.errors), 1, what)
        for output in self.accounts_close(result).outputs.values():
            self.assertEqual(output["in_flight"], 0, what)

    def numbers(self, kind, count):
        if LONG or count <= SAMPLES:
            return range(1, count + 1)
        return sorted({1 + index * (count - 1) // (SAMPLES - 1) for index in range(SAMPLES)})

    def sweep(self, kinds, *arguments, until=None):
        """All kinds, of which the n-th call fails, or that and all after it."""
        result, report = self.attempt(self.folder / "whole", arguments, until)
        self.ended_well(result)
        counts = {kind: int(count) for kind, count in re.findall(r"(?m)^(\w+) (\d+) calls$", report)}
        attempts = [dict({"kind": kind, "at": number}, **more) for kind in kinds for number in self.numbers(kind, counts[kind])
                    for more in ({}, {"all": 1})]
        self.assertGreater(len(attempts), 0)

        def one(number):
            outcome = self.attempt(self.folder / f"run-{number}", arguments, until, **attempts[number])
            shutil.rmtree(self.folder / f"run-{number}")
            return outcome
        failed = 0
        with ThreadPoolExecutor(2) as pool:
            for faults, outcome in zip(attempts, pool.map(one, range(len(attempts)))):
                with self.subTest(**faults):
                    self.judge(*outcome, faults)
                    failed += "failed: " in outcome[1]
        self.assertGreater(failed, len(attempts) // 2, "most calls were not reached")

    def configuration(self, text):
        """Pseudonyms, counters of one's own with their composed schema, three outputs of which one rotates."""
        (self.write("key", bytes(range(32)).hex())).chmod(0o600)
        self.write("id", bytes(range(16)).hex())
        common = f"""
identity = {{ key_file = "{self.folder}/id"; }};
anonymization = {{ key_file = "{self.folder}/key"; }};
delivery = {{ timeout = "1s"; shutdown_timeout = "1s"; }};
udps = {{ packets = [ "syns=tcp[13] = 2" ]; bytes = [ "big=greater 1000" ]; }};
{text}"""
        one = 'name = "one"; path = "a.avro"; codec = "deflate";'
        first = self.write("compose.conf", f'{common}\noutputs = ( {{ {one} schema = "flow/v2"; }} );\n')
        schema = self.write("composed.avsc", run("schema", "compose", "-c", first).out)
        json.loads(schema.read_text())
        return self.write("sensor.conf", f"""{common}
outputs = ( {{ {one} schema = "{schema}"; columns_to_anonymize = [ "address=prefix_preserving", "mac=keep_oui", "name=keep_registered_domain",
                "agent=short_hash", "fingerprint=keep" ]; }},
            {{ name = "two"; path = "b.csv"; rotate_flows = 100; rotate_files = 3; }}, {{ name = "three"; path = "c.jsonl"; }} );
""")

    def test_files(self):
        capture = self.write("large.pcap", frames.conversations(1000))
        conf = self.configuration(f'meter = {{ n_meters = 2; splt_analysis = 10; }}; capture = {{ files = [ "{CAPTURES}/mix.pcap", "{capture}" ]; }};')
        self.sweep(KINDS, "-c", conf)

    def test_one_meter(self):
        self.sweep(("alloc", "write", "open"), "-r", CAPTURES / "dns.pcap", "-w", "flows.csv", "--profile", "nfstream", "--set", "delivery.timeout=1s")

    def test_commands(self):
        conf = self.configuration('capture = { interfaces = [ "lo" ]; };')
        for command in (("schema", "compose"), ("schema", "features"), ("schema", "ddl", "clickhouse"), ("memory",), ("--print-config",)):
            with self.subTest(command):
                self.sweep(("alloc", "open"), *command, "-c", conf)

    @unittest.skipUnless(os.geteuid() == 0, "capturing needs root")
    def test_live(self):
        """Two meters, the monitor, reports and the processes of flows."""
        conf = self.configuration('meter = { n_meters = 2; system_visibility_mode = 1; }; monitoring = { listen = "127.0.0.1:0"; }; '
                                  'performance_report = "1s"; capture = { interfaces = [ "lo" ]; bpf_filter = "udp port 9"; '
                                  # The kernel takes most of a start's time to make rings of the default size.
                                  'socket_buffer_size = "1MiB"; };')
        self.sweep(KINDS, "-c", conf, until=b"capturing on")


if __name__ == "__main__":
    unittest.main()
