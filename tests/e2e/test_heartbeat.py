"""Heartbeats (heartbeat/v1): what they promise holds for every later record, with one meter and with two, live and from files; a
consumer that makes its watermark of them has no late record; the last one proves that no tail is missing; a sensor that was
killed is missed within two intervals. With a real broker. Needs root and iproute2. Run: python3 tests/e2e/run.py test_heartbeat
"""
import contextlib
import io
import json
import os
import signal
import time
import unittest
from datetime import timedelta

import fastavro

import frames
import heartbeats as consumer
from harness import CAPTURES, SCHEMAS, Case, run, wait_until
from servers import LocalServers
from test_live import ABLE, wait_for_capture

MEASURES = "how late a heartbeat is"

FLOWS, BEATS = "flow/v2", "heartbeat/v1"
PARTITIONS = 3
IDLE, ACTIVE, INTERVAL = timedelta(seconds=1.5), timedelta(seconds=1), timedelta(seconds=1)
# Time until a packet is taken out of the kernel's ring and time goes on without one, and a loaded machine's delay.
SLACK = timedelta(seconds=1.5)
TRAFFIC_S = 8
MARKER = b"\xc3\x01"  # of Avro's single-object encoding


def schema_of(name):
    return fastavro.parse_schema(json.loads((SCHEMAS / f"{name}.avsc").read_text()))


class Topics:
    """A consumer of the two topics of a test, from their beginnings."""

    def __init__(self, servers, topics):
        from confluent_kafka import Consumer, TopicPartition
        self.schemas = {topics[name]: schema_of(name) for name in (FLOWS, BEATS)}
        self.beats = topics[BEATS]
        self.consumer = Consumer({"bootstrap.servers": servers.bootstrap, "group.id": "e2e", "enable.auto.commit": False,
                                  "fetch.wait.max.ms": 50})
        self.consumer.assign([TopicPartition(topics[FLOWS], partition, 0) for partition in range(PARTITIONS)]
                             + [TopicPartition(topics[BEATS], 0, 0)])

    def take(self, on_record, on_heartbeat):
        """One message at most, within a tenth of a second."""
        message = self.consumer.poll(0.1)
        if message is None or message.error():
            return
        stream = io.BytesIO(message.value())
        assert stream.read(10)[:2] == MARKER
        record = fastavro.schemaless_reader(stream, self.schemas[message.topic()])
        (on_heartbeat if message.topic() == self.beats else on_record)(record)

    def close(self):
        self.consumer.close()


@unittest.skipUnless(ABLE, "capturing needs root and iproute2")
class Live(Case):
    meters = 1
    properties = ()  # more of the output of flows
    sensor_id = "probe"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.servers = LocalServers.get()

    def setUp(self):
        super().setUp()
        self.wire = consumer.WireToHost()
        self.addCleanup(self.wire.remove)
        stem = f"heartbeat-{self.meters}-" + self._testMethodName.removeprefix("test_").replace("_", "-")
        self.topics = {FLOWS: stem, BEATS: f"{stem}-beats"}
        self.servers.topic(self.topics[FLOWS], PARTITIONS)
        self.servers.topic(self.topics[BEATS])
        self.records, self.beats = [], []
        self.event_time = consumer.EventTime("flows")
        self.reading = Topics(self.servers, self.topics)
        self.addCleanup(self.reading.close)

    def conf(self):
        kafka = f'kafka = [ "bootstrap.servers={self.servers.bootstrap}", "linger.ms=20" ];'
        narrow = kafka.replace(" ];", "".join(f', "{item}"' for item in self.properties) + " ];")
        return self.write("sensor.conf", f"""
identity = {{ sensor_id = "{self.sensor_id}"; }};
capture = {{ socket_buffer_size = "8MiB"; }};
meter = {{ n_meters = {self.meters}; idle_timeout = "{IDLE.total_seconds() * 1000:.0f}ms"; active_timeout = "{ACTIVE.seconds}s";
          n_dissections = 0; flow_table_size = 16384; }};
outputs = ( {{ name = "flows"; topic = "{self.topics[FLOWS]}"; schema = "{FLOWS}"; {narrow} columns_to_anonymize = [ "all=keep" ]; }},
            {{ name = "beats"; topic = "{self.topics[BEATS]}"; schema = "{BEATS}"; {kafka} }} );
""")

    def capture(self):
        running = self.start("-i", self.wire.near, "-c", self.conf())
        wait_for_capture(running, self.meters)
        return running

    def send(self, seconds):
        path = self.write("schedule.txt", consumer.schedule(consumer.traffic(seconds, IDLE.total_seconds())))
        sender = self.wire.sender(path)
        self.addCleanup(sender.wait)
        return sender

    def take(self):
        def on_record(record):
            self.records.append(record)
            self.event_time.record(record)

        def on_heartbeat(heartbeat):
            self.beats.append(heartbeat)
            self.event_time.heartbeat(heartbeat)

        self.reading.take(on_record, on_heartbeat)

    def read_until(self, condition, what, limit=30):
        def taken():
            self.take()
            return condition()
        wait_until(taken, what=what, limit=limit, pause=0)

    def run_traffic(self, reasons=("active", "idle", "tcp_reset", "shutdown")):
        """A run that is told to stop when all is sent, so that flows are open, read as it goes on and to its end."""
        running = self.capture()
        sender = self.send(TRAFFIC_S)
        self.read_until(lambda: sender.poll() is not None, "the end of the traffic")
        running.signal(signal.SIGTERM)
        self.read_until(lambda: running.process.poll() is not None, "the sensor's end")
        self.result = running.finish()
        self.assertEqual(self.result.code, 0, self.result)
        self.read_until(lambda: self.event_time.is_complete, "the last heartbeat and all records before it")
        self.assertEqual({record["end_reason"] for record in self.records}, set(reasons))

    def test_promises(self):
        self.run_traffic()
        self.ended_well(self.result)
        self.assertTrue(any("fragment" in record["quality_flags"] for record in self.records))
        self.check_promises()
        self.check_sequence()
        self.check_tail()
        self.check_bounds_are_near()
        self.check_record_times()

    def check_promises(self):
        self.assertEqual(consumer.broken_promises(self.beats, self.records, "flows"), [])
        self.assertEqual(self.event_time.late, [])
        # The same records are late for a consumer that takes the latest time for the watermark.
        self.assertGreater(self.event_time.late_by_newest, len(self.records) / 10)

    def check_sequence(self):
        self.assertGreaterEqual(len(self.beats), TRAFFIC_S)
        self.assertEqual([beat["seq"] for beat in self.beats], list(range(len(self.beats))))
        self.assertEqual([beat["is_last"] for beat in self.beats], [False] * (len(self.beats) - 1) + [True])
        self.assertEqual({beat["heartbeat_interval_us"] for beat in self.beats}, {INTERVAL // timedelta(microseconds=1)})
        for before, beat in zip(self.beats, self.beats[1:-1]):
            self.assertLess(beat["heartbeat_time"] - before["heartbeat_time"], 2 * INTERVAL)  # or a consumer would miss it

    def check_tail(self):
        last, output = self.beats[-1], self.ledger(self.result).outputs["flows"]
        self.assertEqual(last["outputs"], ["flows"])
        self.assertEqual(sorted(record["seq"] for record in self.records), list(range(last["last_seqs"][0] + 1)))
        self.assertEqual((last["records_made"], last["records_dropped"]), ([len(self.records)], [0]))
        self.assertEqual((last["flows_expired"], last["flows_open"]), (len(self.records), 0))
        self.assertEqual((output["made"], output["acknowledged"]), (len(self.records), len(self.records)))

    def check_bounds_are_near(self):
        """Promises are of use only if they aren't far behind."""
        for beat in self.beats[2:-1]:
            # A fragment waits for its first one for 0.4 s, and its flow stands behind others by as much.
            self.assertLess(beat["heartbeat_time"] - beat["least_last_seen"], IDLE + SLACK)
            self.assertLess(beat["heartbeat_time"] - beat["least_record_time"], SLACK)
            self.assertLess(beat["heartbeat_time"] - beat["oldest_open_first_seen"], ACTIVE + IDLE + SLACK + timedelta(seconds=1))
            self.assertGreater(beat["flows_open"], 0)

    def check_record_times(self):
        for record in self.records:
            quiet = record["record_time"] - record["bidirectional_last_seen"]
            self.assertGreaterEqual(quiet, IDLE if record["end_reason"] == "idle" else timedelta(0), record)
            if record["end_reason"] == "idle":
                self.assertLess(quiet, IDLE + SLACK, record)
        if self.meters == 1:
            times = [record["record_time"] for record in sorted(self.records, key=lambda record: record["seq"])]
            self.assertEqual(times, sorted(times))

    def test_dropped_records_are_not_waited_for(self):
        """With so long a name the largest records are too large for the producer: heartbeats count them, and time goes on."""
        self.properties, self.sensor_id = ("linger.ms=300", "message.max.bytes=1000"), "p" * 120
        self.run_traffic(reasons=("active", "idle", "shutdown"))
        last = self.beats[-1]
        self.assertGreater(last["records_dropped"][0], 10)
        self.assertEqual(last["records_dropped"][0], last["last_seqs"][0] + 1 - len(self.records))
        self.assertEqual(self.event_time.late, [])
        self.assertGreater(self.event_time.watermark, self.beats[-2]["least_last_seen"] - timedelta(microseconds=1))

    def test_a_killed_sensor_is_missed(self):
        """Silence of two intervals: not before, and then soon. Its next run is another one, with a promise of its own."""
        running = self.capture()
        sender = self.send(4)
        gaps, latest = [], time.monotonic()

        def is_silent():
            nonlocal latest
            heard = len(self.beats)
            self.take()
            now = time.monotonic()
            if len(self.beats) > heard:
                gaps.append(now - latest)
                latest = now
            return now - latest > 2 * INTERVAL.total_seconds()

        wait_until(lambda: is_silent() or sender.poll() is not None, what="the end of the traffic", limit=30, pause=0)
        wait_until(lambda: is_silent() or len(gaps) > 4, what="heartbeats", pause=0)
        self.assertLess(max(gaps[1:]), 2 * INTERVAL.total_seconds())
        killed = time.monotonic()
        running.signal(signal.SIGKILL)
        wait_until(is_silent, what="silence", pause=0)
        self.assertLess(time.monotonic() - killed, 2 * INTERVAL.total_seconds() + SLACK.total_seconds())
        self.assertEqual([beat["is_last"] for beat in self.beats], [False] * len(self.beats))
        self.assertEqual(consumer.broken_promises(self.beats, self.records, "flows"), [])
        running.finish()

        running = self.capture()
        wait_until(lambda: is_silent() or len(consumer.by_boot(self.beats)) == 2, what="the next run's first heartbeat", limit=20, pause=0)
        running.signal(signal.SIGTERM)
        self.read_until(lambda: self.beats[-1]["is_last"], "its last one")
        first, second = consumer.by_boot(self.beats).values()
        self.assertEqual((first[0]["seq"], second[0]["seq"], second[-1]["last_seqs"]), (0, 0, [-1]))


class TwoMeters(Live):
    meters = 2
    test_a_killed_sensor_is_missed = test_dropped_records_are_not_waited_for = None


class Files(Case):
    """Files have heartbeats too: by the host's clock, of the captures' times."""

    def conf(self, more=""):
        return self.write("sensor.conf", f"""
{more}
outputs = ( {{ name = "flows"; path = "{self.folder}/flows.jsonl"; format = "jsonl"; schema = "{FLOWS}"; }},
            {{ name = "beats"; path = "{self.folder}/beats.jsonl"; format = "jsonl"; schema = "{BEATS}"; }} );
""")

    def written(self, name):
        return [json.loads(line) for line in (self.folder / f"{name}.jsonl").read_text().splitlines()]

    def written_so_far(self, name):
        path = self.folder / f"{name}.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines(keepends=True) if line.endswith("\n")] if path.exists() else []

    def test_the_last_one_proves_that_all_is_there(self):
        for meters in (1, 3):
            self.succeeds("-c", self.conf(), "-r", CAPTURES / "mix.pcap", "--set", f"meter.n_meters={meters}", "--set", "meter.active_timeout=50ms")
            records, last = self.written("flows"), self.written("beats")[-1]
            self.assertTrue(last["is_last"])
            self.assertEqual((last["last_seqs"], last["records_made"], last["flows_open"]), ([len(records) - 1], [len(records)], 0))
            self.assertIsNone(last["oldest_open_first_seen"])

    def test_promises_hold_for_a_capture_that_comes_slowly(self):
        """Through a pipe, in pieces, for three heartbeats and more. The capture has fragments that come before their first one."""
        sent = consumer.traffic(40, 4, seed=2)
        capture = frames.pcap(sent)
        for meters in (1, 3):
            more = f'meter = {{ n_meters = {meters}; idle_timeout = "4s"; active_timeout = "3s"; }};'
            running = self.start("-c", self.conf(more), "-r", "-", stdin=-1)
            with contextlib.closing(running.process.stdin) as pipe:
                pieces = 70
                for piece in range(pieces):
                    pipe.write(capture[piece * len(capture) // pieces:(piece + 1) * len(capture) // pieces])
                    pipe.flush()
                    time.sleep(0.05)  # the pace of the capture
            self.ended_well(running.finish())
            beats, records = self.written("beats"), self.written("flows")
            self.assertGreaterEqual(len(beats), 4)
            self.assertEqual(consumer.broken_promises(beats, records, "flows"), [])
            told = [beat["least_last_seen"] for beat in beats[:-1] if beat["least_last_seen"] is not None]
            self.assertGreater(len(set(told)), 1, beats)
            (self.folder / "flows.jsonl").unlink()
            (self.folder / "beats.jsonl").unlink()

    def test_a_fragment_that_waits_is_allowed_for(self):
        """It comes 16 s before its datagram's first one, which says what flow it begins. Meanwhile others come and go."""
        first, later = consumer.fragments(1)
        others = [(second, frames.udp(5000, 7000, b"other", source=f"10.4.0.{second}")) for second in range(1, 16)]
        before, after = frames.pcap([(0, later), *others]), frames.pcap([(16, first)])[24:]
        for meters in (1, 3):
            more = f'meter = {{ n_meters = {meters}; idle_timeout = "1s"; }};'
            running = self.start("-c", self.conf(more), "-r", "-", stdin=-1)
            with contextlib.closing(running.process.stdin) as pipe:
                pipe.write(before)
                pipe.flush()
                wait_until(lambda: any(beat["packets_processed"] == len(others) for beat in self.written_so_far("beats")), what="a heartbeat meanwhile")
                pipe.write(after)
            self.ended_well(running.finish())
            beats, records = self.written("beats"), self.written("flows")
            self.assertEqual(max(record["record_time"] - record["bidirectional_first_seen"] for record in records), 16_000_000)
            self.assertTrue(any(beat["least_record_time"] for beat in beats[:-1]))
            self.assertEqual(consumer.broken_promises(beats, records, "flows"), [])
            (self.folder / "flows.jsonl").unlink()
            (self.folder / "beats.jsonl").unlink()

    def test_nfstream_profile(self):
        """It has no record_time; the bound of the last packet is in whole milliseconds."""
        conf = self.write("sensor.conf", f"""
profile = "nfstream";
outputs = ( {{ name = "flows"; path = "{self.folder}/flows.jsonl"; format = "jsonl"; }},
            {{ name = "beats"; path = "{self.folder}/beats.jsonl"; format = "jsonl"; schema = "{BEATS}"; }} );
""")
        self.succeeds("-c", conf, "-r", CAPTURES / "mix.pcap")
        last = self.written("beats")[-1]
        newest = max(record["bidirectional_last_seen_ms"] for record in self.written("flows"))
        self.assertEqual(last["least_last_seen"], newest * 1000)

    def test_off(self):
        beats = f'"beats": schema {BEATS} is of the sensor\'s heartbeats, which are off'
        self.refused(os.EX_CONFIG, [beats, 'heartbeat_interval = "1s"'], "-c", self.conf('heartbeat_interval = "0";'), "-r", CAPTURES / "mix.pcap")
        self.refused(os.EX_CONFIG, ["heartbeat_interval", "no output's schema is of heartbeats"], "-r", CAPTURES / "mix.pcap", "-w", "null:",
                     "--set", "heartbeat_interval=1s")
        # A live sensor's configuration meters a capture into a file.
        for outputs in (("-w", "null:"), ("-w", self.folder / "other.jsonl", "--schema", BEATS)):
            self.succeeds("-c", self.conf('heartbeat_interval = "2s";'), "-r", CAPTURES / "mix.pcap", *outputs)
        self.assertEqual(self.written("other")[-1]["heartbeat_interval_us"], 2_000_000)
        self.assertIn("heartbeat_interval", run("--help").text() + (SCHEMAS.parent / "deploy" / "reference.md").read_text())


if __name__ == "__main__":
    unittest.main()
