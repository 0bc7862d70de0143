"""A model of captures scores what the sensor sends: the same features and scores to the last bit, and no other records."""
import hashlib
import json
import os
import subprocess
import sys
import unittest

from support import BINARY, EARLY_PACKETS, EXAMPLE, FEATURES, SCORE_SCHEMA, TRAFFIC, Scorer, Trained, flows_of, registered, write_captures
import numpy

import flowsensor

CONFIG = """
registry = {{ url = "{registry}"; auto_register = true; }};
outputs = ( {{ topic = "{topic}"; schema = "flow/v2"; columns_to_anonymize = [ "all=short_hash" ];
               kafka = [ "bootstrap.servers={bootstrap}", "linger.ms=5" ]; }} );
"""


CONFIRMATION = ("early_label", "early_score", "early_revision", "confirmed")


def bits(values):
    return numpy.asarray(values, dtype=numpy.float32).view(numpy.uint32)


class Sent(Trained):
    def trained_by_the_command(self, *options, records=300):
        """The model's file, as the page makes it."""
        self.captures, table = write_captures(self.folder)
        model = self.folder / "traffic.onnx"
        done = subprocess.run([sys.executable, EXAMPLE / "train.py", "--labels", table, "--model", model, *options, *self.captures],
                              env={**os.environ, "FLOWSENSOR": str(BINARY)}, capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stdout, f"trained on {records} records, classes bulk, chat; ONNX Runtime labels \\d of them otherwise")
        return model

    def send(self, scorer, *options):
        config = self.write("sensor.conf", CONFIG.format(registry=self.servers.registry, bootstrap=self.servers.bootstrap, topic=scorer.flows))
        self.succeeds("-c", config, "-r", *self.captures, *FEATURES, *options)

    def frame_of(self, scorer):
        return flowsensor.read_topic(scorer.flows, self.servers.bootstrap, registry=self.servers.registry).to_polars(all_columns=True)

    def scored(self, model, count, *options):
        """(Scores by flow and revision, the topic's frame, the metrics): the model's, which are those of Python to the last bit."""
        file = self.folder / "features.txt"
        scorer = Scorer(self, self.servers, model, features_file=file).start()
        self.send(scorer, *options)
        scores = {(score["flow_uid"], score["revision"]): score for score in scorer.written(count)}
        counted = scorer.metrics()
        scorer.stop()
        frame = self.frame_of(scorer)
        keys = list(zip(frame["flow_uid"], frame["revision"]))
        self.assertEqual((len(keys), set(keys)), (count, set(scores)))

        said = self.session(model).get_modelmeta().custom_metadata_map
        matrix = flowsensor.features(frame, json.loads(said["flowsensor.fields"]), splt=int(said["flowsensor.splt"]))
        rows = {(uid, int(revision)): bytes.fromhex(row) for uid, _, revision, row in map(str.split, file.read_text().splitlines())}
        self.assertEqual(rows, {key: row.astype(">f4").tobytes() for key, row in zip(keys, matrix)})
        # All rows at once, and one by one.
        session = self.session(model)
        labels, probabilities = map(numpy.concatenate, zip(*(session.run(None, {"features": row[None]}) for row in matrix)))
        numpy.testing.assert_array_equal(bits(probabilities), bits(session.run(None, {"features": matrix})[1]))
        numpy.testing.assert_array_equal(bits([scores[key]["score"] for key in keys]), bits(probabilities.max(axis=1)))
        self.assertEqual([scores[key]["label"] for key in keys], labels.tolist())
        self.assertEqual(set(labels), {"bulk", "chat"})
        self.assertGreater(len(set(probabilities.max(axis=1).tolist())), 20)
        self.assertEqual([name for name in counted if "refused" in name or "skipped" in name or "dead" in name], [])
        self.assertEqual((counted["flow_scorer_latency_seconds_count"], counted["flow_scorer_run_seconds_count"]), (count, count))
        return scores, frame, counted

    def test_bit_for_bit(self):
        """With pseudonyms and another number of meters than in training; nothing is refused."""
        model = self.trained_by_the_command()
        scores, frame, counted = self.scored(model, 300, "--set", "meter.n_meters=2")
        self.assertEqual(counted['flow_scorer_scored_total{kind="final"}'], 300)
        self.assert_scores_say_where_they_are_from(scores, frame, model)

    def test_early_records(self):
        """The sensor's own, which know the first packets only; and the final ones, which confirm them or don't."""
        early = sum(len(flow) >= EARLY_PACKETS for kind in TRAFFIC for flow in flows_of(kind))
        self.assertGreater(early, 100)
        model = self.trained_by_the_command("--early-packets", str(EARLY_PACKETS), records=300 + early)
        scores, frame, counted = self.scored(model, 300 + early, "--set", f"meter.early_packets={EARLY_PACKETS}")
        self.assertEqual([counted[f'flow_scorer_scored_total{{kind="{kind}"}}'] for kind in ("early", "final")], [early, 300])
        for (uid, revision), score in scores.items():
            before = scores[uid, revision - 1] if score["record_kind"] == "final" and revision else None
            expected = [before["label"], before["score"], before["revision"], before["label"] == score["label"]] if before else [None] * 4
            self.assertEqual([score[name] for name in CONFIRMATION], expected)
        self.assertEqual(sum(score["confirmed"] is not None for score in scores.values()), early)
        self.assertEqual(frame.filter(record_kind="early")["bidirectional_packets"].unique().to_list(), [EARLY_PACKETS])

    def assert_scores_say_where_they_are_from(self, scores, frame, model):
        name = f"traffic@{hashlib.sha256(model.read_bytes()).hexdigest()[:12]}"
        fields_hash = self.session(model).get_modelmeta().custom_metadata_map["flowsensor.fields_hash"]
        for flow in frame.iter_rows(named=True):
            score = scores[flow["flow_uid"], 0]
            self.assertEqual([score[field] for field in ("key", "slice", "revision", "record_kind", "sensor_id", "model", "fields_hash", "last_seen", "record_time")],
                             [flow["flow_uid"], flow["slice"], flow["revision"], "final", flow["sensor_id"], name, fields_hash,
                              flow["bidirectional_last_seen"], flow["record_time"]])
            self.assertEqual([score[field] for field in CONFIRMATION], [None] * 4)
            self.assertLess(score["last_seen"], score["scored_at"])

    def test_records_that_are_metered_otherwise_are_refused(self):
        self.captures, _ = write_captures(self.folder)
        scorer = Scorer(self, self.servers, self.model).start()
        self.send(scorer, "--set", "meter.idle_timeout=60s")
        scorer.waits_for(300, "refused_total")
        self.assertEqual(scorer.metrics()['flow_scorer_refused_total{reason="hash"}'], 300)
        self.assertEqual(scorer.counted("scored_total"), 0)
        frame = self.frame_of(scorer)
        refused = flowsensor.fields_hash(frame, json.loads(self.session().get_modelmeta().custom_metadata_map["flowsensor.fields"]))
        # One line for all of them, with the hash by which the other side can be found.
        said = [line for line in scorer.stop().lines if "refused" in line]
        self.assertEqual(len(said), 1, said)
        self.assertIn(f"fields_hash {refused}", said[0])
        self.assertEqual(scorer.messages(scorer.scores), [])

    def test_records_without_metering_hash_are_refused(self):
        self.captures, _ = write_captures(self.folder)
        scorer = Scorer(self, self.servers, self.model).start()
        self.send(scorer, "--schema", "flow/v1")
        scorer.waits_for(300, "refused_total")
        self.assertEqual(scorer.metrics()['flow_scorer_refused_total{reason="no_metering_hash"}'], 300)

    def test_the_schema_of_scores_is_registered_as_it_is_shipped(self):
        scorer = Scorer(self, self.servers, self.model).start()
        found = registered(self.servers, f"{scorer.scores}-value")
        self.assertEqual(json.loads(found["schema"]), json.loads(SCORE_SCHEMA.read_text()))
        scorer.stop()
        # Now that it is there nobody needs to register it; under another name nobody may.
        scorer.start(schema_register="false")
        scorer.stop()


if __name__ == "__main__":
    unittest.main()
