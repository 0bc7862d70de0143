"""A new version of the records' schema in a rolling release, as deploy/schema_upgrades.md tells it: checked, registered,
both versions on one topic, and back again. Run: python3 tests/e2e/run.py test_schema_upgrade
"""
import io
import json
import os
import subprocess
import sys
import unittest
import urllib.request

import fastavro
import frames
from harness import REPOSITORY, SCHEMAS, Case
from servers import FaultyRegistry, LocalServers, answers, closed_port

OLD, NEW = SCHEMAS / "flow" / "v1.avsc", SCHEMAS / "flow" / "v2.avsc"
DECODE_TABLE = REPOSITORY / "deploy" / "examples" / "python" / "decode_table.py"
LATER_FIELD = "capture_file"  # which the new version adds


class Upgrade(Case):

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.servers = LocalServers.get()

    def setUp(self):
        super().setUp()
        self.topic = self.servers.topic(f"upgrade-{self._testMethodName.replace('_', '-')}")
        self.subject = f"{self.topic}-value"
        self.capture = self.write("good.pcap", frames.conversations(2))
        self.old = OLD
        self.config = self.write("sensor.conf", f"""
registry = {{ url = "{self.servers.registry}"; }};
outputs = ( {{ topic = "{self.topic}"; columns_to_anonymize = [ "all=keep" ];
               kafka = [ "bootstrap.servers={self.servers.bootstrap}" ]; }} );
""")

    def schema(self, name, change):
        document = json.loads(NEW.read_text())
        document["fields"] = change(document["fields"])
        return self.write(name, json.dumps(document).encode())

    def command(self, schema, *words):
        return (*words, "-c", self.config, "--schema", str(schema))

    def get(self, path):
        with urllib.request.urlopen(f"{self.servers.registry}/{path}", timeout=10) as answer:
            return json.load(answer)

    def send(self, method, path, document):
        request = urllib.request.Request(f"{self.servers.registry}/{path}", json.dumps(document).encode(), method=method,
                                         headers={"Content-Type": "application/vnd.schemaregistry.v1+json"})
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)

    def post(self, path, document):
        return self.send("POST", path, document)

    def put(self, path, document):
        return self.send("PUT", path, document)

    def named(self, full_name):
        """The schema under another name, so that it has a subject of its own."""
        namespace, name = full_name.rsplit(".", 1)
        return self.write("named.avsc", json.dumps({**json.loads(NEW.read_text()), "namespace": namespace, "name": name}).encode())

    def versions(self):
        return self.get(f"subjects/{self.subject}/versions")

    def meter(self, schema):
        self.succeeds(*self.command(schema), "-r", self.capture)

    def decoded(self, reader):
        """Every record of the topic, as a reader with this schema sees it, with the id that it was written with."""
        found = []
        for message in self.servers.messages(self.topic):
            value = message.value()
            number = int.from_bytes(value[1:5], "big")
            writer = json.loads(self.get(f"schemas/ids/{number}")["schema"])
            body = io.BytesIO(value[5:])
            found.append((number, fastavro.schemaless_reader(body, writer, json.loads(reader.read_text()))))
            self.assertEqual(body.read(), b"")
        return found

    def test_rolling_upgrade_and_back(self):
        self.succeeds(*self.command(self.old, "schema", "register"))
        self.meter(self.old)
        # Before the rollout: a sensor of the new version would not start.
        self.refused(os.EX_CONFIG, ["flowsensor schema register", self.subject], *self.command(NEW), "-r", self.capture)
        self.assertIn("is compatible", self.succeeds(*self.command(NEW, "schema", "check")).text())
        self.succeeds(*self.command(NEW, "schema", "register"))
        self.assertEqual(self.versions(), [1, 2])
        # During it: both write to one topic.
        self.meter(NEW)
        self.meter(self.old)
        # Consumers of either version read both.
        for reader in (self.old, NEW):
            records = self.decoded(reader)
            self.assertEqual(len({number for number, _record in records}), 2)
            self.assertEqual(len(records), 6)
        self.assertEqual([record[LATER_FIELD] for _number, record in records], [None, None, str(self.capture), str(self.capture), None, None])
        # What fills a table from the topic reads both too.
        done = subprocess.run([sys.executable, DECODE_TABLE, "--bootstrap", self.servers.bootstrap, "--registry", self.servers.registry,
                               "--topic", self.topic], capture_output=True, text=True, check=True)
        self.assertEqual(len(done.stdout.splitlines()), 2 + 6, done.stdout)
        # Back: the old text still has its id, and nothing was registered anew.
        self.meter(self.old)
        self.assertEqual(self.versions(), [1, 2])

    def test_incompatible_change_stops_before_the_rollout(self):
        self.succeeds(*self.command(self.old, "schema", "register"))
        renamed = self.schema("renamed.avsc", lambda fields: [field for field in fields if field["name"] != "src_port"])
        for word in ("check", "register"):
            self.refused(os.EX_CONFIG, [self.subject], *self.command(renamed, "schema", word))
        self.assertEqual(self.versions(), [1])
        self.meter(self.old)

    def test_an_older_version_has_a_say_too(self):
        """The level is transitive: the latest version has no such field, but an older one has it with another type."""
        def retyped(fields):
            return [{**field, "type": ["null", "long"]} if field["name"] == LATER_FIELD else field for field in fields]
        for path in (self.schema("retyped.avsc", retyped), self.old):
            self.post(f"subjects/{self.subject}/versions", {"schema": path.read_text()})
        for word in ("check", "register"):
            self.refused(os.EX_CONFIG, [self.subject, "compatible"], *self.command(NEW, "schema", word))
        # At a level that looks at the latest version alone, the registry takes it, so the check does.
        self.put(f"config/{self.subject}", {"compatibility": "FULL"})
        self.assertIn("is compatible", self.succeeds(*self.command(NEW, "schema", "check")).text())
        self.succeeds(*self.command(NEW, "schema", "register"))

    def test_every_level_takes_the_draft(self):
        """The registry judges: flow/v2 after flow/v1, and the other way round."""
        for level in ("BACKWARD", "FORWARD", "FULL_TRANSITIVE"):
            for first, second in ((OLD, NEW), (NEW, OLD)):
                with self.subTest(level, first=first.stem):
                    subject = f"{self.subject}-{level.lower()}-{first.stem}"
                    self.put(f"config/{subject}", {"compatibility": level})
                    for path in (first, second):
                        self.post(f"subjects/{subject}/versions", {"schema": path.read_text()})
                    self.assertEqual(self.get(f"subjects/{subject}/versions"), [1, 2])

    def test_outputs_that_share_a_subject(self):
        other = self.servers.topic(f"{self.topic}-2")
        shared = [word for index, topic in enumerate((self.topic, other)) for setting in (
            f"topic={topic}", f"kafka=bootstrap.servers={self.servers.bootstrap}", "columns_to_anonymize=all=keep",
            "subject_strategy=record", f"schema={self.named('shared.Flow')}") for word in ("--set", f"outputs.{index}.{setting}")]
        first = self.succeeds("schema", "check", "-c", self.config, *shared)
        self.assertEqual(first.text().count("would be the first version"), 2)
        ids = [self.succeeds("schema", "register", "-c", self.config, *shared).text().split()[-1] for _time in range(2)]
        self.assertEqual(len(set(ids)), 1)
        self.assertEqual(self.get("subjects/shared.Flow/versions"), [1])
        self.succeeds("verify", "-c", self.config, *shared)

    def test_find_asks_for_exactly_this_schema(self):
        self.succeeds(*self.command(self.old, "schema", "register"))
        self.refused(os.EX_CONFIG, [self.subject, "register it: flowsensor schema register"], *self.command(NEW, "schema", "find"))
        self.assertEqual(self.versions(), [1])
        said = self.succeeds(*self.command(NEW, "schema", "register")).text()
        self.assertEqual(self.succeeds(*self.command(NEW, "schema", "find")).text(), said)

    def test_find_takes_nothing_from_the_cache(self):
        with FaultyRegistry(answers(200, '{"id": 7}')) as registry:
            settings = ("--set", f"registry.cache_directory={self.folder}", "--set", f"registry.url={registry.url}")
            self.succeeds(*self.command(NEW, "schema", "register"), *settings)
        self.assertEqual(len(list(self.folder.glob("schema-id-*.json"))), 1)
        self.refused(os.EX_UNAVAILABLE, [registry.url], *self.command(NEW, "schema", "find"), *settings)

    def test_registry_away(self):
        url = f"http://127.0.0.1:{closed_port()}"
        for word in ("check", "find", "register"):
            self.refused(os.EX_UNAVAILABLE, [url], *self.command(NEW, "schema", word), "--set", f"registry.url={url}")

    def test_register_twice(self):
        for _time in range(2):
            self.succeeds(*self.command(self.old, "schema", "register"))
        self.assertEqual(self.versions(), [1])


if __name__ == "__main__":
    unittest.main()
