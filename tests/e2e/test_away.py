"""A broker or a registry that goes away and comes back: one line each way, /readyz tells it and stays ready, and nothing is lost.
Live, on lo; needs root. Run: python3 tests/e2e/run.py test_away
"""
import signal
import threading
import unittest

from harness import run, wait_until
from live_flows import LiveFlows
from servers import FaultyRegistry, answers


class Away(LiveFlows):
    def end(self, running, topic, flows):
        """Everything arrived, and nothing else was said of the broker."""
        running.signal(signal.SIGTERM)
        result = self.ended_well(running.finish())
        self.assertEqual(self.ledger(result).outputs[topic]["acknowledged"], flows, result)
        self.assertEqual(len([line for line in result.lines if ": the broker " in line]), 2, result)

    def check_away(self, running, topic, words):
        wait_until(lambda: self.lines(running, words), limit=40, what=f"a line that says {words}")
        status, text = self.ready()
        self.assertEqual(status, 200)
        self.assertRegex(text, rf"(?m)^delivery: degraded, records wait\noutput {topic}: delivery degraded: it has waited for the broker for \d+\.\d s, \d+ records spooled$")

    def check_back(self, running, topic):
        wait_until(lambda: self.lines(running, "the broker is back after"), limit=60, what="a line that says it is back")
        wait_until(lambda: f"delivery ok\noutput {topic} ok\n" in self.ready()[1], limit=10, what="word that nothing is spooled")

    def test_broker_stopped(self):
        """While nothing is to be sent too: what is said does not depend on records."""
        topic = self.servers.topic("away-stopped")
        running = self.begin(topic)
        self.servers.down()
        try:
            self.check_away(running, topic, "the broker has been away for")
            for _ in range(3):
                self.send()
        finally:
            self.servers.up()
        self.check_back(running, topic)
        self.end(running, topic, 3)

    def test_broker_that_stands_still(self):
        """Its connections stay open, so that only the records that wait tell it."""
        topic = self.servers.topic("away-still")
        running, sent, ending = self.begin(topic), [], threading.Event()

        def send():
            while not ending.wait(0.3):
                self.send()
                sent.append(None)
        thread = threading.Thread(target=send, daemon=True)
        thread.start()
        with self.servers.paused():
            self.check_away(running, topic, "the broker acknowledges nothing for")
        self.check_back(running, topic)
        ending.set()
        thread.join()
        self.end(running, topic, len(sent))

    def test_registry(self):
        topic = self.servers.topic("away-registry")
        answer = answers(200, '{"id": 7}')
        with FaultyRegistry(lambda request: answer(request)) as registry:
            more = ("--set", f"registry.url={registry.url}", "--set", f"registry.cache_directory={self.folder}")
            capture = self.write("one.pcap", b"\xd4\xc3\xb2\xa1\x02\0\x04\0" + bytes(8) + b"\0\0\4\0\1\0\0\0")
            self.ended_well(run("-r", capture, "--set", f"outputs.0.topic={topic}", "--set", "outputs.0.columns_to_anonymize=all=keep", "--set",
                                f"outputs.0.kafka=bootstrap.servers={self.servers.bootstrap}", *more))
            answer = answers(503, "{}")
            running = self.begin(topic, *more)
            asked = len(registry.requests)
            wait_until(lambda: len(registry.requests) > asked, limit=30, what="another question")
            self.assertIn("(schema id from the cache)", self.ready()[1])
            answer = answers(200, '{"id": 7}')
            wait_until(lambda: self.lines(running, "it confirms the cached id 7"), limit=30, what="a line that says it is back")
            wait_until(lambda: f"output {topic} ok\n" in self.ready()[1], what="an output that is well")
            running.signal(signal.SIGTERM)
            result = self.ended_well(running.finish())
        self.assertEqual(len([line for line in result.lines if "registry http" in line]), 2, result)


if __name__ == "__main__":
    unittest.main()
