"""A real Prometheus scrapes running sensors: every metric and every query of rules and dashboard, and the main alerts when
their causes are made. All of it in a network namespace of its own, with a real Kafka and registry.
Run: python3 -m unittest discover -s tests/monitoring -p test_scrape.py

Six sensors capture the same replayed traffic; what becomes of each is its name. Needs root and iproute2.
"""
import contextlib
import ctypes
import os
import re
import shutil
import signal
import tempfile
import threading
import time
import unittest
import urllib.request
from pathlib import Path

import support  # puts the folder of the next ones into the path

import frames
import yaml
from harness import CAPTURES, Running, run, wait_until
from namespaces import SilentWire
from servers import FaultyRegistry, LocalServers, answers

ABLE = os.geteuid() == 0 and shutil.which("ip") is not None
FIRST_PORT, PROMETHEUS_PORT = 19995, 9090
FATES = ("steady", "broker", "schema", "quiet", "slow", "killed")
CLONE_NEWNET = 0x40000000
WINDOW = "10s"
QUEUE_KIB, SPOOL = 512, "4MiB"
# Queries that may have no data while all is well.
MAY_BE_EMPTY = {"Cards", "Certificates"}  # there is no network card on a veth, and no TLS
# Metrics that neither rules nor dashboard use.
UNUSED = {"process_virtual_memory_bytes"}
EXPECTED = {
    "steady": set(),
    "broker": set(),
    "schema": {("FlowsensorSchemaMismatch", "critical")},
    "quiet": {("FlowsensorNoPackets", "warning")},
    "slow": {("FlowsensorKernelDrops", "warning"), ("FlowsensorKernelDrops", "critical"), ("FlowsensorOverload", "warning")},
    "killed": {("FlowsensorDown", "warning")},
    # Of all together: two of six are down, and two have no broker, one of them no registry either.
    "": {("FlowsensorDown", "critical"), ("FlowsensorKafkaErrors", "warning"), ("FlowsensorRecordsLate", "warning"),
         ("FlowsensorRecordsLate", "critical"), ("FlowsensorSpoolFilling", "warning"), ("FlowsensorSpoolFilling", "critical"),
         ("FlowsensorRecordsDropped", "warning"), ("FlowsensorRecordsDropped", "critical"), ("FlowsensorRegistryErrors", "warning"),
         ("FlowsensorSchemaUnconfirmed", "warning")},
}


@contextlib.contextmanager
def inside(namespace):
    """This thread, and what it starts, in a network namespace."""
    library = ctypes.CDLL(None, use_errno=True)

    def enter(path):
        with open(path, "rb") as file:
            if library.setns(file.fileno(), CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), f"setns {path}")
    with open("/proc/thread-self/ns/net", "rb") as before:
        enter(f"/run/netns/{namespace}")
        try:
            yield
        finally:
            enter(f"/proc/self/fd/{before.fileno()}")


class Repeating(threading.Thread):
    """Does something again and again until it is stopped."""

    def __init__(self, action):
        super().__init__(daemon=True)
        self.action, self.ended = action, threading.Event()
        self.start()

    def run(self):
        while not self.ended.is_set():
            self.action()

    def stop(self):
        self.ended.set()
        self.join(60)


class Scene:
    """The wire, the servers, the sensors and Prometheus."""

    def __init__(self, folder, stack):
        self.folder, self.stack = folder, stack
        support.tool("prometheus")
        self.wire = SilentWire()
        stack.callback(self.wire.remove)
        stack.enter_context(inside(self.wire.near))
        self.servers = LocalServers()
        stack.callback(self.servers.stop)
        self.registry_answer = answers(200, '{"id": 7}')
        self.registry = stack.enter_context(FaultyRegistry(lambda request: self.registry_answer(request)))
        self.sensors = {}
        key = folder / "key"
        key.write_text("ab" * 32)
        key.chmod(0o600)
        self.few = folder / "few.pcap"
        self.few.write_bytes(frames.conversations(4))

    def address(self, fate):
        return f"127.0.0.1:{FIRST_PORT + FATES.index(fate)}"

    def kafka(self, topic, registry):
        return f"""registry = {{ url = "{registry}"; auto_register = true; cache_directory = "{self.folder}"; }};
outputs = ( {{ topic = "{topic}"; columns_to_anonymize = [ "all=hash" ];
    kafka = [ "bootstrap.servers={self.servers.bootstrap}", "queue.buffering.max.kbytes={QUEUE_KIB}" ]; }} );"""

    def configuration(self, fate):
        """A step of the ladder is left after 2 s: like the times of the rules, a part of the default, so that one loss is no overload yet."""
        outputs = {"broker": lambda: self.kafka("flows", self.servers.registry), "schema": lambda: self.kafka("cached", self.registry.url)}
        file = f"""outputs = ( {{ path = "{self.folder}/{fate}.csv"; rotate_size = "1MiB"; rotate_files = 2; }} );"""
        path = self.folder / f"{fate}.conf"
        path.write_text(f"""
capture = {{ interfaces = [ "near0" ]; socket_buffer_size = "{'512KiB' if fate == 'slow' else '8MiB'}";
            bpf_filter = "{'host 10.1.0.1' if fate == 'quiet' else ''}"; }};
meter = {{ flow_table_size = 65536; idle_timeout = "1s"; active_timeout = "3s"; n_meters = {2 if fate == 'broker' else 1}; }};
identity = {{ sensor_id = "{fate}"; }};
anonymization = {{ key_file = "{self.folder}/key"; }};
monitoring = {{ listen = "{self.address(fate)}"; }};
delivery = {{ shutdown_timeout = "10s"; }};
overload = {{ patience = "2s"; }};
spool = {{ memory_size = "{SPOOL}"; }};
{outputs.get(fate, lambda: file)()}
""")
        return path

    def start(self, fate):
        sensor = Running("-c", self.configuration(fate), prefix=self.wire.prefix)
        self.stack.callback(sensor.close)
        self.sensors[fate] = sensor

    def wait_for(self, fate):
        wait_until(lambda: self.is_ready(fate), 60, f"{fate}: an answer of /readyz")

    def get(self, fate, path):
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(f"http://{self.address(fate)}{path}", timeout=5) as answer:
            return answer.read().decode()

    def is_ready(self, fate):
        if self.sensors[fate].process.poll() is not None:
            raise AssertionError(str(self.sensors[fate].finish()))
        try:
            return self.get(fate, "/readyz") is not None
        except OSError:
            return False

    def fill_cache(self):
        """A run that gets id 7 of the registry, which is then away."""
        result = run("-c", self.configuration("schema"), "-r", self.few, "--set", "monitoring.listen=127.0.0.1:19990")
        if result.code != 0:
            raise AssertionError(str(result))
        self.registry_answer = lambda request: request.connection.close()

    def pause_and_go_on(self, fate):
        """More traffic than the ring holds, while the sensor doesn't look."""
        process = self.sensors[fate].process
        process.send_signal(signal.SIGSTOP)
        time.sleep(0.7)  # in which the ring fills
        process.send_signal(signal.SIGCONT)
        time.sleep(0.5)  # in which the sensor catches up

    def kill_broker(self):
        self.servers.admin = None  # its threads would complain
        pid = int((Path(self.servers.folder.name) / "kafka.pid").read_text().split()[0])
        os.kill(pid, signal.SIGKILL)


def exposed(text):
    """The metrics of /metrics, and the samples of histograms under their own names."""
    types = dict(re.findall(r"^# TYPE (\S+) (\S+)$", text, re.MULTILINE))
    return {name + suffix for name, kind in types.items() for suffix in (("_bucket", "_sum", "_count") if kind == "histogram" else ("",))}


@unittest.skipUnless(ABLE, "network namespaces need root and iproute2")
class Live(unittest.TestCase):
    """In the order of the names: first all is well, then nothing is."""
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.stack = contextlib.ExitStack()
        cls.addClassCleanup(cls.stack.close)
        folder = Path(cls.stack.enter_context(tempfile.TemporaryDirectory(prefix="flowsensor-monitoring-")))
        cls.scene = scene = Scene(folder, cls.stack)
        scene.servers.topic("flows")
        scene.servers.topic("cached")
        traffic = Repeating(lambda: scene.wire.replay(CAPTURES / "mix.pcap", 0.0004))
        cls.stack.callback(traffic.stop)
        cls.few = Repeating(lambda: scene.wire.replay(scene.few, 0.05))
        cls.stack.callback(cls.few.stop)
        scene.fill_cache()
        scene.registry_answer = answers(200, '{"id": 7}')
        rules = folder / "rules.yaml"
        rules.write_text(yaml.safe_dump(support.shortened()))
        for fate in FATES:
            scene.start(fate)
        for fate in FATES:
            scene.wait_for(fate)
        targets = {fate: scene.address(fate) for fate in FATES}
        cls.prometheus = support.Prometheus(folder, PROMETHEUS_PORT, targets, rules)
        cls.stack.callback(cls.prometheus.close)
        cls.prometheus.ready()
        cls.began = time.monotonic()

    def test_1_metrics(self):
        """In both directions: what is named exists, and what exists is used."""
        found = set().union(*(exposed(self.scene.get(fate, "/metrics")) for fate in FATES))
        used = support.used_metrics()
        self.assertEqual(used - found, set())
        self.assertEqual(found - used, UNUSED)

    def test_2_dashboard(self):
        """Every query of every panel has an answer of Prometheus with data in it, no number of which is NaN."""
        time.sleep(max(0, 20 - (time.monotonic() - self.began)))  # the queries look back so far
        empty = set()
        for title, expression in support.dashboard_queries():
            for name, value in (("$__rate_interval", WINDOW), ("$__range", "20s"), ("$cluster", ".*"), ("$namespace", ".*"), ("$instance", ".*")):
                expression = expression.replace(name, value)
            self.assertNotIn("$", expression)
            with self.subTest(panel=title, expression=expression):
                result = self.prometheus.query(expression)
                if not result:
                    empty.add(title)
                self.assertNotIn("NaN", [series["value"][1] for series in result])
        self.assertEqual(empty, MAY_BE_EMPTY)

    def test_3_healthy(self):
        """Longer than the longest `for`: nothing fires."""
        time.sleep(max(0, support.LONGEST_S + 5 - (time.monotonic() - self.began)))  # only time shows that nothing fires
        self.assertEqual(self.prometheus.firing(), set())
        groups = self.prometheus.get("rules")["groups"]
        self.assertEqual([rule["name"] for group in groups for rule in group["rules"] if rule["health"] != "ok"], [])

    def test_4_causes(self):
        """Each alert on its sensor, and no other on any."""
        scene = self.scene
        scene.sensors["schema"].close()
        scene.registry_answer = lambda request: request.connection.close()
        scene.start("schema")
        scene.wait_for("schema")
        scene.kill_broker()
        scene.sensors["killed"].process.kill()
        self.few.stop()
        pausing = Repeating(lambda: scene.pause_and_go_on("slow"))
        self.addCleanup(pausing.stop)
        seen = {fate: set() for fate in EXPECTED}

        def look():
            for alert, severity, instance in self.prometheus.firing():
                seen[instance].add((alert, severity))
            return seen

        def without_registry():
            return {("FlowsensorSchemaUnconfirmed", "warning"), ("FlowsensorRegistryErrors", "warning")} <= look()[""]
        wait_until(without_registry, 90, "alerts on the absent registry")
        scene.registry_answer = answers(200, '{"id": 8}')
        with contextlib.suppress(AssertionError):
            wait_until(lambda: all(EXPECTED[fate] <= look()[fate] for fate in EXPECTED), 100)
        self.assertEqual(seen, EXPECTED)
        self.assertIsNone(scene.sensors["schema"].process.poll())


if __name__ == "__main__":
    unittest.main()
