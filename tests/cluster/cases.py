"""What the tests of the chart on a real control plane share: one cluster for the whole run, releases, real servers."""
import atexit
import itertools
import json
import signal
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "e2e"))

from control_plane import ControlPlane  # noqa: E402
from harness import BINARY, REPOSITORY, wait_until  # noqa: E402
from kubelet import Kubelet  # noqa: E402
from servers import LocalServers  # noqa: E402

CHART = REPOSITORY / "helm" / "flowsensor"
IMAGE = {"repository": "registry.example/flowsensor", "tag": "test"}
# The least that the chart wants to know, of servers that nobody asks.
BASE = {"image": IMAGE, "kafka": {"bootstrapServers": ["kafka.example:9092"]},
        "schemaRegistry": {"url": "http://registry.example:8081"}}
# A busy machine may need long for what takes seconds.
HELM_LIMIT = "180s"
GROUPS = {"daemonsets": "/apis/apps/v1"}
NUMBERS = itertools.count(1)


class Cluster(ControlPlane):
    """The one of this test run, with the custom resources' definitions; started when first asked for."""

    instance = None

    @classmethod
    def get(cls):
        if cls.instance is None:
            cls.instance = cls()
            atexit.register(cls.instance.stop)
            # An end by SIGTERM must still stop the servers, which atexit does.
            signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
            cls.instance.start()
            # Server side, since a definition is longer than the annotation that kubectl would keep of it.
            cls.instance.run("kubectl", "apply", "--server-side", "-f", cls.instance.tools["CRDS"])
            cls.instance.run("kubectl", "wait", "--for=condition=Established", "crd", "--all", "--timeout=30s")
        return cls.instance


def merged(base, changes):
    """`base` with `changes` put over it, mapping by mapping, as helm merges values."""
    result = dict(base)
    for name, value in changes.items():
        both = isinstance(value, dict) and isinstance(result.get(name), dict)
        result[name] = merged(result[name], value) if both else value
    return result


class Case(unittest.TestCase):
    """A test with namespaces and releases of its own, which go when it ends."""

    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster.get()
        cls.api = cls.cluster.api()
        cls.addClassCleanup(cls.api.close)

    def run_tool(self, *command, **options):
        return self.cluster.run(*command, **options)

    def kubectl(self, *arguments, **options):
        return self.run_tool("kubectl", *arguments, **options).stdout

    def objects(self, namespace, kind, **selector):
        """The objects of a kind, of those with these labels."""
        labels = ",".join(f"{name}={value}" for name, value in selector.items())
        return self.api.get(f"{GROUPS.get(kind, '/api/v1')}/namespaces/{namespace}/{kind}", labelSelector=labels)["items"]

    def make_namespace(self, **labels):
        name = f"test-{next(NUMBERS)}"
        marks = {f"pod-security.kubernetes.io/{mode}": level for mode, level in labels.items()}
        self.api.create("/api/v1/namespaces", {"metadata": {"name": name, "labels": marks}})
        self.addCleanup(self.api.request, "DELETE", f"/api/v1/namespaces/{name}")
        # A pod is refused until its namespace has the default service account.
        self.wait_until(lambda: self.objects(name, "serviceaccounts"), "the namespace's service account")
        return name

    def make_secret(self, namespace, name, **values):
        self.api.create(f"/api/v1/namespaces/{namespace}/secrets", {"metadata": {"name": name}, "stringData": values})

    def make_account(self, namespace, name="flowsensor"):
        """A service account without which a pod is refused, even in a dry run."""
        self.api.create(f"/api/v1/namespaces/{namespace}/serviceaccounts", {"metadata": {"name": name}})

    def values_file(self, values):
        """A file of values; JSON is YAML."""
        with tempfile.NamedTemporaryFile("w", suffix=".json", delete=False) as file:
            json.dump(values, file)
        self.addCleanup(Path(file.name).unlink)
        return file.name

    @staticmethod
    def wait_until(condition, what, limit=30):
        return wait_until(condition, limit, what, pause=0.1)


class Release:
    """A release of the chart in a namespace."""

    def __init__(self, case, namespace, values, name="flowsensor"):
        self.case, self.namespace, self.values, self.name = case, namespace, values, name

    def helm(self, command, *arguments, **options):
        return self.case.run_tool("helm", command, self.name, *arguments, "-n", self.namespace, **options)

    def apply(self, command, changes, *arguments, **options):
        values = merged(self.values, changes or {})
        return self.helm(command, CHART, "-f", self.case.values_file(values), *arguments, **options)

    def start(self, *arguments, changes=None, **options):
        """Installs it, without waiting for its pods."""
        self.case.addCleanup(self.helm, "uninstall", "--ignore-not-found", "--wait", "--timeout", HELM_LIMIT)
        return self.apply("install", changes, *arguments, **options)

    def install(self, changes=None, **options):
        return self.start("--wait", "--timeout", HELM_LIMIT, changes=changes, **options)

    def upgrade(self, changes=None, **options):
        return self.apply("upgrade", changes, "--wait", "--timeout", HELM_LIMIT, **options)

    def status(self):
        return json.loads(self.helm("status", "-o", "json").stdout)["info"]["status"]

    def daemon_set(self):
        [found] = self.case.objects(self.namespace, "daemonsets")
        return found

    def pods(self):
        """The DaemonSet's pods that aren't on their way out, by node."""
        pods = self.case.objects(self.namespace, "pods")
        return {pod["spec"].get("nodeName"): pod for pod in pods if "deletionTimestamp" not in pod["metadata"]
                and [owner["kind"] for owner in pod["metadata"].get("ownerReferences", [])] == ["DaemonSet"]}

    def identities(self):
        return {pod["metadata"]["uid"] for pod in self.pods().values()}


class ServedCase(Case):
    """A test with a real Kafka and registry, and a kubelet that runs the pods of hooks and tests for real."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.kubelet = cls.enterClassContext(Kubelet(cls.cluster, BINARY))
        cls.servers = LocalServers.get()

    def run_tool(self, *command, **options):
        try:
            return super().run_tool(*command, **options)
        except AssertionError as error:
            raise AssertionError(f"{error}\nwhat pods wrote:\n{self.kubelet.outputs}\n{self.cluster.logs()}") from None

    def tearDown(self):
        failures, self.kubelet.failures[:] = list(self.kubelet.failures), []
        self.assertEqual(failures, [])

    def served(self, topic, **changes):
        """Values of a sensor that uses these servers."""
        return merged({"image": IMAGE, "kafka": {"bootstrapServers": [self.servers.bootstrap], "topic": topic},
                       "schemaRegistry": {"url": self.servers.registry}, "minReadySeconds": 0}, changes)


# Made by the job, on a single broker.
TOPICS_BY_JOB = {"provision": "job", "replicationFactor": 1}

__all__ = ["BASE", "CHART", "HELM_LIMIT", "REPOSITORY", "Case", "TOPICS_BY_JOB", "Release", "ServedCase", "merged"]
