"""The job of deploy/examples/flink in a cluster of one process, which Flink's own command line starts, and what it wrote."""
import functools
import json
import random
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from datetime import timezone
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
EXAMPLE = REPOSITORY / "deploy" / "examples" / "flink"
sys.path += [str(REPOSITORY / folder) for folder in ("tests/e2e", "tests/common")]
import maven  # noqa: E402
import pyarrow.dataset  # noqa: E402
from harness import environment, wait_until  # noqa: E402
from pyiceberg.table import StaticTable  # noqa: E402

OPENS = [word for package in ("java.util", "java.lang") for word in ("--add-opens", f"java.base/{package}=ALL-UNNAMED")]
JVM = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xmx768m", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn")
START_S, END_S = 90, 60
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))
CONFIGURATION = """
rest.bind-port: {port}
rest.bind-address: 127.0.0.1
jobmanager.bind-host: 127.0.0.1
taskmanager.bind-host: 127.0.0.1
metrics.fetcher.update-interval: 500
io.tmp.dirs: {folder}
taskmanager.memory.network.max: 64m
taskmanager.memory.managed.size: 16m
restart-strategy.type: exponential-delay
restart-strategy.exponential-delay.initial-backoff: 500 ms
"""


def free_port():
    """One that no connection is given before the cluster is there: below the kernel's ephemeral range."""
    while True:
        port = random.randint(20000, 31999)
        with socket.socket() as found:
            if found.connect_ex(("127.0.0.1", port)) != 0:
                return port


class Job:
    """A job that can be killed, and started again where its last checkpoint was. `options` are the program's own."""

    built = staticmethod(functools.partial(maven.built, EXAMPLE, "flow-flink.jar"))

    def __init__(self, folder, servers, parallelism=2, jvm=JVM, **options):
        self.folder, self.parallelism, self.jvm = folder, parallelism, jvm
        self.out, self.port = folder / "out", None
        self.options = {"brokers": servers.bootstrap, "registry": servers.registry, "out": self.out, **options}
        self.process = None
        folder.mkdir(parents=True)

    def checkpoint(self):
        """The latest one that is complete; None before the first."""
        found = [path.parent for path in self.out.glob("checkpoints/*/chk-*/_metadata")]
        return max(found, key=lambda path: (path / "_metadata").stat().st_mtime_ns, default=None)

    def start(self):
        """From the latest checkpoint, if there is one; returns when it runs."""
        jar, last = self.built(), self.checkpoint()
        self.port = free_port()
        (self.folder / "config.yaml").write_text(CONFIGURATION.format(port=self.port, folder=self.folder))
        words = ["java", *self.jvm, *OPENS, "-cp", f"{jar.parent}/cluster/*", "org.apache.flink.client.cli.CliFrontend", "run", "-t", "local",
                 "-p", self.parallelism, *(("-s", last) if last else ()), jar, *(word for name, value in self.options.items() for word in (f"--{name}", value))]
        with open(self.folder / "job.out", "ab") as log:
            self.process = subprocess.Popen([str(word) for word in words], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            env=environment({"FLINK_CONF_DIR": str(self.folder)}))
        wait_until(lambda: self.state() == "RUNNING" or self.process.poll() is not None, START_S, self.said)
        assert self.process.poll() is None, self.said()
        return self

    def said(self):
        return f"the job is {self.state()}: " + "\n".join((self.folder / "job.out").read_text(errors="replace").splitlines()[-30:])

    def ask(self, path, **body):
        """Of Flink's REST API; None while it doesn't answer."""
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", json.dumps(body).encode() if body else None,
                                         {"Content-Type": "application/json"})
        try:
            with DIRECT.open(request, timeout=10) as answer:
                return json.load(answer)
        except (urllib.error.URLError, OSError):
            return None

    def state(self):
        """RUNNING once all its tasks do."""
        jobs = (self.ask("/jobs") or {}).get("jobs")
        if not jobs:
            return None
        job = self.ask(f"/jobs/{jobs[0]['id']}")
        states = {vertex["status"] for vertex in job["vertices"]} if job else set()
        return "RUNNING" if states == {"RUNNING"} else f"{job and job['state']} {sorted(states)}"

    def metric(self, name):
        """The sum of a metric over all tasks that have it."""
        job = self.ask("/jobs")["jobs"][0]["id"]
        total = 0
        for vertex in self.ask(f"/jobs/{job}")["vertices"]:
            place = f"/jobs/{job}/vertices/{vertex['id']}/subtasks/metrics"
            for found in self.ask(place) or ():
                if f".{found['id']}".endswith(f".{name}"):
                    total += self.ask(f"{place}?agg=sum&get={found['id']}")[0]["sum"]
        return total

    def kill(self):
        self.process.kill()
        self.process.wait()

    def drain(self):
        """Has it close all windows and end."""
        job = self.ask("/jobs")["jobs"][0]["id"]
        assert self.ask(f"/jobs/{job}/stop", drain=True, targetDirectory=str(self.folder / "savepoints")), self.said()
        self.wait()

    def wait(self, limit=END_S):
        """Until it ends by itself."""
        assert self.process.wait(limit) == 0, self.said()

    def flows(self):
        """Rows of the Parquet files that a checkpoint has committed."""
        folder = self.out / "flows"
        if not any(folder.rglob("part-*")):
            return []
        rows = pyarrow.dataset.dataset(folder, format="parquet").to_table().to_pylist()
        return [row | {name: row[name].replace(tzinfo=timezone.utc) for name in ("first_seen", "last_seen")} for row in rows]

    def table(self, name):
        """Rows of an Iceberg table."""
        folder = self.out / "warehouse" / "flowsensor" / name / "metadata"
        hint = (folder / "version-hint.text").read_text().strip()
        return StaticTable.from_metadata(str(folder / f"v{hint}.metadata.json")).scan().to_arrow().to_pylist()

    def close(self):
        if self.process and self.process.poll() is None:
            self.kill()

