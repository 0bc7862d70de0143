"""SIGHUP: outputs become others under their names while packets come. Each flow is a record of the one or the other, seq goes on, in every
scrape each account closes, and the outputs beside them are untouched. Live, on lo; needs root. Run: python3 tests/e2e/run.py test_reload_changes
"""
import json
import os
import signal
import time
import unittest

import test_reload_outputs as outputs
from harness import wait_until
from test_start import Delayed

MEASURES = "what is lost at a rate"

OPEN = 'output "more" is open with its other options'


class Changes(outputs.Outputs):
    """The output `more` changes; `kept` has all the time a record of each flow."""

    def change(self, *listed, times=1):
        """Waits until it is complete."""
        before = self.log().count(OPEN)
        self.configure(*listed)
        self.hang_up('; output "more" changes')
        wait_until(lambda: self.scrape() and self.log().count(OPEN) == before + times, limit=30, what="the output's other options")

    def end(self, load):
        """Both outputs have a record of each flow, each in one row of seqs, and none was dropped."""
        ledger = self.finish()
        self.assertEqual(ledger.packets["metered"], load.sent * outputs.DATAGRAMS)
        for name, output in ledger.outputs.items():
            self.assertEqual((output["made"], output["dropped"], output["in_flight"], output["spooled"]), (ledger.flows["exported"], 0, 0, 0), name)
        self.whole("kept", ledger.outputs["kept"])
        return ledger.outputs["more"]


class Files(Changes):
    network = 25

    def more(self, path, **options):
        return self.file("more", self.folder / path, **options)

    def records(self):
        return self.of("more")

    def of(self, name):
        return sorted((json.loads(line) for path in self.folder.glob(f"{name}*.jsonl") for line in path.read_text().splitlines()), key=lambda record: record["seq"])

    def test_anonymization(self):
        """In the same file: one record after the other has the other policy."""
        self.begin(self.kept(), self.more("more"))
        with self.load() as load:
            self.more_arrive("more")
            self.change(self.more("more", anonymize="address=drop"), self.kept())
            self.more_arrive("more")
            self.change(self.kept(), self.more("more", anonymize="address=keep"))
            self.more_arrive("more")
        made = self.end(load)["made"]
        records = self.records()
        self.assertEqual([record["seq"] for record in records], list(range(made)))
        kept = [bool(record["src_ip"]) for record in records]
        self.assertEqual((kept[0], kept[-1]), (True, True))
        # Meters change over within a tenth of a second, one after another.
        self.assertGreater(kept.count(False), 50)
        if self.meters == 1:
            self.assertEqual(sum(a != b for a, b in zip(kept, kept[1:])), 2)

    def test_a_key_from_a_pipe(self):
        """It is there once for a reload: for the outputs that stay and for those that change."""
        pipe = self.folder / "key"
        os.mkfifo(pipe, 0o600)
        end = os.open(pipe, os.O_RDWR)
        self.addCleanup(os.close, end)
        self.MORE = f'anonymization = {{ key_file = "{pipe}"; }};'
        hashed = "address=hash"
        os.write(end, b"0" * 63 + b"1\n")
        self.begin(self.file("kept", anonymize=hashed), self.more("more", anonymize=hashed))
        with self.load() as load:
            for digit in (b"1", b"2"):
                os.write(end, b"0" * 63 + digit + b"\n")
                self.change(self.more("more", anonymize=hashed if digit == b"2" else "address=short_hash"), self.file("kept", anonymize=hashed))
                self.more_arrive("more")
        self.end(load)
        keys = [[record["anon_key_id"] for record in self.of("kept")], [record["anon_key_id"] for record in self.records()]]
        self.assertEqual(len(set(keys[0])), 2)
        self.assertEqual([keys[0][0], keys[0][-1]], [keys[1][0], keys[1][-1]])

    def stuck(self, number):
        """The output is to become a file that can't be made, which is not seen before: a link leads to nowhere."""
        link = self.folder / f"link-{number}.jsonl"
        link.symlink_to(self.folder / "absent" / "file")
        self.configure(self.kept(), self.more(f"link-{number}", more=""))
        self.hang_up('; output "more" changes')
        wait_until(lambda: self.log().count("can't be opened") == number, limit=10, what=self.log)
        self.assertIn("output more: delivery degraded: it has waited for the disk for", self.get("readyz")[1])
        self.more_arrive("kept")
        return link

    def test_what_can_not_be_opened(self):
        """Its records wait; it is opened as soon as it can be, or becomes what it is told meanwhile."""
        self.begin(self.kept(), self.more("more"))
        with self.load() as load:
            self.more_arrive("more")
            link = self.stuck(1)
            link.unlink()
            wait_until(lambda: "output more ok" in self.get("readyz")[1], limit=10, what="an output that is well")
            self.more_arrive("more")
            self.stuck(2)
            self.change(self.kept(), self.more("more"))
            self.more_arrive("more")
        link.rename(self.folder / "more-1.jsonl")
        ledger = self.finish()
        more = ledger.outputs["more"]
        # The second one never was: what waited for it is dropped.
        self.assertEqual((more["made"], set(more["why"])), (ledger.flows["exported"], {"not_open"}))
        self.assertGreater(more["dropped"], 50)
        self.assertEqual(more["acknowledged"] + more["dropped"], more["made"])
        self.assertEqual(len({record["seq"] for record in self.records()}), more["acknowledged"])
        self.assertEqual(ledger.packets["metered"], load.sent * outputs.DATAGRAMS)
        self.whole("kept", ledger.outputs["kept"])


class FilesOfThree(Files):
    meters = 3
    network = 26


class Kafka(Changes, outputs.Topics):
    network = 27

    def more(self, topic, bootstrap=None, options=""):
        return self.topic("more", bootstrap, topic).replace("{", f"{{ {options}", 1)

    def kept(self):
        return self.file("kept")

    def readers(self):
        return [self.reader(topic) for topic in ("one", "other")]

    def reader(self, topic):
        whole = f'{self.id().rsplit(".", 1)[1]}-{self.meters}-{topic}'
        self.servers.topic(whole, partitions=2)
        reader = outputs.SeqReader(self.servers, whole, 2)
        self.addCleanup(reader.close)
        return reader

    def read_once(self, readers, made):
        """Each record once, in one topic or the other; how many are in each."""
        counts = [0] * made
        for reader in readers:
            reader.catch_up()
            self.assertEqual(reader.corrupt, [])
            for seen in reader.runs.values():
                if self.meters == 1:
                    self.assertEqual(seen.disorder, 0)
                for seq in range(made):
                    counts[seq] += seen.counts[seq] if seq < len(seen.counts) else 0
        self.assertEqual(counts, [1] * made)
        return [reader.read for reader in readers]

    def read_all(self, readers, made):
        """What was under way when the broker stood still may be there twice, as after a restart."""
        for reader in readers:
            reader.catch_up()
        found = {seq for reader in readers for seen in reader.runs.values() for seq in range(len(seen.counts)) if seen.has(seq)}
        self.assertEqual(found, set(range(made)))

    def test_topic(self):
        readers = self.readers()
        self.begin(self.kept(), self.more("one"))
        with self.load() as load:
            for topic in ("other", "one", "other"):
                self.more_arrive("more")
                self.change(self.more(topic), self.kept())
            self.more_arrive("more")
        made = self.end(load)["made"]
        read = self.read_once(readers, made)
        self.assertTrue(all(number > 50 for number in read), read)
        print(f"{self.meters} meters, {load.sent * outputs.DATAGRAMS} packets in {load.seconds:.1f} s, lost 0; in each topic: {read}", flush=True)


    def waits(self):
        return "output more: delivery degraded: it has waited for the broker for" in self.get("readyz")[1]

    def test_a_topic_that_is_not_there(self):
        """Its records wait until somebody makes it, whether the broker says so at once or later; one line says how."""
        self.MORE = f'spool = {{ directory = "{self.folder}/spool"; }};'
        readers = [self.reader("one")]
        self.begin(self.kept(), self.more("one"))
        with self.load() as load:
            self.more_arrive("more")
            for late, topic in enumerate(("other", "third")):
                with Delayed(*self.servers.bootstrap.split(":"), late) as bootstrap:
                    self.change(self.more(topic, bootstrap), self.kept())
                    wait_until(self.waits, limit=10, what="an output that waits")
                    self.more_arrive("kept")
                    self.assertEqual(self.log().count("does not exist; create it: "), late + 1, self.log())
                    readers.append(self.reader(topic))
                    wait_until(lambda: not self.waits() and self.scrape()("flowsensor_spool_records", output="more") == 0, limit=30, what="an empty spool")
                    self.more_arrive("more")
            self.change(self.more("one"), self.kept())
            self.more_arrive("more")
        self.read_all(readers, self.end(load)["made"])

    def test_tries_to_open_are_not_all_told(self):
        """They come less and less often; SIGHUP asks for one at once."""
        self.MORE = f'spool = {{ directory = "{self.folder}/spool"; }};'
        self.begin(self.kept(), self.more("one", "127.0.0.1:1"))
        letters = self.folder / "letters.jsonl"
        letters.symlink_to(self.folder / "absent" / "letters")  # which is not seen before it is opened
        with self.load() as load:
            wait_until(lambda: self.scrape()("flowsensor_spool_records", output="more") > 0, limit=10, what="records in the spool")
            self.configure(self.kept(), self.more("one", options=f'dead_letters = "{letters}";'))
            self.hang_up('; output "more" changes')
            wait_until(lambda: "can't be opened with its other options" in self.log(), limit=10, what=self.log)
            time.sleep(4)
            self.assertEqual([self.log().count(line) for line in ("can't be opened", "records wait from before")], [1, 0], self.log())
            (self.folder / "absent").mkdir()
            reader = self.reader("one")
            self.hang_up("no option has another value")
            wait_until(lambda: OPEN in self.log(), limit=2, what=self.log)
            wait_until(lambda: self.scrape()("flowsensor_spool_records", output="more") == 0, limit=30, what="an empty spool")
        self.read_all([reader], self.end(load)["made"])


class KafkaOfThree(Kafka):
    meters = 3
    network = 28

    def test_a_broker_that_stands_still(self):
        """What it has not acknowledged is in the spool, and what it becomes sends it. The next SIGHUP waits for that."""
        self.MORE = f'spool = {{ directory = "{self.folder}/spool"; }};'
        readers = self.readers()
        self.begin(self.kept(), self.more("one"))
        with self.load() as load:
            self.more_arrive("more")
            with self.servers.paused():
                self.configure(self.kept(), self.more("other"))
                self.hang_up('; output "more" changes')
                self.configure(self.kept(), self.more("one", f"{self.servers.bootstrap},127.0.0.1:1"))
                self.running.signal(signal.SIGHUP)
                self.more_arrive("kept")
                wait_until(lambda: self.scrape() and OPEN in self.log(), limit=30, what="the output's other options")
                self.more_arrive("kept")
            wait_until(lambda: self.scrape() and self.log().count(OPEN) == 2, limit=30, what="the second change")
            self.said += 1
            wait_until(lambda: self.scrape()("flowsensor_spool_records", output="more") == 0, limit=60, what="the spool's end")
            self.more_arrive("more")
            twice = self.scrape()("flowsensor_output_records_possibly_duplicated_total", output="more")
        made = self.end(load)["made"]
        self.read_all(readers, made)
        self.assertLessEqual(sum(reader.read for reader in readers) - made, twice)

    def test_the_end_comes_first(self):
        """While the broker stands still, and what it was is not closed yet: all that it did not take is in the spool."""
        self.MORE = f'spool = {{ directory = "{self.folder}/spool"; }};'
        readers = self.readers()
        self.begin(self.kept(), self.more("one"))
        with self.load():
            self.more_arrive("more")
            with self.servers.paused():
                self.configure(self.kept(), self.more("other"))
                self.hang_up('; output "more" changes')
                self.more_arrive("kept")
                self.running.signal(signal.SIGTERM)
                begun = time.monotonic()
                result = self.running.finish()
                self.assertLess(time.monotonic() - begun, outputs.SHUTDOWN_S + 1, result)
        self.assertEqual(result.code, 0, result)
        more = self.ledger(result).outputs["more"]
        self.assertEqual((more["dropped"], more["acknowledged"] + more["spooled"]), (0, more["made"]), result)
        self.assertGreater(more["spooled"], 50)
        self.said = 0
        self.begin(self.kept(), self.more("other"))
        wait_until(lambda: self.scrape()("flowsensor_spool_records", output="more") == 0, limit=60, what="the spool's end")
        self.finish()
        self.read_all(readers, more["made"])


if __name__ == "__main__":
    unittest.main()
