"""Real brokers that tests kill, pause, cut and fill: those of servers.sh, each as a process of its own that can be started again."""
import contextlib
import os
import signal
import socket
import subprocess
from pathlib import Path

from harness import environment, wait_until
from relay import Relay
from servers import LocalServers

START_LIMIT_S = 90
DISK_MIB = 1024
ANSWER_S = 0.5  # in which the kernel answers on loopback, if it does at all


def free_port():
    """Below the kernel's ephemeral range, so that no client's connection takes it in the meantime."""
    for port in range(20000 + os.getpid() % 6000, 32000):
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            return port
    raise RuntimeError("no free port")


def properties_of(path):
    return dict(line.split("=", 1) for line in path.read_text().splitlines() if "=" in line and not line.startswith("#"))


class Broker:
    """A broker's process; `command` starts it. Its log and its process's number are where servers.sh looks for them."""

    def __init__(self, folder, name, command, port):
        self.folder, self.name, self.command, self.port = folder, name, command, port
        self.process = None  # of this program; None: servers.sh has started it

    @property
    def pid(self):
        return int((self.folder / f"{self.name}.pid").read_text().split()[0])

    def start(self):
        with open(self.folder / f"{self.name}.log", "wb") as log:
            self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment(None), start_new_session=True)
        started = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()[19]
        (self.folder / f"{self.name}.pid").write_text(f"{self.process.pid} {started}\n")

    def wait_until_back(self):
        wait_until(self.answers, limit=START_LIMIT_S, what=lambda: f"a broker that answers:\n{self.log()[-2000:]}")

    def log(self):
        return (self.folder / f"{self.name}.log").read_text(errors="replace")

    def answers(self):
        return "Kafka Server started" in self.log()

    def runs(self):
        if self.process:
            return self.process.poll() is None
        with contextlib.suppress(OSError):
            return Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
        return False

    def send(self, number):
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def crowd(self):
        """While it is paused: so many clients wait to be accepted that the kernel answers no more of them, as after ten minutes, or with a
        hundred sensors. Those who wait have left when it goes on."""
        with contextlib.ExitStack() as stack:
            while True:
                client = stack.enter_context(socket.socket())
                client.settimeout(ANSWER_S)
                try:
                    client.connect(("127.0.0.1", self.port))
                except TimeoutError:
                    return

    def kill(self):
        self.end(signal.SIGKILL)

    def end(self, number=signal.SIGTERM):
        self.send(number)
        self.wait_until_gone()

    def wait_until_gone(self, limit=60):
        wait_until(lambda: not self.runs(), limit=limit, what=f"the end of {self.name}")


class Brokers(LocalServers):
    """Servers of a matrix run: .broker, and .relay, by which sensors come to it. The broker's log is on a small disk of its own;
    of the user `flowsensor` rights are asked (.sasl_bootstrap). `second` starts one more broker."""

    instance = None

    def __init__(self):
        self.relay, self.second_broker, self.mounted = Relay(), None, []
        super().__init__("--acl")
        self.root = Path(self.folder.name)
        command = [word.decode() for word in Path(f"/proc/{self.kafka_pid()}/cmdline").read_bytes().split(b"\0") if word]
        self.broker = Broker(self.root, "kafka", command, int(self.bootstrap.rpartition(":")[2]))
        self.add_listener()

    def kafka_pid(self):
        return int((Path(self.folder.name) / "kafka.pid").read_text().split()[0])

    def prepare(self):
        self.mount(Path(self.folder.name) / "kafka-data", DISK_MIB)

    def mount(self, folder, mebibytes):
        """A disk of that size, until the servers stop."""
        folder.mkdir(exist_ok=True)
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={mebibytes}m,mode=755", "flowsensor-test", str(folder)], check=True)
        self.mounted.append(folder)

    def unmount(self, folder):
        subprocess.run(["umount", "-l", str(folder)], check=False)
        self.mounted.remove(folder)

    def add_listener(self):
        """One more listener, whose address is the relay's for all who ask: their every connection goes by the relay."""
        path, behind = self.root / "server.properties", free_port()
        properties = properties_of(path)
        self.relay.target = ("127.0.0.1", behind)
        for name, port in (("listeners", behind), ("advertised.listeners", self.relay.port)):
            properties[name] += f",RELAYED://127.0.0.1:{port}"
        properties["listener.security.protocol.map"] += ",RELAYED:PLAINTEXT"
        path.write_text("".join(f"{name}={value}\n" for name, value in properties.items()))
        self.broker.end()
        self.broker.start()
        self.broker.wait_until_back()

    def topic(self, name, partitions=1, leaders=None):
        """Creates a topic; `leaders`: of each partition, by default the first broker. Else a second one that an earlier row asked for leads some."""
        from confluent_kafka.admin import NewTopic
        placed = [[leader] for leader in leaders or [1] * partitions]
        for future in self.administrator().create_topics([NewTopic(name, len(placed), replica_assignment=placed)]).values():
            future.result(30)
        wait_until(lambda: name in self.admin.list_topics(timeout=10).topics, what=f"topic {name}")
        return name

    def second(self):
        """A second broker, without a vote and known to the first; made when first asked for."""
        if self.second_broker:
            return self.second_broker
        properties, data, port = properties_of(self.root / "server.properties"), self.root / "kafka-data-2", free_port()
        for name in ("listener.name.sasl_plaintext.sasl.enabled.mechanisms", "listener.name.sasl_plaintext.plain.sasl.jaas.config"):
            properties.pop(name, None)
        properties |= {"process.roles": "broker", "node.id": "2", "log.dirs": str(data), "listeners": f"PLAINTEXT://127.0.0.1:{port}",
                       "advertised.listeners": f"PLAINTEXT://127.0.0.1:{port}"}
        path = self.root / "second.properties"
        path.write_text("".join(f"{name}={value}\n" for name, value in properties.items()))
        cluster = properties_of(self.root / "kafka-data" / "meta.properties")["cluster.id"]
        java = self.broker.command[:-2]
        subprocess.run([*java, "kafka.tools.StorageTool", "format", "-t", cluster, "-c", str(path)], stdout=subprocess.PIPE,
                       stderr=subprocess.STDOUT, env=environment(None), check=True)
        self.second_broker = Broker(self.root, "second", [*self.broker.command[:-1], str(path)], port)
        self.second_broker.start()
        self.second_broker.wait_until_back()
        return self.second_broker

    @contextlib.contextmanager
    def unreachable(self):
        """The relay's host gets no packet and sends none, as behind a cable that is out."""
        rules = [("INPUT", "-i", "lo", "-p", "tcp", side, str(self.relay.port), "-j", "DROP") for side in ("--dport", "--sport")]
        for rule in rules:
            subprocess.run(["iptables", "-w", "20", "-I", *rule], check=True)
        try:
            yield
        finally:
            for rule in rules:
                subprocess.run(["iptables", "-w", "20", "-D", *rule], check=True)

    def stop(self):
        if self.second_broker:
            self.second_broker.kill()
        self.relay.close()
        # A child that nobody waits for looks alive to servers.sh.
        self.broker.kill()
        self.down()
        for folder in list(self.mounted):
            self.unmount(folder)
        self.folder.cleanup()
