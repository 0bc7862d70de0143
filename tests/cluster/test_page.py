"""deploy/kubernetes.md: every command of the page, in its order, on a real control plane, with a real Kafka and registry
(TLS, SCRAM, ACLs). What is substituted is below (NAMES, QUICKER); pods of the DaemonSet are fakes but one, which runs as the chart
says."""
import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from cases import CHART, REPOSITORY
from harness import CAPTURES, wait_until
from kubelet import Container, Kubelet, Volumes
from page import NOT_RUN, Block, blocks, compare, replaced, run
from page_servers import NODE_ADDRESS, GuardedServers, Network, SmallCluster

sys.path.append(str(REPOSITORY / "tests" / "image"))

import roots  # noqa: E402

PAGE = REPOSITORY / "deploy" / "kubernetes.md"
STEPS = 8
VALUES_FILE = "flowsensor.yaml"
END_LIMIT_S = 60
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
        # bwrap hands no signal on: the sensor is the child of its child.
        for child in children_of(self.process.pid):
            for sensor in children_of(child):
                os.kill(sensor, signal.SIGTERM)
        code = self.process.wait(END_LIMIT_S)
        said = self.said()
        self.folder.cleanup()
        if code != 0:
            raise AssertionError(f"the sensor ended with {code}: {said}")


def children_of(process):
    return [int(child) for child in Path(f"/proc/{process}/task/{process}/children").read_text().split()]


class Page(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        roots.root()
        cls.network = cls.enterClassContext(Network())
        cls.servers = cls.enterClassContext(GuardedServers())
        cls.cluster = cls.enterClassContext(SmallCluster())
        # The image's own libraries: an older librdkafka than Debian 13's can't log in to Kafka 4 by SCRAM.
        cls.kubelet = cls.enterClassContext(Kubelet(cls.cluster, roots.root() / roots.BINARY, roots.root()))
        cls.api = cls.cluster.api()
        cls.addClassCleanup(cls.api.close)
        cls.folder = Path(cls.enterClassContext(tempfile.TemporaryDirectory(prefix="flowsensor-page-")))
        (cls.folder / "deploy").symlink_to(REPOSITORY / "deploy")
        shutil.copytree(REPOSITORY / "helm", cls.folder / "helm")
        cls.servers.hand_out(cls.folder)

    def setUp(self):
        self.transcript = []
        self.running = self.enterContext(contextlib.ExitStack())
        self.sensor = None
        wait_until(lambda: "flows" not in self.namespaces(), what="the end of the namespace")

    def namespaces(self):
        return [item["metadata"]["name"] for item in self.api.get("/api/v1/namespaces")["items"]]

    def environment(self):
        found = self.cluster.environment()
        return {**found, "PATH": ":".join([str(self.servers.tools), str(Path(sys.executable).parent), found["PATH"]])}

    def keep_a_sensor(self):
        """Of the pods that there are, one runs, and has had traffic. kubectl may ask for the log of any: it gets that one's."""
        pods = self.api.get("/api/v1/namespaces/flows/pods", **SENSORS)["items"]
        names = [pod["metadata"]["name"] for pod in pods if "deletionTimestamp" not in pod["metadata"]]
        if self.sensor and self.sensor.name not in names:
            self.running.close()
            self.sensor = None
        if names and not self.sensor:
            self.sensor = self.running.enter_context(Sensor(self.api, next(pod for pod in pods if pod["metadata"]["name"] == names[0])))
            wait_until(lambda: "capturing on" in self.sensor.said() or self.sensor.process.poll() is not None, what="the sensor")
            self.assertIsNone(self.sensor.process.poll(), self.sensor.said())
            self.network.replay(CAPTURES / "mix.pcap")
        if self.sensor:
            self.kubelet.outputs.update({f"flows/{name}": self.sensor.said() for name in names})

    def follow(self, found, names):
        said = ""
        for block in found:
            if block.language == "yaml":
                (self.folder / VALUES_FILE).write_text(replaced(block.text, names))
            elif block.language == "text":
                compare(block, said)
            elif block.is_run:
                typed = Block(block.language, replaced(block.text, names), block.section, block.line)
                try:
                    said = run(typed, self.folder, self.environment())
                except AssertionError as error:
                    raise AssertionError(f"{error}\nwhat pods wrote:\n{self.kubelet.outputs}") from None
                self.transcript.append(f"--- {block.section}, line {block.line}\n{said}")
                self.keep_a_sensor()

    def page_names(self):
        return {"kafka.example.com:9093": self.servers.kafka, "https://schemas.example.com": self.servers.schemas}

    def test_a_failed_installation(self):
        """As the table says: helm shows the program's words, the job stays, and the same arguments install again."""
        self.addCleanup(self.cluster.run, "kubectl", "delete", "namespace", "flows", "--wait=false")
        found = blocks(PAGE.read_text())
        install = next(index for index, block in enumerate(found) if block.text.startswith("helm install"))
        right = (self.folder / "admin.password").read_text()
        self.addCleanup((self.folder / "admin.password").write_text, right)
        (self.folder / "admin.password").write_text("wrong")
        self.follow(found[:install], self.page_names())
        with self.assertRaises(AssertionError) as failed:
            self.follow(found[install:install + 1], self.page_names())
        self.assertRegex(str(failed.exception), "the broker refuses the login.*check sasl.username")
        self.assertIn("failed pre-install", str(failed.exception))
        log = self.cluster.run("kubectl", "-n", "flows", "logs", "job/flowsensor-topics-create").stdout
        self.assertIn("the broker refuses the login", log)
        self.cluster.run("kubectl", "-n", "flows", "delete", "secret", "flowsensor-kafka-admin")
        self.cluster.run("kubectl", "-n", "flows", "create", "secret", "generic", "flowsensor-kafka-admin",
                         "--from-literal=username=admin", f"--from-literal=password={right.strip()}")
        again = found[install]
        text = again.text.replace("helm install", "helm upgrade --install")
        self.follow([Block(again.language, text, again.section, again.line)], self.page_names())
        self.assertIn("successfully rolled out", self.transcript[-1])
        self.cluster.run("helm", "uninstall", "flowsensor", "--namespace", "flows", "--wait")

    def test_every_command(self):
        found = blocks(PAGE.read_text())
        self.assertEqual([block.section for block in found if block.text.startswith(NOT_RUN)], ["1. The image"])
        for step in range(1, STEPS + 1):
            self.assertTrue([block for block in found if block.section.startswith(f"{step}. ")], f"step {step} has no block")
        self.follow(found, self.page_names())
        self.assertEqual(self.kubelet.failures, [])
        # Where a person wants to see what the page's reader saw.
        if os.environ.get("FLOWSENSOR_TRANSCRIPT"):
            Path(os.environ["FLOWSENSOR_TRANSCRIPT"]).write_text("\n".join(self.transcript))

    def test_the_readme_of_the_chart(self):
        """Its first commands; the example that they install knows servers without a login."""
        self.addCleanup(self.cluster.run, "kubectl", "delete", "namespace", "flows", "--wait=false")
        if "flows" not in self.servers.administrator().list_topics(timeout=30).topics:
            self.servers.topic("flows")
        names = {"kafka.kafka.svc:9092": self.servers.bootstrap, "http://schema-registry.kafka.svc:8081": self.servers.registry}
        example = self.folder / "helm" / "flowsensor" / "examples" / "minimal.yaml"
        for name in names:
            self.assertIn(name, example.read_text())
        example.write_text(replaced(example.read_text(), names))
        install = [block for block in blocks((CHART / "README.md").read_text()) if block.section == "Install"]
        self.assertEqual(len(install), 1)
        self.follow(install, names)
        self.assertIn("flows: record 0 of", self.transcript[-1])
        self.cluster.run("helm", "uninstall", "flowsensor", "--namespace", "flows", "--wait")


class Words(unittest.TestCase):
    """What the table of symptoms quotes is what the program says and counts."""

    def setUp(self):
        self.rows = [line.split(" | ") for line in PAGE.read_text().splitlines() if line.startswith("| ")]

    @staticmethod
    def sources():
        text = "\n".join(path.read_text() for path in sorted((REPOSITORY / "sensor").rglob("*.[ch]")))
        # Literals that follow one another are one.
        return re.sub(r'"\s*"', "", text).replace('\\"', '"')

    def test_messages(self):
        sources = self.sources()
        quoted = [text for row in self.rows if "exit code" in row[0] for text in re.findall("`([^`]+)`", row[0])]
        self.assertGreaterEqual(len(quoted), 12)
        for text in quoted:
            with self.subTest(text):
                self.assertTrue(text in sources, text)

    def test_metrics(self):
        reference = (REPOSITORY / "deploy" / "reference.md").read_text()
        metrics = set(re.findall(r"`(flowsensor_[a-z_]+)`", PAGE.read_text()))
        self.assertGreaterEqual(len(metrics), 8)
        for name in metrics:
            with self.subTest(name):
                self.assertTrue(f"`{name}`" in reference, name)

    def test_values(self):
        """Names of the chart's values are in its README."""
        readme = (REPOSITORY / "helm" / "flowsensor" / "README.md").read_text()
        groups = set(re.findall(r"^\| ([a-zA-Z]+)\.", readme, re.MULTILINE))
        # The first cells quote the program, whose options have other names.
        page = "\n".join(line.split(" | ", 1)[-1] for line in PAGE.read_text().splitlines())
        named = {text for text in re.findall(r"`([a-zA-Z]+\.[a-zA-Z.]+)", page) if text.split(".")[0] in groups and ".example." not in text}
        self.assertGreaterEqual(len(named), 12)
        for name in named:
            with self.subTest(name):
                self.assertTrue(f"| {name}" in readme, name)


class Reader(unittest.TestCase):
    """The reader of pages can fail."""

    def one(self, text):
        return blocks(f"# Page\n\n## Step\n\n```sh\n{text}\n```\n")[0]

    def test_a_page_without_commands(self):
        for text in ("# Page\n", "```yaml\na: b\n```\n", f"```sh\n{NOT_RUN} no engine\nfalse\n```\n"):
            with self.subTest(text), self.assertRaises(AssertionError):
                blocks(text)

    def test_a_command_that_fails(self):
        for text in ("false\ntrue", "false | cat", "echo $UNSET_NAME", "no-such-command"):
            with self.subTest(text), self.assertRaises(AssertionError):
                run(self.one(text), ".", os.environ)
        self.assertEqual(run(self.one("echo a\necho b >&2"), ".", os.environ), "a\nb\n")

    def test_what_is_shown(self):
        shown = Block("text", "a  ---- …\nlast\n", "", 1)
        compare(shown, "first\na ------- anything\nlast\n")
        for said in ("", "a --\nlast", "last\na -- b", "a -- b"):
            with self.subTest(said), self.assertRaises(AssertionError):
                compare(shown, said)
