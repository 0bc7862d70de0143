"""deploy/kubernetes.md: every command of the page, in its order, on a real control plane, with a real Kafka and registry
(TLS, SCRAM, ACLs). What is substituted is below (NAMES, QUICKER); pods of the DaemonSet are fakes but one, which runs as the chart
says."""
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from cases import REPOSITORY
from harness import CAPTURES, wait_until
from kubelet import Container, Kubelet, Volumes
from page import NOT_RUN, Block, blocks, compare, replaced, run
from page_servers import NODE_ADDRESS, GuardedServers, Network, SmallCluster

sys.path.append(str(REPOSITORY / "tests" / "image"))

import roots  # noqa: E402

PAGE = REPOSITORY / "deploy" / "kubernetes.md"
STEPS = 8
VALUES_FILE = "flowsensor.yaml"
SENSORS = {"labelSelector": "app.kubernetes.io/component=sensor"}
# For the one sensor that runs, so that nobody waits two minutes for the end of a flow.
QUICKER = ["--set", "meter.idle_timeout=1s"]


class SensorContainer(Container):
    """The DaemonSet's: it may keep NET_RAW, which the image's file capability would be limited by, and is on a node."""

    def identity(self):
        assert self.context["capabilities"] == {"drop": ["ALL"], "add": ["NET_RAW"]}, self.context
        kept = ["--bounding-set=-all,+net_raw", "--inh-caps=-all,+net_raw", "--ambient-caps=-all,+net_raw"]
        return [word for word in super().identity() if not word.startswith(("--bounding-set", "--inh-caps"))] + kept

    def referred(self, source):
        return NODE_ADDRESS if source.get("fieldRef", {}).get("fieldPath") == "status.hostIP" else super().referred(source)


class Sensor:
    """One of the DaemonSet's pods, run for real. Use as a context, which ends it as a kubelet does."""

    def __init__(self, api, pod):
        self.name = pod["metadata"]["name"]
        self.folder = tempfile.TemporaryDirectory(prefix="flowsensor-pod-")
        root = Path(self.folder.name)
        root.chmod(0o755)
        made, = pod["spec"]["containers"]
        folders = Volumes(api, pod, root).make()
        made = {**made, "args": made["args"] + QUICKER}
        command = SensorContainer(pod, made, folders, roots.root()).command(roots.root() / roots.BINARY)
        self.log = root / "log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/")

    def __enter__(self):
        return self

    def said(self):
        return self.log.read_text()

    def __exit__(self, *_exception):
        """bwrap hands no signal on, but what it started is the group's only other process."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        for child in children:
            subprocess.run(["kill", "-TERM", *Path(f"/proc/{child}/task/{child}/children").read_text().split()], check=False)
        self.process.wait(60)
        self.folder.cleanup()


class Page(unittest.TestCase):
    def setUp(self):
        roots.root()
        self.network = self.enterContext(Network())
        self.servers = self.enterContext(GuardedServers())
        self.cluster = self.enterContext(SmallCluster())
        # The image's own libraries: an older librdkafka than Debian 13's can't log in to Kafka 4 by SCRAM.
        self.kubelet = self.enterContext(Kubelet(self.cluster, roots.root() / roots.BINARY, roots.root()))
        self.api = self.cluster.api()
        self.addCleanup(self.api.close)
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory(prefix="flowsensor-page-")))
        for name in ("deploy", "helm"):
            (self.folder / name).symlink_to(REPOSITORY / name)
        self.servers.hand_out(self.folder)
        self.names = {"kafka.example.com:9093": self.servers.kafka, "https://schemas.example.com": self.servers.schemas}
        self.sensor = None

    def environment(self):
        found = self.cluster.environment()
        return {**found, "PATH": ":".join([str(self.servers.tools), str(Path(sys.executable).parent), found["PATH"]])}

    def keep_a_sensor(self):
        """Once the DaemonSet has pods, the first one runs, and has traffic."""
        if self.sensor:
            self.kubelet.outputs[f"flows/{self.sensor.name}"] = self.sensor.said()
            return
        pods = self.api.get("/api/v1/namespaces/flows/pods", **SENSORS)["items"]
        if pods:
            self.sensor = self.enterContext(Sensor(self.api, pods[0]))
            wait_until(lambda: "monitoring: http://" in self.sensor.said() or self.sensor.process.poll() is not None, what="the sensor")
            self.assertIsNone(self.sensor.process.poll(), self.sensor.said())
            self.network.replay(CAPTURES / "mix.pcap")

    def follow(self, found):
        said = ""
        for block in found:
            if block.language == "yaml":
                (self.folder / VALUES_FILE).write_text(replaced(block.text, self.names))
            elif block.language == "text":
                compare(block, said)
            elif block.is_run:
                typed = Block(block.language, replaced(block.text, self.names), block.section, block.line)
                try:
                    said = run(typed, self.folder, self.environment())
                except AssertionError as error:
                    raise AssertionError(f"{error}\nwhat pods wrote:\n{self.kubelet.outputs}") from None
                if os.environ.get("SHOW"):
                    print(f"--- {block.section}: {block.line}\n{said}", flush=True)
                self.keep_a_sensor()

    def test_every_command(self):
        found = blocks(PAGE.read_text())
        self.assertEqual([block.section for block in found if block.text.startswith(NOT_RUN)], ["1. The image"])
        for step in range(1, STEPS + 1):
            self.assertTrue([block for block in found if block.section.startswith(f"{step}. ")], f"step {step} has no block")
        self.follow(found)
        self.assertEqual(self.kubelet.failures, [])
