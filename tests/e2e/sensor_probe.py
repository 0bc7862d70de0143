"""What a sensor says and holds while it runs: its metrics and its process, ten times a second."""
import contextlib
import re
import threading
import time
import urllib.request
from pathlib import Path
from typing import NamedTuple

PERIOD_S = 0.1
OUTPUT = r'{output="kafka"}'
COUNTS = {
    "made": "flowsensor_output_records_made_total" + OUTPUT,
    "acknowledged": "flowsensor_output_records_acknowledged_total" + OUTPUT,
    "in_flight": "flowsensor_output_records_in_flight" + OUTPUT,
    "spooled": "flowsensor_spool_records" + OUTPUT,
    "found": "flowsensor_spool_found_records" + OUTPUT,
    "replayed": "flowsensor_output_records_possibly_duplicated_total" + OUTPUT,
    "kernel_drops": "flowsensor_capture_kernel_dropped_packets_total",
    "disk_errors": "flowsensor_spool_disk_errors_total" + OUTPUT,
}


class Sample(NamedTuple):
    time: float
    counts: dict
    dropped: int
    residual: float
    descriptors: int
    threads: int
    resident_kib: int
    boot: str


def number_of(text, name):
    found = re.search(rf"^{re.escape(name)} (\S+)", text, re.MULTILINE)
    return int(float(found[1])) if found else 0


class Probe:
    """Samples until it is closed, or the sensor ends. .samples; .last is the newest."""

    def __init__(self, process, url):
        self.process, self.url, self.samples = process, url, []
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self.work, daemon=True)
        self.thread.start()

    def work(self):
        while not self.ended.wait(PERIOD_S):
            with contextlib.suppress(OSError, ValueError, TypeError):  # the last when it has just ended
                self.samples.append(self.sample())

    def sample(self):
        at = time.monotonic()  # what it says is not older than this
        with urllib.request.urlopen(self.url, timeout=10) as answer:
            text = answer.read().decode()
        folder = Path(f"/proc/{self.process.pid}")
        status = (folder / "status").read_text()
        residual = max(abs(float(value)) for value in re.findall(r"^flowsensor_ledger_residual\S* (\S+)", text, re.MULTILINE))
        dropped = sum(float(value) for value in re.findall(r"^flowsensor_output_records_dropped_total\S* (\S+)", text, re.MULTILINE))
        boot = re.search(r'^flowsensor_sensor_info{sensor_id="[^"]*",boot_id="([^"]*)"', text, re.MULTILINE)
        return Sample(at, {key: number_of(text, name) for key, name in COUNTS.items()}, int(dropped), residual,
                      len(list((folder / "fd").iterdir())), int(re.search(r"Threads:\s+(\d+)", status)[1]),
                      int(re.search(r"VmRSS:\s+(\d+)", status)[1]), boot[1])

    @property
    def last(self):
        return self.samples[-1]

    def at(self, when):
        """The newest sample that began before then."""
        return next((sample for sample in reversed(self.samples) if sample.time <= when), self.samples[0])

    def first_acknowledgement(self, since):
        """Seconds from then until a sample shows more acknowledged than before."""
        before = self.at(since).counts["acknowledged"]
        return next((sample.time - since for sample in self.samples if sample.time > since and sample.counts["acknowledged"] > before), None)

    def drained(self, since):
        """(records acknowledged a second from the first acknowledgement after then until none waits, seconds of it)."""
        first = self.first_acknowledgement(since)
        if first is None:
            return None
        later = [sample for sample in self.samples if sample.time >= since + first]
        end = next((sample for sample in later if sample.counts["spooled"] == 0), later[-1])
        seconds = end.time - later[0].time
        return (end.counts["acknowledged"] - later[0].counts["acknowledged"]) / seconds if seconds > 0.25 else None

    def close(self):
        self.ended.set()
        self.thread.join()
