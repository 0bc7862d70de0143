"""When the Flink job closes a window: made-up sensors whose heartbeats wait for records, that drop some, fall silent, or are late.

Needs the packages of tests/tables/requirements.txt, Maven and Java 17. Run: tests/run.sh flink
"""
import time
import unittest
from datetime import datetime, timedelta, timezone

from cluster import Job
from harness import Case, wait_until
from sending import Sensor, Topics
from servers import LocalServers

BEGIN = datetime(2026, 3, 1, 12, tzinfo=timezone.utc)
# Lengths of a string that no message has: of 1 GiB, and more than Avro takes.
DAMAGED = (b"\x80\x80\x80\x80\x08", b"\xfe\xff\xff\xff\x0f")
IDLE_S, LOST_S, LIMIT_S, QUIET_S, PAUSE_S = 2, 5, 60, 2, 0.3


def at(seconds):
    return BEGIN + timedelta(seconds=seconds)


class Watermarks(Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        Job.built()

    def setUp(self):
        super().setUp()
        servers = LocalServers.get()
        self.topics = Topics(servers, servers.topic("made-flows", 3), servers.topic("made-heartbeats", 2))
        self.one, self.other = Sensor(self.topics, "one"), Sensor(self.topics, "other")
        self.beating = {}  # what each sensor's heartbeats say
        self.job = Job(self.folder / "job", servers, topic=self.topics.flows, heartbeats=self.topics.beats, window="1s", gap="1s", checkpoint="500ms",
                       idle=f"{IDLE_S}s", lost=f"{LOST_S}s")
        self.addCleanup(self.job.close)

    def windows(self):
        """{second: flows} of the windows that are closed."""
        return {(row["window_start"] - BEGIN).total_seconds(): row["flows"] for row in self.job.table("applications")}

    def pause(self):
        for sensor, words in self.beating.items():
            sensor.beat(*words)
        self.topics.producer.flush(10)
        time.sleep(PAUSE_S)  # the pace of the heartbeats

    def closes(self, windows):
        """Heartbeats go on until these windows are closed."""
        end = time.monotonic() + LIMIT_S
        while self.windows() != windows:
            self.assertLess(time.monotonic(), end, f"{self.windows()} instead of {windows}; {self.job.said()}")
            self.pause()

    def stays(self, windows):
        """Heartbeats go on for a while, and no other window is closed."""
        end = time.monotonic() + QUIET_S
        while time.monotonic() < end:
            self.pause()
        self.assertEqual(self.windows(), windows)

    def test_heartbeats(self):
        for number in range(10):
            self.one.record(number, at(number / 10))
            self.other.record(number, at(number / 10))
        for body in DAMAGED:
            self.topics.send(self.topics.flows, self.topics.flow_prefix + body, "x")
        self.beating = {self.one: (9, at(8)), self.other: (9, at(0.9))}
        self.job.start()
        self.stays({})  # The least of the sensors' bounds counts.
        self.beating[self.other] = (10, at(1))
        self.stays({})  # A record of which the heartbeat tells is not here.
        closed = {0: 20}
        self.other.record(10, at(1.2))
        self.closes(closed)
        self.other.record(12, at(1.3))
        self.beating[self.other] = (12, at(2), 1)  # One was dropped.
        closed[1] = 2
        self.closes(closed)
        self.one.record(10, at(6.5))
        self.beating = {self.one: (10, at(8))}
        closed[6] = 1
        self.closes(closed)  # The other sensor is silent.
        self.late_and_lost(closed)

    def late_and_lost(self, closed):
        self.other.record(13, at(3), flow_uid="late")
        self.one.record(12, at(8.5), flow_uid="twice")
        self.other.record(14, at(8.5), flow_uid="twice")
        self.beating = {self.one: (12, at(10))}
        began = time.monotonic()
        closed[8] = 1
        self.closes(closed)  # A record is not waited for forever, and two sensors' copies are one.
        self.assertGreater(time.monotonic() - began, LOST_S)
        self.assertEqual((self.job.metric("recordsLost"), self.job.metric("recordsLate"), self.job.metric("recordsDuplicate")), (1, 1, 1))
        self.assertEqual(self.job.metric("recordsUndecodable"), len(DAMAGED))
        self.assertEqual([row["flow_uid"] for row in self.job.table("late")], ["late"])
        self.assertNotIn("late", [row["flow_uid"] for row in self.job.flows()])
        self.comes_back(closed)
        self.one.record(13, at(12))
        self.one.beat(13, at(12))
        rows = len(self.job.flows())
        wait_until(lambda: len(self.job.flows()) > rows, LIMIT_S, "the last record", PAUSE_S)
        self.job.drain()
        self.assertEqual(self.windows(), closed | {12: 1})

    def comes_back(self, closed):
        """A sensor that was silent for longer than --lost goes on where it was."""
        self.beating[self.other] = (14, at(10), 1)
        self.stays(closed)
        self.other.record(15, at(10.5))
        self.beating = {self.one: (12, at(12)), self.other: (15, at(12), 1)}
        closed[10] = 1
        self.closes(closed)
        self.assertEqual(self.job.metric("recordsLost"), 1)


if __name__ == "__main__":
    unittest.main()
