"""A registry that is slow, away, behind a proxy, empty or another one, while a live run has records for it: capture goes on, the
records wait in the spool, and each arrives once, under the right id. Live, on lo; needs root. Run: python3 tests/e2e/run.py test_registry
"""
import http.client
import json
import os
import re
import signal
import struct
import time
import unittest

from harness import wait_until
from live_flows import LiveFlows
from servers import FaultyRegistry, SilentServer, answers


def has_id(number):
    return answers(200, json.dumps({"id": number}))


NOT_FOUND = answers(404, '{"error_code": 40403, "message": "Schema not found"}')
AWAY = answers(503, "{}")


def redirect(request):
    request.send_response(302)
    request.send_header("Location", "http://127.0.0.1:1/login")
    request.end_headers()


NO_REGISTRY = {
    "a page": answers(200, "<html>please log in</html>", "text/html"),
    "a redirect": redirect,
    "too many requests": answers(429, '{"message": "slow down"}'),
    "an error of the server": answers(502, "<html>bad gateway</html>", "text/html"),
    "half an answer": answers(200, '{"id": 7, "schema": "'),
    "another kind of answer": answers(200, '{"id": "seven"}'),
    "a 404 of a proxy": answers(404, "<html>no such page</html>", "text/html"),
}


class RegistryCase(LiveFlows):
    def setUp(self):
        super().setUp()
        self.answers = {}  # by subject
        self.registry = self.enterContext(FaultyRegistry(self.answer))
        (self.folder / "cache").mkdir()

    def answer(self, request):
        subject = request.path.split("/")[2]
        self.answers[subject](request)

    def options(self, topics, *more, url=None, spool=True):
        """One output for each topic."""
        found = ["--set", f"registry.url={url or self.registry.url}", "--set", f"registry.cache_directory={self.folder}/cache", "--set", "registry.timeout=5s"]
        if spool:
            found += ["--set", f"spool.directory={self.folder}/spool"]
        for number, topic in enumerate(topics):
            found += ["--set", f"outputs.{number}.topic={topic}", "--set", f"outputs.{number}.columns_to_anonymize=all=keep",
                      "--set", f"outputs.{number}.kafka=bootstrap.servers={self.servers.bootstrap}"]
        return *found, *more

    def topics(self, *names):
        topics = [self.servers.topic(f"registry-{name}") for name in names]
        self.answers.update({f"{topic}-value": has_id(7) for topic in topics})
        return topics

    def fill_cache(self, topics):
        """A short run with a registry that answers."""
        running = self.begin(topics[0], *self.options(topics))
        running.signal(signal.SIGTERM)
        self.ended_well(running.finish())

    def metric(self, name, topic):
        connection = http.client.HTTPConnection(self.at, timeout=10)
        connection.request("GET", "/metrics")
        text = connection.getresponse().read().decode()
        connection.close()
        return float(re.search(rf'(?m)^flowsensor_{name}\{{output="{topic}"\}} (\S+)$', text)[1])

    def waits(self, topic, flows):
        """So many records wait, and the output says so."""
        wait_until(lambda: self.metric("spool_records", topic) == flows, limit=30, what=f"{flows} records in the spool")

    def arrived(self, topic, flows, number=7):
        """So many records arrived, under this id."""
        wait_until(lambda: self.metric("output_records_acknowledged_total", topic) == flows, limit=40, what=f"{flows} records acknowledged")
        self.assertEqual([struct.unpack(">bI", message.value()[:5]) for message in self.servers.messages(topic)], [(0, number)] * flows)

    def ends(self, running, errors=()):
        """Well, with a line of level error for each of these words."""
        running.signal(signal.SIGTERM)
        result = running.finish()
        self.assertEqual(result.code, 0, result)
        self.assertEqual([words in line for words, line in zip(errors, result.errors, strict=True)], [True] * len(errors), result)
        self.assertFalse(self.ledger(result).residual, result)
        return result


class Unknown(RegistryCase):
    """No id is known at the start: no cache has it."""

    def test_slow_registry_holds_neither_start_nor_capture(self):
        topics = self.topics("slow-0", "slow-1", "slow-2")
        asked = []

        def slow(request):
            asked.append(time.monotonic())
            time.sleep(4)
            has_id(7)(request)
        self.answers = {f"{topic}-value": slow for topic in topics}
        began = time.monotonic()
        running = self.begin(topics[0], *self.options(topics))
        self.assertLess(time.monotonic() - began, 3)
        self.assertIn(f"output {topics[0]} ok (schema id not known yet)", self.ready()[1])
        self.send()
        self.assertEqual(len(asked), 3)
        self.assertLess(max(asked) - min(asked), 1, "asked one after the other")
        for topic in topics:
            self.arrived(topic, 1)
        self.assertEqual(len(self.lines(running, "it has the id 7 for subject")), 3)
        result = self.ends(running)
        self.assertEqual([self.ledger(result).outputs[topic]["acknowledged"] for topic in topics], [1, 1, 1], result)

    def test_registry_away_at_the_start_with_a_spool_in_memory(self):
        topic, = self.topics("away")
        self.answers[f"{topic}-value"] = AWAY
        running = self.begin(topic, *self.options([topic], spool=False))
        self.send()
        self.send()
        self.waits(topic, 2)
        words = f"output {topic}: delivery degraded: 2 records spooled (schema id not known yet)"
        wait_until(lambda: words in self.ready()[1], what=f"/readyz to say {words}")
        self.assertEqual(self.ready()[0], 200)
        self.assertEqual(self.metric("output_schema_cached", topic), 1)
        self.answers[f"{topic}-value"] = has_id(7)
        self.arrived(topic, 2)
        self.assertEqual(self.metric("output_schema_cached", topic), 0)
        self.ends(running)

    def test_not_registered_is_the_start_s_failure(self):
        topic, = self.topics("absent")
        self.answers[f"{topic}-value"] = NOT_FOUND
        self.refused(os.EX_CONFIG, ["does not have schema", "flowsensor schema register"], "-i", "lo", *self.options([topic]))

    def test_not_registered_is_heard_later(self):
        """That output stops until somebody registers the schema; the other one goes on."""
        late, other = self.topics("late", "late-other")
        self.answers[f"{late}-value"] = AWAY
        running = self.begin(late, *self.options([late, other]))
        self.send()
        self.arrived(other, 1)
        self.answers[f"{late}-value"] = NOT_FOUND
        wait_until(lambda: self.lines(running, f'output "{late}" stops: its records wait'), limit=30, what="a line that it stops")
        self.assertEqual(self.metric("output_schema_mismatch", late), 1)
        self.send()
        self.arrived(other, 2)
        self.waits(late, 2)
        self.answers[f"{late}-value"] = has_id(9)
        self.arrived(late, 2, number=9)
        self.assertEqual(self.metric("output_schema_mismatch", late), 0)
        self.ends(running, ["does not have schema"])

    def test_a_run_that_never_hears_leaves_its_records_to_the_next(self):
        topic, = self.topics("next")
        with SilentServer() as silent:
            running = self.begin(topic, *self.options([topic], url=f"http://127.0.0.1:{silent.port}"))
            self.send()
            self.waits(topic, 1)
            result = self.ends(running)
        self.assertEqual(self.ledger(result).outputs[topic]["spooled"], 1, result)
        running = self.begin(topic, *self.options([topic]))
        self.arrived(topic, 1)
        self.ends(running)


class Cached(RegistryCase):
    def test_what_is_no_registry_s_answer_leaves_the_cached_id(self):
        """A start in front of each; and in a run, one after the other."""
        topic, = self.topics("proxy")
        self.fill_cache([topic])
        for what, answer in NO_REGISTRY.items():
            with self.subTest(what):
                self.answers[f"{topic}-value"] = answer
                running = self.begin(topic, *self.options([topic]))
                self.assertEqual(len(self.lines(running, "going on with the cached id 7")), 1)
                self.assertEqual(self.metric("output_schema_mismatch", topic), 0)
                asked = len(self.registry.requests)
                wait_until(lambda: len(self.registry.requests) > asked, what="another question")
                self.assertEqual(self.metric("output_schema_cached", topic), 1)
                self.ends(running)

    def test_records_wait_until_the_id_is_confirmed(self):
        topic, = self.topics("unconfirmed")
        self.fill_cache([topic])
        self.answers[f"{topic}-value"] = AWAY
        running = self.begin(topic, *self.options([topic]))
        self.send()
        self.waits(topic, 1)
        self.assertIn("(schema id from the cache)", self.ready()[1])
        self.answers[f"{topic}-value"] = has_id(7)
        self.arrived(topic, 1)
        self.assertEqual(len(self.lines(running, "it confirms the cached id 7")), 1)
        self.ends(running)

    def test_records_go_where_the_cache_is_trusted(self):
        topic, = self.topics("trusted")
        self.fill_cache([topic])
        self.answers[f"{topic}-value"] = AWAY
        running = self.begin(topic, *self.options([topic], "--set", "registry.trust_cache=true"))
        self.send()
        self.arrived(topic, 1)
        self.assertEqual(self.metric("output_schema_cached", topic), 1)
        self.ends(running)

    def test_a_mismatch_holds_one_output_until_the_registry_is_restored(self):
        wrong, right = self.topics("mismatch", "mismatch-other")
        self.fill_cache([wrong, right])
        self.answers[f"{wrong}-value"] = AWAY
        running = self.begin(wrong, *self.options([wrong, right]))
        self.answers[f"{wrong}-value"] = has_id(8)
        wait_until(lambda: self.lines(running, "under id 8, not under 7"), limit=30, what="a line about the mismatch")
        self.assertEqual(self.metric("output_schema_mismatch", wrong), 1)
        status, text = self.ready()
        self.assertIn(f"output {wrong}: delivery degraded: schema mismatch", text)
        self.assertEqual(status, 200)
        for flows in (1, 2):
            self.send()
            self.arrived(right, flows)
            self.waits(wrong, flows)
        self.answers[f"{wrong}-value"] = has_id(7)
        self.arrived(wrong, 2)
        self.assertEqual(self.metric("output_schema_mismatch", wrong), 0)
        self.assertEqual(self.ready()[0], 200)
        result = self.ends(running, ["under id 8, not under 7"])
        self.assertEqual(self.ledger(result).outputs[wrong]["acknowledged"], 2, result)


class Pinned(RegistryCase):
    def test_no_registry_is_needed(self):
        topic, = self.topics("pinned")
        with SilentServer() as silent:
            running = self.begin(topic, *self.options([topic], "--set", "outputs.0.schema_id=11", url=f"http://127.0.0.1:{silent.port}"))
            self.send()
            self.arrived(topic, 1, number=11)
            self.ends(running)

    def test_it_is_confirmed_beside_the_run(self):
        topic, = self.topics("pinned-right")
        running = self.begin(topic, *self.options([topic], "--set", "outputs.0.schema_id=7"))
        wait_until(lambda: self.lines(running, "it confirms the pinned id 7"), what="a line that confirms it")
        self.ends(running)

    def test_another_one_holds_the_output(self):
        topic, = self.topics("pinned-wrong")
        running = self.begin(topic, *self.options([topic], "--set", "outputs.0.schema_id=6"))
        wait_until(lambda: self.lines(running, "under id 7, not under 6"), what="a line about the mismatch")
        self.send()
        self.waits(topic, 1)
        self.ends(running, ["under id 7, not under 6"])
        self.assertEqual(self.servers.messages(topic), [])

    def test_it_needs_a_topic_whose_records_have_an_id(self):
        for more in (("outputs.0.path=/dev/null",), ("outputs.0.topic=x", "outputs.0.framing=single_object")):
            pairs = [word for setting in ("outputs.0.schema_id=6", "outputs.0.columns_to_anonymize=all=keep", *more) for word in ("--set", setting)]
            self.refused(os.EX_CONFIG, ["schema_id"], "-i", "lo", *pairs)


if __name__ == "__main__":
    unittest.main()
