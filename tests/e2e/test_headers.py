"""Headers of Kafka messages (outputs.headers), with a real broker: those that are chosen, in their order, and no others.

Run: python3 tests/e2e/run.py test_headers
"""
import io
import os
import unittest

import fastavro

from commands import Commands
from harness import CAPTURES, REPOSITORY, SCHEMAS, run

ALL = ["sensor_id", "boot_id", "output", "feature_hash", "record_kind", "anon_key_id", "seq"]
CAPTURE = CAPTURES / "dns.pcap"


class Headers(Commands):

    def setUp(self):
        super().setUp()
        self.servers.topic(self.topic)

    def send(self, output, *more):
        """Meters the capture into the topic; its messages and their records."""
        path = self.config({"schema": "flow/v1", "framing": "none", **output})
        self.succeeds("-c", path, "-r", CAPTURE, *more)
        return self.received()

    def received(self, framing_bytes=0):
        schema = fastavro.schema.load_schema(REPOSITORY / "schemas" / "flow" / "v1.avsc")
        messages = self.servers.messages(self.topic)
        self.assertGreater(len(messages), 1)
        return [(message, fastavro.schemaless_reader(io.BytesIO(message.value()[framing_bytes:]), schema)) for message in messages]

    def says_what_the_record_says(self, sent, names):
        for message, record in sent:
            wanted = [(name, None if record[name] is None else str(record[name]).encode()) for name in names]
            self.assertEqual(message.headers() or [], wanted)

    def test_by_default(self):
        """With these two each gap and each duplicate of the topic can be found, whatever its records are."""
        sent = self.send({})
        self.says_what_the_record_says(sent, ["boot_id", "seq"])
        self.assertEqual([int(dict(message.headers())["seq"]) for message, _ in sent], list(range(len(sent))))

    def test_by_default_of_records_that_say_nothing_of_it(self):
        path = self.config({"framing": "none"}, more='profile = "nfstream";')
        self.succeeds("-c", path, "-r", CAPTURE)
        for message in self.servers.messages(self.topic):
            self.assertEqual([name for name, _ in message.headers()], ALL)

    def test_all(self):
        """In the order of the table, whatever the list's is; anon_key_id is null without a key, and else the record's."""
        for policy in ("all=keep", "all=hash"):
            topic, self.topic = self.topic, self.servers.topic(f"{self.topic}-{policy[4:]}")
            sent = self.send({"headers": ALL[::-1], "columns_to_anonymize": [policy]})
            self.says_what_the_record_says(sent, ALL)
            self.assertEqual({record["anon_key_id"] is None for _, record in sent}, {policy == "all=keep"})
            self.topic = topic

    def test_none(self):
        self.says_what_the_record_says(self.send({"headers": []}), [])

    def test_by_a_flag(self):
        self.says_what_the_record_says(self.send({"headers": []}, "--set", "outputs.0.headers=seq,output"), ["output", "seq"])

    def test_each_output_has_its_own(self):
        other = self.servers.topic(f"{self.topic}-other")
        path = self.config({"headers": ["sensor_id"]}, {"topic": other, "schema": "flow/v1", "headers": []})
        self.register(path)
        self.succeeds("-c", path, "-r", CAPTURE)
        self.assertEqual({tuple(message.headers()) for message in self.servers.messages(self.topic)}, {(("sensor_id", b"here"),)})
        self.assertEqual({bool(message.headers()) for message in self.servers.messages(other)}, {False})

    def test_verify_marks_its_message_with_any_choice(self):
        """And it is well with each, also where no header tells what the message is."""
        for number, chosen in enumerate((None, ALL, [], ["record_kind"])):
            topic = self.servers.topic(f"{self.topic}-{number}")
            path = self.config({"topic": topic, **({} if chosen is None else {"headers": chosen})})
            self.register(path)
            found = self.read_line(self.succeeds("verify", "-c", path).text().rstrip("\n"))
            (message,) = self.servers.messages(topic)
            headers = dict(message.headers())
            names = {"boot_id", "seq"} if chosen is None else set(chosen)
            self.assertEqual(set(headers), names | {"verify"})
            self.assertEqual(headers["verify"], b"true")
            schema = fastavro.schema.load_schema(SCHEMAS / "flow" / "v1.avsc")
            record = fastavro.schemaless_reader(io.BytesIO(message.value()[5:]), schema)
            self.assertEqual((found[2], found[3]), (str(record["seq"]), record["boot_id"]))

    def test_a_name_that_there_is_not(self):
        path = self.config({"headers": ["boot_id", "sensorid"]})
        for command in (["--check-config"], ["verify"], []):
            result = run(*command, "-c", path, *(() if command == ["verify"] else ("-r", CAPTURE)))
            self.failed(result, os.EX_CONFIG, [self.topic, "headers", "sensorid", 'did you mean "sensor_id"', ", ".join(ALL)])


if __name__ == "__main__":
    unittest.main()
