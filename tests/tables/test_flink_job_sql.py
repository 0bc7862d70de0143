"""The job in SQL of deploy/examples/flink/sql: its windows are those of an independent count, over a kill of the job, duplicates and late records.
With a real broker, registry and sensor; Iceberg's tables are read by pyiceberg, Parquet by pyarrow."""
import collections
import datetime
import json
import subprocess
import tempfile
import unittest
from pathlib import Path

import office
import pyarrow.dataset
from place import KEY, REPOSITORY, filled, java, output, statements
from pyiceberg.exceptions import NoSuchTableError
from pyiceberg.table import StaticTable
import frames
from harness import environment, wait_until
from servers import LocalServers
from topic import Topics

EXAMPLE = REPOSITORY / "deploy" / "examples" / "flink" / "sql"
LIMIT_S = 180
MINUTE, GAP = datetime.timedelta(minutes=1), datetime.timedelta(minutes=15)
CLOSING = office.MONDAY + 4 * office.DAY


def day(begin):
    """The capture of a working day in the office. A packet each second takes time on, as a live sensor's clock does."""
    made = office.Office()
    office.work(made, begin)
    made.frames += [(begin + second, frames.udp(5000, 5000, b"tick", office.FILES, office.TIME)) for second in range(4 * office.HOUR + 600)]
    return frames.pcap(sorted(made.frames, key=lambda frame: frame[0]))


def milliseconds(time):
    return time.replace(microsecond=time.microsecond // 1000 * 1000, tzinfo=None)


class Job:
    """The job as a process that can be killed; `topics` are read, and what it makes is below `folder`."""

    def __init__(self, folder, topics):
        self.folder, self.process = folder, None
        self.samples = {"'flows'": f"'{topics.flows}'", "HOST:9092": topics.servers.bootstrap, "http://HOST:8081": topics.servers.registry}
        self.tables = folder / "tables.sql"
        self.tables.write_text("\n".join(statements("flink", schema) for schema in ("flow/v2", "heartbeat/v1")), encoding="utf-8")
        self.script, self.log = folder / "job.sql", folder / "job.log"
        self.script.write_text(filled((EXAMPLE / "job.sql").read_text(encoding="utf-8"), self.samples | {
            "/WAREHOUSE": folder / "lake", "/PARQUET": folder / "sessions"}), encoding="utf-8")

    def start(self):
        """From the last checkpoint, if there is one."""
        options = ["execution.checkpointing.interval=1 s", f"execution.checkpointing.dir=file://{self.folder}/checkpoints", "parallelism.default=2"]
        done = sorted(self.folder.glob("checkpoints/*/chk-*/_metadata"), key=lambda path: path.stat().st_mtime)
        if done:
            options.append(f"execution.state-recovery.path=file://{done[-1].parent}")
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(java("flink", "Job", *options, self.tables, self.script), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            env=environment({}))

    def kill(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def runs(self):
        if self.process.poll() is not None:
            why = [line for line in self.log.read_text(errors="replace").splitlines() if "Exception" in line]
            raise AssertionError(f"the job ended with {self.process.returncode}: " + "\n".join(why[-5:])[:2000])
        return True

    def table(self, name):
        """The rows of a table of Iceberg; of one that isn't there yet none."""
        self.runs()
        try:
            return StaticTable.from_metadata(str(self.folder / "lake" / "windows" / name)).scan().to_arrow().to_pylist()
        except (FileNotFoundError, NoSuchTableError, ValueError):
            return []

    def sessions(self):
        files = [str(path) for path in (self.folder / "sessions").glob("[!._]*")]  # others are not finished
        return pyarrow.dataset.dataset(files, format="parquet").to_table().to_pylist() if files else []


class JobInSql(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        temporary = tempfile.TemporaryDirectory(prefix="flowsensor-flink-sql-")
        cls.addClassCleanup(temporary.cleanup)
        cls.folder = Path(temporary.name)
        cls.topics = Topics(LocalServers.get(), "sql", cls.folder)
        cls.job = Job(cls.folder, cls.topics)
        cls.addClassCleanup(cls.job.kill)
        cls.through_a_kill()
        cls.until_closed()
        cls.then_late()
        cls.job.kill()

    @classmethod
    def send(cls, *begins):
        paths = [cls.folder / f"{begin}.pcap" for begin in begins]
        for path, begin in zip(paths, begins, strict=True):
            path.write_bytes(day(begin))
        cls.topics.send("flow/v2", *paths)

    @classmethod
    def through_a_kill(cls):
        """The job dies after its first results; then come more records, and each once more that it has had."""
        cls.send(office.MONDAY)
        cls.job.start()
        wait_until(lambda: cls.job.table("application_minutes"), limit=LIMIT_S, what="the first windows", pause=0.5)
        cls.job.kill()
        cls.at_kill = len(cls.job_minutes())
        cls.topics.put(cls.topics.flows, cls.topics.messages())
        cls.send(office.MONDAY + office.DAY)
        cls.job.start()

    @classmethod
    def job_minutes(cls):
        return StaticTable.from_metadata(str(cls.folder / "lake" / "windows" / "application_minutes")).scan().to_arrow().to_pylist()

    @classmethod
    def until_closed(cls):
        """A later day closes the windows of both."""
        cls.send(CLOSING)
        records = {tuple(record[name] for name in KEY): record for record in map(cls.topics.record, (value for _, value, _ in cls.topics.messages()))}
        last = datetime.datetime.fromtimestamp(frames.START + CLOSING, datetime.timezone.utc).replace(tzinfo=None)
        cls.records = [record for record in records.values() if milliseconds(record["bidirectional_last_seen"]) < last]
        cls.last = last

        def closed():
            cls.minutes = [row for row in cls.job.table("application_minutes") if row["window_start"] < last]
            cls.sessions = [row for row in cls.job.sessions() if row["session_start"] < last]
            return len(cls.minutes) >= len(cls.expected_minutes()) and len(cls.sessions) >= len(cls.expected_sessions())
        wait_until(closed, limit=LIMIT_S, what=lambda: f"{len(cls.minutes)} of {len(cls.expected_minutes())} windows, {len(cls.sessions)} of "
                   f"{len(cls.expected_sessions())} sessions", pause=0.5)
        cls.late_before = cls.job.table("late")

    @classmethod
    def then_late(cls):
        """The first day once more, by another run: all of it is behind the watermark."""
        before = len(cls.topics.messages())
        cls.send(office.MONDAY)
        cls.late_sent = [cls.topics.record(value) for _, value, _ in cls.topics.messages()]
        assert len(cls.late_sent) > before
        runs = {record["boot_id"] for record in cls.records}
        cls.late_sent = [record for record in cls.late_sent if record["boot_id"] not in runs and milliseconds(record["bidirectional_last_seen"]) < cls.last]
        wait_until(lambda: len(cls.job.table("late")) >= len(cls.late_sent), limit=LIMIT_S, what="late records", pause=0.5)
        cls.late = cls.job.table("late")
        cls.minutes_after = [row for row in cls.job.table("application_minutes") if row["window_start"] < cls.last]

    @classmethod
    def expected_minutes(cls):
        sums = collections.defaultdict(lambda: [0, 0, 0])
        for record in cls.records:
            last = milliseconds(record["bidirectional_last_seen"])
            window = sums[last.replace(second=0, microsecond=0), record["application_name"]]
            for place, value in enumerate((1, record["bidirectional_packets"], record["bidirectional_bytes"])):
                window[place] += value
        return sorted((*key, *values) for key, values in sums.items())

    @classmethod
    def expected_sessions(cls):
        hosts, found = collections.defaultdict(list), []
        for record in cls.records:
            hosts[record["src_ip"]].append((milliseconds(record["bidirectional_last_seen"]), record["bidirectional_bytes"], record["dst_ip"]))
        for host, flows in hosts.items():
            session = []
            for flow in [*sorted(flows), (datetime.datetime.max, 0, "")]:
                if session and flow[0] - session[-1][0] > GAP:
                    found.append((session[0][0], session[-1][0] + GAP, host, len(session), sum(one[1] for one in session), len({one[2] for one in session})))
                    session = []
                session.append(flow)
        return sorted(found)

    def test_minutes_of_applications(self):
        self.assertGreater(len(self.minutes), 100)
        self.assertLess(self.at_kill, len(self.minutes))
        self.assertEqual(sorted(tuple(row.values()) for row in self.minutes), self.expected_minutes())

    def test_sessions_of_hosts(self):
        self.assertGreater(len(self.sessions), 10)
        self.assertEqual(sorted(tuple(row.values()) for row in self.sessions), self.expected_sessions())

    def test_late_records_are_kept_apart(self):
        self.assertEqual(self.late_before, [])
        self.assertGreater(len(self.late_sent), 50)
        self.assertEqual(sum(row["bytes"] for row in self.late), sum(record["bidirectional_bytes"] for record in self.late_sent))
        self.assertEqual(len(self.minutes_after), len(self.minutes))

    def test_heartbeats_tell_what_is_missing(self):
        copy = self.topics.servers.topic("sql-copy")
        messages = self.topics.messages()
        # Of the last record there is no second copy.
        self.topics.put(copy, messages[:-1])
        left_out = self.topics.record(messages[-1][1])["boot_id"]
        script = self.folder / "missing.sql"
        samples = self.job.samples | {"'topic' = 'flows'": f"'topic' = '{copy}'", "'topic' = 'heartbeats'": f"'topic' = '{self.topics.heartbeats}'"}
        samples.pop("'flows'")
        script.write_text(filled((EXAMPLE / "missing.sql").read_text(encoding="utf-8"), samples), encoding="utf-8")
        rows = [json.loads(line) for line in output(*java("flink", "Job", "parallelism.default=1", self.job.tables, script)).splitlines()]
        runs = {record["boot_id"] for record in map(self.topics.record, (value for _, value, _ in messages))}
        self.assertEqual({row["boot_id"]: row["missing"] for row in rows}, {run: int(run == left_out) for run in runs})
        self.assertEqual({(row["sensor_id"], row["ended"]) for row in rows}, {("probe", True)})


if __name__ == "__main__":
    unittest.main()
