"""A host's faults while the broker is away: its clock is stepped, descriptors run out, memory is no more than the budget. The sensor lives, and
each record arrives once or is counted. Needs root and the servers. Run: python3 tests/e2e/run.py test_host_faults
"""
import contextlib
import json
import os
import resource
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

from fault_row import FAULT_S, Row, seconds
from harness import run, wait_until

MEASURES = "what a fault costs at a rate"

MINUTE_S = seconds(FAULT_S, 60)
BUSY = 0.25  # of a core: far more than 2,000 flows/s take
MEMORY_GROUPS = Path("/sys/fs/cgroup/memory")


class HostFaults(Row):
    def outage(self, duration=MINUTE_S):
        with self.brokers.paused():
            self.last_for(duration)
        self.mended()
        self.back()


class Clock(HostFaults):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        source = Path(__file__).with_name("stepped_clock.c")
        cls.library = Path(cls.enterClassContext(tempfile.TemporaryDirectory())) / "stepped_clock.so"
        subprocess.run(["cc", "-std=gnu17", "-O2", "-shared", "-fPIC", source, "-o", cls.library, "-ldl"], check=True)

    def begin_with_steps(self, steps, *options):
        """`steps`: (seconds from now, how far the clock is ahead from then on)."""
        now = time.time()
        clock = " ".join(f"{int((now + after) * 1e6)}:{int(ahead * 1e6)}" for after, ahead in steps)
        self.begin(None, *options, env={"LD_PRELOAD": str(self.library), "STEPPED_CLOCK": clock})

    def test_steps_in_an_outage(self):
        """Forward and back each second, by less than what a broker refuses."""
        sizes = [1500, -3000, 0, 3000, -1500, 1]
        self.begin_with_steps([(2 + second, sizes[second % len(sizes)]) for second in range(48)])
        self.flow()
        self.outage()
        self.finish()
        self.assertRegex("\n".join(self.sensor.result.lines), r"clock steps \d\d")
        self.check_lost_nothing()

    def test_far_ahead(self):
        """A broker refuses what is more than an hour in its future: these are dead letters, and no others."""
        letters = self.folder / "dead-letters.jsonl"
        self.begin_with_steps([(6, 7200), (10, 0)], "--set", f"outputs.0.dead_letters={letters}")
        self.flow()
        wait_until(lambda: letters.exists() and letters.read_bytes(), limit=30, what="a dead letter")
        acknowledged = self.sensor.count("acknowledged")
        self.sensor.wait_for(lambda: self.sensor.count("acknowledged") > acknowledged + MINUTE_S, 60, "records after that")
        self.finish()
        seqs = [json.loads(line)["seq"] for line in letters.read_text().splitlines()]
        self.figures["dead letters"] = len(seqs)
        self.check_lost_nothing(gone=len(seqs))
        self.assertEqual(len(seqs), self.sensor.output["dead_lettered"])
        self.assertEqual(sorted(seqs), self.reader.runs[self.sensor.boot].missing(self.sensor.made))


class Descriptors(HostFaults):
    def test_none_left_in_an_outage(self):
        """No connection can be made, no segment opened, and nobody served; no thread turns in vain. What finds no room in memory is counted."""
        self.begin()
        self.flow()
        process = self.sensor.running.process
        self.brokers.broker.kill()
        used = {int(link.name) for link in Path(f"/proc/{process.pid}/fd").iterdir()}
        limits = resource.prlimit(process.pid, resource.RLIMIT_NOFILE)
        before = self.busy_s()
        resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (min(set(range(len(used) + 1)) - used), limits[1]))
        self.last_for(MINUTE_S)
        busy = (self.busy_s() - before) / MINUTE_S
        resource.prlimit(process.pid, resource.RLIMIT_NOFILE, limits)
        self.brokers.broker.start()
        self.mended()
        self.brokers.broker.wait_until_back()
        self.back()
        self.finish()
        self.figures["cores busy"] = round(busy, 2)
        self.check()
        self.assertLess(busy, BUSY)

    def busy_s(self):
        ticks = Path(f"/proc/{self.sensor.running.process.pid}/stat").read_text().rsplit(")", 1)[1].split()[11:13]
        return sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")


class Memory(HostFaults):
    """A container of the size that `flowsensor memory` tells, which the kernel makes room in for the spool's pages."""

    @contextlib.contextmanager
    def group(self, size):
        folder = MEMORY_GROUPS / f"flowsensor-{os.getpid()}"
        try:
            folder.mkdir()
        except OSError as error:
            self.skipTest(f"no control group for memory can be made: {error}")
        try:
            (folder / "memory.limit_in_bytes").write_text(str(size))
            yield folder
        finally:
            wait_until(lambda: not (folder / "cgroup.procs").read_text(), limit=60, what="an empty group")
            folder.rmdir()

    def test_as_much_as_the_budget(self):
        options = ("--set", "capture.socket_buffer_size=8MiB", "--set", "meter.flow_table_size=4096", "--set", "overload.steps=")
        properties = ("queue.buffering.max.kbytes=4096",)
        self.begin(None, *options, properties=properties)
        listed = run("memory", "-c", self.sensor.config, *options)
        budget = int(next(line for line in listed.text().splitlines() if line.startswith("total")).split("\t")[1])
        self.sensor.term()
        self.runs.clear()
        group = self.enterContext(self.group(budget))
        self.begin(None, *options, properties=properties, prefix=("sh", "-c", f'echo $$ >{group}/cgroup.procs; exec "$@"', "sh"))
        self.flow()
        self.outage(seconds(24, 120))
        self.finish()
        most = int((group / "memory.max_usage_in_bytes").read_text())
        self.figures |= {"budget MiB": budget >> 20, "most MiB with the spool's pages": most >> 20, "times full": int((group / "memory.failcnt").read_text())}
        self.check()  # a disk that is slow meanwhile may cost some, which are counted


if __name__ == "__main__":
    unittest.main()
