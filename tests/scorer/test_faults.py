"""What goes wrong around it: it is killed, instances come and go, the registry is away. Each record has its score all the same."""
import collections
import json
import threading
import unittest

from support import SCORE_S, Producer, Scorer, Trained, early, registered, wait_until
from servers import FaultyRegistry, answers

RATE = 1000  # records a second; what is sent in the meantime is under way when a process is killed
PAUSE_S, OPEN_TURNS = 0.05, 20


def final(record):
    """The record that ends the slice of early(record)."""
    return {**record, "revision": 1}


class Feed:
    """Sends an early and a final record of one flow after another, until it is told to stop. A context."""

    def __init__(self, case, scorer):
        self.case, self.producer = case, Producer(scorer.servers, scorer.flows)
        self.stopping, self.sent = threading.Event(), []
        self.thread = threading.Thread(target=self.run, daemon=True)

    def run(self):
        open_flows = collections.deque()
        while not self.stopping.wait(PAUSE_S):  # the pace of the traffic
            begun = self.case.records(int(RATE * PAUSE_S / 2))
            open_flows.append(begun)
            # A flow stays open over several turns, so that its early score is kept when a process is killed.
            ended = open_flows.popleft() if len(open_flows) > OPEN_TURNS else []
            self.producer.send(*map(early, begun), *map(final, ended))
            self.sent += [record["flow_uid"] for record in begun]
        self.producer.send(*(final(record) for turn in open_flows for record in turn))

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_exception):
        self.stop()

    def stop(self):
        self.stopping.set()
        self.thread.join()


class Killed(Trained):
    KILLS = 3

    def kill_it_again_and_again(self, guarantee):
        """How often each (flow_uid, revision) has a score for a reader of what is committed, the scores of final records, and how many there are
        in all."""
        # Commits are rare, so that there is always something under way.
        scorer = Scorer(self, self.servers, self.model, processing_guarantee=guarantee, kafka_commit_interval_ms=1000).start()

        def written_since_a_commit():
            return guarantee == "at_least_once" or scorer.has_open_transaction(scorer.scores)
        with Feed(self, scorer) as feed:
            for _ in range(self.KILLS):
                scorer.wait_for_messages(scorer.scores, len(scorer.messages(scorer.scores)) + RATE / 4)
                wait_until(written_since_a_commit, SCORE_S, "a transaction under way")
                scorer.kill()
                scorer.start()
        wanted = {(uid, revision) for uid in feed.sent for revision in (0, 1)}

        def complete():
            found = scorer.written(1)
            return found if {(score["flow_uid"], score["revision"]) for score in found} == wanted else None
        found = wait_until(complete, SCORE_S, lambda: f"{len(wanted)} scores, there are {len(scorer.written(1))}", pause=0.2)
        scorer.stop()
        return (collections.Counter((score["flow_uid"], score["revision"]) for score in found),
                [score for score in found if score["record_kind"] == "final"], len(scorer.messages(scorer.scores, "read_uncommitted")))

    def test_exactly_once(self):
        """Also of what it keeps: each final record has the early one's score."""
        found, finals, written = self.kill_it_again_and_again("exactly_once_v2")
        self.assertEqual(set(found.values()), {1})
        self.assertEqual({score["confirmed"] for score in finals}, {True})
        # The kills hit transactions under way: what they had written was written again, and nobody reads it twice.
        self.assertGreater(written, len(found))

    def test_at_least_once(self):
        found, finals, _ = self.kill_it_again_and_again("at_least_once")
        # A final record that is scored again after a kill may find its early score forgotten; one of its scores has it.
        confirmed = {score["flow_uid"] for score in finals if score["confirmed"]}
        self.assertEqual(confirmed, {score["flow_uid"] for score in finals})
        self.assertGreater(sum(found.values()), len(found))


class Instances(Trained):
    def test_they_share_the_partitions_and_take_over(self):
        scorer = Scorer(self, self.servers, self.model)
        first, second = scorer.start().port, None
        first_process = scorer.running
        scorer.start(state_dir=self.folder / "second")
        second, second_process = scorer.port, scorer.running
        producer = Producer(self.servers, scorer.flows)
        sent = []

        def counted(port):
            scorer.port = port
            return scorer.counted("scored_total")

        def both_score():
            sent.extend(self.records(50))
            producer.send(*sent[-50:])
            return counted(first) and counted(second)
        wait_until(both_score, SCORE_S, "scores of both", pause=0.2)
        # One leaves: the other has all partitions at once, not after the session's time is over.
        scorer.running = first_process
        scorer.stop()
        sent.extend(self.records(200))
        producer.send(*sent[-200:])
        scores = scorer.wait_for_messages(scorer.scores, len(sent), limit=5)
        self.assertEqual({message.key().decode() for message in scores}, {record["flow_uid"] for record in sent})
        scorer.running = second_process
        scorer.stop()


class Away(Trained):
    """A registry that doesn't answer is no reason to take a message for damaged."""

    def behind(self, answer, **settings):
        """A scorer whose registry answers so about records' schemas; of scores it is served."""
        real = Scorer(self, self.servers, self.model).start()
        scores_id = registered(self.servers, f"{real.scores}-value")["id"]
        real.stop()
        ok = answers(200, f'{{"id": {scores_id}}}')
        registry = FaultyRegistry(lambda request: (ok if "/subjects/" in request.path else answer)(request))
        registry.__enter__()
        self.addCleanup(registry.__exit__)
        real.settings.update({"registry.url": registry.url, **{name.replace("_", "."): value for name, value in settings.items()}})
        return real, registry

    def test_it_waits_for_the_registry(self):
        tries = []

        def answer(request):
            tries.append(request.path)
            if len(tries) <= 3:
                return answers(503, "busy")(request)
            return answers(200, self.schema_text)(request)
        scorer, _ = self.behind(answer)
        producer = Producer(self.servers, scorer.flows)
        self.schema_text = json.dumps({"schema": registered(self.servers, f"{scorer.flows}-value")["schema"]})
        scorer.start()
        records = self.records(3)
        producer.send(*records)
        self.assertEqual({score["flow_uid"] for score in scorer.written(3)}, {record["flow_uid"] for record in records})
        self.assertGreaterEqual(len(tries), 4)
        self.assertEqual(scorer.counted("dead_letters_total"), 0)

    def test_a_schema_that_it_hears_of_later(self):
        """What it doesn't know is a dead letter; but not for ever."""
        known = threading.Event()

        def answer(request):
            (answers(200, self.schema_text) if known.is_set() else answers(404, "{}"))(request)
        scorer, _ = self.behind(answer)
        producer = Producer(self.servers, scorer.flows)
        self.schema_text = json.dumps({"schema": registered(self.servers, f"{scorer.flows}-value")["schema"]})
        scorer.start()
        producer.send(*self.records(1))
        self.assertEqual(dict(scorer.wait_for_messages(scorer.dead, 1)[0].headers())["error_reason"], b"unknown_schema")
        known.set()

        def scores():
            producer.send(*self.records(1))
            return scorer.counted("scored_total")
        wait_until(scores, SCORE_S, "a score", pause=0.5)

    def test_it_ends_where_the_registry_stays_away_and_goes_on_later(self):
        scorer, _ = self.behind(answers(503, "busy"), registry_timeout_seconds=1)
        producer = Producer(self.servers, scorer.flows)
        scorer.start()
        records = self.records(3)
        producer.send(*records)
        scorer.running.process.wait(SCORE_S)
        result = scorer.running.finish()
        self.assertEqual(result.code, 69, result)
        self.assertIn("answered 503", result.lines[-1])
        scorer.settings["registry.url"] = self.servers.registry
        scorer.start()
        self.assertEqual({score["flow_uid"] for score in scorer.written(3)}, {record["flow_uid"] for record in records})
        self.assertEqual(scorer.messages(scorer.dead), [])


if __name__ == "__main__":
    unittest.main()
