"""What a real broker's faults cost a live sensor that has a spool: nothing. Each row prints its figures. With LONG=yes they last as long as
they may in the field, at 5,000 flows/s (20 minutes in all more). Needs root and the servers. Run: python3 tests/e2e/run.py test_broker_faults
"""
import contextlib
import signal
import time
import unittest

from fault_row import FAULT_S, LONG, PARTITIONS, RATE, Row, seconds

MEASURES = "what a fault costs at a rate"

AWAY_S = seconds(FAULT_S, 600)
DRAIN_LEAST = 4  # times the live rate, after an outage that leaves enough to measure it, on a machine with nothing else to do
MINUTE_S = seconds(FAULT_S, 60)


class BrokerFaults(Row):
    def check_drain(self):
        if LONG:
            self.assertGreaterEqual(self.figures["drain/live"], DRAIN_LEAST)

    def test_killed(self):
        self.begin()
        self.flow()
        self.brokers.broker.kill()
        self.last_for(AWAY_S)
        self.brokers.broker.start()
        self.mended()
        self.brokers.broker.wait_until_back()
        self.back()
        self.finish()
        self.check_lost_nothing()
        self.check_drain()

    def test_paused(self):
        self.begin()
        self.flow()
        with self.brokers.paused():
            self.last_for(AWAY_S)
        self.mended()
        self.back()
        self.assertNotIn("has a leader again", self.sensor.log(), "no single partition was silent")
        self.finish()
        self.check_lost_nothing()
        self.check_drain()

    def test_paused_for_many_clients(self):
        """Connections end, and the kernel answers no new ones: as many as it lets wait to be accepted wait already."""
        self.begin(properties=() if LONG else ("socket.timeout.ms=4000", "request.timeout.ms=3000"))
        self.flow()
        with self.brokers.paused():
            self.brokers.broker.crowd()
            self.last_for(seconds(16, 120))
        self.mended()
        self.back()
        self.finish()
        self.check_lost_nothing()

    def test_slow(self):
        """A link of a tenth of what the records need."""
        relay = self.brokers.relay
        self.begin(relay.bootstrap)
        self.flow()
        relay.rate, relay.delay_s = 12 * RATE, 0.05
        try:
            self.last_for(AWAY_S)
        finally:
            relay.rate, relay.delay_s = None, 0.0
        self.mended()
        self.back()
        self.finish()
        self.check_lost_nothing()

    def test_silent_link(self):
        """Neither an answer nor an end of the connection."""
        relay = self.brokers.relay
        self.begin(relay.bootstrap)
        self.flow()
        relay.silent = True
        try:
            self.last_for(MINUTE_S)
        finally:
            relay.silent = False
        self.mended()
        self.back()
        self.finish()
        self.check_lost_nothing()

    def test_unreachable(self):
        """Connections are lost, and the kernel answers no new ones."""
        self.begin(self.brokers.relay.bootstrap)
        self.flow()
        with self.brokers.unreachable():
            self.last_for(seconds(8, 60))
        self.mended()
        self.back()
        self.finish()
        self.check_lost_nothing()

    def test_connections_that_end_at_once(self):
        relay = self.brokers.relay
        self.begin(relay.bootstrap)
        self.flow()
        relay.refusing = True
        relay.cut()
        try:
            self.last_for(MINUTE_S)
        finally:
            relay.refusing = False
        self.mended()
        self.back()
        self.finish()
        self.check_lost_nothing()

    def test_full_disk(self):
        """The broker ends by itself, and can't start until there is room again."""
        self.begin()
        self.flow()
        filler = self.brokers.root / "kafka-data" / "filler"
        try:
            with contextlib.suppress(OSError), open(filler, "wb", buffering=0) as file:
                while True:
                    file.write(bytes(1 << 16))
            self.brokers.broker.wait_until_gone()
            self.last_for(MINUTE_S / 2)
        finally:
            self.brokers.broker.kill()
            filler.unlink()
            self.brokers.broker.start()
            self.mended()
        self.brokers.broker.wait_until_back()
        self.back()
        self.finish()
        self.check_lost_nothing()

    def test_tail_of_the_log_cut(self):
        """A host that lost power: the last records that the broker had acknowledged are gone, and its memory of our producer."""
        self.begin()
        self.flow()
        self.source.rate(0)
        self.sensor.wait_for(lambda: self.sensor.count("made") == self.source.sent(), 10, "the end of all flows")
        self.sensor.wait_until_settled()
        self.reader.catch_up()
        # All that is acknowledged was seen: what is cut is not our loss.
        self.brokers.broker.send(signal.SIGSTOP)
        self.source.rate(RATE)
        made = self.sensor.count("made")
        self.sensor.wait_for(lambda: self.sensor.count("made") > made, 10, "records on their way")
        self.brokers.broker.kill()
        for number in range(PARTITIONS):
            for log in (self.brokers.root / "kafka-data" / f"{self.topic}-{number}").glob("*.log"):
                with open(log, "r+b") as file:
                    file.truncate(max(log.stat().st_size - 2000, 0))
            for kept in (self.brokers.root / "kafka-data" / f"{self.topic}-{number}").glob("*.snapshot"):
                kept.unlink()
        self.last_for(MINUTE_S / 2)
        self.brokers.broker.start()
        self.mended()
        self.brokers.broker.wait_until_back()
        self.reader.again(forget=True)
        self.back()
        self.finish()
        self.check_lost_nothing()

    def test_topic_deleted(self):
        self.begin()
        self.flow()
        for future in self.brokers.administrator().delete_topics([self.topic]).values():
            future.result(30)
        acknowledged = self.settle()
        self.last_for(MINUTE_S)
        self.assertEqual(self.sensor.count("acknowledged"), acknowledged, "what is there to acknowledge?")
        gone = acknowledged - self.reader.runs[self.sensor.boot].distinct
        self.brokers.topic(self.topic, PARTITIONS)
        self.reader.again(forget=False)
        self.back()
        self.finish()
        self.figures["gone with the topic"] = gone
        self.check_lost_nothing(gone=gone, duplicates=self.sensor.count("replayed"))

    def settle(self):
        """How many are acknowledged when no more are; the topic is gone."""
        def stands():
            before = self.sensor.count("acknowledged")
            time.sleep(1)  # far longer than between two acknowledgements
            return self.sensor.count("acknowledged") == before
        self.sensor.wait_for(stands, 20, "the last acknowledgement")
        return self.sensor.count("acknowledged")

    def test_right_revoked(self):
        properties = ["security.protocol=SASL_PLAINTEXT", "sasl.mechanism=PLAIN", f"sasl.username={self.brokers.username}",
                      f"sasl.password=${{file:{self.brokers.password_file}}}"]
        self.allow(True)
        self.begin(self.brokers.sasl_bootstrap, properties=properties)
        self.flow()
        self.allow(False)
        self.sensor.wait_for(lambda: self.sensor.count("spooled") > 0, 20, "records that wait")
        self.last_for(MINUTE_S)
        self.allow(True)
        self.back()
        self.finish()
        self.check_lost_nothing()

    def allow(self, whether):
        """The user may write to topics, and describe them."""
        from confluent_kafka.admin import AclBinding, AclBindingFilter, AclOperation, AclPermissionType, ResourcePatternType, ResourceType
        user, admin = f"User:{self.brokers.username}", self.brokers.administrator()
        if whether:
            made = admin.create_acls([AclBinding(ResourceType.TOPIC, self.topic, ResourcePatternType.LITERAL, user, "*", AclOperation.WRITE, AclPermissionType.ALLOW)])
        else:
            made = admin.delete_acls([AclBindingFilter(ResourceType.TOPIC, self.topic, ResourcePatternType.LITERAL, user, "*", AclOperation.ANY, AclPermissionType.ANY)])
        for future in made.values():
            future.result(30)


class LeaderlessPartition(Row):
    """One partition of six is led by a broker that dies."""

    def make_topic(self):
        self.brokers.second()
        return self.brokers.topic(f"leaderless-{time.time_ns()}", leaders=[1] * (PARTITIONS - 1) + [2])

    def test_one_of_six(self):
        self.begin(properties=["topic.metadata.refresh.interval.ms=5000"])
        self.flow()
        second = self.brokers.second()
        second.kill()
        began = self.sensor.probe.sample()
        self.last_for(seconds(FAULT_S, 120))
        ended = self.sensor.probe.sample()
        share = (ended.counts["acknowledged"] - began.counts["acknowledged"]) / (ended.time - began.time) / (RATE * (PARTITIONS - 1) / PARTITIONS)
        self.figures["share of the others' rate"] = round(share, 3)
        second.start()
        second.wait_until_back()
        self.back()
        self.finish()
        self.check_lost_nothing()
        self.assertGreater(share, 0.95)


if __name__ == "__main__":
    unittest.main()
