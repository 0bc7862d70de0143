"""A worker of Kafka Connect with the files of deploy/examples/connect, which tests kill and start again.

Needs the servers that deploy/local/servers.sh installs, Java 17 and Maven.
"""
import hashlib
import json
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.append(str(REPOSITORY / "tests" / "tables"))
from place import JVM, filled  # noqa: E402
import maven  # noqa: E402 (place knows its folder)
from broker_processes import free_port  # noqa: E402
from harness import environment, wait_until  # noqa: E402

EXAMPLE = REPOSITORY / "deploy" / "examples" / "connect"
LOCAL = REPOSITORY / "deploy" / "local"
START_LIMIT_S = 180
HASTE = {"iceberg.control.commit.interval-ms": "1000"}


def plugins():
    """The folder of plugins, built."""
    return maven.built(EXAMPLE, "plugins/flows-to-iceberg/flows-to-iceberg.jar").parents[1]


def kafka():
    """The jars of Kafka, where servers.sh has put them."""
    pom = hashlib.sha256((LOCAL / "pom.xml").read_bytes()).hexdigest()
    return maven.cache() / f"servers-{pom[:12]}" / "kafka"


class Worker:
    """One that writes to the warehouse in `folder`; `topics` are those of flows, of control and of dead letters."""

    def __init__(self, folder, servers, topics, warehouse):
        self.folder, self.port, self.process = folder, free_port(), None
        self.log, self.properties, self.connector = (folder / name for name in ("worker.log", "worker.properties", "iceberg-sink.json"))
        self.properties.write_text(filled((EXAMPLE / "worker.properties").read_text(), {
            "HOST:9092": servers.bootstrap, "target/plugins": plugins(), "target/offsets": folder / "offsets", "127.0.0.1:8083": f"127.0.0.1:{self.port}",
            "session.timeout.ms=10000": "session.timeout.ms=6000", "flush.interval.ms=5000": "flush.interval.ms=500"}))
        sink = json.loads(filled((EXAMPLE / "iceberg-sink.json").read_text(), {
            "http://HOST:8081": servers.registry.partition("/apis")[0], "file:///WAREHOUSE": f"file://{warehouse}"}))
        flows, control, dead = topics
        sink["config"] |= HASTE | {"topics": flows, "iceberg.control.topic": control, "errors.deadletterqueue.topic.name": dead}
        self.name = sink["name"]
        self.connector.write_text(json.dumps(sink))

    def start(self):
        command = (*JVM, f"-Dlog4j2.configurationFile={LOCAL / 'log4j2.properties'}", "-cp", f"{kafka()}/*", "org.apache.kafka.connect.cli.ConnectStandalone",
                   self.properties, self.connector)
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment({}),
                                            cwd=self.folder)
        wait_until(self.runs, limit=START_LIMIT_S, what=lambda: f"a running connector:\n{self.last_words()}", pause=0.2)

    def status(self):
        """What the worker says of the connector; None while it doesn't answer."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/connectors/{self.name}/status", timeout=5) as answer:
                return json.load(answer)
        except (urllib.error.URLError, OSError):
            return None

    def runs(self):
        if self.process.poll() is not None:
            raise AssertionError(f"the worker ended with {self.process.returncode}:\n{self.last_words()}")
        status = self.status()
        return status and status["tasks"] and all(task["state"] == "RUNNING" for task in status["tasks"])

    def failures(self):
        """Why tasks have failed."""
        return [task["trace"] for task in (self.status() or {"tasks": []})["tasks"] if task["state"] == "FAILED"]

    def last_words(self):
        lines = self.log.read_text(errors="replace").splitlines()
        return "\n".join([line for line in lines if " ERROR " in line or "Caused by" in line][-8:] or lines[-8:])

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(60)
