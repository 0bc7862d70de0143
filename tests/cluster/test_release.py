"""The life of a release on a real control plane: every node, a rolling update, a rollback, an end without remains."""
import json
import threading
import time

from cases import CHART, HELM_LIMIT, TOPICS_BY_JOB, Release, ServedCase
from control_plane import WORKERS

NODES = {"control-plane", "dedicated", "arm", *(f"worker-{number}" for number in range(WORKERS))}


class Watch:
    """Counts, while it is open, the nodes whose pod isn't ready: .most of them at once, .nodes that were among them."""

    def __init__(self, case, release):
        self.api, self.path = case.cluster.api(), f"/api/v1/namespaces/{release.namespace}/pods"
        self.most, self.nodes = 0, set()
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self.run)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_exception):
        self.stopping.set()
        self.thread.join()
        self.api.close()

    def run(self):
        while not self.stopping.wait(0.02):
            ready = {pod["spec"].get("nodeName") for pod in self.api.get(self.path)["items"] if self.is_ready(pod)}
            self.most = max(self.most, len(NODES - ready))
            self.nodes |= NODES - ready

    @staticmethod
    def is_ready(pod):
        return "deletionTimestamp" not in pod["metadata"] and any(
            condition["type"] == "Ready" and condition["status"] == "True" for condition in pod["status"].get("conditions", []))


class Life(ServedCase):
    def setUp(self):
        self.release = Release(self, self.make_namespace(), self.served("life", schema={"provision": "register"}))

    def config(self):
        [found] = [item for item in self.objects(self.release.namespace, "configmaps") if item["metadata"]["name"] == "flowsensor"]
        return found["data"]["flowsensor.conf"]

    def remains(self):
        """Everything in the namespace that carries the release's label, and helm's own notes."""
        kinds = self.kubectl("api-resources", "--namespaced", "--verbs=list", "-o", "name").split()
        kinds = [kind for kind in kinds if not kind.startswith("events")]
        labelled = ("-n", self.release.namespace, "-l", "app.kubernetes.io/instance=flowsensor")
        found = self.kubectl("get", ",".join(kinds), *labelled, "-o", "name").split()
        return found + [item["metadata"]["name"] for item in self.objects(self.release.namespace, "secrets", owner="helm")]

    def wait_until_settled(self):
        """helm is content as soon as no more pods are missing than may be; and who upgrades then replaces these besides."""
        def settled():
            found = self.release.daemon_set()
            counts = [found["status"].get(name, 0) for name in ("updatedNumberScheduled", "numberReady", "numberAvailable")]
            return counts == [len(NODES)] * 3 and found["status"]["observedGeneration"] == found["metadata"]["generation"]
        self.wait_until(settled, "the end of the rollout")

    def replaced(self, change):
        """Makes a change that must replace every pod, a tenth of the nodes at a time: two of twelve, rounded up.

        For Kubernetes a pod that is gone and not made again yet is no missing one, so that for a moment up to two more are.
        """
        before = self.release.identities()
        with Watch(self, self.release) as watch:
            change()
            self.wait_until_settled()
        self.assertEqual(set(self.release.pods()), NODES)
        self.assertFalse(before & self.release.identities(), "a pod kept the old configuration")
        self.assertEqual(watch.nodes, NODES)
        self.assertIn(watch.most, (2, 3, 4))

    def test_install_upgrade_rollback(self):
        """One release from step to step, since each takes a while."""
        self.release.install()
        self.wait_until_settled()
        self.assertEqual((self.release.status(), set(self.release.pods())), ("deployed", NODES))
        first, before = self.config(), self.release.identities()

        self.release.upgrade()
        self.assertEqual(self.release.identities(), before, "an upgrade that changes nothing replaced a pod")

        self.replaced(lambda: self.release.upgrade({"secretChecksum": "2026-11-24"}))
        self.replaced(lambda: self.release.upgrade({"meter": {"idleTimeout": "60s"}}))
        self.assertNotEqual(self.config(), first)

        self.replaced(lambda: self.release.helm("rollback", "1", "--wait", "--timeout", HELM_LIMIT))
        self.assertEqual((self.release.status(), self.config()), ("deployed", first))

    def test_an_uninstall_leaves_nothing(self):
        self.servers.topic("life")
        self.release.install({"schema": {"provision": "register"}, "topics": TOPICS_BY_JOB, "test": {"topic": "life"}})
        self.release.helm("test", "--timeout", HELM_LIMIT)
        self.assertTrue(self.remains())
        self.release.helm("uninstall", "--wait", "--timeout", HELM_LIMIT)
        self.wait_until(lambda: not self.release.pods(), "the end of the pods")
        self.assertEqual(self.remains(), [])

    def test_a_bad_value_is_refused_before_anything_is_made(self):
        for changes, name in (({"kafka": {"bootstrapServers": "kafka:9092"}}, "bootstrapServers"),
                              ({"meter": {"meters": 0}}, "meters"), ({"kafka": {"brokers": []}}, "brokers"),
                              ({"resources": {"limits": {"memory": "64Mi"}}}, "memory")):
            with self.subTest(name):
                done = self.release.install(changes, check=False)
                self.assertNotEqual(done.returncode, 0)
                self.assertIn(name, done.said)
                listed = self.run_tool("helm", "list", "-a", "-n", self.release.namespace, "-o", "json").stdout
                self.assertEqual(json.loads(listed), [])
                self.assertEqual(self.remains(), [])
