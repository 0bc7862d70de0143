"""The commands that the chart's jobs run: topics check and create, and verify, which sends a record and reads it back; with
a real broker and registry, with a broker that allows next to nothing, and with a registry that tells something else than what
was registered. Run: python3 tests/e2e/run.py test_commands
"""
import io
import json
import os
import re
import unittest
import urllib.request
from pathlib import Path

import fastavro
import frames
from harness import CAPTURES, SCHEMAS, Case, run
from servers import FaultyRegistry, LocalServers, answers, closed_port

SAMPLE_POLICY = ["address=prefix_preserving", "mac=keep_oui", "name=keep_registered_domain", "agent=short_hash",
                 "fingerprint=short_hash", "user=drop"]
LINE = re.compile(r"(\S+): record (\d+) of boot_id (\S+) read back at partition (\d+) offset (\d+)(?:, schema id (\d+))?, (\d+) fields")


class Commands(Case):
    """Configurations of outputs of one broker; each test has a topic name of its own."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.servers = LocalServers.get()

    def setUp(self):
        super().setUp()
        self.topic = "commands-" + self._testMethodName.removeprefix("test_").replace("_", "-")

    def plain(self):
        return [f"bootstrap.servers={self.servers.bootstrap}"]

    def sasl(self, password=None):
        password = password or f"${{file:{self.servers.password_file}}}"
        return [f"bootstrap.servers={self.servers.sasl_bootstrap}", "security.protocol=SASL_PLAINTEXT", "sasl.mechanisms=PLAIN",
                f"sasl.username={self.servers.username}", f"sasl.password={password}"]

    def config(self, *outputs, registry=None, more=""):
        """`outputs` are dictionaries that add to the topic's output, or replace parts of it."""
        texts = []
        for output in outputs or ({},):
            items = {"topic": self.topic, "columns_to_anonymize": ["all=keep"], "kafka": self.plain(), **output}
            texts.append("{ " + " ".join(f"{name} = {self.value(value)};" for name, value in items.items()) + " }")
        url = registry or self.servers.registry
        return self.write("sensor.conf", f"""
registry = {{ url = "{url}"; }}; delivery = {{ timeout = "5s"; }}; identity = {{ sensor_id = "here"; }};
outputs = ( {", ".join(texts)} );
{more}
""")

    @staticmethod
    def value(value):
        return json.dumps(value) if isinstance(value, str) else "[ " + ", ".join(json.dumps(item) for item in value) + " ]"

    def topics(self, word, *more, config=None):
        return self.succeeds("topics", word, "-c", config or self.config(), *more).text()

    def metadata(self, topic=None):
        """A topic as the broker tells it: partitions, properties."""
        from confluent_kafka.admin import ConfigResource, ResourceType
        admin = self.servers.administrator()
        found = admin.list_topics(timeout=10).topics[topic or self.topic]
        resource = ConfigResource(ResourceType.TOPIC, topic or self.topic)
        entries = admin.describe_configs([resource])[resource].result(10)
        return len(found.partitions), {name: entry.value for name, entry in entries.items()}

    def read_line(self, line):
        found = LINE.fullmatch(line)
        self.assertTrue(found, line)
        return found

    def register(self, path):
        self.succeeds("schema", "register", "-c", path)


class Topics(Commands):

    def test_create(self):
        text = self.topics("create", "--set", "topics.partitions=3", "--set", "topics.config=retention.ms=3600000,cleanup.policy=delete")
        self.assertEqual(text, f"{self.topic}: created, partitions 3, replication factor 1\n")
        partitions, config = self.metadata()
        self.assertEqual((partitions, config["retention.ms"], config["cleanup.policy"]), (3, "3600000", "delete"))

    def test_create_by_default(self):
        self.assertIn("created, partitions 12,", self.topics("create"))
        self.assertEqual(self.metadata()[0], 12)

    def test_create_again_changes_nothing(self):
        self.topics("create", "--set", "topics.partitions=3")
        before = self.metadata()
        self.assertEqual(self.topics("create", "--set", "topics.partitions=3"), f"{self.topic}: exists, partitions 3, replication factor 1\n")
        text = self.topics("create", "--set", "topics.partitions=5", "--set", "topics.replication_factor=2", "--set", "topics.config=retention.ms=7")
        self.assertEqual(text, f"{self.topic}: exists, partitions 3, replication factor 1; differs: partitions 3, not 5; "
                               f"replication factor 1, not 2; retention.ms {before[1]['retention.ms']}, not 7\n")
        self.assertEqual(self.metadata(), before)

    def test_check_names_what_differs(self):
        self.topics("create", "--set", "topics.partitions=2")
        for sets, expected in ((["topics.partitions=2"], ""), ([], "; differs: partitions 2, not 12"),
                               (["topics.partitions=2", "topics.config=nonsense=1"], "; differs: nonsense unknown to the broker, not 1")):
            text = self.topics("check", *(word for setting in sets for word in ("--set", setting)))
            self.assertEqual(text, f"{self.topic}: exists, partitions 2, replication factor 1{expected}\n")

    def test_missing(self):
        self.refused(os.EX_CONFIG, [self.topic, "does not exist", "flowsensor topics create"], "topics", "check", "-c", self.config())

    def test_the_check_creates_nothing(self):
        run("topics", "check", "-c", self.config())
        with self.assertRaises(KeyError):
            self.metadata()

    def test_each_output_is_looked_at(self):
        """One that is missing doesn't hide the others, and its code is the command's."""
        self.servers.topic(f"{self.topic}-there")
        config = self.config({}, {"topic": f"{self.topic}-there"}, {"topic": f"{self.topic}-neither"})
        result = run("topics", "check", "-c", config, "--set", "topics.partitions=1")
        self.assertEqual(result.code, os.EX_CONFIG)
        self.assertEqual(result.text(), f"{self.topic}-there: exists, partitions 1, replication factor 1\n", result)
        self.assertEqual(len(result.errors), 2, result)

    def test_no_record_can_be_acknowledged(self):
        self.servers.topic(self.topic, min_insync_replicas=2)
        for word in ("check", "create"):
            self.refused(os.EX_CONFIG, [self.topic, "replication factor 1", "min.insync.replicas 2"], "topics", word, "-c", self.config())

    def test_what_the_broker_refuses(self):
        for setting, says in (("topics.config=nonsense=1", "nonsense"), ("topics.config=retention.ms=soon", "retention.ms"),
                              ("topics.replication_factor=3", "replication factor"), ("topics.replication_factor=0", "eplication factor")):
            self.refused(os.EX_CONFIG, [self.topic, says, "group topics"], "topics", "create", "-c", self.config(), "--set", setting)
        self.refused(os.EX_CONFIG, ["no/topic", "is no topic name"], "topics", "create", "-c", self.config({"topic": "no/topic"}))

    def test_a_broker_without_authorizer(self):
        self.refused(os.EX_CONFIG, ["User:flowsensor", "no authorizer", "topics.principal"], "topics", "create", "-c", self.config(),
                     "--set", "topics.principal=User:flowsensor")

    def test_wrong_words(self):
        config = self.config()
        for setting, says in (("topics.config=retention.ms", "name=value"), ("topics.principal=flowsensor", "User:flowsensor"),
                              ("topics.partitions=0", "out of range"), ("topics.partition=3", "topics.partitions")):
            result = run("topics", "check", "-c", config, "--set", setting)
            self.failed(result, os.EX_CONFIG, [says])
        self.refused(os.EX_USAGE, ["did you mean topics create?"], "topics", "creat", "-c", config)
        self.refused(os.EX_CONFIG, ["no output has a topic", "-c CONF"], "topics", "check")
        self.refused(os.EX_CONFIG, ["no output has a topic", "-c CONF"], "verify")

    def test_absent(self):
        broker = f"127.0.0.1:{closed_port()}"
        for words in (("topics", "check"), ("topics", "create")):
            result = self.refused(os.EX_UNAVAILABLE, [broker, "refused", "within 1.0 s", "delivery.timeout"], *words, "-c",
                                  self.config({"kafka": [f"bootstrap.servers={broker}"]}), "--set", "delivery.timeout=1s")
            self.assertLess(result.seconds, 5)

    def test_login(self):
        self.assertIn("created", self.topics("create", config=self.config({"kafka": self.sasl()})))
        for words in (("topics", "check"), ("topics", "create"), ("verify",)):
            result = self.refused(os.EX_NOPERM, ["login", "sasl.password"], *words, "-c", self.config({"kafka": self.sasl("hunter2")}, registry=None),
                                  "--set", "outputs.0.framing=single_object")
            self.assertNotIn("hunter2", "\n".join(result.lines))
            self.assertLess(result.seconds, 5)


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
        self.assertIn("verify", self.check(path)["quality_flags"])
        self.assertEqual(dict(self.message().headers())["verify"], b"true")
        # A run's records have neither.
        self.succeeds("-c", path, "-r", CAPTURES / "dns.pcap")
        headers, flags = set(), set()
        for message in self.messages(self.topic):
            if "verify" not in dict(message.headers()):
                headers.add("run")
                flags |= set(self.decoded(message)[2]["quality_flags"])
        self.assertEqual(headers, {"run"})
        self.assertNotIn("verify", flags)

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
        more = 'capture = { interface = "nothing0"; }; meter = { n_meters = 4; flow_table_size = 16777216; system_visibility_mode = 1; };'
        path = self.config(more=more)
        self.register(path)
        result = self.succeeds("verify", "-c", path)
        self.read_line(result.text().rstrip("\n"))
        record = self.decoded(self.message())[2]
        # What a scorer pins is that of the run.
        features = self.succeeds("schema", "features", "-c", path).text()
        self.assertIn(f"# feature_hash {record['feature_hash']}\n", features)

    def test_nfstream(self):
        path = self.config({"schema": "nfstream/v1"}, more='profile = "nfstream";')
        self.register(path)
        self.assertEqual(self.check(path)["src_ip"], "192.0.2.1")

    def test_sensor_stats(self):
        path = self.config({"schema": "sensor_stats/v1"}, more='capture = { interface = "nothing0"; };')
        self.register(path)
        record = self.check(path)
        self.assertEqual((record["sensor_id"], record["seq"]), ("here", 0))

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
            self.assertIn("114 fields" if format_name == "avro" else "jsonl as it was sent", text)
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
        path = self.config({"topic": small}, more='capture = { interface = "nothing0"; };')
        self.register(path)
        self.refused(os.EX_IOERR, [small, "not taken"], "verify", "-c", path)

    def test_no_delivery_report(self):
        path = self.config({"kafka": [*self.plain(), "enable.idempotence=false", "acks=0"]})
        self.register(path)
        self.refused(os.EX_UNAVAILABLE, ["acks"], "verify", "-c", path)

    def lied_to(self, code, says, status, change):
        """By a registry that knows the schema, but answers something else for its id."""
        document = json.loads((SCHEMAS / "flow" / "v1.avsc").read_text())
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
                200, json.dumps({"schema": (SCHEMAS / "flow" / "v1.avsc").read_text()})))(request)) as registry:
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
        self.lied_to(os.EX_CONFIG, ["schema id 77", "113 fields, not 114"], 200,
                     lambda document: {**document, "fields": document["fields"][:-1]})

    def test_another_record(self):
        self.lied_to(os.EX_CONFIG, ["schema id 77", "of the record Other, not Flow"], 200, lambda document: {**document, "name": "Other"})

    def test_no_schema(self):
        self.lied_to(os.EX_CONFIG, ["id 77"], 404, lambda _document: '{"error_code": 40403, "message": "Schema not found"}')
        self.lied_to(os.EX_CONFIG, ["id 77", "no schema of a record"], 200, lambda _document: '{"schema": "{"}')

    def test_registry_fails_in_between(self):
        self.lied_to(os.EX_UNAVAILABLE, ["503"], 503, lambda _document: "{}")


class Permissions(Commands):
    """A broker that allows nothing but what its ACLs do, and a principal that has just those that `topics create` gives."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.servers = LocalServers("--acl")
        cls.addClassCleanup(cls.servers.stop)

    def setUp(self):
        super().setUp()
        self.capture = self.write("good.pcap", frames.conversations(3))

    def grant(self):
        text = self.topics("create", "--set", "topics.partitions=2", "--set", "topics.principal=User:flowsensor")
        self.assertIn("User:flowsensor may describe and write it", text)

    def as_principal(self):
        return self.config({"kafka": self.sasl()})

    def allow(self, operation):
        from confluent_kafka.admin import AclBinding, AclOperation, AclPermissionType, ResourcePatternType, ResourceType
        binding = AclBinding(ResourceType.TOPIC, self.topic, ResourcePatternType.LITERAL, "User:flowsensor", "*",
                             AclOperation[operation], AclPermissionType.ALLOW)
        for future in self.servers.administrator().create_acls([binding]).values():
            future.result(10)

    def acls(self):
        from confluent_kafka.admin import AclBindingFilter, AclOperation, AclPermissionType, ResourcePatternType, ResourceType
        every = AclBindingFilter(ResourceType.ANY, None, ResourcePatternType.ANY, "User:flowsensor", None, AclOperation.ANY,
                                 AclPermissionType.ANY)
        found = self.servers.administrator().describe_acls(every).result(10)
        return sorted((acl.restype.name, acl.name, acl.operation.name, acl.host) for acl in found
                      if acl.name in (self.topic, "kafka-cluster"))

    def test_the_sensor_runs_with_what_it_is_given(self):
        refusal = self.refused(os.EX_NOPERM, [self.topic, "Describe and Write"], "-c", self.as_principal(), "-r", self.capture,
                               "--set", "outputs.0.framing=single_object")
        self.assertLess(refusal.seconds, 10)
        self.grant()
        self.succeeds("schema", "register", "-c", self.as_principal())
        result = self.succeeds("-c", self.as_principal(), "-r", self.capture)
        self.assertEqual(self.ledger(result).outputs[self.topic]["acknowledged"], 3)
        self.assertIn("exists, partitions 2", self.topics("check", config=self.as_principal()))

    def test_twice_gives_the_same(self):
        self.grant()
        once = self.acls()
        self.assertEqual(once, [("BROKER", "kafka-cluster", "IDEMPOTENT_WRITE", "*"), ("TOPIC", self.topic, "DESCRIBE", "*"),
                                ("TOPIC", self.topic, "WRITE", "*")])
        self.allow("READ")
        more = self.acls()
        self.grant()
        self.assertEqual(self.acls(), more)
        self.assertEqual(len(more), len(once) + 1)

    def test_reading_back_takes_read(self):
        self.grant()
        self.succeeds("schema", "register", "-c", self.as_principal())
        self.refused(os.EX_NOPERM, [self.topic, "reading it back is refused", "--operation Read"], "verify", "-c", self.as_principal())
        self.allow("READ")
        self.read_line(self.succeeds("verify", "-c", self.as_principal()).text().rstrip("\n"))

    def test_read_is_given_where_it_is_asked_for(self):
        for readable, words in (("other", "describe and write it"), (self.topic, "describe, write and read it")):
            text = self.topics("create", "--set", "topics.principal=User:flowsensor", "--set", f"topics.readable={readable}")
            self.assertIn(f"User:flowsensor may {words}", text)
            self.assertEqual(("TOPIC", self.topic, "READ", "*") in self.acls(), readable == self.topic)
        self.succeeds("schema", "register", "-c", self.as_principal())
        self.read_line(self.succeeds("verify", "-c", self.as_principal()).text().rstrip("\n"))

    def test_and_nothing_else(self):
        self.grant()
        other = f"{self.topic}-other"
        for word in ("check", "create"):
            self.refused(os.EX_NOPERM, [other, "no permission"], "topics", word, "-c", self.config({"kafka": self.sasl(), "topic": other}))
        self.refused(os.EX_NOPERM, ["User:other", "Alter on the cluster"], "topics", "create", "-c", self.as_principal(),
                     "--set", "topics.principal=User:other")
        self.assertIn("its configuration may not be read", self.topics("check", "--set", "topics.config=retention.ms=5", config=self.as_principal()))
        from confluent_kafka import KafkaException
        from confluent_kafka.admin import AdminClient
        admin = AdminClient(dict(item.split("=", 1) for item in self.sasl(Path(self.servers.password_file).read_text().strip())))
        with self.assertRaisesRegex(KafkaException, "AUTHORIZATION"):
            admin.delete_topics([self.topic])[self.topic].result(10)

    def test_one_that_may_create_topics_only(self):
        """Describe and Create on a topic that isn't there yet, by ACLs, and no more."""
        self.allow("DESCRIBE")
        self.refused(os.EX_NOPERM, [f"create topic {self.topic}", "allow Create"], "topics", "create", "-c", self.as_principal())
        self.allow("CREATE")
        self.assertIn("created, partitions 2,", self.topics("create", "--set", "topics.partitions=2", config=self.as_principal()))


if __name__ == "__main__":
    unittest.main()
