"""A live sensor that is killed or told to end, also while its broker is away, and whose spool's disk fails: what it promised not to lose is
there once, the rest is counted. LONG=yes: 200 kills, 100 ends, and one kill in an outage of 10 minutes. Needs root and the servers.
Run: python3 tests/e2e/run.py test_sensor_faults
"""
import contextlib
import os
import random
import shutil
import signal
import subprocess
import time
import unittest

from fault_row import COMMIT_S, LONG, RATE, SHUTDOWN_S, Row, seconds

MEASURES = "what a fault costs at a rate"

KILLS, ENDS = (200, 50) if LONG else (4, 3)  # ends of each kind
AWAY_S = seconds(0, 600)  # besides what it takes for some records to wait
SEED = 20261130
SPOOL_MIB = 64
RECOVERY_S = 10


class SensorFaults(Row):
    decode_every = 1  # nothing that was cut may be read as a record

    def pause(self):
        """The broker stands still, until resume()."""
        self.brokers.broker.send(signal.SIGSTOP)
        self.addCleanup(self.resume)

    def resume(self):
        self.brokers.broker.send(signal.SIGCONT)

    def test_killed_in_an_outage(self):
        self.begin()
        self.flow()
        self.pause()
        self.last_for(AWAY_S / 2)
        self.sensor.wait_for(lambda: self.sensor.count("spooled") > 2 * RATE, 20, "records in the spool")
        killed = self.sensor
        killed.kill()
        self.begin()
        found = f"{killed.probe.last.counts['spooled']}"
        self.last_for(AWAY_S / 2)
        self.sensor.wait_for(lambda: self.sensor.count("made") > RATE, 20, "records of the next run")
        self.resume()
        self.back()
        self.finish()
        counts = killed.at_the_kill.counts
        seen = self.reader.runs[killed.boot]
        self.figures |= {"waited at the kill": found, "of the last half second": counts["made"] - killed.made,
                         "lost of these": counts["made"] - min(counts["made"], seen.highest + 1)}
        # What was in flight when the broker stood still, it finds in its sockets afterwards.
        self.check_lost_nothing(duplicates=counts["in_flight"])
        self.assertLessEqual(self.figures["duplicates"], self.figures["replayed"])
        self.assertLess(self.figures["replayed"], counts["spooled"], "records that waited only")

    def test_killed_at_random(self):
        """For every other run the broker stands still: what is killed starts, flows, fills its spool, or drains it."""
        choose = random.Random(SEED)
        self.source.rate(RATE)
        self.addCleanup(self.resume)
        in_flight, found, lost = 0, [], []
        for number in range(KILLS):
            self.brokers.broker.send(signal.SIGSTOP if number % 2 else signal.SIGCONT)
            self.begin()
            time.sleep(COMMIT_S + choose.uniform(0, 2))  # the moment that was drawn
            self.sensor.kill()
            in_flight += self.sensor.probe.last.counts["in_flight"] + RATE
            found.append(self.sensor.probe.last.counts["found"])
        self.resume()
        self.begin()
        self.sensor.wait_until_flowing()
        self.finish()
        for run in self.runs[:-1]:
            lost.append(max(0, run.at_the_kill.counts["made"] - self.reader.runs[run.boot].distinct))
        self.figures |= {"kills": KILLS, "records": self.reader.read, "spools with records": sum(count > 0 for count in found), "most in one": max(found),
                         "lost of a last half second, at most": max(lost)}
        self.assertEqual(list(self.spool.glob("*/*.damaged")), [])
        # An acknowledgement that no run of the disk knows of yet is asked for again.
        self.check_lost_nothing(duplicates=in_flight)

    def test_told_to_end(self):
        self.source.rate(RATE)
        took = []
        for _ in range(ENDS):
            self.begin()
            self.sensor.wait_until_flowing()
            took.append(self.sensor.term())
        self.begin()
        self.sensor.wait_until_flowing()
        self.finish()
        self.figures |= {"ends": ENDS, "longest end s": round(max(took), 2)}
        self.check_lost_nothing()
        self.assertLess(max(took), SHUTDOWN_S + 1)

    def test_told_to_end_while_the_broker_stands_still(self):
        self.source.rate(RATE)
        took, spooled, in_flight = [], [], 0
        for _ in range(ENDS):
            self.begin()
            self.sensor.wait_until_flowing()
            self.pause()
            self.sensor.wait_for(lambda: self.sensor.count("spooled") > RATE // 2, 20, "records in the spool")
            in_flight += self.sensor.count("in_flight")
            took.append(self.sensor.term())
            spooled.append(self.sensor.output["spooled"])
            self.resume()
        self.begin()
        self.sensor.wait_until_flowing()
        self.finish()
        self.figures |= {"ends": ENDS, "longest end s": round(max(took), 2), "left in the spool": max(spooled)}
        self.check_lost_nothing(duplicates=in_flight)
        self.assertGreater(min(spooled), 0)
        self.assertLess(max(took), SHUTDOWN_S + 1)


class SpoolDiskFaults(Row):
    """The broker is away, so that the disk is needed; it fails for a while."""

    def outage(self, breaks, mends):
        self.begin()
        self.flow()
        with self.brokers.paused():
            self.sensor.wait_for(lambda: self.sensor.count("spooled") > RATE, 20, "records in the spool")
            errors = self.sensor.count("disk_errors")
            breaks()
            self.sensor.wait_for(lambda: self.sensor.count("disk_errors") > errors, 20, "a failure")
            mends()
            mended = time.monotonic()
            self.sensor.wait_for(lambda: "the disk takes everything again" in self.sensor.log(), RECOVERY_S, "the disk's recovery")
            self.figures["recovered s"] = round(time.monotonic() - mended, 2)
            made = self.sensor.count("made")
            self.sensor.wait_for(lambda: self.sensor.count("made") > made + RATE, 20, "records after that")
        self.back()
        self.finish()

    def small_disk(self):
        self.brokers.mount(self.spool, SPOOL_MIB)
        self.addCleanup(self.brokers.unmount, self.spool)

    def fill(self):
        with contextlib.suppress(OSError), open(self.spool / "filler", "wb", buffering=0) as file:
            while True:
                file.write(bytes(4096))

    def test_full(self):
        self.small_disk()
        self.outage(self.fill, (self.spool / "filler").unlink)
        self.check_lost_nothing()

    def mount_image(self):
        image = self.folder / "image"
        subprocess.run(["truncate", "-s", f"{SPOOL_MIB}M", image], check=True)
        subprocess.run(["mkfs.ext4", "-q", image], check=True)
        self.spool.mkdir()
        subprocess.run(["mount", "-o", "loop", image, self.spool], check=True)
        self.addCleanup(subprocess.run, ["umount", "-l", self.spool], check=False)
        self.spool.chmod(0o700)

    def fail_for_good(self):
        """As a kernel does with a file system that has errors."""
        self.sensor.wait_for(lambda: self.sensor.count("spooled") > RATE, 20, "records in the spool")
        subprocess.run(["mount", "-o", "remount,abort", self.spool], check=True)
        self.sensor.wait_for(lambda: self.sensor.count("disk_errors") > 0, 20, "a failure")

    def test_told_to_end_while_it_is_read_only(self):
        """What is only in memory is lost and counted, and nothing is waited for."""
        self.mount_image()
        self.begin()
        self.flow()
        with self.brokers.paused():
            self.fail_for_good()
            self.sensor.wait_for(lambda: self.sensor.probe.last.dropped > RATE, 60, "a full buffer")
            took = self.sensor.term()
        output, log = self.sensor.output, "\n".join(self.sensor.result.lines)
        self.assertEqual(self.sensor.result.code, os.EX_IOERR, self.sensor.result)
        self.assertRegex(log, r"\d+ records are lost \(undelivered\): the broker did not take them, nor did the spool's disk")
        self.assertGreater(output["why"]["undelivered"], 0, output)
        self.assertEqual(output["made"], output["acknowledged"] + output["spooled"] + output["dropped"], output)
        self.assertLess(took, SHUTDOWN_S / 2)

    def test_read_only(self):
        """For good, so what finds no room in memory is counted."""
        self.mount_image()
        self.begin()
        self.flow()
        with self.brokers.paused():
            self.fail_for_good()
            made = self.sensor.count("made")
            self.sensor.wait_for(lambda: self.sensor.count("made") > made + 2 * RATE, 20, "records after that")
        self.sensor.wait_until_flowing()
        self.finish()
        self.check()

    def test_folder_deleted(self):
        """What was in it is gone, and counted; what comes after that is kept."""
        self.begin()
        self.flow()
        with self.brokers.paused():
            self.sensor.wait_for(lambda: self.sensor.count("spooled") > RATE, 20, "records in the spool")
            before = self.sensor.count("spooled")
            shutil.rmtree(self.spool)
            self.sensor.wait_for(lambda: list(self.spool.glob("*/*.spool")), RECOVERY_S, "another segment")
            made = self.sensor.count("made")
            self.sensor.wait_for(lambda: self.sensor.count("made") > made + RATE, 20, "records after that")
        self.back()
        self.finish()
        self.check()
        self.assertLessEqual(self.figures["dropped"], before + RATE)

    def test_output_beside_it(self):
        """Another output of the same sensor has all its records while the spool's disk is full."""
        path = self.folder / "beside.jsonl"
        self.small_disk()
        self.beside = ("--set", "outputs.1.name=beside", "--set", f"outputs.1.path={path}", "--set", "outputs.1.schema=flow/v1")
        self.outage(self.fill, (self.spool / "filler").unlink)
        self.check_lost_nothing()
        self.assertEqual(len(path.read_text().splitlines()), self.sensor.made)

    beside = ()

    def begin(self, bootstrap=None, *options, **how):
        return super().begin(bootstrap, *self.beside, *options, **how)


if __name__ == "__main__":
    unittest.main()
