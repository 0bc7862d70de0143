"""A topic of a real Kafka with a real registry in pandas and polars, bounded and endless."""
import datetime
import json
import threading
import unittest

from support import REPOSITORY, cell
import polars
from confluent_kafka import KafkaException, Producer
from confluent_kafka.admin import AdminClient, NewPartitions

import flowsensor
from harness import SCHEMAS, Case
from servers import FaultyRegistry, LocalServers, answers, closed_port

MIX = REPOSITORY / "tests" / "captures" / "mix.pcap"
RECORDS = 458


class Topic(Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.servers = LocalServers.get()

    def send(self, topic, *, profile="native", registry=True, settings=()):
        """Meters MIX into a topic and, in the same run, into a container file; the file's path."""
        path = self.folder / f"{topic}.avro"
        group = f'registry = {{ url = "{self.servers.registry}"; auto_register = true; }};' if registry else ""
        config = self.write(f"{topic}.conf", f"""
profile = "{profile}"; {group}
outputs = ( {{ topic = "{topic}"; columns_to_anonymize = [ "all=keep" ]; kafka = [ "bootstrap.servers={self.servers.bootstrap}" ]; }},
            {{ name = "file"; path = "{path}"; }} );
""")
        self.succeeds("-c", config, "-r", MIX, *settings)
        return path

    def read(self, topic, **more):
        options = {"registry": self.servers.registry, **more}
        return flowsensor.read_topic(topic, self.servers.bootstrap, **options)

    def partitions(self, name, count):
        self.servers.topic(name)
        if count > 1:
            admin = AdminClient({"bootstrap.servers": self.servers.bootstrap})
            admin.create_partitions([NewPartitions(name, count)])[name].result(30)
        return name


class Bounded(Topic):
    def test_equals_the_file_of_the_same_run(self):
        for profile in ("native", "nfstream"):
            topic = self.servers.topic(f"python-{profile}")
            file = flowsensor.read(self.send(topic, profile=profile)).to_pandas()
            ours = self.read(topic).to_pandas()
            self.assertEqual(list(ours.columns), list(file.columns))
            self.assertEqual(ours.dtypes.tolist(), file.dtypes.tolist())
            self.assertEqual(len(ours), RECORDS)
            for name in ours.columns:
                if name != "output":
                    self.assertEqual(list(map(cell, ours[name].tolist())), list(map(cell, file[name].tolist())), name)
            both = self.read(topic).to_polars()
            self.assertEqual(both.columns, list(ours.columns))
            self.assertEqual(both["src_ip"].to_list(), ours["src_ip"].tolist())
            self.assertEqual(both.schema["splt_ps" if "splt_ps" in both.columns else "id"],
                             polars.List(polars.Int64) if "splt_ps" in both.columns else polars.Int64)

    def test_all_partitions_each_record_once(self):
        topic = self.partitions("python-partitions", 4)
        self.send(topic)
        self.assertEqual(sorted(self.read(topic).to_pandas()["seq"]), list(range(RECORDS)))

    def test_it_ends_at_the_end_of_now(self):
        """What comes while it reads is for the next time."""
        topic = self.servers.topic("python-now")
        self.send(topic)
        flows = iter(self.read(topic))
        first = next(flows)
        self.send(topic)
        seen = [first, *flows]
        self.assertEqual(len(seen), RECORDS)
        self.assertEqual(len({flow["boot_id"] for flow in seen}), 1)
        self.assertEqual(len(self.read(topic).to_pandas()), 2 * RECORDS)

    def test_with_any_headers(self):
        """What a frame tells is in the records, so gaps are found also where no header has seq."""
        for headers in ("", "sensor_id,record_kind"):
            topic = self.servers.topic(f"python-headers-{len(headers)}")
            self.send(topic, settings=["--set", f"outputs.0.headers={headers}"])
            frame = self.read(topic).to_pandas()
            self.assertEqual((frame["seq"].tolist(), frame["boot_id"].nunique()), (list(range(RECORDS)), 1))

    def test_a_count(self):
        topic = self.servers.topic("python-count")
        self.send(topic)
        self.assertEqual(self.read(topic, count=10).to_pandas()["seq"].tolist(), list(range(10)))
        self.assertEqual(len(self.read(topic, count=10 * RECORDS).to_pandas()), RECORDS)

    def test_since_a_moment(self):
        topic = self.servers.topic("python-since")
        self.send(topic)
        between = datetime.datetime.now(datetime.timezone.utc)
        self.assertEqual(list(self.read(topic, since=between)), [])
        self.send(topic)
        self.assertEqual([flow["seq"] for flow in self.read(topic, since=between)], list(range(RECORDS)))

    def test_an_empty_topic(self):
        topic = self.servers.topic("python-empty")
        self.assertEqual(list(self.read(topic)), [])
        frame = self.read(topic, registry=None, schema=SCHEMAS / "nfstream" / "v1.avsc").to_pandas()
        self.assertEqual((len(frame), frame.columns[0]), (0, "id"))


class Endless(Topic):
    def test_follow_waits_for_a_count(self):
        topic = self.servers.topic("python-follow")
        self.send(topic)
        later = threading.Timer(1.0, self.send, [topic])
        later.start()
        self.addCleanup(later.join)
        flows = list(self.read(topic, follow=True, count=RECORDS + 5))
        self.assertEqual([flow["seq"] for flow in flows], [*range(RECORDS), *range(5)])

    def test_the_loop_of_a_consumer(self):
        topic = self.servers.topic("python-loop")
        self.send(topic)
        seen = 0
        for flow in self.read(topic, follow=True):
            seen += flow["bidirectional_packets"] > 0
            if seen == RECORDS:
                break
        self.assertEqual(seen, RECORDS)


class Framing(Topic):
    def test_without_a_registry(self):
        schema = SCHEMAS / "nfstream" / "v1.avsc"
        for framing in ("single_object", "none"):
            topic = self.servers.topic(f"python-{framing.replace('_', '-')}")
            self.send(topic, profile="nfstream", registry=False, settings=["--set", f"outputs.0.framing={framing}"])
            for given in (schema, json.loads(schema.read_text())):
                frame = self.read(topic, registry=None, schema=given, framing=framing).to_pandas()
                self.assertEqual(frame["id"].tolist(), list(range(RECORDS)))

    def test_a_registrys_prefix_with_a_schema_at_hand(self):
        topic = self.servers.topic("python-prefix")
        self.send(topic)
        flows = self.read(topic, registry=None, schema=SCHEMAS / "flow" / "v2.avsc", framing="confluent")
        self.assertEqual(len(flows.to_pandas()), RECORDS)

    def test_the_wrong_way_is_said(self):
        native, nfstream = SCHEMAS / "flow" / "v2.avsc", SCHEMAS / "nfstream" / "v1.avsc"
        plain, prefixed = self.servers.topic("python-wrong"), self.servers.topic("python-wrong-prefix")
        self.send(plain, profile="nfstream", registry=False)
        self.send(prefixed)
        for topic, says, options in (
                (plain, "no registry's prefix", {}),
                (plain, "another schema", {"registry": None, "schema": native}),
                (plain, "no record|bytes behind", {"registry": None, "schema": nfstream, "framing": "none"}),
                (prefixed, "no single-object prefix", {"registry": None, "schema": native}),
                (prefixed, "no record|bytes behind", {"registry": None, "schema": nfstream, "framing": "confluent"})):
            with self.assertRaisesRegex(flowsensor.DecodeError, f"^topic {topic}, partition 0, offset 0: .*({says})"):
                self.read(topic, **options).to_pandas()

    def test_arguments(self):
        for options in ({}, {"registry": "http://r", "schema": {}}, {"schema": {}, "framing": "avro"}):
            with self.assertRaises(ValueError):
                flowsensor.read_topic("flows", "kafka:9092", **options)

    def test_the_registry_is_asked_once_with_the_password(self):
        topic = self.servers.topic("python-password")
        self.send(topic)
        seen = []
        schema = answers(200, json.dumps({"schema": (SCHEMAS / "flow" / "v2.avsc").read_text()}))

        class Registry(FaultyRegistry):
            def __init__(self, answer):
                super().__init__(answer)
                handler = self.server.RequestHandlerClass
                handler.do_GET = lambda request: (seen.append((request.path, request.headers["Authorization"])), answer(request))

        with Registry(schema) as registry:
            address = registry.url.replace("http://", "http://user:p%40ss@") + "/apis/ccompat/v7/"
            self.assertEqual(len(self.read(topic, registry=address).to_pandas()), RECORDS)
        self.assertEqual(len(seen), 1)
        self.assertRegex(seen[0][0], r"^/apis/ccompat/v7/schemas/ids/\d+$")
        self.assertEqual(seen[0][1], "Basic dXNlcjpwQHNz")
        with Registry(answers(404, "{}")) as registry:
            with self.assertRaisesRegex(flowsensor.DecodeError, "HTTP 404"):
                self.read(topic, registry=registry.url).to_pandas()

    def test_a_function_may_stand_for_the_registry(self):
        topic = self.servers.topic("python-function")
        self.send(topic)
        asked = []

        def schema(number):
            asked.append(number)
            return (SCHEMAS / "flow" / "v2.avsc").read_text()

        self.assertEqual(len(self.read(topic, registry=schema).to_pandas()), RECORDS)
        self.assertEqual(len(asked), 1)


class Trouble(Topic):
    def test_no_such_topic(self):
        with self.assertRaisesRegex(KafkaException, "UNKNOWN_TOPIC"):
            self.read("python-absent").to_pandas()

    def test_no_broker(self):
        flows = flowsensor.read_topic("flows", f"127.0.0.1:{closed_port()}", registry="http://registry", timeout=1,
                                      config={"log_level": 0})
        with self.assertRaises(KafkaException):
            flows.to_pandas()

    def test_a_foreign_message_is_named(self):
        topic = self.servers.topic("python-foreign")
        self.send(topic)
        producer = Producer({"bootstrap.servers": self.servers.bootstrap})
        producer.produce(topic, value=None, key=b"tombstone")
        producer.produce(topic, value=b"{}")
        producer.flush(10)
        seen = []
        with self.assertRaisesRegex(flowsensor.DecodeError, f"offset {RECORDS + 1}"):
            for flow in self.read(topic):
                seen.append(flow["seq"])
        self.assertEqual(seen, list(range(RECORDS)))


if __name__ == "__main__":
    unittest.main()
