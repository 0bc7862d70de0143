"""The Flink job with a real Kafka, registry and sensor: no record is late by the heartbeats, and tables are exact after kills.

Needs the packages of tests/tables/requirements.txt, Maven and Java 17; for live traffic root and iproute2.
Run: tests/run.sh flink
"""
import os
import shutil
import signal
import threading
import unittest
from pathlib import Path

import expected
from cluster import Job
from confluent_kafka import Producer
from harness import Case, wait_until
from heartbeats import WireToHost, schedule, traffic
from servers import LocalServers

PARTITIONS = 3
IDLE_S, TRAFFIC_S = 1.5, 5
WINDOW_MS, GAP_MS = 2000, 1000
CAUGHT_UP_S = 60
CONF = """
identity = {{ sensor_id = "probe"; }};
capture = {{ socket_buffer_size = "8MiB"; }};
meter = {{ n_meters = 2; idle_timeout = "1500ms"; active_timeout = "1s"; flow_table_size = 16384; early_packets = [ "2" ]; }};
outputs = ( {{ topic = "{flows}"; schema = "flow/v2"; columns_to_anonymize = [ "all=keep" ]; kafka = [ "bootstrap.servers={bootstrap}" ]; }},
            {{ topic = "{beats}"; schema = "heartbeat/v1"; kafka = [ "bootstrap.servers={bootstrap}" ]; }} );
registry = {{ url = "{registry}"; auto_register = true; }};
"""


class Traffic:
    """Traffic that begins again when it has ended. A context."""

    def __init__(self, wire, path):
        self.wire, self.path, self.stopping = wire, path, threading.Event()
        self.thread = threading.Thread(target=self.run)

    def run(self):
        while not self.stopping.is_set():
            self.wire.sender(self.path).wait()

    def __enter__(self):
        self.thread.start()

    def __exit__(self, *_exception):
        self.stopping.set()
        self.thread.join()


class Exact(Case):
    """Kills while traffic goes on: what a table has must be what an independent reader of the topic counts."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        if os.geteuid() != 0 or shutil.which("ip") is None:
            raise unittest.SkipTest("capturing needs root and iproute2")
        Job.built()

    def setUp(self):
        super().setUp()
        self.servers = LocalServers()
        self.addCleanup(self.servers.stop)
        self.flows, self.beats = self.servers.topic("flows", PARTITIONS), self.servers.topic("heartbeats")
        self.conf = self.write("sensor.conf", CONF.format(flows=self.flows, beats=self.beats, bootstrap=self.servers.bootstrap,
                                                          registry=self.servers.registry))
        self.wire = WireToHost()
        self.addCleanup(self.wire.remove)
        self.job = Job(self.folder / "job", self.servers, topic=self.flows, heartbeats=self.beats, window=f"{WINDOW_MS}ms", gap=f"{GAP_MS}ms",
                       checkpoint="1s", idle="3s")
        self.addCleanup(self.job.close)

    def sensor(self):
        running = self.start("-i", self.wire.near, "-c", self.conf)
        wait_until(lambda: running.said("capturing on") or running.process.poll() is not None, what="the start of the capture")
        return running

    def rows_reach(self, count):
        wait_until(lambda: len(self.job.flows()) >= count, CAUGHT_UP_S, lambda: f"{count} rows, there are {len(self.job.flows())}; {self.job.said()}", pause=0.3)

    def rows_grow(self):
        """Until records have come that are made now."""
        self.rows_reach(len(self.job.flows()) + 200)

    def windows_grow(self):
        """Until records have come that are made now, and windows have closed behind them."""
        self.rows_grow()
        closed = len(self.job.table("applications"))
        wait_until(lambda: len(self.job.table("applications")) > closed, CAUGHT_UP_S, self.job.said, pause=0.3)

    def kill_broker(self):
        os.kill(int((Path(self.servers.folder.name) / "kafka.pid").read_text().split()[0]), signal.SIGKILL)
        self.servers.down()
        self.servers.up()

    def send_again(self, messages):
        """Copies of records, and one that `flowsensor verify` would leave."""
        producer = Producer({"bootstrap.servers": self.servers.bootstrap, "log_level": 0})
        for message in messages:
            producer.produce(self.flows, message.value(), message.key())
        producer.produce(self.flows, messages[0].value()[:-9] + os.urandom(9), b"x", headers={"verify": b"true"})
        producer.produce(self.flows, b"\0no record", b"x")
        producer.flush(30)

    def read(self):
        """Messages of the topic that are records of traffic, in the order of their coming."""
        found = [message for message in self.servers.messages(self.flows, PARTITIONS) if not message.headers() or ("verify", b"true") not in message.headers()]
        return sorted((message for message in found if len(message.value()) > 100), key=lambda message: message.timestamp()[1])

    def test_kills_of_job_broker_and_sensor(self):
        self.job.start()
        sensor = self.sensor()
        with Traffic(self.wire, self.write("schedule.txt", schedule(traffic(TRAFFIC_S, IDLE_S)))):
            self.rows_reach(200)
            self.job.kill()
            self.job.start()
            self.windows_grow()
            self.kill_broker()
            self.windows_grow()
            sensor.process.kill()
            sensor.process.wait()
            sensor = self.sensor()
            self.rows_grow()
        sensor.signal(signal.SIGTERM)
        self.ended_well(sensor.finish())
        messages = self.read()
        self.send_again(messages[-40:])
        records = [expected.decode(message.value()) for message in messages]
        self.check(records)

    def check(self, records):
        wanted = expected.unique(records)
        self.assertEqual({record["record_kind"] for record in records}, {"early", "final"})
        self.assertGreater(expected.disorder(records), len(records) / 10)
        self.assertEqual(len({record["boot_id"] for record in records}), 2)
        self.rows_reach(len(wanted))
        wait_until(lambda: self.job.metric("recordsDuplicate") >= 1, CAUGHT_UP_S, self.job.said, pause=0.3)
        wait_until(lambda: (self.job.metric("recordsUndecodable"), self.job.metric("recordsSynthetic")) == (1, 1), CAUGHT_UP_S, self.job.said, pause=0.3)
        self.assertEqual(self.job.metric("recordsLate"), 0)
        self.assertGreater(len(self.job.table("applications")), 3)  # Windows close while the job runs.
        self.job.drain()
        self.assertEqual(self.job.table("late"), [])
        found = sorted(self.job.flows(), key=lambda row: (row["flow_uid"], row["slice"], row["revision"]))
        self.same(found, expected.flows(wanted))
        self.assertEqual({path.name for path in (self.job.out / "flows").iterdir()}, {f"day={row['last_seen']:%Y-%m-%d}" for row in found})
        rows = self.job.table("applications")
        sums = {(row["window_start"], row["application_name"]): (row["flows"], row["packets"], row["bytes"]) for row in rows}
        self.assertEqual(len(sums), len(rows), "a window is there twice")
        self.same(sorted(sums.items()), sorted(expected.applications(wanted, WINDOW_MS).items()))
        self.same(sorted((row["src_ip"], row["session_start"], row["session_end"], row["flows"], row["bytes"], row["destinations"])
                         for row in self.job.table("sessions")), expected.sessions(wanted, GAP_MS))

    def same(self, found, wanted):
        """Equal rows in the same order; what differs is told shortly."""
        self.assertGreater(len(wanted), 10)
        self.assertEqual(len(found), len(wanted))
        self.assertEqual([pair for pair in zip(found, wanted) if pair[0] != pair[1]][:3], [])


if __name__ == "__main__":
    unittest.main()
