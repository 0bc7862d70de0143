"""The servers that the sensor talks to: a real Kafka and registry (deploy/local/servers.sh), started once for the whole
test run, and small HTTP servers on loopback that answer as no registry should."""
import atexit
import contextlib
import json
import os
import shlex
import signal
import socket
import subprocess
import tempfile
import threading
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from harness import REPOSITORY, environment, wait_until

SCRIPT = REPOSITORY / "deploy" / "local" / "servers.sh"


def script(*arguments, env=None):
    done = subprocess.run([str(SCRIPT), *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          env=environment(env), check=False)
    if done.returncode != 0:
        raise RuntimeError(f"servers.sh {arguments[0]} failed with {done.returncode}: {done.stdout.strip()}")


class LocalServers:
    """A running Kafka and registry: .bootstrap, .registry, .sasl_bootstrap, .username, .password_file."""

    instance = None

    @classmethod
    def get(cls):
        """The one of this test run; started when first asked for, stopped when the run ends."""
        if cls.instance is None:
            cls.instance = cls()
        return cls.instance

    def __init__(self, *flags, env=None):
        """Servers of one's own, with further flags and variables of servers.sh."""
        self.flags, self.env = flags, env or {}
        self.folder = tempfile.TemporaryDirectory(prefix="flowsensor-servers-")
        self.admin = None
        script("install", env=self.env)
        self.prepare()
        script("start", self.folder.name, "--sasl", *flags, env=self.env)
        atexit.register(self.stop)
        lines = shlex.split((Path(self.folder.name) / "env").read_text())
        values = dict(line.split("=", 1) for line in lines)
        self.bootstrap, self.registry = values["KAFKA_BOOTSTRAP"], values["REGISTRY_URL"]
        self.sasl_bootstrap, self.username = values["KAFKA_SASL_BOOTSTRAP"], values["KAFKA_SASL_USERNAME"]
        self.password_file = values["KAFKA_SASL_PASSWORD_FILE"]
        self.tls_bootstrap, self.mtls_bootstrap = values.get("KAFKA_TLS_BOOTSTRAP"), values.get("KAFKA_MTLS_BOOTSTRAP")

    def prepare(self):
        """For those that derive from this: before the servers start, which find .folder empty."""

    def register(self, subject, text):
        """Registers a schema as no sensor does; its id."""
        request = urllib.request.Request(f"{self.registry}/subjects/{subject}/versions", json.dumps({"schema": text}).encode(),
                                         {"Content-Type": "application/vnd.schemaregistry.v1+json"})
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=30) as answer:
            return json.load(answer)["id"]

    def stop(self):
        self.admin = None  # its threads would complain of the broker's end
        script("stop", self.folder.name)
        self.folder.cleanup()

    def down(self):
        self.admin = None
        script("stop", self.folder.name)

    def up(self):
        """After down(): the same servers again, with what they knew."""
        ports = {"KAFKA_PORT": self.bootstrap, "KAFKA_SASL_PORT": self.sasl_bootstrap, "REGISTRY_PORT": self.registry.split("/")[2],
                 "KAFKA_TLS_PORT": self.tls_bootstrap, "KAFKA_MTLS_PORT": self.mtls_bootstrap}
        script("start", self.folder.name, "--sasl", *self.flags, env=self.env | {name: end.rpartition(":")[2] for name, end in ports.items() if end})

    @contextlib.contextmanager
    def paused(self):
        """The broker stands still: connections stay open, and nothing is answered."""
        process, _ = (Path(self.folder.name) / "kafka.pid").read_text().split()
        os.kill(int(process), signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(int(process), signal.SIGCONT)

    def administrator(self):
        """A client that may do everything; it lives as long as the servers."""
        from confluent_kafka.admin import AdminClient
        self.admin = self.admin or AdminClient({"bootstrap.servers": self.bootstrap, "log_level": 0})  # brokers are stopped under it
        return self.admin

    def topic(self, name, partitions=1, **config):
        """Creates a topic; `config` are topic properties with _ for the dots."""
        from confluent_kafka.admin import NewTopic
        properties = {key.replace("_", "."): str(value) for key, value in config.items()}
        for future in self.administrator().create_topics([NewTopic(name, partitions, 1, config=properties)]).values():
            future.result(30)
        # The controller's word comes before every broker has heard of it.
        wait_until(lambda: name in self.admin.list_topics(timeout=10).topics, what=f"topic {name}")
        return name

    def messages(self, topic, partitions=1):
        """All messages of a topic's partitions, which hold no transactions, so that the last one of each is at its end."""
        return [message for partition in range(partitions) for message in self.messages_of(topic, partition)]

    def messages_of(self, topic, partition):
        from confluent_kafka import Consumer, TopicPartition
        consumer = Consumer({"bootstrap.servers": self.bootstrap, "group.id": "e2e", "enable.auto.commit": False})
        try:
            _, end = consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=30)
            consumer.assign([TopicPartition(topic, partition, 0)])
            found = []
            while (found[-1].offset() + 1 if found else 0) < end:
                message = consumer.poll(10)
                if message is None or message.error():
                    raise AssertionError(f"topic {topic}: {message and message.error()} after {len(found)} messages")
                found.append(message)
            return found
        finally:
            consumer.close()


class FaultyRegistry:
    """An HTTP server whose `answer(request)` decides; it counts the requests. `tls`: a context of ssl. Use as a context."""

    def __init__(self, answer, tls=None):
        self.requests = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                self.body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                outer.requests.append(self.path)
                try:
                    answer(self)
                except (BrokenPipeError, ConnectionResetError):
                    pass

            do_GET = do_POST

            def log_message(self, *_arguments):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        if tls:
            self.server.socket = tls.wrap_socket(self.server.socket, server_side=True)
        self.url = f"http{'s' if tls else ''}://127.0.0.1:{self.server.server_port}"

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_exception):
        self.server.shutdown()
        self.server.server_close()


def answers(status, body, content_type="application/vnd.schemaregistry.v1+json"):
    """An answer that is always the same."""
    data = body if isinstance(body, bytes) else body.encode()

    def answer(request):
        request.send_response(status)
        request.send_header("Content-Type", content_type)
        request.send_header("Content-Length", str(len(data)))
        request.end_headers()
        request.wfile.write(data)
    return answer


def closed_port():
    """A port of loopback on which nobody listens."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class SilentServer:
    """Accepts connections and never says a word. Use as a context."""

    def __enter__(self):
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self.listener.getsockname()[1]
        return self

    def __exit__(self, *_exception):
        self.listener.close()


class ConnectionServer:
    """Serves one connection of loopback after another by serve_one(). Use as a context."""

    def serve_one(self, connection):
        raise NotImplementedError

    def __enter__(self):
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()
        return self

    def serve(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            with connection, contextlib.suppress(OSError):
                connection.settimeout(2)
                self.serve_one(connection)

    def __exit__(self, *_exception):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join()


class HugeAnswers(ConnectionServer):
    """A broker that answers each first request by a length and then bytes until the connection ends, at most that many."""

    def __init__(self, length):
        self.length, self.answers, self.longest = length, 0, 0

    def serve_one(self, connection):
        sent, request = 0, connection.recv(65536)
        try:
            # Of an answer to the first request, that request's number comes next.
            connection.sendall(self.length.to_bytes(4, "big") + request[8:12])
            while sent < self.length:
                sent += connection.send(bytes(min(65536, self.length - sent)))
            connection.recv(65536)
        finally:
            self.longest = max(self.longest, sent)
            self.answers += 1
