"""A sensor whose monitoring endpoint is asked, and the traffic that it meters on lo: what the tests of the endpoint share."""
import contextlib
import http.client
import os
import re
import signal
import socket
import threading
import time

from prometheus_client.parser import text_string_to_metric_families

import frames
from harness import Case, wait_until

ABLE = os.geteuid() == 0
ADDRESS = re.compile(r"monitoring: http://([^/ ]+)/metrics")
OUTSIDE = "not net 127.0.0.0/8 and not ip6 host ::1"


def conversations(count):
    """Frames of flows that nDPI tells apart, between as many pairs of addresses."""
    sent = []
    for number in range(count):
        ends = {"source": f"10.1.{number // 200}.{number % 200 + 1}", "destination": "10.1.200.1"}
        sent += [frames.udp(20000 + number, 53, frames.dns_query([b"www", b"example", b"org"]), **ends),
                 frames.udp(30000 + number, 9, b"nothing that is known", **ends)]
    return sent + frames.tcp_conversation(443, frames.tls_client_hello(b"www.instagram.com"), b"no")


class Sender(threading.Thread):
    """Sends frames on lo, over and over, until it is stopped; .sent counts them and .bytes theirs."""

    def __init__(self, sent, rounds=None, pause=0.002):
        super().__init__(daemon=True)
        self.frames, self.rounds, self.pause = sent, rounds, pause
        self.sent, self.bytes, self.ending = 0, 0, threading.Event()

    def run(self):
        with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as link:
            link.bind(("lo", 0))
            done = 0
            while not self.ending.is_set() and done != self.rounds:
                for frame in self.frames:
                    link.send(frame)
                self.sent += len(self.frames)
                self.bytes += sum(map(len, self.frames))
                done += 1
                time.sleep(self.pause)  # the pace of the traffic

    def stop(self):
        self.ending.set()
        self.join()


class Scrape:
    """An answer of /metrics, read by Prometheus' own parser."""

    def __init__(self, text):
        self.text = text
        self.families = {family.name: family for family in text_string_to_metric_families(text)}
        self.samples = {(sample.name, frozenset(sample.labels.items())): sample.value
                        for family in self.families.values() for sample in family.samples}

    def __call__(self, name, **labels):
        return self.samples[(name, frozenset(labels.items()))]

    def sum(self, name):
        return sum(value for (sample, _), value in self.samples.items() if sample == name)

    def parts(self, name, label, **labels):
        """{value of the label: sample}, without those that are 0."""
        found = {dict(key)[label]: value for (sample, key), value in self.samples.items()
                 if sample == name and label in dict(key) and labels.items() <= dict(key).items()}
        return {part: int(value) for part, value in found.items() if value}

    def residuals(self):
        return {key: value for key, value in self.samples.items() if key[0] == "flowsensor_ledger_residual" and value != 0}

    def series(self):
        return {key for key in self.samples if "application" not in dict(key[1])}


class Monitoring(Case):
    def launch(self, *arguments, **options):
        """A sensor with an endpoint on a free port, and where that is."""
        running = self.start(*arguments, "--set", "monitoring.listen=127.0.0.1:0", **options)
        found = wait_until(lambda: ADDRESS.search(self.log(running)) or running.process.poll() is not None, limit=30, what="the endpoint")
        self.assertIsNot(found, True, self.log(running))
        self.at = found[1]
        return running

    def capture(self, *arguments, rule="net 10.1.0.0/16", **options):
        running = self.launch("-i", "lo", "-f", rule, *arguments, **options)
        wait_until(lambda: self.get("/readyz")[0] == 200, limit=30, what="readiness")
        return running

    @staticmethod
    def log(running):
        return os.pread(running.errors.fileno(), 1 << 20, 0).decode()

    def get(self, path, method="GET"):
        """(status, body)."""
        connection = http.client.HTTPConnection(self.at, timeout=10)
        with contextlib.closing(connection):
            connection.request(method, path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()

    def scrape(self):
        status, text = self.get("/metrics")
        self.assertEqual(status, 200)
        return Scrape(text)

    def stop(self, running):
        running.signal(signal.SIGTERM)
        return self.ended_well(running.finish())

    def send(self, sent, rounds=None, pause=0.002):
        sender = Sender(sent, rounds, pause)
        sender.start()
        self.addCleanup(sender.stop)
        return sender
