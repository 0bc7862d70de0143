"""verify, which sends a record and reads it back: with a real broker and registry, and with a registry that tells something
else than what was registered. Run: python3 tests/e2e/run.py test_verify
"""
import io
import json
import os
import unittest
import urllib.request

import fastavro

from commands import Commands
from harness import CAPTURES, SCHEMAS, run
from servers import FaultyRegistry, answers, closed_port

SAMPLE_POLICY = ["address=prefix_preserving", "mac=keep_oui", "name=keep_registered_domain", "agent=short_hash",
                 "fingerprint=short_hash", "user=drop"]


class Verify(Commands):

    def setUp(self):
        super().setUp()
        self.servers.topic(self.topic, partitions=3)

    def message(self, topic=None):
        """The only message of a topic, whichever partition has it."""
        from confluent_kafka import Consumer, TopicPartition
        consumer = Consumer({"bootstrap.servers": self.servers.bootstrap, "group.id": "commands", "enable.auto.commit": False})
        self.addCleanup(consumer.close)
        ends = {number: consumer.get_watermark_offsets(TopicPartition(topic or self.topic, number), timeout=10)[1] for number in range(3)}
        self.assertEqual(sum(ends.values()), 1)
        partition = next(number for number, end in ends.items() if end)
        consumer.assign([TopicPartition(topic or self.topic, partition, 0)])
        return consumer.poll(10)

    def decoded(self, message):
        """As a consumer decodes it that knows the registry alone."""
        number = int.from_bytes(message.value()[1:5], "big")
        with urllib.request.urlopen(f"{self.servers.registry}/schemas/ids/{number}", timeout=10) as answer:
            schema = json.loads(json.load(answer)["schema"])
        body = io.BytesIO(message.value()[5:])
        record = fastavro.schemaless_reader(body, schema)
        self.assertEqual(body.read(), b"")
        return number, schema, record

    def check(self, path):
        """A verification that succeeds, against what an independent reader finds in the topic."""
        lines = self.succeeds("verify", "-c", path).text().splitlines()
        self.assertEqual(len(lines), 1)
        found = self.read_line(lines[0])
        message = self.message()
        number, schema, record = self.decoded(message)
        self.assertEqual(found[1], self.topic)
        self.assertEqual(found[3], dict(message.headers())["boot_id"].decode())
        self.assertEqual([int(found[i]) for i in (2, 4, 5, 6, 7)], [0, message.partition(), message.offset(), number, len(schema["fields"])])
        return record

    def test_flow(self):
        path = self.config()
        self.register(path)
        record = self.check(path)
        self.assertEqual((record["src_ip"], record["src_port"], record["dst_ip"], record["dst_port"], record["sensor_id"]),
                         ("192.0.2.1", 40000, "198.51.100.1", 443, "here"))
        self.assertEqual((record["bidirectional_packets"], record["requested_server_name"], record["seq"]), (5, "flowsensor.example", 0))
        self.assertIn("TLS", record["application_name"])

    def test_consumers_can_tell_it_from_traffic(self):
        path = self.config()
        self.register(path)
        self.assertEqual(self.check(path)["quality_flags"], ["verify", "synthetic"])
        self.assertEqual(dict(self.message().headers())["verify"], b"true")
        # A run's records have neither.
        self.succeeds("-c", path, "-r", CAPTURES / "dns.pcap")
        headers, flags = set(), set()
        for message in self.messages(self.topic):
            if "verify" not in dict(message.headers()):
                headers.add("run")
                flags |= set(self.decoded(message)[2]["quality_flags"])
        self.assertEqual(headers, {"run"})
        self.assertFalse(flags & {"verify", "synthetic"})

    def messages(self, topic):
        """All that a topic of three partitions has."""
        from confluent_kafka import Consumer, TopicPartition
        consumer = Consumer({"bootstrap.servers": self.servers.bootstrap, "group.id": "commands", "enable.auto.commit": False})
        self.addCleanup(consumer.close)
        ends = [consumer.get_watermark_offsets(TopicPartition(topic, number), timeout=10)[1] for number in range(3)]
        consumer.assign([TopicPartition(topic, number, 0) for number in range(3)])
        found = [consumer.poll(10) for _ in range(sum(ends))]
        self.assertNotIn(None, found)
        return found

    def test_flow_by_the_sample_policy(self):
        path = self.config({"columns_to_anonymize": SAMPLE_POLICY})
        self.register(path)
        record = self.check(path)
        self.assertNotIn("192.0.2.1", str(record))
        self.assertTrue(record["anon_key_id"])

    def test_as_a_live_run_would(self):
        """The source is not opened, nothing is looked for, and the table is not laid out."""
        more = 'capture = { interfaces = [ "nothing0" ]; }; meter = { n_meters = 4; flow_table_size = 16777216; system_visibility_mode = 1; };'
        path = self.config(more=more)
        self.register(path)
        result = self.succeeds("verify", "-c", path)
        self.read_line(result.text().rstrip("\n"))
        record = self.decoded(self.message())[2]
        # What a scorer pins is that of the run.
        features = self.succeeds("schema", "features", "-c", path).text()
        self.assertIn(f"# feature_hash {record['feature_hash']}\n", features)

    def test_output_of_early_records_alone(self):
        path = self.config({"record_kinds": ["early"]}, more='meter = { early_packets = [ "1" ]; };')
        self.register(path)
        self.assertEqual(self.check(path)["record_kind"], "final")

    def test_nfstream(self):
        path = self.config({"schema": "nfstream/v1"}, more='profile = "nfstream";')
        self.register(path)
        self.assertEqual(self.check(path)["src_ip"], "192.0.2.1")

    def test_sensor_stats(self):
        path = self.config({"schema": "sensor_stats/v1"}, more='capture = { interfaces = [ "nothing0" ]; };')
        self.register(path)
        record = self.check(path)
        self.assertEqual((record["sensor_id"], record["seq"]), ("here", 0))

    def test_heartbeat(self):
        path = self.config({"schema": "heartbeat/v1"})
        self.register(path)
        record = self.check(path)
        self.assertEqual((record["sensor_id"], record["outputs"], record["least_last_seen"]), ("here", [], None))

    def test_composed(self):
        counter = 'udps = { packets = [ "small=ip[2:2] = 40" ]; };'
        composed = self.folder / "composed.avsc"
        composed.write_bytes(self.succeeds("schema", "compose", "-c", self.config(more=counter)).out)
        path = self.config({"schema": str(composed)}, more=counter)
        self.register(path)
        self.assertEqual(self.check(path)["udps"], {"small": 4, "src2dst_small": 2, "dst2src_small": 2})

    def test_without_registry(self):
        for framing, format_name in (("single_object", "avro"), ("none", "avro"), ("none", "jsonl")):
            path = self.config({"framing": framing, "format": format_name})
            text = self.succeeds("verify", "-c", path).text()
            self.assertIn("131 fields" if format_name == "avro" else "jsonl as it was sent", text)
            self.assertNotIn("schema id", text)

    def test_each_output(self):
        """One that fails doesn't hide the others; files are none of this."""
        stats = self.servers.topic(f"{self.topic}-stats", partitions=3)
        lost = f"127.0.0.1:{closed_port()}"
        path = self.config({}, {"topic": stats, "schema": "sensor_stats/v1"}, {"topic": "lost", "kafka": [f"bootstrap.servers={lost}"]})
        self.register(path)
        file_output = self.folder / "flows.avro"
        more = ["--set", f"outputs.3.path={file_output}", "--set", "outputs.3.format=avro", "--set", "delivery.timeout=1s"]
        result = run("verify", "-c", path, *more)
        self.failed(result, os.EX_UNAVAILABLE, ["lost", lost, "refused"])
        self.assertEqual([self.read_line(line)[1] for line in result.text().splitlines()], [self.topic, stats])
        self.assertFalse(file_output.exists())

    def test_a_very_long_name(self):
        path = self.config({"name": "n" * 1000})
        self.register(path)
        self.assertIn(" read back at partition ", self.succeeds("verify", "-c", path).text())

    def test_not_registered(self):
        self.refused(os.EX_CONFIG, [f"{self.topic}-value", "flowsensor schema register"], "verify", "-c", self.config())

    def test_no_such_topic(self):
        path = self.config({"topic": f"{self.topic}-missing"})
        self.register(path)
        self.refused(os.EX_CONFIG, [f"{self.topic}-missing", "does not exist"], "verify", "-c", path)

    def test_too_small_a_topic(self):
        small = self.servers.topic(f"{self.topic}-small", max_message_bytes=100)
        path = self.config({"topic": small})
        self.register(path)
        self.refused(os.EX_IOERR, [small, "not taken", "message.max.bytes"], "verify", "-c", path)

    def test_a_live_run_is_told_too(self):
        """Where a live run would drop, count and go on, the command fails."""
        small = self.servers.topic(f"{self.topic}-small", max_message_bytes=100)
        path = self.config({"topic": small}, more='capture = { interfaces = [ "nothing0" ]; };')
        self.register(path)
        self.refused(os.EX_IOERR, [small, "not taken"], "verify", "-c", path)

    def test_no_delivery_report(self):
        path = self.config({"kafka": [*self.plain(), "enable.idempotence=false", "acks=0"]})
        self.register(path)
        self.refused(os.EX_UNAVAILABLE, ["acks"], "verify", "-c", path)

    def lied_to(self, code, says, status, change):
        """By a registry that knows the schema, but answers something else for its id."""
        document = json.loads((SCHEMAS / "flow" / "v2.avsc").read_text())
        body = change(document)
        found = answers(200, '{"subject": "s", "id": 77, "version": 1}')
        told = answers(status, body if isinstance(body, str) else json.dumps({"schema": json.dumps(body)}))

        def answer(request):
            (found if request.command == "POST" else told)(request)
        with FaultyRegistry(answer) as registry:
            self.refused(code, [registry.url, *says], "verify", "-c", self.config(registry=registry.url))
            self.assertIn("/schemas/ids/77", registry.requests)

    def test_the_right_schema_of_another_registry(self):
        with FaultyRegistry(lambda request: (answers(200, '{"id": 77}') if request.command == "POST" else answers(
                200, json.dumps({"schema": (SCHEMAS / "flow" / "v2.avsc").read_text()})))(request)) as registry:
            text = self.succeeds("verify", "-c", self.config(registry=registry.url)).text()
        self.assertEqual(self.read_line(text.rstrip("\n"))[6], "77")

    def test_a_field_with_another_name(self):
        def change(document):
            document["fields"][8]["name"] = "renamed"
            return document
        self.lied_to(os.EX_CONFIG, ["consumers can't read", "schema id 77", "has renamed as field 9"], 200, change)

    def test_a_field_with_another_type(self):
        self.lied_to(os.EX_CONFIG, ["schema id 77", "another type for the field seq"], 200, lambda document: {
            **document, "fields": [{**field, "type": "int"} if field["name"] == "seq" else field for field in document["fields"]]})

    def test_a_field_missing(self):
        self.lied_to(os.EX_CONFIG, ["schema id 77", "130 fields, not 131"], 200,
                     lambda document: {**document, "fields": document["fields"][:-1]})

    def test_another_record(self):
        self.lied_to(os.EX_CONFIG, ["schema id 77", "of the record Other, not Flow"], 200, lambda document: {**document, "name": "Other"})

    def test_no_schema(self):
        self.lied_to(os.EX_CONFIG, ["id 77"], 404, lambda _document: '{"error_code": 40403, "message": "Schema not found"}')
        self.lied_to(os.EX_CONFIG, ["id 77", "no schema of a record"], 200, lambda _document: '{"schema": "{"}')

    def test_registry_fails_in_between(self):
        self.lied_to(os.EX_UNAVAILABLE, ["503"], 503, lambda _document: "{}")


if __name__ == "__main__":
    unittest.main()
