"""What the suite's parts share: where things are, the servers, running programs, and the report."""
import os
import shlex
import subprocess
import sys
import time
from pathlib import Path

from fields import Schema

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parents[1]
BINARY = Path(os.environ.get("FLOWSENSOR") or REPOSITORY / "build" / "release" / "sensor" / "flowsensor").resolve()
TOOLS = BINARY.parents[1] / "tests" / "strangers"
AVRO_DUMP, PLANT = TOOLS / "strangers-avro-dump", TOOLS / "strangers-plant"
SHARED = Path(os.environ.get("FLOWSENSOR_SHARED") or REPOSITORY.parent / "shared").resolve()
SERVERS = REPOSITORY / "deploy" / "local" / "servers.sh"
SCHEMAS = {name: Schema(name, REPOSITORY / "schemas" / f"{name}.avsc") for name in ("flow/v1", "nfstream/v1")}
PROFILES = {"native": "flow/v1", "nfstream": "nfstream/v1"}
PARTITIONS = 3
TIME_LIMIT_S = 120


class Report:
    """Counts checks; a failed one shows its lines."""

    def __init__(self):
        self.passed = self.failed = self.skipped = 0

    def check(self, name, problems=(), note=""):
        """One check: it passed when there is no problem."""
        problems = list(problems)
        if not problems:
            self.passed += 1
            print(f"ok    {name}{': ' + note if note else ''}", flush=True)
            return
        self.failed += 1
        print(f"FAIL  {name}", flush=True)
        for line in problems[:8]:
            print(f"        {line}", flush=True)

    def skip(self, name, why):
        """What could not be shown here, and why."""
        self.skipped += 1
        print(f"skipped: {name}: {why}", flush=True)

    def closing(self):
        """The closing line."""
        return f"strangers: {self.passed} passed, {self.failed} failed, {self.skipped} skipped"


def environment(**extra):
    """Our own environment without proxies, which would stand between the sensor and a server on loopback."""
    kept = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    return {**kept, "TZ": "UTC", **{name: str(value) for name, value in extra.items()}}


def run(*command, env=None, limit=TIME_LIMIT_S):
    """Runs a program to its end."""
    return subprocess.run([str(word) for word in command], env=environment(**(env or {})), stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace", timeout=limit,
                          check=False)


def require_programs():
    """Ends with a line that helps when a program was not built."""
    for program in (BINARY, AVRO_DUMP, PLANT):
        if not os.access(program, os.X_OK):
            sys.exit(f"strangers: no program {program}; build all targets, or name the sensor by FLOWSENSOR")


class Servers:
    """One Kafka and one registry: .bootstrap, .registry. A context: they are stopped at its end, whatever happened."""

    def __init__(self, folder):
        self.folder, self.bootstrap, self.registry = folder, None, None

    def __enter__(self):
        started = time.monotonic()
        done = run(SERVERS, "start", self.folder, limit=600)
        if done.returncode != 0:
            sys.exit(f"strangers: the servers did not start: {done.stderr.strip()}")
        values = dict(word.split("=", 1) for word in shlex.split((self.folder / "env").read_text()))
        self.bootstrap, self.registry = values["KAFKA_BOOTSTRAP"], values["REGISTRY_URL"]
        print(f"Kafka and registry are up after {time.monotonic() - started:.1f} s", flush=True)
        return self

    def __exit__(self, *_exception):
        run(SERVERS, "stop", self.folder)

    def topics(self, *names, partitions=PARTITIONS):
        """Creates topics."""
        from confluent_kafka.admin import AdminClient, NewTopic
        admin = AdminClient({"bootstrap.servers": self.bootstrap, "log_level": 4})
        for future in admin.create_topics([NewTopic(name, partitions, 1) for name in names]).values():
            future.result(30)

    def environment(self, topic):
        """What sensor.conf takes from the environment, without what differs between runs."""
        return {"KAFKA_BOOTSTRAP": self.bootstrap, "REGISTRY_URL": self.registry, "TOPIC": topic,
                "KEY_FILE": self.folder / "uid-key"}
