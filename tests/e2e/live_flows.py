"""Live runs on lo into a real Kafka, whose flows the test makes one by one, and whose log and endpoint it reads meanwhile."""
import contextlib
import http.client
import os
import re
import socket
import unittest

from harness import Case, wait_until
from servers import LocalServers


@unittest.skipUnless(os.geteuid() == 0, "capturing needs root")
class LiveFlows(Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.servers = LocalServers.get()

    def setUp(self):
        super().setUp()
        self.receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(self.receiver.close)
        self.receiver.bind(("127.0.0.1", 0))
        self.port = self.receiver.getsockname()[1]

    def begin(self, topic, *more):
        running = self.start("-i", "lo", "-f", f"udp dst port {self.port}", "--set", f"outputs.0.topic={topic}", "--set", "outputs.0.columns_to_anonymize=all=keep",
                             "--set", f"outputs.0.kafka=bootstrap.servers={self.servers.bootstrap}", "--set", "meter.idle_timeout=500ms", "--set",
                             "monitoring.listen=127.0.0.1:0", *more)
        self.at = wait_until(lambda: re.search(r"monitoring: http://([^/ ]+)/metrics", self.log(running)), what="the endpoint")[1]
        wait_until(lambda: self.ready()[0] == 200, what="readiness", limit=30)
        return running

    def log(self, running):
        return os.pread(running.errors.fileno(), 1 << 20, 0).decode()

    def lines(self, running, words):
        return [line for line in self.log(running).splitlines() if words in line]

    def ready(self):
        connection = http.client.HTTPConnection(self.at, timeout=10)
        with contextlib.closing(connection):
            connection.request("GET", "/readyz")
            answer = connection.getresponse()
            return answer.status, answer.read().decode()

    def send(self):
        """A flow."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.sendto(b"datagram", ("127.0.0.1", self.port))
