"""The chart's pods end to end without an engine: the rendered manifests, run from the image's root file system as a node
would; Kafka over TLS with SASL and ACLs, a registry by https, secrets as mounted files, probes, drain.
"""
import os
import signal
import time
import unittest
from pathlib import Path

import node  # noqa: I001  (it finds the other folders' modules)
import chart
import container
import roots
from far_servers import FarServers
from harness import CAPTURES, Case, Ledger, wait_until
import namespaces
from namespaces import FAR, NEAR, Wire

IDENTITY_KEY = "00112233445566778899aabbccddeeff"
ANONYMIZATION_KEY = IDENTITY_KEY * 2
TOPIC, STATS_TOPIC, TEST_TOPIC = "flows", "sensor-stats", "flows-test"
PUBLIC_AUTHORITIES = Path("/etc/ssl/certs/ca-certificates.crt")


def values(servers):
    """What a person would write for such servers."""
    return {
        "image": {"repository": "registry.example.com/flowsensor"},
        "capture": {"interfaces": ["near0"], "socketBufferSize": "8MiB"},
        "meter": {"flowTableSize": 16384, "idleTimeout": "60s"},
        "performanceReport": "1s",
        "kafka": {
            "bootstrapServers": [servers.kafka], "topic": TOPIC, "statsTopic": STATS_TOPIC,
            "config": {"queue.buffering.max.kbytes": 8192},
            "sasl": {"enabled": True, "existingSecret": "kafka-user"},
            "tls": {"enabled": True, "existingSecret": "kafka-ca"},
        },
        "schemaRegistry": {"url": servers.registry, "tls": {"existingSecret": "registry-ca"}},
        "anonymization": {"existingSecret": "flow-keys", "key": "anonymization"},
        "identity": {"existingSecret": "flow-keys", "key": "identity"},
        "topics": {"provision": "job", "partitions": 3, "replicationFactor": 1, "principal": f"User:{servers.user}",
                   "admin": {"existingSecret": "kafka-admin"}},
        "schema": {"provision": "register"},
        "test": {"topic": TEST_TOPIC},
    }


def secrets(servers):
    authority = Path(servers.ca).read_text()
    return {
        "kafka-user": {"username": servers.user, "password": servers.password},
        "kafka-admin": {"username": "admin", "password": servers.password},
        "kafka-ca": {"ca.crt": authority}, "registry-ca": {"ca.crt": authority},
        "flow-keys": {"anonymization": ANONYMIZATION_KEY, "identity": IDENTITY_KEY},
    }


class Pod(Case):
    @classmethod
    def setUpClass(cls):
        roots.root()
        cls.wire = Wire()
        cls.addClassCleanup(cls.wire.remove)
        cls.servers = cls.enterClassContext(FarServers(cls.wire.far, FAR))

    def setUp(self):
        super().setUp()
        self.addCleanup(container.end_all, self.folder)
        self.use(values(self.servers))

    def use(self, given):
        self.manifests = node.Manifests(chart.render(given), secrets(self.servers))
        self.node = node.Node(self.manifests, self.folder, self.wire.near, NEAR)
        self.daemon_set, = self.manifests.of_kind("DaemonSet")

    def run_hooks(self, event):
        """{NAME: output} of the hook's jobs, of which each must succeed."""
        outputs = {}
        for item in self.manifests.hooks(event):
            name = item["metadata"]["name"]
            result = self.node.container(item).run()
            self.assertEqual(result.code, 0, f"{name}: {result}")
            outputs[name] = result.text()
        return outputs

    def start_sensor(self):
        made = self.node.container(self.daemon_set)
        running = made.start()
        self.addCleanup(running.close)
        return made, running

    @property
    def spec(self):
        return self.daemon_set["spec"]["template"]["spec"]["containers"][0]

    def probes(self):
        return {name: self.node.probe(self.spec, name)[0] for name in ("startup", "liveness", "readiness")}

    def test_from_install_to_uninstall(self):
        before = self.run_hooks("pre-install")
        self.assertEqual(len(before), 3, before)
        made, running = self.start_sensor()
        self.node.wait_for_probe(self.spec, "startup")
        self.node.wait_for_probe(self.spec, "readiness")
        self.assertEqual(self.probes(), {"startup": 200, "liveness": 200, "readiness": 200})
        status = made.status()
        self.assertEqual((status["CapPrm"], status["CapEff"], status["NoNewPrivs"], status["Seccomp"]), ("0" * 16, "0" * 16, "1", "2"))
        self.assertEqual(set(status["Uid"].split()), {"65532"})
        # The far end's kernel answers nothing of it: the addresses aren't its own.
        self.wire.replay(CAPTURES / "mix.pcap", pause=0.0001)
        metrics = wait_until(lambda: (found := self.metrics())["own_traffic"] > 0 and found, what="packets of the sensor's own")
        self.assertEqual(metrics["flowsensor_output_records_dropped_total"], 0)
        self.assertEqual(metrics["flowsensor_ledger_residual"], 0)
        self.assertGreater(metrics["own_traffic"], 0, "the sensor's own connections cross the interface that it captures")

        asked = time.monotonic()
        running.signal(signal.SIGTERM)
        result = running.finish()
        took = time.monotonic() - asked
        self.assertEqual(result.code, 0, result)
        self.assertLess(took, self.daemon_set["spec"]["template"]["spec"]["terminationGracePeriodSeconds"])
        self.judge_records(result)
        # What `helm test` runs, in a topic of its own, which the topics' hook let the user read.
        for name, text in self.run_hooks("test").items():
            self.assertIn("read back", text, name)

    def metrics(self):
        """Sums of what the test looks at, over all labels."""
        probe = {"metricsProbe": {"httpGet": {"path": "/metrics", "port": "metrics"}, "timeoutSeconds": 5}, "ports": self.spec["ports"]}
        status, text = self.node.probe(probe, "metrics")
        self.assertEqual(status, 200)
        sums = {"own_traffic": 0.0}
        for line in text.splitlines():
            if line.startswith("#"):
                continue
            name, number = line.rsplit(" ", 1)
            plain = name.split("{")[0]
            sums[plain] = sums.get(plain, 0.0) + abs(float(number))
            if 'reason="own_traffic"' in name:
                sums["own_traffic"] += float(number)
        return sums

    def judge_records(self, result):
        """The ledger's lines are JSON here; every record that it calls acknowledged is in the topic, and decodes."""
        ledger = self.ledger(result)
        output = ledger.outputs[TOPIC]
        records = self.servers.records(TOPIC)
        self.assertEqual(len(records), output["acknowledged"])
        self.assertEqual(output["made"], output["acknowledged"])
        self.assertGreater(len(records), 400)
        self.assertEqual(sorted(found["record"]["seq"] for found in records), list(range(len(records))))
        for found in records:
            self.assertEqual(found["record"]["sensor_id"], "node-1")
            self.assertEqual(found["key"], found["record"]["flow_uid"])
            own = {FAR, NEAR} & {found["record"]["src_ip"], found["record"]["dst_ip"]}
            self.assertFalse(own, "an address in clear")
        keys = {found["record"]["anon_key_id"] for found in records}
        self.assertEqual(len(keys - {None}), 1)
        stats = self.servers.records(STATS_TOPIC)
        self.assertTrue(stats[-1]["record"]["is_last"] or any(found["record"]["is_last"] for found in stats))

    def mend_wire(self):
        """The near end still believes for a while that nobody is there."""
        namespaces.ip("-n", self.wire.far, "link", "set", "far0", "up")
        namespaces.ip("-n", self.wire.near, "neigh", "flush", "dev", "near0")
        wait_until(lambda: self.wire.in_far("ping", "-c", "1", "-W", "1", NEAR).returncode == 0, what="the wire")

    def test_a_broker_that_goes_away(self):
        """The pod stays ready and alive, and ends within its grace period with what it could not deliver in the spool."""
        changes = {"delivery": {"shutdownTimeout": "5s"}, "terminationGracePeriodSeconds": 20, "kafka": {"topic": "away-flows", "statsTopic": "away-stats"}}
        self.use(chart.merged(values(self.servers), changes))
        self.run_hooks("pre-install")
        _made, running = self.start_sensor()
        self.node.wait_for_probe(self.spec, "readiness")
        namespaces.ip("-n", self.wire.far, "link", "set", "far0", "down")
        self.addCleanup(self.mend_wire)
        time.sleep(3)  # only time shows that it stays well
        self.assertEqual(self.probes(), {"startup": 200, "liveness": 200, "readiness": 200})
        asked = time.monotonic()
        running.signal(signal.SIGTERM)
        result = running.finish()
        self.assertLess(time.monotonic() - asked, 20)
        self.assertEqual(result.code, 0, result)
        self.assertFalse(Ledger(result.lines).residual, result)
        stats = Ledger(result.lines).outputs["away-stats"]
        self.assertGreater(stats["spooled"], 0, result)
        self.assertEqual(stats["dropped"], 0, result)

    def test_wrong_authority_is_refused_in_one_line(self):
        """A registry whose certificate the mounted authority did not sign: one line says why, and nothing is sent."""
        given = secrets(self.servers)
        given["registry-ca"] = {"ca.crt": PUBLIC_AUTHORITIES.read_text()}
        stranger = node.Node(node.Manifests(chart.render(values(self.servers)), given), self.folder, self.wire.near, NEAR)
        running = stranger.container(self.daemon_set).start()
        self.addCleanup(running.close)
        wait_until(lambda: "certificate" in os.pread(running.errors.fileno(), 1 << 20, 0).decode().lower(), what="a line about the certificate", limit=30)
        running.signal(signal.SIGTERM)
        result = running.finish()
        self.assertEqual(result.code, 0, result)
        for output in Ledger(result.lines).outputs.values():
            self.assertEqual(output["acknowledged"] + output["dropped"], 0, result)


if __name__ == "__main__":
    unittest.main()
