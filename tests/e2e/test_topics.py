"""topics check and topics create, with a real broker and with one that allows next to nothing.
Run: python3 tests/e2e/run.py test_topics
"""
import os
import unittest
from pathlib import Path

import frames
from commands import Commands
from harness import run
from servers import LocalServers, closed_port


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
