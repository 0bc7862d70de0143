"""What the chart renders is taken by a real API server, every field known to it, custom resources too."""
import re

from cases import BASE, CHART, REPOSITORY, Case, merged

SECURE = {"kafka": {"sasl": {"enabled": True, "existingSecret": "kafka"},
                    "tls": {"enabled": True, "existingSecret": "kafka-tls", "certificateKey": "tls.crt", "keyKey": "tls.key"}},
          "schemaRegistry": {"existingSecret": "registry", "tls": {"existingSecret": "registry-tls"}},
          "anonymization": {"existingSecret": "pseudonyms"}, "identity": {"existingSecret": "identity"}}
OPERATOR = {"serviceMonitor": {"enabled": True, "interval": "15s", "labels": {"release": "prometheus"}},
            "prometheusRule": {"enabled": True}, "dashboard": {"enabled": True}}
EVERYTHING = REPOSITORY / "tests" / "chart" / "values" / "everything.yaml"
ALWAYS = {"ServiceAccount", "ConfigMap", "DaemonSet", "Service", "Job", "Pod"}
# What each set of values renders, as the kinds that must be among it.
CASES = {
    "defaults": ({}, ALWAYS),
    "secrets": (SECURE, ALWAYS),
    "Prometheus operator": (OPERATOR, ALWAYS | {"ServiceMonitor", "PrometheusRule"}),
    "pod monitor": ({"podMonitor": {"enabled": True}, "monitoring": {"service": {"enabled": False}}},
                    ALWAYS - {"Service"} | {"PodMonitor"}),
    "topics by job": ({"topics": {"provision": "job", "principal": "User:flowsensor"}, "schema": {"provision": "register"}},
                      ALWAYS),
    "strimzi v1": ({"topics": {"provision": "strimzi", "strimzi": {"cluster": "kafka"}}}, ALWAYS | {"KafkaTopic", "KafkaUser"}),
    "strimzi v1beta2": ({"topics": {"provision": "strimzi", "strimzi": {"cluster": "kafka", "apiVersion": "v1beta2"}}},
                        ALWAYS | {"KafkaTopic", "KafkaUser"}),
}


class Manifests(Case):
    def setUp(self):
        self.namespace = self.make_namespace()
        self.make_account(self.namespace)

    def render(self, values):
        return self.run_tool("helm", "template", "flowsensor", CHART, "-n", self.namespace, "-f", values).stdout

    def validate(self, text, check=True):
        """What the API server says of every object; nothing is kept."""
        return self.run_tool("kubectl", "apply", "--dry-run=server", "--validate=strict", "-f", "-", stdin=text, check=check)

    def accept(self, text):
        """The kinds that the server took: as many objects as there are in the text."""
        said = self.validate(text).said
        kinds = re.findall(r"^kind: (\w+)$", text, re.MULTILINE)
        self.assertEqual(said.count("(server dry run)"), len(kinds), said)
        # The service account is there already, made by another hand.
        warnings = [line for line in said.splitlines() if line.startswith("Warning:")]
        self.assertEqual([line for line in warnings if "last-applied-configuration" not in line], [])
        return set(kinds)

    def test_every_set_of_values(self):
        for name, (values, kinds) in CASES.items():
            with self.subTest(name):
                self.assertEqual(self.accept(self.render(self.values_file(merged(BASE, values)))), kinds)

    def test_every_example_and_everything_at_once(self):
        examples = sorted((CHART / "examples").glob("*.yaml"))
        self.assertGreaterEqual(len(examples), 5)
        for path in (*examples, EVERYTHING):
            with self.subTest(path.name):
                text = self.render(path)
                for other in set(re.findall(r"^  namespace: (\S+)$", text, re.MULTILINE)) - {self.namespace}:
                    self.api.create("/api/v1/namespaces", {"metadata": {"name": other}})
                    self.addCleanup(self.api.request, "DELETE", f"/api/v1/namespaces/{other}")
                self.assertIn("DaemonSet", self.accept(text))

    def test_a_misspelt_field_is_refused(self):
        text = self.render(self.values_file(merged(BASE, merged(OPERATOR, CASES["strimzi v1"][0]))))
        for right, wrong, place in (("hostNetwork:", "hostNetwrok:", "spec.template.spec.hostNetwrok"),
                                    ("backoffLimit:", "backofLimit:", "spec.backofLimit"),
                                    ("endpoints:", "endpoint:", "spec.endpoint"),
                                    ("topicName:", "topicNmae:", "spec.topicNmae")):
            with self.subTest(wrong):
                self.assertIn(right, text)
                done = self.validate(text.replace(right, wrong, 1), check=False)
                self.assertNotEqual(done.returncode, 0)
                self.assertIn(f'unknown field "{place}"', done.said)
