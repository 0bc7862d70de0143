"""Kafka and a registry with TLS, SASL and ACLs in a network namespace, as servers elsewhere are to a node; and their clients."""
import json
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
SCRIPT = HERE.parents[1] / "deploy" / "local" / "servers.sh"


class FarServers:
    """Use as a context: .kafka and .registry (TLS), .password, .ca (a path); .user may do what ACLs allow, admin everything."""

    def __init__(self, namespace, address):
        self.inside = ["ip", "netns", "exec", namespace]
        self.address = address

    def __enter__(self):
        self.temporary = tempfile.TemporaryDirectory(prefix="flowsensor-far-")
        self.script("start", self.temporary.name, "--tls", "--acl")
        text = (Path(self.temporary.name) / "env").read_text()
        values = dict(line.split("=", 1) for line in shlex.split(text))
        self.kafka, self.registry = values["KAFKA_TLS_BOOTSTRAP"], values["REGISTRY_TLS_URL"]
        self.user, self.ca = values["KAFKA_SASL_USERNAME"], values["KAFKA_TLS_CA_FILE"]
        self.password = Path(values["KAFKA_SASL_PASSWORD_FILE"]).read_text()
        return self

    def __exit__(self, *_exception):
        self.script("stop", self.temporary.name)
        self.temporary.cleanup()

    def script(self, *words):
        done = subprocess.run([*self.inside, "env", f"FLOWSENSOR_SERVERS_HOST={self.address}", SCRIPT, *words], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"servers.sh {words[0]}: {done.stdout}")

    def ask(self, script, **request):
        """Runs a script of this folder among the servers, as an administrator over TLS; what it printed."""
        request.update(kafka=self.kafka, registry=self.registry, ca=self.ca, password=self.password)
        done = subprocess.run([*self.inside, sys.executable, HERE / script], input=json.dumps(request), stdout=subprocess.PIPE,
                              text=True, check=True)
        return done.stdout

    def records(self, topic):
        """All records of a topic, each decoded by the schema that the registry has for it, with .id, .key and .headers."""
        return [json.loads(line) for line in self.ask("read_topic.py", topic=topic).splitlines()]
