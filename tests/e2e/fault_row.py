"""One row of the fault matrix: a sensor that meters live at a steady rate, a fault, and an independent consumer that says what it cost.

Each record of each run is there exactly once and in its partition's order, or counted as dropped; packets are lost nowhere.
"""
import itertools
import os
import re
import shutil
import signal
import time
import unittest

from broker_processes import Brokers
from flow_source import FlowSource
from harness import Case, Running, wait_until
from independent_client import IndependentClient
from sensor_probe import Probe
from seq_reader import SeqReader
from test_live import wait_for_capture

ABLE = os.geteuid() == 0 and shutil.which("ip") is not None
LONG = os.environ.get("LONG") == "yes"
RATE = int(os.environ.get("MATRIX_RATE") or (5000 if LONG else 2000))
FAULT_S = int(os.environ.get("MATRIX_FAULT_S") or 6)
PARTITIONS = 6
COMMIT_S = 0.5  # records of the last half second may be lost by a kill
SHUTDOWN_S = 10
WARM_S = 1.5
DESCRIPTORS_MAX = 100
LOOK_BACK_S = 5
BEHIND_S = 2  # a sensor's first acknowledgement after that of a client that began when the fault ended
COUNT = itertools.count()


def seconds(short, full):
    """How long a fault lasts: by default, and with LONG=yes."""
    return full if LONG else short


class SensorRun:
    """A sensor from its start to its end. After that: .made of its records (of a killed one those that it can't lose), .ledger."""

    def __init__(self, row, bootstrap, *options, properties=(), **how):
        self.row, self.bootstrap = row, bootstrap
        listed = ", ".join(f'"{text}"' for text in (f"bootstrap.servers={bootstrap}", *properties))
        self.config = row.write(f"sensor{next(COUNT)}.conf", f"""
capture = {{ interfaces = [ "{row.source.device}" ]; }};
meter = {{ n_dissections = 0; idle_timeout = "500ms"; flow_table_size = 65536; }};
delivery = {{ shutdown_timeout = "{SHUTDOWN_S}s"; }};
monitoring = {{ listen = "127.0.0.1:0"; }};
spool = {{ directory = "{row.spool}"; size = "4GiB"; }};
outputs = ( {{ name = "kafka"; topic = "{row.topic}"; columns_to_anonymize = [ "all=keep" ]; kafka = [ {listed} ]; }} );
""")
        self.running = Running("-c", self.config, *options, **how)
        row.addCleanup(self.running.close)
        wait_for_capture(self.running)
        address = wait_until(lambda: re.search(r"http://[^/ ]+/metrics", self.log()), what=lambda: f"the endpoint: {self.log()}")[0]
        self.probe = Probe(self.running.process, address)
        row.addCleanup(self.probe.close)
        wait_until(lambda: self.probe.samples, what=lambda: f"a sample: {self.log()}")
        self.boot, self.ledger, self.killed = self.probe.last.boot, None, False

    def log(self):
        return os.pread(self.running.errors.fileno(), 1 << 22, 0).decode()

    def count(self, name):
        return self.probe.last.counts[name]

    def wait_for(self, condition, limit, what):
        wait_until(lambda: self.running.process.poll() is not None or condition(), limit=limit,
                   what=lambda: f"{what}: {self.probe.last}\n{self.log()[-3000:]}", pause=0.05)
        self.row.assertIsNone(self.running.process.poll(), f"it ended while waiting for {what}:\n{self.log()[-3000:]}")

    def wait_until_flowing(self):
        """Records arrive, and none waits in the spool."""
        before = self.count("acknowledged")
        self.wait_for(lambda: self.count("acknowledged") > before + RATE // 2 and self.count("spooled") == 0, 60, "records that flow")

    def wait_until_settled(self, limit=60):
        """All that was made is acknowledged, or dropped."""
        self.wait_for(lambda: self.is_settled(self.probe.last), limit, "the last records")

    @staticmethod
    def is_settled(sample):
        return sample.counts["in_flight"] == 0 and sample.counts["spooled"] == 0

    def term(self):
        """Ends it in order; the seconds that took."""
        began = time.monotonic()
        self.running.signal(signal.SIGTERM)
        self.result = self.running.finish(SHUTDOWN_S + 20)
        took = time.monotonic() - began
        self.probe.close()
        self.row.assertIn(self.result.code, (0, os.EX_UNAVAILABLE, os.EX_IOERR), self.result)
        self.ledger = self.row.ledger(self.result)
        self.made = self.output["made"]
        return took

    def kill(self):
        """As the kernel would; .made is what it had made half a second before."""
        at = time.monotonic()
        self.running.signal(signal.SIGKILL)
        self.running.process.wait()
        self.probe.close()
        self.killed = True
        self.at_the_kill = self.probe.last
        self.made = self.probe.at(at - COMMIT_S).counts["made"]

    @property
    def output(self):
        return self.ledger.outputs["kafka"]


@unittest.skipUnless(ABLE, "live capture on a wire of one's own needs root and iproute2")
class Row(Case):
    decode_every = 10
    SERVERS = Brokers

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.brokers = cls.SERVERS.get()

    def setUp(self):
        super().setUp()
        self.spool, self.runs, self.figures = self.folder / "spool", [], {}
        self.source = FlowSource()
        self.addCleanup(self.source.close)
        self.topic, self.client = self.make_topic(), None
        self.client_topic = self.brokers.topic(f"beside-{self.topic}")
        self.reader = SeqReader(self.brokers, self.topic, PARTITIONS, self.decode_every)
        self.addCleanup(self.reader.close)

    def make_topic(self):
        return self.brokers.topic(f"matrix-{os.getpid()}-{next(COUNT)}", PARTITIONS)

    def begin(self, bootstrap=None, *options, **how):
        """A sensor that captures; the last one is .sensor. `how`: `properties` of its producer, and what Running takes."""
        self.sensor = SensorRun(self, bootstrap or self.brokers.bootstrap, *options, **how)
        self.runs.append(self.sensor)
        return self.sensor

    def flow(self):
        """Traffic, and a while of it without a fault."""
        self.source.rate(RATE)
        self.sensor.wait_until_flowing()
        time.sleep(WARM_S)  # the length of the measurement before the fault

    def last_for(self, duration):
        """The fault's length."""
        time.sleep(duration)

    def mended(self):
        """The fault ends about now: an independent client begins to ask when the broker takes records again."""
        self.client = IndependentClient(self.sensor.bootstrap, self.client_topic)
        self.addCleanup(self.client.close)

    def back(self, limit=60):
        """The fault is over, since mended() if that was called: what came of it, while traffic goes on."""
        client, self.client = self.client, None
        at = client.began if client else time.monotonic()
        probe = self.sensor.probe
        self.sensor.wait_for(lambda: probe.first_acknowledgement(at) is not None, limit, "an acknowledgement after the fault")
        if client:
            self.sensor.wait_for(lambda: client.delay_s is not None, limit, "the independent client's record")
            self.figures |= {"a client's s": round(client.delay_s, 2), "behind it s": round(probe.first_acknowledgement(at) - client.delay_s, 2)}
        self.sensor.wait_for(lambda: probe.last.time > at + 1 and probe.last.counts["spooled"] == 0, 600 if LONG else limit, "the end of the spool")
        drained = probe.drained(at)
        since = next((index for index in range(len(probe.samples) - 1, -1, -1) if probe.samples[index].time < at - LOOK_BACK_S), 0)
        self.figures |= {"first ack s": round(probe.first_acknowledgement(at), 2),
                         "spooled": max(sample.counts["spooled"] for sample in probe.samples[since:]),
                         "drain/live": round(drained / RATE, 1) if drained else "-"}

    def finish(self):
        """Traffic ends, and everything arrives; the last sensor ends."""
        self.source.rate(0)
        sent = self.source.sent()
        # What was sent is a flow each, and ends by itself.
        first = sum(run.ledger.packets["read"] for run in self.runs[:-1] if run.ledger)
        if len(self.runs) == 1:
            self.sensor.wait_for(lambda: self.sensor.count("made") >= sent - first, 20, f"{sent} records")
        self.sensor.wait_until_settled()
        self.figures["end s"] = round(self.sensor.term(), 2)
        self.assertEqual(self.sensor.result.code, 0, self.sensor.result)
        self.reader.catch_up()
        if len(self.runs) == 1:
            self.assertEqual(self.sensor.ledger.packets["read"], sent, "packets that nobody saw")

    def check(self, gone=0, duplicates=0, residue=0):
        """`gone`: records that were acknowledged and went with the broker's log, unseen; `duplicates` at most; `residue`: records that
        stay in the spool."""
        lost, dropped, twice, disorder = 0, 0, 0, 0
        for run in self.runs:
            seen = self.reader.runs[run.boot]
            lost += len(seen.missing(run.made))
            dropped += run.output["dropped"] if run.ledger else 0
            twice += seen.duplicates
            disorder += seen.disorder
            if not run.killed:
                self.assertLess(seen.highest, run.made, run.boot)
        samples = [sample for run in self.runs for sample in run.probe.samples]
        self.figures = {"lost": lost - gone - residue - dropped, "dropped": dropped, "duplicates": twice, "replayed": max(sample.counts["replayed"] for sample in samples),
                        "capture drops": max(sample.counts["kernel_drops"] for sample in samples), **self.figures,
                        "peak RSS MiB": max(sample.resident_kib for sample in samples) // 1024,
                        "descriptors": max(sample.descriptors for sample in samples), "threads": max(sample.threads for sample in samples)}
        print(f"  {self.id().split('.')[-1]}: " + ", ".join(f"{name} {value}" for name, value in self.figures.items()), flush=True)
        self.assertEqual(self.reader.corrupt, [])
        self.assertEqual(lost, gone + residue + dropped, "each record arrives, or is counted")
        self.assertLessEqual(twice, duplicates)
        self.assertEqual(disorder, 0, "records out of their partition's order")
        self.assertEqual(self.figures["capture drops"], 0)
        self.assertLessEqual(self.figures["descriptors"], DESCRIPTORS_MAX)
        self.assertLessEqual(self.figures.get("behind it s", 0), BEHIND_S)
        self.assertEqual({sample.residual for sample in samples}, {0.0})

    def check_lost_nothing(self, **allowed):
        self.check(**allowed)
        self.assertEqual(self.figures["dropped"], 0, (self.figures, [run.output["why"] for run in self.runs if run.ledger]))
