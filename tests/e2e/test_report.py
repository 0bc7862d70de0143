"""The performance report: on a wire between two network namespaces its lines and records come each interval, busy or quiet, and have
the numbers of what was sent; drops by the kernel are that and nothing else; a topic of its own takes the records; NFStream's line
says the same. Needs root and iproute2. Run: python3 tests/e2e/run.py test_report
"""
import importlib.util
import io
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import unittest
import urllib.request

import fastavro

import frames
from harness import SCHEMAS, Case, Ledger, run, wait_until
from namespaces import Wire
from servers import LocalServers
from test_live import ABLE, wait_for_capture

STATS = "sensor_stats/v1"
SCHEMA = json.loads((SCHEMAS / f"{STATS}.avsc").read_text())
# An EtherType for experiments (IEEE 802): nothing decodes it.
NOT_IP = b"\x02\0\0\0\0\x02" + b"\x02\0\0\0\0\x01" + b"\x88\xb5" + bytes(50)
FILTER = "udp or ether proto 0x88b5"
LINE = re.compile(r"(last )?performance report in ([\d.]+) s: flows expired (\d+) \(\+(\d+)\), open (\d+); packets processed (\d+) \(\+(\d+)\), "
                  r"ignored (\d+) \(\+(\d+)\), dropped by kernel (\d+) \(\+(\d+)\), by interface (\d+) \(\+(\d+)\), "
                  r"sampled out (\d+) \(\+(\d+)\), shed (\d+) \(\+(\d+)\); meters (.+?)(?:; overload step \d)?$")
# In the order of LINE, for totals and for what they grew by.
COUNTERS = ("flows_expired", "packets_processed", "packets_ignored", "packets_dropped_kernel", "packets_dropped_interface",
            "packets_sampled_out", "packets_shed")
SENDER = """
import socket, sys, time
link = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
link.bind(("far0", 0))
for line in open(sys.argv[1]).read().split():
    link.send(bytes.fromhex(line))
    time.sleep(float(sys.argv[2]))  # the pace of the traffic
"""
NFSTREAM = """
import sys
from nfstream import NFStreamer
for flow in NFStreamer(source="near0", bpf_filter=sys.argv[1], n_meters=1, n_dissections=0, idle_timeout=2, performance_report=1):
    pass
"""


def datagrams(flows, each, payload=b"datagram"):
    """Frames of `flows` UDP flows, interleaved."""
    return [frames.udp(10000 + flow, 7000, payload) for _ in range(each) for flow in range(flows)]


def lines_of(result):
    """The lines of the reports: dictionaries of totals and, under "growth", of what they grew by."""
    found = [LINE.search(line) for line in result.lines if "performance report" in line]
    assert all(found), result
    reports = []
    for match in found:
        *numbers, balance = match.groups()[2:]
        numbers = list(map(int, numbers))
        open_flows = numbers.pop(2)
        totals, growth = numbers[0::2], numbers[1::2]
        meters = [list(map(int, re.fullmatch(r"(\d+) \(\+(\d+)\)", meter).groups())) for meter in balance.split(", ")]
        reports.append({"is_last": match[1] is not None, "seconds": float(match[2]), "flows_open": open_flows,
                        **dict(zip(COUNTERS, totals)), "growth": dict(zip(COUNTERS, growth)),
                        "meters_packets_processing_balance": [total for total, _ in meters], "meters_growth": [more for _, more in meters]})
    return reports


def settled(record):
    """What must be equal in a line and in its record."""
    return {name: record[name] for name in ("is_last", "flows_open", "meters_packets_processing_balance", *COUNTERS)}


class Reporting(Case):
    """A sensor whose own records go to stats.jsonl, and those of flows to flows.jsonl."""

    def conf(self, *groups, interval="1s", schema="flow/v1"):
        return self.write("sensor.conf", f"""
performance_report = "{interval}";
{" ".join(groups)}
outputs = ( {{ name = "flows"; path = "{self.folder}/flows.jsonl"; format = "jsonl"; schema = "{schema}"; }},
            {{ name = "stats"; path = "{self.folder}/stats.jsonl"; format = "jsonl"; schema = "{STATS}"; }} );
""")

    def records(self, name="stats"):
        return [json.loads(line) for line in (self.folder / f"{name}.jsonl").read_text().splitlines()]

    def agreed(self, result):
        """The records of a run that ended well: each has its line, the last one has the ledger's numbers."""
        self.ended_well(result)
        records, lines, ledger = self.records(), lines_of(result), self.ledger(result)
        self.assertEqual([settled(record) for record in records], [settled(line) for line in lines], result)
        self.assertEqual([record["seq"] for record in records], list(range(len(records))))
        self.assertEqual([record["is_last"] for record in records], [False] * (len(records) - 1) + [True])
        self.assertEqual(len({(record["sensor_id"], record["boot_id"], record["start_time"]) for record in records}), 1)
        for before, line, record in zip([None, *records], lines, records):
            self.assertEqual(line["growth"], {name: record[name] - (before[name] if before else 0) for name in COUNTERS})
            self.assertEqual(sum(record["meters_packets_processing_balance"]), record["packets_processed"])
            self.assertEqual(sum(line["meters_growth"]), line["growth"]["packets_processed"])
            self.assertEqual(record["flows_opened"], record["flows_expired"] + record["flows_open"])
            self.assertEqual(record["packets_ignored"], sum(record["packets_ignored_counts"]))
            self.assertAlmostEqual(line["seconds"], record["interval_us"] / 1e6, delta=0.06)
            # Between the two clocks lies a moment.
            passed = record["report_time"] - (before["report_time"] if before else record["start_time"])
            self.assertAlmostEqual(passed, record["interval_us"], delta=50_000)
            self.assertGreater(record["resident_memory"], 1 << 20)
        last = records[-1]
        self.assertEqual((last["packets_processed"], last["packets_ignored"]), (ledger.packets["metered"], ledger.packets["ignored"]))
        self.assertEqual((last["flows_expired"], last["flows_open"]), (ledger.flows["exported"], 0))
        self.assertEqual(dict(zip(last["packets_ignored_reasons"], last["packets_ignored_counts"])), ledger.packets["why"])
        self.assertEqual(len(self.records("flows")), last["flows_expired"])
        return records


@unittest.skipUnless(ABLE, "network namespaces need root and iproute2")
class OnAWire(Reporting):
    def setUp(self):
        super().setUp()
        self.wire = Wire()
        self.addCleanup(self.wire.remove)

    def capture(self, *groups, meters=1, bpf=FILTER, **conf):
        running = self.start("-i", "near0", "-f", bpf, "-c", self.conf(*groups, **conf), prefix=self.wire.prefix)
        wait_for_capture(running, meters)
        return running

    def send(self, sent, delay=0.0):
        path = self.write("frames.txt", "\n".join(frame.hex() for frame in sent))
        done = self.wire.in_far(sys.executable, "-c", SENDER, str(path), str(delay))
        self.assertEqual(done.returncode, 0, done.stdout)

    def stop(self, running):
        running.signal(signal.SIGTERM)
        return running.finish()

    def on_time(self, records, interval):
        """All but the last one stand on the grid of the interval, none left out; a loaded machine may be late."""
        for number, record in enumerate(records[:-1], 1):
            late = record["report_time"] - record["start_time"] - number * interval * 1_000_000
            self.assertTrue(-50_000 < late < 500_000, f"report {number} is {late} us late")

    def test_numbers_are_what_was_sent(self):
        running = self.capture('meter = { idle_timeout = "1s"; };')
        self.send(datagrams(40, 5) + [NOT_IP] * 30)
        wait_until(lambda: any(record["flows_expired"] == 40 for record in self.records()), what="a report of the flows that ended")
        quiet = self.records()[-1]
        self.send(datagrams(10, 3))
        records = self.agreed(self.stop(running))
        last = records[-1]
        self.assertEqual((quiet["packets_processed"], quiet["packets_ignored"], quiet["flows_open"]), (200, 30, 0))
        self.assertEqual((last["packets_processed"], last["packets_ignored"], last["flows_expired"]), (230, 30, 50))
        self.assertEqual((last["packets_ignored_reasons"], last["packets_ignored_counts"]), (["not_ip"], [30]))
        self.assertEqual((last["packets_dropped_kernel"], last["packets_dropped_interface"], last["flows_evicted"]), (0, 0, 0))
        self.assertEqual((last["packets_truncated"], last["ring_freezes"], last["loss_gap_bytes"]), (0, 0, None))

    def test_lost_before_the_sensor(self):
        """Of 4 segments one never comes, and the capture keeps a part of the last one only."""
        running = self.capture("capture = { snapshot_length = 100; };", bpf="tcp", schema="flow/v2")
        acknowledges = 16
        self.send([frames.tcp(9000, 7000, 1000 + at, 1, acknowledges, bytes(size)) for at, size in ((0, 10), (10, 10), (50, 100))])
        last = self.agreed(self.stop(running))[-1]
        self.assertEqual((last["packets_processed"], last["packets_truncated"], last["loss_gap_bytes"]), (3, 1, 30))

    def test_several_meters(self):
        """Each meter gives its part of a report between two packets; the flows are between 40 pairs of addresses."""
        meters = 3
        running = self.capture(f'meter = {{ n_meters = {meters}; idle_timeout = "1s"; }};', meters=meters)
        sent = [frames.udp(9000, 7000, b"datagram", source=f"10.1.1.{flow}") for _ in range(5) for flow in range(40)] + [NOT_IP] * 30
        self.send(sent, delay=0.01)
        wait_until(lambda: any(record["flows_expired"] == 40 for record in self.records()), what="a report of the flows that ended")
        records = self.agreed(self.stop(running))
        self.on_time(records, 1)
        last = records[-1]
        self.assertEqual((last["packets_processed"], last["packets_ignored"], last["flows_expired"]), (200, 30, 40))
        self.assertEqual([len(record["meters_packets_processing_balance"]) for record in records], [meters] * len(records))
        self.assertGreater(sum(packets > 0 for packets in last["meters_packets_processing_balance"]), 1, last)
        self.assertGreater(len({record["packets_processed"] for record in records}), 1)  # they tell of the run as it goes on

    def test_quiet_link(self):
        running = self.capture()
        wait_until(lambda: len(self.records()) >= 3, what="three reports")
        records = self.agreed(self.stop(running))
        self.on_time(records, 1)
        self.assertEqual(records[-1]["packets_processed"], 0)

    def test_link_that_is_never_quiet(self):
        """A packet each 20 ms for 5 s, so that the sensor never waits in vain: the interval holds."""
        running = self.capture(interval="2s")
        self.send(datagrams(1, 250), delay=0.02)
        records = self.agreed(self.stop(running))
        self.on_time(records, 2)
        first, second, *_, last = records
        self.assertTrue(0 < first["packets_processed"] < second["packets_processed"] < 250, records)
        self.assertEqual(last["packets_processed"], 250)

    def test_drops_by_the_kernel(self):
        """While the process is stopped, most packets find no room in a small ring."""
        running = self.capture('capture = { socket_buffer_size = "256KiB"; };')
        self.send(datagrams(5, 2))

        def counted(record):
            return record["packets_processed"] + record["packets_dropped_kernel"]

        wait_until(lambda: self.records() and counted(self.records()[-1]) == 10, what="a report of ten packets")
        # None, or a few on a machine that is too busy for two blocks of a ring.
        before = self.records()[-1]["packets_dropped_kernel"]
        running.signal(signal.SIGSTOP)
        self.send(datagrams(5, 400, bytes(1000)))
        time.sleep(2)  # in which a report would be due
        running.signal(signal.SIGCONT)

        def pause():
            """Where the report of the pause is, if another one follows it."""
            return next((at for at, record in enumerate(self.records()[:-1]) if record["interval_us"] > 1_900_000), None)

        wait_until(pause, what="two reports after the pause")
        records = self.agreed(self.stop(running))
        at = pause()
        self.assertLessEqual(max(record["packets_dropped_kernel"] for record in records[:at]), before)
        after, last = records[at], records[-1]
        self.assertGreater(after["packets_dropped_kernel"] - before, 1000)
        self.assertEqual(counted(last), 10 + 2000)
        self.assertEqual((last["packets_ignored"], last["packets_dropped_interface"]), (0, 0))
        self.assertGreater(last["ring_freezes"], 0)
        # One report for the pause, and the next one on time.
        self.assertLess(records[at + 1]["interval_us"], 1_400_000)

    def test_default_is_none(self):
        running = self.start("-i", "near0", "-w", self.folder / "flows.jsonl", prefix=self.wire.prefix)
        wait_for_capture(running)
        time.sleep(1.5)  # only time shows that no report comes
        self.assertEqual(lines_of(self.ended_well(self.stop(running))), [])

    @unittest.skipUnless(importlib.util.find_spec("nfstream"), "NFStream is not installed")
    def test_nfstream_says_the_same(self):
        """NFStream on the same interface at the same time. It refreshes its numbers once a second of the packets' time and ends
        flows only when packets come: hence one packet of another flow each 1.1 s."""
        output = self.write("nfstream.txt", "")
        with output.open("wb") as stream:
            peer = subprocess.Popen([*self.wire.prefix, sys.executable, "-u", "-c", NFSTREAM, FILTER], stdout=stream,
                                    stderr=subprocess.STDOUT, start_new_session=True)
        self.addCleanup(self.end_group, peer)

        def said():
            return [json.loads(line) for line in output.read_text().splitlines() if line.startswith("{")]

        wait_until(said, limit=30, what="NFStream's first report")
        running = self.capture('meter = { idle_timeout = "2s"; };')
        self.send(datagrams(40, 5) + [NOT_IP] * 30)
        time.sleep(1.1)  # of the packets' time, which is the clock's
        self.send([frames.udp(9, 9, b"tick")] * 4, delay=1.1)
        totals = {"flows_expired": 40, "packets_processed": 204, "packets_ignored": 30}
        wait_until(lambda: {name: said()[-1][name] for name in totals} == totals, what=f"NFStream's report of {totals}")
        theirs = said()[-1]

        def same():
            return [record for record in self.records() if {name: record[name] for name in totals} == totals]

        wait_until(same, what=f"the sensor's report of {totals}")
        ours = same()[0]
        self.agreed(self.stop(running))
        self.assertEqual(theirs["meters_packets_processing_balance"], ours["meters_packets_processing_balance"])
        self.assertEqual(theirs["packets_dropped_filtered_by_kernel"], ours["packets_dropped_kernel"])

    def end_group(self, process):
        """NFStream's processes are a group of their own."""
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        process.wait()


class Files(Reporting):
    def setUp(self):
        super().setUp()
        self.capture = self.write("flows.pcap", frames.conversations(3))

    def test_option_is_ignored_with_a_warning(self):
        result = self.succeeds("-r", self.capture, "--set", "performance_report=1s", "-w", "null:")
        warnings = [line for line in result.lines if "warning" in line]
        self.assertEqual(len(warnings), 1, result)
        self.assertIn("performance_report is for live captures (-i)", warnings[0])
        self.assertEqual(lines_of(result), [])
        self.assertEqual(Ledger(result.lines).flows["opened"], 3)

    def test_output_is_refused(self):
        for check in ((), ("--check-config",)):
            self.refused(os.EX_CONFIG, ['output "stats"', STATS, "only a live capture (-i)"], "-r", self.capture, "-c", self.conf(), *check)
        self.assertFalse((self.folder / "stats.jsonl").exists())


class Start(Reporting):
    def test_output_without_reports_is_refused(self):
        for check in ((), ("--check-config",)):
            self.refused(os.EX_CONFIG, ['output "stats"', STATS, 'performance_report = "60s";'], "-i", "lo", "-c", self.conf(interval="0"), *check)

    def test_short_interval_is_refused(self):
        self.refused(os.EX_CONFIG, ["performance_report", "1s"], "-i", "lo", "--set", "performance_report=500ms", "-w", "null:")

    def test_schema_that_mixes_is_refused(self):
        mixed = {**SCHEMA, "fields": [*SCHEMA["fields"], {"name": "src_ip", "type": "string", "doc": "d"}]}
        self.refused(os.EX_CONFIG, ["src_ip", "records of flows", "take one of them off"], "-i", "lo", "-w", "null:", "--schema",
                     self.write("mixed.avsc", json.dumps(mixed)))


@unittest.skipUnless(os.geteuid() == 0 and shutil.which("ip"), "capturing needs root")
class Kafka(Case):
    """The servers listen on loopback, so the sensor captures there too: datagrams to a port of the test's own."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.servers = LocalServers.get()

    def conf(self):
        kafka = f'kafka = [ "bootstrap.servers={self.servers.bootstrap}" ];'
        return self.write("sensor.conf", f"""
performance_report = "1s";
identity = {{ sensor_id = "probe"; }};
meter = {{ idle_timeout = "1s"; }};
registry = {{ url = "{self.servers.registry}"; }};
outputs = ( {{ topic = "report-flows"; {kafka} columns_to_anonymize = [ "all=keep" ]; }},
            {{ topic = "report-stats"; {kafka} schema = "{STATS}";
               headers = [ "sensor_id", "boot_id", "output", "feature_hash", "record_kind", "anon_key_id", "seq" ]; }} );
""")

    def registered(self, identifier):
        with urllib.request.urlopen(f"{self.servers.registry}/schemas/ids/{identifier}") as answer:
            return json.loads(json.load(answer)["schema"])

    def decode(self, message):
        """Confluent's framing, the schema by the registry alone; every byte is consumed."""
        stream = io.BytesIO(message.value())
        self.assertEqual(stream.read(1), b"\0")
        schema = self.registered(int.from_bytes(stream.read(4), "big"))
        self.assertEqual(schema, SCHEMA)
        record = fastavro.schemaless_reader(stream, fastavro.parse_schema(schema))
        self.assertEqual(stream.read(), b"")
        return record

    def lines_so_far(self, running):
        return os.pread(running.errors.fileno(), 1 << 20, 0).decode().count("performance report in")

    def run_sensor(self, conf):
        """A run in which 25 datagrams are sent after the first report."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            receiver.bind(("127.0.0.1", 0))
            running = self.start("-i", "lo", "-f", f"udp dst port {receiver.getsockname()[1]}", "-c", conf)
            wait_until(lambda: self.lines_so_far(running) >= 1 or running.process.poll() is not None, limit=20, what="the first report")
            for _ in range(25):
                sender.sendto(b"datagram", receiver.getsockname())
            lines = self.lines_so_far(running)
            wait_until(lambda: self.lines_so_far(running) >= lines + 2, what="two more reports")
            running.signal(signal.SIGTERM)
            return running.finish()

    def test_topic_of_its_own(self):
        conf = self.conf()
        for topic in ("report-flows", "report-stats"):
            self.servers.topic(topic)
        self.assertRegex(run("schema", "register", "-c", conf).text(), f"report-stats-value: {STATS} has id [0-9]+")
        self.assertIn(f"report-stats-value: {STATS} is compatible", run("schema", "check", "-c", conf).text())
        result = self.ended_well(self.run_sensor(conf))
        ledger = self.ledger(result)
        messages = self.servers.messages("report-stats")
        self.assertEqual(len(messages), ledger.outputs["report-stats"]["acknowledged"])
        self.assertEqual(len(self.servers.messages("report-flows")), ledger.outputs["report-flows"]["acknowledged"])
        self.assertGreater(ledger.outputs["report-flows"]["acknowledged"], 0)
        records = [self.decode(message) for message in messages]
        self.assertEqual([settled(record) for record in records], [settled(line) for line in lines_of(result)])
        for seq, (message, record) in enumerate(zip(messages, records)):
            self.assertEqual(message.key(), b"probe")
            self.assertEqual(message.headers(), [("sensor_id", b"probe"), ("boot_id", record["boot_id"].encode()),
                                                 ("output", b"report-stats"), ("feature_hash", record["feature_hash"].encode()),
                                                 ("record_kind", b"report"), ("anon_key_id", None), ("seq", str(seq).encode())])
            self.assertEqual((record["sensor_id"], record["output"], record["seq"]), ("probe", "report-stats", seq))
        last = records[-1]
        self.assertEqual((last["packets_processed"], last["flows_expired"], last["flows_open"], last["is_last"]),
                         (25, ledger.flows["exported"], 0, True))
        features = run("schema", "features", "-c", conf, "--schema", STATS).text()
        self.assertIn(f"# feature_hash {last['feature_hash']}", features)


if __name__ == "__main__":
    unittest.main()
