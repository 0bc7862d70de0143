"""Health and metrics by HTTP: every metric of the table is there and equals the ledger, no residual at any scrape, probes say what
holds, and no client gets more than its share. Frames go over lo, so that the sensor reaches a real Kafka too; needs root.
Run: python3 tests/e2e/run.py test_monitoring
"""
import contextlib
import http.client
import os
import random
import re
import select
import signal
import socket
import subprocess
import threading
import time
import unittest
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

import frames
import personal
from harness import CAPTURES, Case, run, wait_until
from servers import FaultyRegistry, LocalServers, answers, closed_port

ABLE = os.geteuid() == 0
ADDRESS = re.compile(r"monitoring: http://([^/ ]+)/metrics")
OUTSIDE = "not net 127.0.0.0/8 and not ip6 host ::1"
SLOW_CLIENTS = 1000


def conversations(count):
    """Frames of flows that nDPI tells apart, between as many pairs of addresses."""
    sent = []
    for number in range(count):
        ends = {"source": f"10.1.{number // 200}.{number % 200 + 1}", "destination": "10.1.200.1"}
        sent += [frames.udp(20000 + number, 53, frames.dns_query([b"www", b"example", b"org"]), **ends),
                 frames.udp(30000 + number, 9, b"nothing that is known", **ends)]
    return sent + frames.tcp_conversation(443, frames.tls_client_hello(b"www.instagram.com"), b"no")


class Sender(threading.Thread):
    """Sends frames on lo, over and over, until it is stopped; .sent counts them and .bytes theirs."""

    def __init__(self, sent, rounds=None, pause=0.002):
        super().__init__(daemon=True)
        self.frames, self.rounds, self.pause = sent, rounds, pause
        self.sent, self.bytes, self.ending = 0, 0, threading.Event()

    def run(self):
        with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as link:
            link.bind(("lo", 0))
            done = 0
            while not self.ending.is_set() and done != self.rounds:
                for frame in self.frames:
                    link.send(frame)
                self.sent += len(self.frames)
                self.bytes += sum(map(len, self.frames))
                done += 1
                time.sleep(self.pause)  # the pace of the traffic

    def stop(self):
        self.ending.set()
        self.join()


class Scrape:
    """An answer of /metrics, read by Prometheus' own parser."""

    def __init__(self, text):
        self.text = text
        self.families = {family.name: family for family in text_string_to_metric_families(text)}
        self.samples = {(sample.name, frozenset(sample.labels.items())): sample.value
                        for family in self.families.values() for sample in family.samples}

    def __call__(self, name, **labels):
        return self.samples[(name, frozenset(labels.items()))]

    def sum(self, name):
        return sum(value for (sample, _), value in self.samples.items() if sample == name)

    def parts(self, name, label, **labels):
        """{value of the label: sample}, without those that are 0."""
        found = {dict(key)[label]: value for (sample, key), value in self.samples.items()
                 if sample == name and label in dict(key) and labels.items() <= dict(key).items()}
        return {part: int(value) for part, value in found.items() if value}

    def residuals(self):
        return {key: value for key, value in self.samples.items() if key[0] == "flowsensor_ledger_residual" and value != 0}

    def series(self):
        return {key for key in self.samples if "application" not in dict(key[1])}


class Monitoring(Case):
    def launch(self, *arguments, **options):
        """A sensor with an endpoint on a free port, and where that is."""
        running = self.start(*arguments, "--set", "monitoring.listen=127.0.0.1:0", **options)
        found = wait_until(lambda: ADDRESS.search(self.log(running)) or running.process.poll() is not None, limit=30, what="the endpoint")
        self.assertIsNot(found, True, self.log(running))
        self.at = found[1]
        return running

    def capture(self, *arguments, rule="net 10.1.0.0/16", **options):
        running = self.launch("-i", "lo", "-f", rule, *arguments, **options)
        wait_until(lambda: self.get("/readyz")[0] == 200, limit=30, what="readiness")
        return running

    @staticmethod
    def log(running):
        return os.pread(running.errors.fileno(), 1 << 20, 0).decode()

    def get(self, path, method="GET"):
        """(status, body)."""
        connection = http.client.HTTPConnection(self.at, timeout=10)
        with contextlib.closing(connection):
            connection.request(method, path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()

    def scrape(self):
        status, text = self.get("/metrics")
        self.assertEqual(status, 200)
        return Scrape(text)

    def stop(self, running):
        running.signal(signal.SIGTERM)
        return self.ended_well(running.finish())

    def send(self, sent, rounds=None, pause=0.002):
        sender = Sender(sent, rounds, pause)
        sender.start()
        self.addCleanup(sender.stop)
        return sender


@unittest.skipUnless(ABLE, "capturing needs root")
class ToKafka(Monitoring):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.servers = LocalServers.get()

    def conf(self, topic, meters=1, broker=None, more=""):
        return self.write("sensor.conf", f"""
meter = {{ n_meters = {meters}; idle_timeout = "500ms"; active_timeout = "200ms"; }};
registry = {{ url = "{self.servers.registry}"; auto_register = true; cache_directory = "{self.folder}"; }};
outputs = ( {{ topic = "{topic}"; kafka = [ "bootstrap.servers={broker or self.servers.bootstrap}", "linger.ms=20" ];
               columns_to_anonymize = [ {more or '"all=keep"'} ]; }} );
""")

    def settled(self):
        """A scrape once no flow is open and no record on its way."""
        def look():
            scrape = self.scrape()
            return scrape if scrape("flowsensor_flows_open") == 0 and scrape.sum("flowsensor_output_records_in_flight") == 0 else None
        return wait_until(look, what="the end of all flows", limit=20)

    def table(self):
        """The metrics that the reference page lists: {name: type}."""
        text = run("reference").text().split("## Metrics")[1].split("\n## ")[0]
        return dict(re.findall(r"^\| `(\w+)` \| (\w+) \|", text, re.M))

    def check_table(self, scrape):
        told = dict(re.findall(r"^# TYPE (\w+) (\w+)$", scrape.text, re.M))
        helped = set(re.findall(r"^# HELP (\w+) \S.*\.$", scrape.text, re.M))
        self.assertEqual(told, self.table())
        self.assertEqual(helped, set(told))
        for name in told:
            family = scrape.families[name.removesuffix("_total")]
            self.assertEqual(family.type, told[name], name)
            self.assertTrue(family.samples, f"{name} has no sample")

    def check_ledger(self, scrape, ledger, topic, sender):
        """The numbers of a scrape, after which nothing happened, are those of the ledger at the end."""
        output, told = ledger.outputs[topic], {"output": topic}
        self.assertEqual(scrape("flowsensor_capture_packets_total"), ledger.packets["read"])
        self.assertEqual(scrape("flowsensor_capture_packets_total"), sender.sent)
        self.assertEqual(scrape("flowsensor_capture_bytes_total"), sender.bytes)
        self.assertEqual(scrape.sum("flowsensor_meter_packets_total"), ledger.packets["metered"])
        self.assertEqual(scrape.parts("flowsensor_packets_ignored_total", "reason"), ledger.packets["why"])
        self.assertEqual(scrape("flowsensor_flows_opened_total"), ledger.flows["opened"])
        self.assertEqual(scrape.parts("flowsensor_flows_ended_total", "reason"), ledger.flows["why"])
        self.assertEqual(scrape("flowsensor_output_records_made_total", **told), output["made"])
        self.assertEqual(scrape("flowsensor_output_records_acknowledged_total", **told), output["acknowledged"])
        self.assertEqual(scrape("flowsensor_output_bytes_total", **told), output["bytes"])
        self.assertEqual(scrape.parts("flowsensor_output_records_dropped_total", "reason", **told), output["why"])
        self.assertEqual(scrape("flowsensor_output_delivery_seconds_count", **told), output["acknowledged"])
        self.assertEqual(scrape("flowsensor_output_delivery_seconds_bucket", le="+Inf", **told), output["acknowledged"])
        self.assertGreater(scrape("flowsensor_output_delivery_seconds_sum", **told), 0.02 * output["acknowledged"] / 100)
        self.assertEqual(scrape.sum("flowsensor_application_flows_total"), ledger.flows["exported"])
        self.assertEqual(scrape.sum("flowsensor_application_packets_total"), ledger.packets["metered"])
        self.assertEqual(scrape.sum("flowsensor_application_bytes_total"), sender.bytes)
        self.assertGreaterEqual(set(scrape.parts("flowsensor_application_flows_total", "application")), {"DNS", "Instagram", "Unknown"})

    def check_gauges(self, scrape, running, topic, meters):
        self.assertEqual(scrape("flowsensor_output_queue_bytes", output=topic), 0)
        self.assertEqual(scrape("flowsensor_output_queue_limit_bytes", output=topic), 65536 * 1024)
        self.assertEqual(scrape("flowsensor_output_oldest_record_age_seconds", output=topic), 0)
        self.assertEqual(scrape("flowsensor_capture_buffer_bytes"), meters * (64 << 20))
        self.assertGreaterEqual(scrape("flowsensor_flow_table_size_flows"), 262144)
        self.assertGreaterEqual(scrape("flowsensor_registry_requests_total"), 1)
        self.assertEqual(scrape("flowsensor_registry_errors_total"), 0)
        self.assertAlmostEqual(scrape("flowsensor_clock_seconds"), time.time(), delta=2)
        self.assertLess(scrape("flowsensor_snapshot_age_seconds"), 0.5)
        status = Path(f"/proc/{running.process.pid}/status").read_text()
        resident = int(re.search(r"VmRSS:\s+(\d+)", status)[1]) * 1024
        self.assertAlmostEqual(scrape("process_resident_memory_bytes"), resident, delta=8 << 20)
        # A module of nDPI is measured by each process, and differs by some hundred bytes.
        self.assertAlmostEqual(scrape("flowsensor_memory_budget_bytes"), self.budget, delta=4096 * meters)
        self.assertAlmostEqual(scrape("process_open_fds"), len(os.listdir(f"/proc/{running.process.pid}/fd")), delta=3)
        self.assertAlmostEqual(scrape("process_start_time_seconds"), time.time() - (time.monotonic() - running.start), delta=2)

    def check_run(self, meters):
        topic = self.servers.topic(f"monitoring-{meters}")
        running = self.capture("-c", self.conf(topic, meters))
        told = run("memory", "-c", self.folder / "sensor.conf", "-i", "lo").text()
        self.budget = int(dict(line.split("\t")[:2] for line in told.splitlines())["total"])
        sender = self.send(conversations(60))
        scrapes, moments, end = [], set(), time.monotonic() + 4
        while time.monotonic() < end or len(moments) < 16:
            scrapes.append(self.scrape())
            self.assertEqual(scrapes[-1].residuals(), {})
            moments.add(scrapes[-1]("flowsensor_capture_packets_total"))
            self.assertLess(time.monotonic(), end + 30)
            time.sleep(0.02)  # the pace of the scrapes
        sender.stop()
        last = self.settled()
        self.check_table(last)
        self.check_gauges(last, running, topic, meters)
        self.assertEqual(last.residuals(), {})
        ledger = self.ledger(self.stop(running))
        self.check_ledger(last, ledger, topic, sender)
        # The many were of different moments, and all counters only grew.
        self.assertTrue(any(scrape.sum("flowsensor_output_records_in_flight") for scrape in scrapes))
        for before, after in zip(scrapes, scrapes[1:]):
            for family in before.families.values():
                for sample in family.samples if family.type == "counter" else ():
                    self.assertGreaterEqual(after(sample.name, **sample.labels), sample.value, sample)
        if meters > 1:
            self.assertGreater(sum(value > 0 for value in last.parts("flowsensor_meter_packets_total", "meter").values()), 1)

    def test_one_meter(self):
        self.check_run(1)

    def test_three_meters(self):
        self.check_run(3)

    def test_broker_that_does_not_answer(self):
        """The broker's process is stopped: the sensor stays ready, records grow old; then they all get there."""
        topic = self.servers.topic("monitoring-broker")
        running = self.capture("-c", self.conf(topic))
        broker = int((Path(self.servers.folder.name) / "kafka.pid").read_text().split()[0])
        self.addCleanup(os.kill, broker, signal.SIGCONT)
        os.kill(broker, signal.SIGSTOP)
        sender = self.send(conversations(20), pause=0.1)
        told = {"output": topic}
        old = wait_until(lambda: (scrape := self.scrape())("flowsensor_output_oldest_record_age_seconds", **told) > 2 and scrape, limit=20,
                         what="a record of 2 s")
        time.sleep(1.5)  # in which the record grows older
        older = self.scrape()
        self.assertEqual(self.get("/readyz")[0], 200)
        self.assertGreater(older("flowsensor_output_records_in_flight", **told), old("flowsensor_output_records_in_flight", **told))
        grown = older("flowsensor_output_oldest_record_age_seconds", **told) - old("flowsensor_output_oldest_record_age_seconds", **told)
        passed = older("flowsensor_clock_seconds") - old("flowsensor_clock_seconds")
        self.assertAlmostEqual(grown, passed, delta=1)
        self.assertGreater(older("flowsensor_output_queue_bytes", **told), 1000)
        self.assertEqual(older.residuals(), {})
        sender.stop()
        os.kill(broker, signal.SIGCONT)
        last = self.settled()
        self.assertEqual(last("flowsensor_output_oldest_record_age_seconds", **told), 0)
        self.assertEqual(last("flowsensor_output_queue_bytes", **told), 0)
        late = last("flowsensor_output_delivery_seconds_count", **told) - last("flowsensor_output_delivery_seconds_bucket", le="2.5", **told)
        self.assertGreater(late, 0)
        self.check_ledger_of_all(last, self.ledger(self.stop(running)), topic)

    def check_ledger_of_all(self, scrape, ledger, topic):
        self.assertEqual(scrape("flowsensor_output_records_made_total", output=topic), ledger.outputs[topic]["acknowledged"])

    def test_broker_that_is_absent(self):
        running = self.capture("-c", self.conf("flows", broker=f"127.0.0.1:{closed_port()}"), "--set", "delivery.shutdown_timeout=100ms",
                               "--set", "delivery.timeout=1s")
        self.send(conversations(5), rounds=1)
        scrape = wait_until(lambda: (scrape := self.scrape())("flowsensor_output_records_in_flight", output="flows") > 5 and
                            scrape("flowsensor_kafka_errors_total", output="flows") > 0 and scrape, what="records that wait", limit=15)
        self.assertEqual(scrape("flowsensor_output_failed", output="flows"), 0)
        wait_until(lambda: "\noutput flows: records wait for the broker for " in self.get("/readyz")[1], what="word of the broker", limit=15)
        self.assertEqual(self.get("/readyz")[0], 200)
        running.signal(signal.SIGTERM)
        running.finish()

    def test_cached_schema(self):
        """The registry is gone at the second start: the id is the cache's, which is said and is no reason to be unready."""
        topic = self.servers.topic("monitoring-cache")
        with FaultyRegistry(answers(200, '{"id": 7}')) as registry:
            arguments = ("-c", self.conf(topic), "--set", f"registry.url={registry.url}", "--set", "registry.auto_register=false")
            running = self.capture(*arguments)
            self.assertEqual(self.scrape()("flowsensor_output_schema_cached", output=topic), 0)
            self.stop(running)
        running = self.capture(*arguments)
        scrape = self.scrape()
        self.assertEqual(scrape("flowsensor_registry_requests_total"), 1)
        self.assertEqual(scrape("flowsensor_registry_errors_total"), 1)
        self.assertEqual(scrape("flowsensor_output_schema_cached", output=topic), 1)
        self.assertEqual(scrape("flowsensor_output_schema_mismatch", output=topic), 0)
        self.assertEqual(self.get("/readyz")[0], 200)
        self.assertIn(f"output {topic} ok (schema id from the cache)", self.get("/readyz")[1])
        self.stop(running)

    def test_nothing_personal(self):
        """Frames full of addresses and names; of all that, /metrics has names of applications only. No secret is there either."""
        people = personal.Personal(20261124)
        packets = list(records_of(people.capture))
        topic = self.servers.topic("monitoring-personal")
        key, password = bytes(range(100, 132)).hex(), "registry-password-5c1"
        self.write("key", key).chmod(0o600)
        self.write("password", password).chmod(0o600)
        running = self.capture("-c", self.conf(topic, more='"all=short_hash"'), "--set", f"anonymization.key_file={self.folder}/key",
                               "--set", "registry.username=someone-7d2", "--set", f"registry.password_file={self.folder}/password",
                               "--set", "outputs.0.columns_to_anonymize=all=short_hash", rule=OUTSIDE)
        self.send(packets, rounds=1)
        scrape = wait_until(lambda: (scrape := self.scrape()).sum("flowsensor_application_flows_total") > 10 and scrape, what="ended flows")
        text = (scrape.text + self.get("/readyz")[1] + self.get("/livez")[1]).encode()
        self.assertEqual(personal.Search(people).found(text), {})
        for secret in (key, password, "someone-7d2", self.servers.bootstrap, self.servers.registry):
            self.assertNotIn(secret.encode(), text)
        # The search would find them.
        self.assertTrue(personal.Search(people).found(text + str(people.addresses[0]).encode()))
        # The key is read again: once well, once not.
        for number, content in enumerate([bytes(range(32)).hex(), "no key"]):
            self.write("key", content).chmod(0o600)
            running.signal(signal.SIGHUP)
            result = ("ok", "error")[number]
            wait_until(lambda: self.scrape()("flowsensor_anonymization_key_reloads_total", result=result) == 1, what=f"a reload: {result}")
        running.signal(signal.SIGTERM)
        running.finish()


def records_of(capture):
    """The frames of a pcap file (microseconds, little-endian)."""
    at = 24
    while at < len(capture):
        kept = int.from_bytes(capture[at + 8:at + 12], "little")
        yield capture[at + 16:at + 16 + kept]
        at += 16 + kept


@unittest.skipUnless(ABLE, "capturing needs root")
class Probes(Monitoring):
    def test_a_loop_that_hangs(self):
        """A capture is read into a pipe that nobody reads: within 10 s /livez and /readyz fail, and numbers are told with their
        age; once somebody reads, all is well again."""
        pipe = self.folder / "pipe"
        os.mkfifo(pipe)
        reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
        self.addCleanup(os.close, reader)
        running = self.launch("-r", "-", "-w", pipe, "--format", "jsonl", "--set", "meter.idle_timeout=0", stdin=subprocess.PIPE)
        stream, running.process.stdin = running.process.stdin, None
        self.addCleanup(stream.close)
        began = time.monotonic()
        sender = threading.Thread(target=lambda: (stream.write((CAPTURES / "mix.pcap").read_bytes()), stream.flush()), daemon=True)
        sender.start()
        wait_until(lambda: self.get("/livez")[0] == 503, limit=20, what="the end of life")
        self.assertGreater(time.monotonic() - began, 9.5)
        status, text = self.get("/readyz")
        self.assertEqual(status, 503)
        self.assertRegex(text, r"capture: has not moved for 1\d\.\d s\n")
        asked = time.monotonic()
        scrape = self.scrape()
        self.assertLess(time.monotonic() - asked, 1.5)
        self.assertGreater(scrape("flowsensor_snapshot_age_seconds"), 9)
        # Who hangs is not waited for again.
        asked = time.monotonic()
        self.scrape()
        self.assertLess(time.monotonic() - asked, 0.2)
        ending = threading.Event()

        def read():
            while not ending.is_set():
                if select.select([reader], [], [], 0.1)[0]:
                    os.read(reader, 1 << 20)
        thread = threading.Thread(target=read, daemon=True)
        thread.start()
        sender.join()
        wait_until(lambda: self.get("/livez")[0] == 200 and self.get("/readyz")[0] == 200, what="life again")
        wait_until(lambda: self.scrape()("flowsensor_snapshot_age_seconds") < 1, what="a snapshot of now")
        self.stop(running)
        ending.set()
        thread.join()

    def test_the_start(self):
        """Until somebody reads the FIFO that is the output the start is not complete."""
        fifo = self.folder / "fifo.jsonl"
        os.mkfifo(fifo)
        running = self.launch("-r", "-", "-w", fifo, stdin=subprocess.PIPE)
        self.assertEqual(self.get("/startupz"), (503, "start: not complete\n"))
        self.assertEqual(self.get("/readyz"), (503, "capture: starting\n"))
        self.assertEqual(self.get("/livez"), (200, "starting ok\n"))
        scrape = self.scrape()
        self.assertGreater(scrape("process_cpu_seconds_total"), 0)
        self.assertNotIn("flowsensor_capture_packets_total", {name for name, _ in scrape.samples})
        reader = subprocess.Popen(["cat", fifo], stdout=subprocess.DEVNULL)
        self.addCleanup(reader.wait)
        wait_until(lambda: self.get("/startupz") == (200, "start ok\n"), what="the start")
        running.process.stdin.write((CAPTURES / "mix.pcap").read_bytes())
        running.process.stdin.flush()
        self.assertEqual(self.get("/readyz")[0], 200)
        running.process.stdin.close()
        running.process.stdin = None
        self.ended_well(running.finish())

    def test_files(self):
        """Captures that are read by one thread and metered by one or three: no residual at any scrape, and the ledger's numbers."""
        capture = (CAPTURES / "mix.pcap").read_bytes()
        for meters in (1, 3):
            with self.subTest(meters=meters):
                running = self.launch("-r", "-", "-w", "null:", "--set", f"meter.n_meters={meters}", "--set", "meter.active_timeout=0",
                                      "--set", "meter.n_dissections=0", stdin=subprocess.PIPE)
                stream, running.process.stdin = running.process.stdin, None
                ending, packets = threading.Event(), set()

                def feed():
                    with stream:
                        stream.write(capture[:24])
                        while not ending.is_set():
                            stream.write(capture[24:])
                thread = threading.Thread(target=feed, daemon=True)
                thread.start()
                wait_until(lambda: self.get("/startupz")[0] == 200, what="the start")
                for _ in range(15):
                    scrape = self.scrape()
                    self.assertEqual(scrape.residuals(), {})
                    packets.add(scrape.sum("flowsensor_capture_packets_total"))
                    time.sleep(0.05)  # the pace of the scrapes
                ending.set()
                thread.join()
                self.assertGreater(len(packets), 1)
                ledger = self.ledger(self.ended_well(running.finish()))
                self.assertLessEqual(max(packets), ledger.packets["read"])

    def test_a_port_in_use(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            self.refused(os.EX_UNAVAILABLE, ["monitoring.listen", port, "in use"], "-i", "lo", "-w", "null:", "--set",
                         f"monitoring.listen=127.0.0.1:{port}")
        self.refused(os.EX_UNAVAILABLE, ["monitoring.listen", "192.0.2.1"], "-i", "lo", "-w", "null:", "--set",
                     "monitoring.listen=192.0.2.1:19995")
        self.refused(os.EX_CONFIG, ["monitoring.listen", "localhost"], "-i", "lo", "-w", "null:", "--set", "monitoring.listen=localhost:19995")

    def test_its_thread(self):
        """Named, deaf to signals, and without capabilities before anybody has asked; the end is not held up."""
        running = self.start("-i", "lo", "-f", "net 10.1.0.0/16", "-w", "null:", "--set", "monitoring.listen=127.0.0.1:0")
        self.at = wait_until(lambda: ADDRESS.search(self.log(running)), what="the endpoint")[1]

        def look():
            tasks = [(task / "status").read_text() for task in Path(f"/proc/{running.process.pid}/task").iterdir()]
            found = [dict(re.findall(r"^(\w+):\t(.*)$", text, re.M)) for text in tasks if text.startswith("Name:\tmonitor\n")]
            return found[0] if found and found[0]["NoNewPrivs"] == "1" else None
        status = wait_until(look, what="the thread without privileges")
        self.assertEqual(int(status["CapEff"], 16) & 1 << 13, 0, "cap_net_raw")
        self.assertTrue(int(status["SigBlk"], 16) >> signal.SIGTERM - 1 & 1)
        wait_until(lambda: self.get("/readyz")[0] == 200, what="readiness", limit=30)
        began = time.monotonic()
        self.stop(running)
        self.assertLess(time.monotonic() - began, 3)

    def test_ipv6(self):
        running = self.start("-i", "lo", "-f", "net 10.1.0.0/16", "-w", "null:", "--set", "monitoring.listen=[::1]:0")
        self.at = wait_until(lambda: ADDRESS.search(self.log(running)), what="the endpoint", limit=30)[1]
        wait_until(lambda: self.get("/readyz")[0] == 200, what="readiness", limit=30)
        self.stop(running)

    def test_series_do_not_grow(self):
        """A flood of random packets adds no series but names of applications, of which nDPI has some hundred."""
        running = self.capture("-w", "null:", "--set", "meter.idle_timeout=200ms", rule=OUTSIDE)
        before = self.scrape()
        chance = random.Random(20261124)
        flood = []
        for _ in range(20000):
            payload = chance.randbytes(chance.randrange(0, 200))
            ends = {"source": f"10.{chance.randrange(256)}.{chance.randrange(256)}.1", "destination": "10.1.200.1"}
            kind = chance.randrange(3)
            if kind == 0:
                flood.append(frames.udp(chance.randrange(65536), chance.randrange(65536), payload, **ends))
            elif kind == 1:
                flood.append(frames.tcp(chance.randrange(65536), chance.randrange(65536), 0, 0, chance.randrange(256), payload, **ends))
            else:
                flood.append(b"\x02\0\0\0\0\x02" + b"\x02\0\0\0\0\x01" + chance.randbytes(2) + payload)
        sender = self.send(flood, rounds=1)
        sender.join()
        after = wait_until(lambda: (scrape := self.scrape())("flowsensor_flows_opened_total") > 1000 and
                           scrape("flowsensor_flows_open") == 0 and scrape, what="the end of all flows", limit=30)
        self.assertEqual(before.series(), after.series())
        names = after.parts("flowsensor_application_flows_total", "application")
        self.assertLess(len(names), 300)
        for name in names:
            self.assertRegex(name, r"^[A-Za-z][A-Za-z0-9_/+ .-]*$")
        self.assertEqual(after.residuals(), {})
        self.stop(running)


@unittest.skipUnless(ABLE, "capturing needs root")
class Hostile(Monitoring):
    MARK = b"echo-me-7f3a"

    def setUp(self):
        super().setUp()
        self.running = self.capture("-w", "null:", "--set", "meter.idle_timeout=200ms")
        host, port = self.at.rsplit(":", 1)
        self.where = (host, int(port))

    def tearDown(self):
        self.assertEqual(self.get("/livez")[0], 200)
        self.stop(self.running)

    def ask(self, data, patience=8.0, source=None):
        """All that the server says to these bytes until it closes; "" if it closes at once."""
        with socket.create_connection(self.where, patience, source_address=source and (source, 0)) as client:
            answer = b""
            try:
                client.sendall(data)
                while more := client.recv(65536):
                    answer += more
            except (ConnectionResetError, BrokenPipeError):
                pass
            self.assertNotIn(self.MARK, answer)
            return answer

    def slow_clients(self, count, addresses, request):
        """Clients that send `request`, and then one more byte each half a second; they never read, and come again when they are
        closed. A function that ends them."""
        ending = threading.Event()

        def client(number):
            one = socket.socket()
            one.settimeout(1)
            one.bind((addresses[number % len(addresses)], 0))
            with contextlib.suppress(OSError):
                one.connect(self.where)
                one.send(request)
            return one
        slow = [client(number) for number in range(count)]

        def drip():
            while not ending.wait(0.5):
                for number, one in enumerate(slow):
                    try:
                        one.send(b"x")
                    except OSError:
                        one.close()
                        slow[number] = client(number)
        thread = threading.Thread(target=drip, daemon=True)
        thread.start()

        def stop():
            ending.set()
            thread.join()
            for one in slow:
                one.close()
        self.addCleanup(stop)
        return stop

    def probe_delays(self, count):
        """How long each of so many probes took, beside a scraper that asks all the time."""
        delays, ending = [], threading.Event()

        def scrape():
            while not ending.is_set():
                with contextlib.suppress(OSError):
                    self.ask(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
        thread = threading.Thread(target=scrape, daemon=True)
        thread.start()
        for _ in range(count):
            began = time.monotonic()
            self.assertEqual(self.get("/livez")[0], 200)
            delays.append(time.monotonic() - began)
            time.sleep(0.01)  # the pace of the probes
        ending.set()
        thread.join()
        return sorted(delays)

    def test_slow_clients(self):
        """Clients that never finish their request, or never read their answers, from many addresses and from the prober's own; each
        probe is answered, /metrics too, and no packet is lost."""
        half, whole = b"GET /metrics HTTP/1.1\r\nHost: ", b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n" * 60
        own, others = ["127.0.0.1"], [f"127.0.0.{2 + number}" for number in range(200)]
        sender = self.send(conversations(100), pause=0.005)
        for count, addresses, request in ((64, others, half), (8, own, half), (200, own, half), (SLOW_CLIENTS, others, half), (200, own, whole)):
            with self.subTest(clients=count, addresses=len(addresses), request=request[:60]):
                stop = self.slow_clients(count, addresses, request)
                delays = self.probe_delays(100)
                scrape = self.scrape()
                stop()
                self.assertLess(delays[-1], 1, delays[-5:])
                self.assertLess(delays[90], 0.1, delays[-10:])
                self.assertLess(scrape("process_open_fds"), 160)
                print(f"\n{count} slow clients of {len(addresses)} addresses: /livez within {delays[-1] * 1000:.1f} ms")
        sender.stop()
        last = wait_until(lambda: (scrape := self.scrape())("flowsensor_capture_packets_total") == sender.sent and scrape, what="all packets")
        self.assertEqual(last("flowsensor_capture_kernel_dropped_packets_total"), 0)

    def test_methods_and_paths(self):
        for method in ("POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH", "CONNECT", "BREW"):
            answer = self.ask(f"{method} /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 12\r\nConnection: close\r\n\r\n".encode() + self.MARK)
            self.assertTrue(answer.startswith(b"HTTP/1.1 405 "), (method, answer[:100]))
            self.assertIn(b"Allow: GET, HEAD\r\n", answer)
        for path in ("/", "/../etc/passwd", "/metrics/..", "/metrics/", "/%2e%2e/metrics", "//metrics", "/livez%2f", "/" + self.MARK.decode()):
            answer = self.ask(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
            self.assertTrue(answer.startswith((b"HTTP/1.1 404 ", b"HTTP/1.1 400 ")), (path, answer[:100]))
        status, body = self.get("/metrics", "HEAD")
        self.assertEqual((status, body), (200, ""))
        self.assertEqual(self.get("/livez?" + self.MARK.decode())[0], 200)

    def test_large_and_broken_requests(self):
        line = b"GET /livez HTTP/1.1\r\nHost: x\r\n"
        large = self.ask(line + b"X: " + self.MARK + b"a" * (1 << 20) + b"\r\n\r\n")
        self.assertFalse(large.startswith(b"HTTP/1.1 200"), large[:100])
        for data in (b"\0" * 4096, b"GET\r\n\r\n", b"\x16\x03\x01\x02\0\x01\0\x01\xfc", self.MARK + b" / HTTP/9.9\r\n\r\n",
                     b"GET /" + b"a" * 65536 + b" HTTP/1.1\r\n\r\n", line + b"Content-Length: -1\r\n\r\n",
                     line + b"Transfer-Encoding: chunked\r\n\r\nzzz\r\n"):
            self.assertNotIn(b" 200 OK\r\nDate", self.ask(data, source="127.0.0.3")[:20], data[:40])

    def test_half_requests_end(self):
        """Whether nothing more comes, or a byte now and then: a request has its time as a whole."""
        began = time.monotonic()
        self.assertNotIn(b"200 OK", self.ask(b"GET /metrics HTTP/1.1\r\nHost: x\r\n"))
        self.assertLess(time.monotonic() - began, 7)
        began = time.monotonic()
        with socket.create_connection(self.where) as client, contextlib.suppress(OSError):
            client.sendall(b"GET /livez HTTP/1.1\r\nX: ")
            while time.monotonic() - began < 30:
                client.sendall(b"x")
                time.sleep(0.5)  # the pace of the bytes
        self.assertLess(time.monotonic() - began, 15)

    def test_pipelining(self):
        request = b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"
        answer = self.ask(request * 3 + b"GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        self.assertEqual(answer.count(b"HTTP/1.1 200 OK"), 4)


if __name__ == "__main__":
    unittest.main()
