"""Metrics by HTTP: every metric of the table is there and equals the ledger, and no scrape shows a residual. Frames go over lo,
so that the sensor reaches a real Kafka too; needs root.
Run: python3 tests/e2e/run.py test_metrics
"""
import os
import re
import signal
import time
import unittest
from pathlib import Path

import personal
from endpoint import ABLE, OUTSIDE, Monitoring, conversations
from harness import CAPTURES, run, wait_until
from servers import FaultyRegistry, LocalServers, answers, closed_port


class Pipe(Monitoring):
    """Packets come by a pipe that stays open; meters take turns in reading it."""

    def test_what_was_read_is_told_while_the_pipe_is_silent(self):
        capture = (CAPTURES / "lan.pcap").read_bytes()
        read = self.ledger(self.succeeds("-r", "-", "-w", "null:", stdin=capture)).packets["read"]
        for meters in (1, 2, 4):
            with self.subTest(meters):
                reading, writing = os.pipe()
                running = self.launch("-r", "-", "-w", "null:", "--set", f"meter.n_meters={meters}", stdin=reading)
                os.close(reading)
                with os.fdopen(writing, "wb") as pipe:
                    wait_until(lambda: self.told(0), limit=5, what="a silent pipe in /metrics")
                    pipe.write(capture)
                    pipe.flush()
                    wait_until(lambda: self.told(read), limit=5, what="the packets in /metrics")
                self.ended_well(running.finish())

    def told(self, packets):
        """Twice in a row: an answer may be of before."""
        return all(self.scrape().samples.get(("flowsensor_capture_packets_total", frozenset())) == packets for _ in range(2))


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
            # lo is no network card, and no certificates are used.
            self.assertEqual(bool(family.samples), name not in {"flowsensor_interface_dropped_packets_total",
                                                                "flowsensor_certificate_not_after_seconds"}, name)

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
        self.assertEqual(scrape("flowsensor_output_queue_limit_bytes", output=topic), 16384 * 1024)
        self.assertEqual(scrape("flowsensor_output_oldest_record_age_seconds", output=topic), 0)
        self.assertEqual(scrape("flowsensor_capture_buffer_bytes"), meters * (64 << 20))
        self.assertEqual(scrape("flowsensor_capture_interfaces"), 1)
        for of_ring, of_all in (("meter_ring_dropped_packets", "capture_kernel_dropped_packets"), ("meter_ring_freezes", "capture_ring_freezes")):
            each = [scrape(f"flowsensor_{of_ring}_total", meter=str(meter)) for meter in range(meters)]
            self.assertEqual(sum(each), scrape(f"flowsensor_{of_all}_total"))
        self.assertGreaterEqual(scrape("flowsensor_flow_table_size_flows"), 262144)
        self.assertGreaterEqual(scrape("flowsensor_registry_requests_total"), 1)
        self.assertEqual(scrape("flowsensor_registry_errors_total"), 0)
        self.assertAlmostEqual(scrape("flowsensor_clock_seconds"), time.time(), delta=2)
        self.assertLess(scrape("flowsensor_snapshot_age_seconds"), 0.5)
        status = Path(f"/proc/{running.process.pid}/status").read_text()
        resident = int(re.search(r"VmRSS:\s+(\d+)", status)[1]) * 1024
        self.assertAlmostEqual(scrape("process_resident_memory_bytes"), resident, delta=8 << 20)
        # A module of nDPI is measured by each process, and differs by what the C library's lists of free blocks hold: up to 4.5 KiB.
        self.assertAlmostEqual(scrape("flowsensor_memory_budget_bytes"), self.budget, delta=8192 * meters)
        self.assertAlmostEqual(scrape("process_open_fds"), len(os.listdir(f"/proc/{running.process.pid}/fd")), delta=3)
        self.assertAlmostEqual(scrape("process_start_time_seconds"), time.time() - (time.monotonic() - running.start), delta=2)

    def check_run(self, meters):
        topic = self.servers.topic(f"monitoring-{meters}")
        running = self.capture("-c", self.conf(topic, meters))
        told = run("memory", "-c", self.folder / "sensor.conf", "-i", "lo").text()
        self.budget = int(dict(line.split("\t")[:2] for line in told.splitlines())["total"])
        sender = self.send(conversations(60))
        scrapes, moments, in_flight, end = [], set(), 0, time.monotonic() + 4
        while time.monotonic() < end or len(moments) < 16 or not in_flight:
            scrapes.append(self.scrape())
            in_flight += scrapes[-1].sum("flowsensor_output_records_in_flight")
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
        waiting = [sum(scrape(name, **told) for name in ("flowsensor_output_records_in_flight", "flowsensor_spool_records")) for scrape in (old, older)]
        self.assertGreater(waiting[1], waiting[0])
        self.assertGreater(older("flowsensor_spool_records", **told), 0)
        self.assertLess(older("flowsensor_spool_bytes", **told), older("flowsensor_spool_limit_bytes", **told))
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
        scrape = wait_until(lambda: (scrape := self.scrape())("flowsensor_spool_records", output="flows") > 5 and
                            scrape("flowsensor_kafka_errors_total", output="flows") > 0 and scrape, what="records that wait", limit=15)
        self.assertEqual(scrape("flowsensor_output_failed", output="flows"), 0)
        wait_until(lambda: "\noutput flows: delivery degraded: it has waited for the broker for " in self.get("/readyz")[1], what="word of the broker", limit=15)
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
        self.assertGreaterEqual(scrape("flowsensor_registry_requests_total"), 1)
        self.assertEqual(scrape("flowsensor_registry_errors_total"), scrape("flowsensor_registry_requests_total"))
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
        started = self.scrape()("flowsensor_config_last_reload_success_timestamp_seconds")
        for number, content in enumerate([bytes(range(32)).hex(), "no key"]):
            self.write("key", content).chmod(0o600)
            running.signal(signal.SIGHUP)
            # A gauge that is 1 before the first one, too: the time shows that it came.
            wait_until(lambda: self.scrape()("flowsensor_config_last_reload_successful") == 1 - number and
                       (number == 1 or self.scrape()("flowsensor_config_last_reload_success_timestamp_seconds") > started), what=f"reload {number}")
        running.signal(signal.SIGTERM)
        running.finish()


def records_of(capture):
    """The frames of a pcap file (microseconds, little-endian)."""
    at = 24
    while at < len(capture):
        kept = int.from_bytes(capture[at + 8:at + 12], "little")
        yield capture[at + 16:at + 16 + kept]
        at += 16 + kept


if __name__ == "__main__":
    unittest.main()
