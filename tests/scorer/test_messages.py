"""Single messages: early and final records, values at the edges of their types, and what is no record."""
import json
import unittest

from support import EARLY_PACKETS, FLOW_SCHEMA, Producer, Scorer, Trained, early, encode
import fastavro
import numpy
import polars

import flowsensor
import train


# Fields that a flow has, of other types.
NOT_QUITE = [{"name": name, "type": ["null", "string"], "default": None} for name in ("slice", "revision", "record_kind", "sensor_id", "metering_hash")]


class Early(Trained):
    def begin(self, **settings):
        self.scorer = Scorer(self, self.servers, self.model, **settings).start()
        self.producer = Producer(self.servers, self.scorer.flows)

    def opposites(self):
        """Two final records of one flow to which the model gives different labels."""
        rows = self.frame.filter(polars.col("bidirectional_packets") > EARLY_PACKETS)
        chat, bulk = (rows.filter(label=kind).drop("label").to_dicts()[0] for kind in ("chat", "bulk"))
        return chat, {**bulk, "flow_uid": chat["flow_uid"]}

    def test_a_final_record_confirms_the_early_one(self):
        self.begin()
        chat, bulk = self.opposites()
        other = {**chat, "flow_uid": "f" * 32}
        # Two slices of one flow: the first as it was foreseen, the second not; and a flow without an early record.
        self.producer.send(early(chat), {**chat, "revision": 1}, {**early(chat), "slice": 1}, {**bulk, "slice": 1, "revision": 1}, other)
        found = {(score["flow_uid"], score["slice"], score["revision"]): score for score in self.scorer.written(5)}
        uid = chat["flow_uid"]
        at_first, confirmed, denied, alone = (found[key] for key in ((uid, 0, 0), (uid, 0, 1), (uid, 1, 1), ("f" * 32, 0, 0)))
        self.assertEqual((at_first["record_kind"], at_first["label"], at_first["confirmed"]), ("early", "chat", None))
        fields = ("record_kind", "label", "early_label", "early_revision", "confirmed")
        self.assertEqual([confirmed[name] for name in fields], ["final", "chat", "chat", 0, True])
        self.assertEqual(confirmed["early_score"], at_first["score"])
        self.assertEqual([denied[name] for name in fields], ["final", "bulk", "chat", 0, False])
        self.assertEqual([alone[name] for name in fields], ["final", "chat", None, None, None])
        counted = self.scorer.metrics()
        self.assertEqual([counted[f'flow_scorer_confirmed_total{{agrees="{word}"}}'] for word in ("true", "false")], [1, 1])
        # It is forgotten with the final record: another one of the same slice finds none.
        self.producer.send({**chat, "revision": 2})
        last = [score for score in self.scorer.written(6) if score["revision"] == 2]
        self.assertEqual([last[0][name] for name in fields], ["final", "chat", None, None, None])
        self.assertEqual(counted["flow_scorer_early_expired_total"], 0)

    def test_an_early_score_is_given_up_in_time(self):
        self.begin(early_ttl_seconds=2)
        records = self.records(50)
        self.producer.send(*map(early, records))
        self.scorer.waits_for(50, "early_expired_total")
        self.producer.send(*records[:3])
        finals = [score for score in self.scorer.written(53) if score["record_kind"] == "final"]
        self.assertEqual([score["early_label"] for score in finals], [None] * 3)

    def test_records_that_the_model_was_not_trained_on_are_left_out(self):
        self.begin()
        record = self.records(1)[0]
        self.producer.send(early(record, packets=3), {**record, "record_kind": "update"}, record)
        self.producer.send_bytes("key", None)
        self.producer.send_bytes("key", encode(self.producer.schema, self.producer.identifier, record), headers={"verify": b"true"})
        self.producer.producer.flush(30)
        self.scorer.waits_for(4, "skipped_total")
        self.assertEqual(len(self.scorer.written(1)), 1)
        counted = self.scorer.metrics()
        self.assertEqual({name: value for name, value in counted.items() if "skipped" in name},
                         {f'flow_scorer_skipped_total{{reason="{reason}"}}': 1 for reason in ("packets", "kind", "no_value", "verify")})


class Edges(Trained):
    """Values that are hard to convert, of a model that uses fields of every type."""

    NAMES = ["bidirectional_bytes", "splt_piat_us", "bidirectional_stddev_ps", "application_is_guessed", "icmp_type", "splt_direction", "src_port"]

    def edges(self):
        """Records with the largest and least numbers, those that two roundings move, nulls, and lists of all lengths."""
        numbers = (0, -1, 2**24 + 1, 2**53 + 1, 2**60 + 2**36 + 1, 2**60 + 3 * 2**36 - 1, 2**63 - 1, -2**63)
        reals = (0.0, -0.0, 1e-320, 1e-45, 7e-46, 3.4028235677973366e38, 1e300, -1e300, 0.1, 16777217.0, None)
        lists = (None, [], [5], [2**40 + 1] * 4, [2**63 - 1] * 5, [7] * 300)
        made = []
        for place, record in enumerate(self.records(len(numbers) * len(reals))):
            number, real = numbers[place % len(numbers)], reals[place % len(reals)]
            made.append({**record, "bidirectional_bytes": number, "bidirectional_stddev_ps": real, "splt_piat_us": lists[place % len(lists)],
                         "icmp_type": (None, 255, 2**31 - 1)[place % 3], "application_is_guessed": (None, True, False)[place // 3 % 3]})
        return made

    def test_the_same_bits(self):
        frame = self.frame.with_columns(application_is_guessed=True, icmp_type=polars.col("src_port") % 7)
        model, _ = train.train(frame, self.NAMES, splt=5)
        path, file = self.folder / "edges.onnx", self.folder / "features.txt"
        path.write_bytes(model.SerializeToString())
        scorer = Scorer(self, self.servers, path, features_file=file).start()
        records = self.edges()
        Producer(self.servers, scorer.flows).send(*records)
        scores = {score["flow_uid"]: score["score"] for score in scorer.written(len(records))}
        scorer.stop()
        with numpy.errstate(over="ignore"):  # 1e300 is no float
            matrix = flowsensor.features(records, self.NAMES, splt=5)
        rows = {line.split()[0]: bytes.fromhex(line.split()[3]) for line in file.read_text().splitlines()}
        for record, row in zip(records, matrix):
            self.assertEqual(rows[record["flow_uid"]].hex(), row.astype(">f4").tobytes().hex(), record)
        found = self.session(path).run(None, {"features": matrix})[1].max(axis=1)
        numpy.testing.assert_array_equal(found.astype(float), [scores[record["flow_uid"]] for record in records])

    def test_user_defined_fields(self):
        """Of the nested record, also where it is null."""
        schema = json.loads(FLOW_SCHEMA.read_text())
        schema["fields"].append({"name": "udps", "default": None, "doc": "x", "type": ["null", {
            "type": "record", "name": "Udps", "fields": [{"name": "dns", "type": ["null", "long"], "default": None, "doc": "x"}]}]})
        text = self.write("udps.avsc", json.dumps(schema))
        model, _ = train.train(self.frame.with_columns(polars.lit(1).alias("udps.dns")), ["udps.dns", "protocol"])
        path, file = self.folder / "udps.onnx", self.folder / "features.txt"
        path.write_bytes(model.SerializeToString())
        scorer = Scorer(self, self.servers, path, features_file=file).start()
        values = ({"dns": 7}, {"dns": None}, None)
        records = [{**record, "udps": value} for record, value in zip(self.records(3), values)]
        Producer(self.servers, scorer.flows, text).send(*records)
        scorer.written(3)
        scorer.stop()
        rows = {line.split()[0]: line.split()[3] for line in file.read_text().splitlines()}
        self.assertEqual([rows[record["flow_uid"]] for record in records], ["40e0000041880000", "7fc0000041880000", "7fc0000041880000"])


class Damaged(Trained):
    def test_what_is_no_record_goes_to_the_dead_letters(self):
        scorer = Scorer(self, self.servers, self.model).start()
        producer = Producer(self.servers, scorer.flows)
        record = self.records(1)[0]
        good = encode(producer.schema, producer.identifier, record)
        prefix = good[:5]
        longest = b"\xff\xff\xff\xff\x0f"  # 2,147,483,647: -1 zigzag would be negative, this is the largest int
        damaged = {
            b"": "framing", b"\0\0\0": "framing", b"\1" + good[1:]: "framing", b"{}": "framing",
            b"\0\x7f\xff\xff\xff" + good[5:]: "unknown_schema",
            good[:-1]: "body", good + b"\0": "body", prefix: "body", prefix + b"\xff" * 50: "body",
            # A text of 2 GiB, of a negative length, and of one that is said only.
            prefix + b"\xfe" + longest[1:]: "body", prefix + b"\x01": "body", prefix + b"\x80\x80\x08": "body",
        }
        for number, message in enumerate(damaged):
            producer.send_bytes(f"key{number}", message, headers={"boot_id": b"b"})
        producer.send(record)
        self.assertEqual([score["flow_uid"] for score in scorer.written(1)], [record["flow_uid"]])
        letters = scorer.wait_for_messages(scorer.dead, len(damaged))
        self.assertEqual({letter.value(): dict(letter.headers())["error_reason"].decode() for letter in letters}, damaged)
        at = {message.value(): message for message in scorer.messages(scorer.flows)}
        for letter in letters:
            headers, sent = dict(letter.headers()), at[letter.value()]
            self.assertEqual([headers[name].decode() for name in ("source_topic", "source_partition", "source_offset", "boot_id")],
                             [scorer.flows, str(sent.partition()), str(sent.offset()), "b"])
            self.assertEqual(letter.key(), sent.key())
            self.assertTrue(headers["error_message"])
        counted = scorer.metrics()
        self.assertEqual({reason: counted[f'flow_scorer_dead_letters_total{{reason="{reason}"}}'] for reason in set(damaged.values())},
                         {reason: list(damaged.values()).count(reason) for reason in set(damaged.values())})

    def test_records_of_other_schemas_are_refused(self):
        """Such as lack a field of the model, or are no flows, or only look so; they are counted and go nowhere."""
        slim = json.loads(FLOW_SCHEMA.read_text())
        slim["fields"] = [field for field in slim["fields"] if field["name"] != "splt_ps"]
        others = {"other": ("string", {"flow_uid": "x"}), "nameless": (["null", "string"], {"flow_uid": None})}
        scorer = Scorer(self, self.servers, self.model).start()
        producer = Producer(self.servers, scorer.flows, self.write("slim.avsc", json.dumps(slim)))
        producer.send(*self.records(2))
        for name, (kind, record) in others.items():
            schema = {"type": "record", "name": name, "fields": [{"name": "flow_uid", "type": kind}, *NOT_QUITE]}
            identifier = self.servers.register(f"{scorer.flows}-{name}", json.dumps(schema))
            producer.send_bytes("key", encode(fastavro.parse_schema(schema), identifier, record))
        producer.producer.flush(30)
        scorer.waits_for(4, "refused_total")
        counted = scorer.metrics()
        self.assertEqual([counted[f'flow_scorer_refused_total{{reason="{reason}"}}'] for reason in ("no_field", "no_flow")], [2, 2])
        said = [line for line in scorer.stop().lines if "doesn't fit" in line]
        self.assertTrue(said and all("it has no field splt_ps" in line for line in said), said)
        self.assertEqual(scorer.messages(scorer.scores) + scorer.messages(scorer.dead), [])


if __name__ == "__main__":
    unittest.main()
