"""What the page's reader has around: a network, a small cluster, Kafka and a registry with logins, and the files of who runs them."""
import ctypes
import os
import shlex
import subprocess
import sys
from pathlib import Path

from control_plane import ControlPlane
from harness import REPOSITORY
from namespaces import CLONE_NEWNET, REPLAY, ip
from servers import LocalServers

# The address that the fake nodes give their pods (stages.yaml).
NODE_ADDRESS = "192.0.2.1"
WORKERS = ("worker-1", "worker-2")
KAFKA_ACLS = """#!/bin/sh
exec java -Xmx128m -XX:TieredStopAtLevel=1 "-Dlog4j2.configurationFile={log}" -cp "{jars}/*" org.apache.kafka.tools.AclCommand "$@"
"""
ADMIN_PROPERTIES = """security.protocol=SASL_SSL
ssl.truststore.type=PEM
ssl.truststore.location={ca}
sasl.mechanism=SCRAM-SHA-512
sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required username="admin" password="{password}";
"""


class Network:
    """The calling thread, and what it starts from here on, in a network of its own, whose default route is a wire: near0 with
    the node's address, and far0. Use as a context."""

    def __enter__(self):
        self.before = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        self.enter("unshare", CLONE_NEWNET)
        ip("link", "set", "lo", "up")
        ip("link", "add", "near0", "type", "veth", "peer", "name", "far0")
        for device in ("near0", "far0"):
            # Without link-local addresses the kernel sends nothing of its own: the link is quiet.
            ip("link", "set", device, "addrgenmode", "none", "arp", "off", "up")
        ip("addr", "add", f"{NODE_ADDRESS}/24", "dev", "near0")
        ip("route", "add", "default", "via", "192.0.2.254")
        return self

    def __exit__(self, *_exception):
        self.enter("setns", self.before, CLONE_NEWNET)
        os.close(self.before)

    @staticmethod
    def enter(call, *arguments):
        if getattr(ctypes.CDLL(None, use_errno=True), call)(*arguments) != 0:
            raise OSError(ctypes.get_errno(), call)

    @staticmethod
    def replay(capture):
        """Sends the frames of a capture as they are from far0."""
        subprocess.run([sys.executable, "-c", REPLAY, str(capture), "0.0002"], check=True)


class SmallCluster(ControlPlane):
    """Two nodes are enough for one after the other; with the Prometheus operator's definitions."""

    def make_nodes(self, api):
        for name in WORKERS:
            labels = {"kubernetes.io/hostname": name, "kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64"}
            api.create("/api/v1/nodes", {"metadata": {"name": name, "labels": labels}})

    def start(self):
        super().start()
        self.run("kubectl", "apply", "--server-side", "-f", self.tools["CRDS"])
        self.run("kubectl", "wait", "--for=condition=Established", "crd", "--all", "--timeout=30s")


class GuardedServers(LocalServers):
    """Kafka and registry with TLS, SCRAM and ACLs: .kafka and .schemas are where users come in."""

    def __init__(self):
        super().__init__("--tls", "--acl")
        values = dict(line.split("=", 1) for line in shlex.split((Path(self.folder.name) / "env").read_text()))
        self.kafka, self.schemas, self.ca = values["KAFKA_TLS_BOOTSTRAP"], values["REGISTRY_TLS_URL"], values["KAFKA_TLS_CA_FILE"]

    def __enter__(self):
        return self

    def __exit__(self, *_exception):
        self.stop()

    def add_user(self, name, password):
        from confluent_kafka.admin import ScramCredentialInfo, ScramMechanism, UserScramCredentialUpsertion
        info = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, 4096)
        change = UserScramCredentialUpsertion(name, info, password.encode())
        for future in self.administrator().alter_user_scram_credentials([change]).values():
            future.result(30)

    def hand_out(self, folder):
        """The files that the page's reader is given, and Kafka's tool on the path of .tools."""
        password = Path(self.password_file).read_text()
        self.add_user("reader", "another-one")
        (folder / "ca.crt").write_text(Path(self.ca).read_text())
        # As an editor leaves them: with a line's end.
        for user, text in (("flowsensor", password), ("admin", password), ("reader", "another-one")):
            (folder / f"{user}.password").write_text(f"{text}\n")
        (folder / "admin.properties").write_text(ADMIN_PROPERTIES.format(ca=self.ca, password=password))
        self.tools = folder / "tools"
        self.tools.mkdir()
        [jars] = {path.parent for path in self.jars()}
        script = self.tools / "kafka-acls.sh"
        script.write_text(KAFKA_ACLS.format(log=REPOSITORY / "deploy" / "local" / "log4j2.properties", jars=jars))
        script.chmod(0o755)

    def jars(self):
        """Of the running broker."""
        process, _ = (Path(self.folder.name) / "kafka.pid").read_text().split()
        words = Path(f"/proc/{process}/cmdline").read_text().split("\0")
        return list(Path(words[words.index("-cp") + 1].rstrip("*")).glob("kafka-tools-[0-9]*.jar"))
