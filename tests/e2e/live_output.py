"""A live sensor on lo with one Kafka output, under load: what tests of its logins share."""
import itertools
import os
import re
import shutil
import signal
import socket
import threading
import time
import urllib.request

from harness import wait_until


class Secret:
    """A folder as Kubernetes mounts a secret: each file is a link into ..data, a link that is moved in one step."""

    def __init__(self, folder):
        self.folder, self.count = folder, itertools.count()

    def put(self, **files):
        version = self.folder / f"..{next(self.count)}"
        version.mkdir(parents=True)
        for name, content in files.items():
            (version / name).write_bytes(content)
            (version / name).chmod(0o600)
            link = self.folder / name
            if not link.is_symlink():
                link.symlink_to(f"..data/{name}")
        fresh, data = self.folder / "..data_tmp", self.folder / "..data"
        before = data.resolve() if data.exists() else None
        fresh.symlink_to(version.name)
        fresh.rename(data)
        if before:
            shutil.rmtree(before)


class Load:
    """Flows of one datagram each, or more, to a port of lo, or another address there, so many a second until it ends. Use as a context."""

    def __init__(self, port, rate=400, target="127.0.0.1", datagrams=1):
        self.target, self.rate, self.datagrams, self.sent, self.ending = (target, port), rate, datagrams, 0, threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)

    def run(self):
        while not self.ending.is_set():
            while self.sent < (time.monotonic() - self.begun) * self.rate:
                with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
                    # An address has 28,000 ports, and one that comes again is no flow of its own.
                    sender.bind((f"127.1.{self.sent % 250}.1", 0))
                    for _ in range(self.datagrams):
                        sender.sendto(b"datagram", self.target)
                self.sent += 1
            time.sleep(0.02)  # the pace of the traffic

    def __enter__(self):
        self.begun = time.monotonic()
        self.thread.start()
        return self

    def __exit__(self, *_exception):
        self.ending.set()
        self.thread.join()
        self.seconds = time.monotonic() - self.begun


class LiveOutput:
    """For a Case that has .servers: a run on lo whose output "out" has those properties, and what became of its records."""

    refusals = 0

    def listen(self):
        """A port of lo for the load."""
        receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(receiver.close)
        receiver.bind(("127.0.0.1", 0))
        self.port = receiver.getsockname()[1]

    def begin(self, topic, *properties):
        self.listen()
        path = self.write("sensor.conf", f"""
outputs = ( {{ name = "out"; topic = "{topic}"; columns_to_anonymize = [ "all=keep" ]; kafka = [ {", ".join(f'"{item}"' for item in properties)} ]; }} );
meter = {{ idle_timeout = "500ms"; }};
monitoring = {{ listen = "127.0.0.1:0"; }};
""")
        running = self.start("-c", path, "-i", "lo", "-f", f"udp dst port {self.port}")
        self.running = running
        self.url = wait_until(lambda: re.search(r"monitoring: (http://\S+/metrics)", self.log(running)), limit=60, what="the endpoint")[1]
        wait_until(lambda: self.metrics() and "capturing on lo" in self.log(running), limit=60, what="the capture")
        return running

    def log(self, running):
        return os.pread(running.errors.fileno(), 1 << 20, 0).decode()

    def metrics(self):
        """The samples of the output, by name and the label `file`."""
        try:
            with urllib.request.urlopen(self.url, timeout=10) as answer:
                text = answer.read().decode()
        except OSError:
            return None
        return {(name, file): float(value) for name, file, value in
                re.findall(r'^(flowsensor_\w+)\{output="out"(?:,file="([^"]+)")?\} (\S+)$', text, re.MULTILINE)}

    def count(self, name):
        return wait_until(self.metrics, limit=60, what=lambda: f"metrics; exit {self.running.process.poll()}:\n{self.log(self.running)[-3000:]}")[name, ""]

    def renewed(self, number):
        wait_until(lambda: self.count("flowsensor_credentials_renewed_total") == number, limit=60, what=f"renewal {number}")

    def is_named(self, running, *words):
        """One line that says what is wrong; it is counted, once."""
        before = self.refusals
        wait_until(lambda: self.count("flowsensor_credentials_refused_total") == before + 1, limit=60, what=f"a refusal: {words}")
        self.refusals += 1
        lines = [line for line in self.log(running).splitlines() if "stays in use" in line]
        self.assertEqual(len(lines), self.refusals, lines)
        for word in words:
            self.assertIn(word, lines[-1])

    def nothing_lost(self, running, topic, load, duplicates=0):
        """Each datagram was seen, and each flow is one record, once, of one run. A port may come again while its flow is open."""
        running.signal(signal.SIGTERM)
        result = running.finish()
        self.assertEqual(result.code, 0, result)
        ledger = self.ledger(result)
        output, made = ledger.outputs["out"], ledger.flows["opened"]
        self.assertEqual(ledger.packets["read"], load.sent, result)
        self.assertGreater(made, load.sent * 0.9)
        self.assertEqual((output["made"], output["acknowledged"], output["dropped"]), (made, made, 0), result)
        headers = [dict(message.headers()) for message in self.servers.messages(topic)]
        self.assertEqual(len({header["boot_id"] for header in headers}), 1)
        seqs = [int(header["seq"]) for header in headers]
        self.assertEqual(sorted(set(seqs)), list(range(made)))
        self.assertLessEqual(len(seqs) - made, duplicates)

    def more_arrive(self, number):
        """That many records more."""
        before = self.count("flowsensor_output_records_acknowledged_total")
        wait_until(lambda: self.count("flowsensor_output_records_acknowledged_total") >= before + number, limit=60, what=f"{number} records more")

    def is_logged_in(self):
        """By what it began with. A broker that refuses the very first login ends the run, so a secret is replaced only after it."""
        self.more_arrive(1)

    def is_counted(self, number):
        """So many secrets or tokens could not be used."""
        wait_until(lambda: self.count("flowsensor_credentials_refused_total") == number, limit=60, what=f"failure {number}")
