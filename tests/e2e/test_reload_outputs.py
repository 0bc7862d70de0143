"""SIGHUP: outputs come and go while packets come. Those that stay get every record, in every scrape each account closes, and what can't be
done is refused before anything has changed. Live, on lo; needs root. Run: python3 tests/e2e/run.py test_reload_outputs
"""
import json
import os
import re
import signal
import time
import unittest
from pathlib import Path

from endpoint import Scrape
from harness import Case, wait_until
from live_output import Load
from seq_reader import SeqReader
from servers import LocalServers
from test_live import ABLE

MEASURES = "what is lost at a rate"

RATE, DATAGRAMS = 1500, 3  # flows a second, and of each of them
# Few fields, so that little is computed for them.
LITE = json.dumps({"type": "record", "name": "Lite", "namespace": "test", "doc": "Little of a flow.", "fields": [
    {"name": "seq", "type": "long", "doc": "Number."},
    {"name": "src_ip", "type": "string", "pii": "address", "doc": "Initiator."},
    {"name": "bidirectional_packets", "type": "long", "unit": "packets", "doc": "Packets."}]})
SHUTDOWN_S = 5
KEPT = "the configuration before it stays in force"


@unittest.skipUnless(ABLE, "capturing needs root")
class Outputs(Case):
    """A run whose output `kept` is there from the start to the end."""

    meters = 1
    network = 21
    MORE = 'log = { level = "info"; };'

    def setUp(self):
        super().setUp()
        self.config = self.folder / "sensor.conf"
        self.said, self.at = 0, None
        self.target = f"127.{self.network}.0.9"

    def file(self, name, path=None, more="rotate_flows = 4000;", anonymize="all=keep"):
        return f'{{ name = "{name}"; path = "{path or self.folder / name}.jsonl"; columns_to_anonymize = [ "{anonymize}" ]; {more} }}'

    def kept(self):
        return self.file("kept")

    def configure(self, *outputs, more=""):
        text = (f'capture = {{ interfaces = [ "lo" ]; bpf_filter = "udp and dst host {self.target}"; }};\n'
                f'meter = {{ n_meters = {self.meters}; idle_timeout = "300ms"; flow_table_size = 65536; }};\n'
                f'monitoring = {{ listen = "127.0.0.1:0"; }};\ndelivery = {{ shutdown_timeout = "{SHUTDOWN_S}s"; }};\n{self.MORE}\n{more}\n'
                f'outputs = ( {", ".join(outputs)} );\n')
        self.write("new.conf", text).rename(self.config)

    def begin(self, *outputs, more=""):
        self.configure(*outputs, more=more)
        self.running = self.start("-c", self.config)
        self.at = wait_until(lambda: re.search(r"monitoring: http://([^/ ]+)/metrics", self.log()), limit=30, what="the endpoint")[1]
        wait_until(lambda: self.get("readyz")[0] == 200, limit=30, what="readiness")

    def log(self):
        return os.pread(self.running.errors.fileno(), 1 << 24, 0).decode()

    def get(self, path):
        import urllib.error
        import urllib.request
        try:
            with urllib.request.urlopen(f"http://{self.at}/{path}", timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def hang_up(self, *says):
        self.running.signal(signal.SIGHUP)
        line = wait_until(lambda: self.reloads()[self.said:], limit=30, what=says)[0]
        self.said += 1
        for word in says:
            self.assertIn(word, line)

    def reloads(self):
        return [line for line in self.log().splitlines() if "SIGHUP:" in line]

    def scrape(self):
        """All accounts close at this moment; no series is there twice."""
        text = self.get("metrics")[1]
        series = [line.rsplit(" ", 1)[0] for line in text.splitlines() if not line.startswith("#")]
        self.assertEqual(len(series), len(set(series)))
        scrape = Scrape(text)
        self.assertEqual(scrape.residuals(), {})
        return scrape

    def acknowledged(self, name):
        return self.scrape()("flowsensor_output_records_acknowledged_total", output=name)

    def more_arrive(self, name, number=50):
        """The output has so many records more than now, if it is there."""
        before = self.acknowledged(name)
        wait_until(lambda: self.acknowledged(name) >= before + number, limit=30, what=f"records of {name}")

    def closed(self, name, times):
        wait_until(lambda: self.scrape() and self.log().count(f'output "{name}" is closed') == times, limit=30, what=f"the end of {name}")

    def finish(self, code=0):
        self.running.signal(signal.SIGTERM)
        result = self.running.finish()
        self.assertEqual(result.code, code, result)
        self.assertNotIn(b"dropped by kernel", result.raw_error)
        return self.ledger(result)

    def load(self):
        return Load(7, RATE, self.target, DATAGRAMS)

    def seqs(self, name):
        """Of the records of an output's files, which are kept when it is opened once more."""
        return sorted(json.loads(line)["seq"] for path in self.folder.glob(f"{name}*.jsonl") for line in path.read_text().splitlines())

    def whole(self, name, output):
        """Each record is there once, in one row of seqs."""
        self.assertEqual(self.seqs(name), list(range(output["made"])))
        self.assertEqual((output["acknowledged"], output["dropped"], output["in_flight"]), (output["made"], 0, 0))


class Files(Outputs):
    def test_outputs_come_and_go(self):
        self.begin(self.kept())
        with self.load() as load:
            self.more_arrive("kept")
            for times in (1, 2, 3):
                # In another place of the list too: the name tells which is which.
                self.configure(self.file("more"), self.kept(), self.file("third"))
                self.hang_up('; output "more" is open', '; output "third" is open')
                self.more_arrive("more")
                self.assertIn("output more ok\n", self.get("readyz")[1])
                self.configure(self.kept(), self.file("third"))
                self.hang_up('; output "more" closes')
                self.closed("more", times)
                self.assertNotIn("output more", self.get("readyz")[1])
                self.more_arrive("third")
                self.configure(self.kept())
                self.hang_up('; output "third" closes')
                self.closed("third", times)
                self.more_arrive("kept")
            self.configure(self.file("more"), self.kept())
            self.hang_up("is open")
            self.more_arrive("more")
        ledger = self.finish()
        for name, output in ledger.outputs.items():
            self.whole(name, output)
        kept = ledger.outputs["kept"]
        self.assertEqual((ledger.packets["metered"], kept["made"]), (load.sent * DATAGRAMS, ledger.flows["exported"]))
        self.assertGreater(ledger.outputs["more"]["made"], 150)
        self.assertLess(ledger.outputs["more"]["made"], kept["made"])
        print(f"{self.meters} meters, {load.sent * DATAGRAMS} packets in {load.seconds:.1f} s, lost 0; made: " + ", ".join(f"{name} {output['made']}" for name, output in ledger.outputs.items()), flush=True)

    def test_a_new_output_takes_the_timeouts_in_force(self):
        """Its records have the same hash as those of the others."""
        self.begin(self.kept())
        text = self.config.read_text()
        for timeout, outputs in (("200ms", ()), ("250ms", (self.file("more"),))):
            changed = text.replace('idle_timeout = "300ms"', f'idle_timeout = "{timeout}"').replace("outputs = ( ", "outputs = ( " + "".join(f"{one}, " for one in outputs))
            self.write("new.conf", changed).rename(self.config)
            self.hang_up("meter.idle_timeout", '; output "more" is open' if outputs else "")
        with self.load():
            self.more_arrive("more")
        ledger = self.finish()
        self.whole("more", ledger.outputs["more"])
        hashes = {name: {json.loads(line)["feature_hash"] for path in self.folder.glob(f"{name}*.jsonl") for line in path.read_text().splitlines()}
                  for name in ("kept", "more")}
        self.assertEqual(len(hashes["more"]), 1)
        self.assertEqual(hashes["more"], hashes["kept"])

    def test_what_can_not_be_done_changes_nothing(self):
        other = Path("/var/tmp")  # whose folder is not that of any output
        few = f'schema = "{self.write("lite.avsc", LITE)}";'
        kept, second = self.file("kept", more=few), self.file("second", more=few)
        self.begin(kept, second)
        (self.folder / "folder.jsonl").mkdir()
        cases = [((kept, self.file("second", more='schema = "flow/v2";')), 'output "second" has other options now, which needs a restart: its schema asks for fields of a group'),
                 ((kept, self.file("second", more='schema = "sensor_stats/v1";')), 'output "second" has other options now, which needs a restart: its records are not of flows'),
                 ((kept, self.file("second", more=few, anonymize="address=hash")), "its pseudonyms have no key yet"),
                 ((kept, self.file("second", more='schema = "none.avsc";')), "none.avsc"),
                 ((kept, self.file("second", self.folder / "kept", f"{few} rotate_flows = 0;")), "two outputs write to path"),
                 ((kept, second, self.file("new", more='schema = "flow/v2";')), 'output "new" is new, which needs a restart: its schema asks for fields of a group'),
                 ((kept, second, self.file("new", more='schema = "sensor_stats/v1";')), 'output "new" is new, which needs a restart: its records are not of flows'),
                 ((kept, second, self.file("new", more=few, anonymize="address=hash")), "its pseudonyms have no key yet"),
                 ((kept, self.file("new", self.folder / "second", few)), "second.jsonl is still written by another output"),
                 ((kept, self.file("second", self.folder / "folder", few)), "folder.jsonl: Is a directory"),
                 ((kept, self.file("second", self.folder / "absent" / "second", few)), "No such file or directory"),
                 # The first one was opened, and is closed again.
                 ((kept, self.file("good", more=few), self.file("new", self.folder / "folder", few)), "folder.jsonl"),
                 ((kept, second, kept), "two outputs write to path"),
                 ((kept, second, self.file("new", more='schema = "none.avsc";')), "none.avsc")]
        if "(Landlock" in self.log():
            cases.append(((kept, self.file("new", other / "new", few)), f"needs a restart: {other}/new.jsonl lies outside of what this run may write"))
        with self.load():
            for outputs, says in cases:
                with self.subTest(says):
                    self.configure(*outputs)
                    self.hang_up(says, KEPT)
                    self.more_arrive("kept", 20)
                    self.more_arrive("second", 20)
            self.configure(kept)
            self.hang_up('; output "second" closes')
            self.closed("second", 1)
        ledger = self.finish()
        self.assertEqual(set(ledger.outputs), {"kept", "second"})
        for name, output in ledger.outputs.items():
            self.whole(name, output)


class FilesOfThree(Files):
    meters = 3
    network = 22


class Topics(Outputs):
    """Into a real Kafka."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.servers = LocalServers.get()

    def topic(self, name, bootstrap=None, topic=None):
        return (f'{{ name = "{name}"; topic = "{self.id().rsplit(".", 1)[1]}-{self.meters}-{topic or name}"; columns_to_anonymize = [ "all=keep" ]; framing = "single_object"; '
                f'headers = [ "boot_id", "seq" ]; kafka = [ "bootstrap.servers={bootstrap or self.servers.bootstrap}" ]; }}')

    def reader(self, name):
        topic = re.search(r'topic = "([^"]+)"', self.topic(name))[1]
        self.servers.topic(topic, partitions=2)
        reader = SeqReader(self.servers, topic, 2)
        self.addCleanup(reader.close)
        return reader

    def read_whole(self, reader, output):
        """Each record once, by an independent consumer."""
        reader.catch_up()
        seen, = reader.runs.values()
        self.assertEqual((seen.distinct, seen.duplicates, seen.highest, reader.corrupt), (output["made"], 0, output["made"] - 1, []))


class Kafka(Topics):
    network = 23

    def kept(self):
        return self.topic("kept")

    def test_topics_come_and_go(self):
        readers = {name: self.reader(name) for name in ("kept", "more")}
        self.begin(self.kept())
        with self.load() as load:
            for times in (1, 2):
                self.configure(self.topic("more"), self.kept())
                self.hang_up('; output "more" is open')
                self.more_arrive("more")
                self.configure(self.kept())
                self.hang_up('; output "more" closes')
                self.closed("more", times)
                self.more_arrive("kept")
        ledger = self.finish()
        for name, reader in readers.items():
            self.assertEqual(ledger.outputs[name]["dropped"], 0)
            self.read_whole(reader, ledger.outputs[name])
        self.assertEqual((ledger.packets["metered"], ledger.outputs["kept"]["made"]), (load.sent * DATAGRAMS, ledger.flows["exported"]))

    def test_what_a_broker_did_not_take_is_in_the_spool(self):
        """An output whose broker is away goes with its spool, and comes again with it once the broker can be reached."""
        self.MORE = f'spool = {{ directory = "{self.folder}/spool"; }};'
        reader = self.reader("more")
        self.begin(self.file("kept"))
        with self.load():
            self.configure(self.file("kept"), self.topic("more", "127.0.0.1:1"))
            self.hang_up("is open")
            wait_until(lambda: self.scrape()("flowsensor_spool_records", output="more") > 100, limit=30, what="records in the spool")
            self.configure(self.file("kept"))
            self.hang_up("closes")
            self.closed("more", 1)
            self.assertGreater(self.scrape()("flowsensor_spool_records", output="more"), 100)
            self.configure(self.file("kept"), self.topic("more"))
            self.hang_up("is open")
            wait_until(lambda: self.acknowledged("more") > 200 and self.scrape()("flowsensor_spool_records", output="more") == 0, limit=60, what="the spool's end")
        ledger = self.finish()
        self.assertEqual((ledger.outputs["more"]["found"], ledger.outputs["more"]["dropped"]), (0, 0))  # of this run, so none was found
        self.read_whole(reader, ledger.outputs["more"])


    def test_an_end_while_an_output_goes(self):
        """The end comes in time, and what waited in memory is counted."""
        self.begin(self.file("kept"))
        with self.load():
            self.configure(self.file("kept"), self.topic("more", "127.0.0.1:1"))
            self.hang_up("is open")
            wait_until(lambda: self.scrape()("flowsensor_output_records_made_total", output="more") > 100, limit=30, what="records that wait")
            self.configure(self.file("kept"))
            self.hang_up("closes")
            self.running.signal(signal.SIGTERM)
            begun = time.monotonic()
            result = self.running.finish()
        self.assertLess(time.monotonic() - begun, SHUTDOWN_S + 1, result)
        self.assertEqual(result.code, 69, result)
        ledger = self.ledger(result)
        self.whole("kept", ledger.outputs["kept"])
        more = ledger.outputs["more"]
        self.assertGreater(more["made"], 100)
        self.assertEqual((more["why"], more["acknowledged"]), ({"undelivered": more["made"]}, 0), result)


class KafkaOfThree(Kafka):
    meters = 3
    network = 24


if __name__ == "__main__":
    unittest.main()
