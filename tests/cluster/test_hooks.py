"""The chart's hooks and its test, their pods run for real against a Kafka and a registry."""
import json
import urllib.request

from cases import HELM_LIMIT, TOPICS_BY_JOB, Release, ServedCase
from servers import closed_port

# A record that no schema of flow records is compatible with: a field without a default, and another type.
OTHER = {"type": "record", "name": "other", "fields": [{"name": "flow_uid", "type": {"type": "array", "items": "int"}}]}


class Hooks(ServedCase):
    def setUp(self):
        self.namespace = self.make_namespace()

    def release(self, topic, **changes):
        return Release(self, self.namespace, self.served(topic, **changes))

    def partitions(self, topic):
        from confluent_kafka.admin import AdminClient
        found = AdminClient({"bootstrap.servers": self.servers.bootstrap}).list_topics(timeout=30).topics
        return len(found[topic].partitions) if topic in found else 0

    def subjects(self):
        with urllib.request.urlopen(f"{self.servers.registry}/subjects", timeout=10) as answer:
            return json.load(answer)

    def register(self, subject, schema):
        request = urllib.request.Request(f"{self.servers.registry}/subjects/{subject}/versions",
                                         json.dumps({"schema": json.dumps(schema)}).encode(),
                                         {"Content-Type": "application/vnd.schemaregistry.v1+json"})
        urllib.request.urlopen(request, timeout=10).close()

    def test_an_install_makes_topics_and_registers_schemas(self):
        release = self.release("hook-made", topics=TOPICS_BY_JOB | {"partitions": 3}, schema={"provision": "register"})
        self.assertEqual((self.partitions("hook-made"), "hook-made-value" in self.subjects()), (0, False))
        release.install()
        self.assertEqual((self.partitions("hook-made"), "hook-made-value" in self.subjects()), (3, True))

    def test_an_incompatible_schema_stops_the_upgrade(self):
        release = self.release("hook-good")
        release.install({"schema": {"provision": "register"}})
        before = release.identities()
        self.register("hook-bad-value", OTHER)
        done = release.upgrade({"kafka": {"topic": "hook-bad"}}, check=False)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("pre-upgrade hooks failed", done.said)
        # helm itself shows why, from the pod's log.
        self.assertRegex(done.said, "not compatible with subject hook-bad-value")
        self.assertEqual(release.status(), "failed")
        # Tried once, since a schema doesn't become compatible by waiting; the reason is in the pod's log.
        said = [text for name, text in self.kubelet.outputs.items() if "schema-check" in name and "hook-bad" in text]
        self.assertEqual(len(said), 1, said)
        self.assertIn("compatible", said[0])
        # No sensor was touched.
        self.assertEqual(release.identities(), before)
        release.helm("rollback", "--wait", "--timeout", HELM_LIMIT)
        self.assertEqual((release.status(), release.identities()), ("deployed", before))

    def test_a_first_install_stops_until_the_schema_is_registered(self):
        release = self.release("hook-new")
        done = release.install(check=False)
        self.assertNotEqual(done.returncode, 0)
        self.assertRegex(done.said, "hook-new-value does not have schema .*; register it: flowsensor schema register")
        self.assertEqual(release.pods(), {})
        self.assertNotIn("hook-new-value", self.subjects())
        release.upgrade({"schema": {"provision": "register"}})
        # Now the hook finds it, and registers nothing.
        release.upgrade()
        self.assertEqual(release.status(), "deployed")

    def test_the_test_makes_a_record_and_reads_it_back(self):
        self.servers.topic("hook-test")
        release = self.release("hook-test", schema={"provision": "register"})
        release.install()
        self.assertEqual(self.servers.messages("hook-test"), [])
        release.helm("test", "--timeout", HELM_LIMIT)
        self.assertEqual(len(self.servers.messages("hook-test")), 1)

    def test_the_test_fails_without_a_broker(self):
        release = self.release("hook-none", schema={"provision": "register"},
                               kafka={"bootstrapServers": [f"127.0.0.1:{closed_port()}"]})
        release.install()
        done = release.helm("test", "--timeout", HELM_LIMIT, check=False)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("failed", done.said)

    def test_credentials_reach_the_hooks_as_files(self):
        with open(self.servers.password_file) as file:
            self.make_secret(self.namespace, "kafka", username=self.servers.username, password=file.read().strip())
        release = self.release("hook-sasl", topics=TOPICS_BY_JOB | {"partitions": 1}, schema={"provision": "register"},
                               kafka={"bootstrapServers": [self.servers.sasl_bootstrap],
                                      "sasl": {"enabled": True, "mechanism": "PLAIN", "existingSecret": "kafka"}})
        release.install()
        release.helm("test", "--timeout", HELM_LIMIT)
        self.assertEqual(len(self.servers.messages("hook-sasl")), 1)
