"""A Kafka broker that is absent or silent, refuses the login, has no such topic, or does not take a record: one line, the
right exit code, and every record counted. Run: python3 tests/e2e/run.py test_bad_broker
"""
import io
import json
import os
import re
import unittest
from pathlib import Path

import fastavro

import frames
from harness import SCHEMAS, Case, run, wait_until
from servers import HugeAnswers, LocalServers, SilentServer, closed_port

FLOWS = 40
SCHEMA = fastavro.parse_schema(json.loads((SCHEMAS / "flow" / "v2.avsc").read_text()))


def decode(message):
    """A record in Avro's single-object encoding; every byte is consumed."""
    stream = io.BytesIO(message.value())
    assert stream.read(2) == b"\xc3\x01", "not Avro's single-object marker"
    stream.read(8)
    record = fastavro.schemaless_reader(stream, SCHEMA)
    assert not stream.read(), "bytes behind the record"
    return record


class BrokerCase(Case):
    TIMEOUT_S = 2

    def setUp(self):
        super().setUp()
        self.capture = self.write("good.pcap", frames.conversations(FLOWS))

    def arguments(self, topic, properties, *more):
        """Each property as one string of the list, as a person would write it."""
        listed = ", ".join(f'"{text}"' for text in properties)
        path = self.write("sensor.conf", f"""
delivery = {{ timeout = "{self.TIMEOUT_S}s"; shutdown_timeout = "20s"; }};
outputs = ( {{ name = "out"; topic = "{topic}"; columns_to_anonymize = [ "all=keep" ]; kafka = [ {listed} ]; }} );
""")
        return ["-c", path, *more]

    def deliver(self, topic, *properties, more=()):
        return run(*self.arguments(topic, properties, "-r", self.capture, *more))


class Absent(BrokerCase):
    TIMEOUT_S = 1  # no acknowledgement could be late

    def undelivered(self, result):
        output = self.ledger(result).outputs["out"]
        self.assertEqual((output["made"], output["acknowledged"], output["in_flight"]), (FLOWS, 0, 0), result)
        # The one that waited for the broker, and what ended after that.
        self.assertEqual(output["why"], {"undelivered": 1, "output_failed": FLOWS - 1}, result)

    def test_absent(self):
        broker = f"127.0.0.1:{closed_port()}"
        result = self.deliver("flows", f"bootstrap.servers={broker}")
        self.failed(result, os.EX_UNAVAILABLE, ["out", "flows", broker, "refused", "records not delivered", "bootstrap.servers"])
        self.undelivered(result)

    def test_absent_is_one_line_at_level_error(self):
        self.refused(os.EX_UNAVAILABLE, ["flows"], *self.arguments("flows", [f"bootstrap.servers=127.0.0.1:{closed_port()}"], "-r", self.capture))

    def test_silent(self):
        with SilentServer() as server:
            result = self.deliver("flows", f"bootstrap.servers=127.0.0.1:{server.port}")
            self.failed(result, os.EX_UNAVAILABLE, ["out", "flows", "records not delivered", "bootstrap.servers"])
        self.undelivered(result)
        self.assertLess(result.seconds, 15)

    def test_small_queue_waits_and_then_gives_up(self):
        result = self.deliver("flows", f"bootstrap.servers=127.0.0.1:{closed_port()}", "queue.buffering.max.messages=10")
        self.failed(result, os.EX_UNAVAILABLE, ["flows", "not delivered"])
        output = self.ledger(result).outputs["out"]
        self.assertEqual((output["made"], output["acknowledged"], output["in_flight"]), (FLOWS, 0, 0))
        self.assertEqual(output["why"], {"undelivered": 1, "output_failed": FLOWS - 1})

    def test_other_outputs_get_everything(self):
        path = self.folder / "flows.jsonl"
        more = ["--set", f"outputs.1.path={path}"]
        result = self.deliver("flows", f"bootstrap.servers=127.0.0.1:{closed_port()}", more=more)
        self.failed(result, os.EX_UNAVAILABLE, ["flows"])
        self.assertEqual(len(path.read_text().splitlines()), FLOWS)


class Hostile(BrokerCase):
    """A broker whose answer says that it is as long as an answer may be, and goes on and on."""

    TIMEOUT_S = 30

    def peak(self, length):
        """The most memory that the sensor takes with such a broker, and how much of an answer it takes."""
        with HugeAnswers(length) as server:
            running = self.start(*self.arguments("flows", [f"bootstrap.servers=127.0.0.1:{server.port}"], "-r", self.capture))
            wait_until(lambda: server.answers >= 3, what="three connections", limit=20)
            status = Path(f"/proc/{running.process.pid}/status").read_text()
            running.close()
            return int(re.search(r"VmHWM:\s*(\d+) kB", status)[1]) >> 10, server.longest

    def test_answers_without_an_end(self):
        usual, _ = self.peak(64)
        for length, taken in ((8 << 20, 8 << 20), ((8 << 20) + 1, 0), (90 << 20, 0), (0x7fffffff, 0), (0xffffffff, 0)):
            with self.subTest(length):
                peak, longest = self.peak(length)
                # What the socket's buffers hold was sent too, and taken by nobody.
                self.assertLess(longest, taken + (7 << 20))
                self.assertLess(peak, usual + (taken >> 20) + 2)


class Real(BrokerCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.servers = LocalServers.get()

    def sasl(self, password):
        return [f"bootstrap.servers={self.servers.sasl_bootstrap}", "security.protocol=SASL_PLAINTEXT", "sasl.mechanisms=PLAIN",
                f"sasl.username={self.servers.username}", f"sasl.password={password}"]

    def test_everything_arrives(self):
        topic = self.servers.topic("good")
        result = self.ended_well(self.deliver(topic, f"bootstrap.servers={self.servers.bootstrap}"))
        self.assertEqual(self.ledger(result).outputs["out"]["acknowledged"], FLOWS)
        records = [decode(message) for message in self.servers.messages(topic)]
        self.assertEqual(sorted(record["seq"] for record in records), list(range(FLOWS)))
        self.assertEqual({record["src_port"] for record in records}, {10000 + i for i in range(FLOWS)})

    def test_right_password(self):
        topic = self.servers.topic("login")
        self.ended_well(self.deliver(topic, *self.sasl(f"${{file:{self.servers.password_file}}}")))
        self.assertEqual(len(self.servers.messages(topic)), FLOWS)

    def test_wrong_password(self):
        result = self.deliver(self.servers.topic("wrong-password"), *self.sasl("hunter2-hunter2"))
        self.failed(result, os.EX_NOPERM, ["out", "login", "sasl.username", "sasl.password"])
        self.assertNotIn("hunter2", "\n".join(result.lines))
        self.assertEqual(self.servers.messages("wrong-password"), [])

    def test_login_where_none_is_asked_for(self):
        result = self.deliver("flows", *[text.replace(self.servers.sasl_bootstrap, self.servers.bootstrap) for text in self.sasl("x")])
        self.assertIn(result.code, (os.EX_UNAVAILABLE, os.EX_NOPERM), result)
        self.failed(result, result.code, ["out"])

    def test_no_such_topic(self):
        topic = "never-created"
        result = self.refused(os.EX_CONFIG, ["out", topic, "does not exist", "--create"],
                              *self.arguments(topic, [f"bootstrap.servers={self.servers.bootstrap}"], "-r", self.capture))
        self.assertLess(result.seconds, 10)

    def test_invalid_topic_name(self):
        result = self.deliver("no such/topic", f"bootstrap.servers={self.servers.bootstrap}")
        self.failed(result, os.EX_CONFIG, ["out", "no such/topic"])

    def large_records(self):
        """Flows of which each fourth has so many packets that its record, with a list of them, is larger than 1,500 bytes."""
        packets = []
        for index in range(FLOWS):
            packets += frames.every(0.001, [frames.udp(20000 + index, 7000, b"x")] * (250 if index % 4 == 0 else 2), index * 0.3)
        self.capture = self.write("large.pcap", frames.pcap(packets))
        return ["--set", "meter.splt_analysis=250"]

    def check_too_large(self, topic, result):
        """What is too large is counted and said once; the others arrive."""
        output = self.ledger(result).outputs["out"]
        self.assertEqual(output["why"], {"too_large": FLOWS // 4}, result)
        self.assertEqual((output["made"], output["acknowledged"]), (FLOWS, FLOWS - FLOWS // 4))
        self.assertEqual(len(self.servers.messages(topic)), output["acknowledged"])
        self.failed(result, os.EX_IOERR, ["out", topic, "too large", "message.max.bytes"])

    def test_record_larger_than_the_producer_takes(self):
        topic, more = self.servers.topic("large-producer"), self.large_records()
        self.check_too_large(topic, self.deliver(topic, f"bootstrap.servers={self.servers.bootstrap}", "message.max.bytes=1500", more=more))

    def test_record_larger_than_the_topic_takes(self):
        topic, more = self.servers.topic("large-topic", max_message_bytes=1500), self.large_records()
        self.check_too_large(topic, self.deliver(topic, f"bootstrap.servers={self.servers.bootstrap}", "batch.num.messages=1",
                                                 "compression.codec=none", more=more))


if __name__ == "__main__":
    unittest.main()
