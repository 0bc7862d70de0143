"""Verifies runs: what every stranger reads from a run's outputs is what the run's CSV says. Works in processes of its own."""
import collections
import json

import fastavro

import compare
import made
import oracle
import plant_expected
import readers
from coverage import Coverage
from expected import read_csv
from fields import digest
from harness import PARTITIONS, SCHEMAS

CODECS = {"null": "null", "deflate": "deflate"}
HEADERS = {"sensor_id", "boot_id", "output", "seq", "record_kind", "feature_hash", "anon_key_id"}
# Kafka's timestamp is the time of export: within the suite's own run, give or take a clock's step.
CLOCK_STEP_MS = 5000


class Findings:
    """What a process found; sent back to run.py and merged there."""

    def __init__(self):
        self.problems = collections.defaultdict(list)
        self.compared = collections.Counter()
        self.digests = {name: collections.Counter() for name in SCHEMAS}
        self.totals = {name: collections.Counter() for name in SCHEMAS}
        self.coverage = {name: Coverage(schema.names) for name, schema in SCHEMAS.items()}
        self.captures = set()
        self.extremes = collections.Counter()
        self.skipped = []

    def note(self, check, item, lines, count):
        """`count` records were compared in a check; `lines` are what was wrong."""
        self.problems[check] += [f"{item.name} ({item.capture.name}): {line}" for line in lines]
        self.compared[check] += count

    def merge(self, other):
        """Adds another process's findings."""
        for check, lines in other.problems.items():
            self.problems[check] += lines
        self.compared += other.compared
        self.captures |= other.captures
        self.extremes += other.extremes
        self.skipped += other.skipped
        for name in SCHEMAS:
            self.digests[name] += other.digests[name]
            self.totals[name].update(other.totals[name])
            self.coverage[name].merge(other.coverage[name])


class Verifier:
    """Verifies runs one after another; `context` has registry, started_ms, refmeter (a path or None)."""

    def __init__(self, context):
        self.context, self.findings = context, Findings()
        self.deserializer = readers.make_deserializer(context["registry"])
        self.parsed = {name: fastavro.parse_schema(schema.document) for name, schema in SCHEMAS.items()}

    def of_output(self, item, records, output):
        """The CSV's records as they have to be on another output: its name is a field of flow/v1."""
        if item.profile != "native":
            return records
        return compare.replaced(records, item.schema.index("output"), output)

    def same(self, check, item, wanted, found):
        """Compares the records that a reader found."""
        self.findings.note(check, item, compare.differences(item.schema.names, wanted, found), len(found))

    def containers(self, item, records):
        """Both container files, by fastavro and by Avro C."""
        for output, codec in CODECS.items():
            path = item.folder / f"{output}.avro"
            wanted = self.of_output(item, records, output)
            shipped, found_codec, found = readers.container(path, item.schema)
            lines = [] if shipped == item.schema.text else ["the schema in the header is not the shipped text"]
            lines += [] if found_codec == codec else [f"codec {found_codec} instead of {codec}"]
            self.findings.note(f"container files, codec {codec}: header", item, lines, 1)
            self.same(f"container files, codec {codec}: fastavro", item, wanted, found)
            if item.profile == "native" and found:
                self.findings.coverage[item.schema.name].note("output", found[0][item.schema.index("output")])
            self.same(f"container files, codec {codec}: Avro C", item, wanted,
                      list(readers.json_lines(path.with_name(path.name + ".jsonl"), item.schema)))

    def messages(self, item, records, messages):
        """The run's Kafka messages, by three readers."""
        wanted = self.of_output(item, records, "kafka")
        self.same("Kafka: fastavro", item, wanted,
                  readers.bodies_by_fastavro(messages, item.schema, self.parsed[item.schema.name]))
        self.same("Kafka: confluent-kafka's AvroDeserializer through the registry", item, wanted,
                  readers.by_deserializer(messages, item.schema, self.deserializer, item.topic))
        self.same("Kafka: Avro C", item, wanted, list(readers.json_lines(item.folder / "bodies.bin.jsonl", item.schema)))
        for record in wanted:
            self.take(item, record)

    def take(self, item, record):
        """Notes a decoded record for the coverage and for the comparison with Kafka Streams."""
        name = item.schema.name
        self.findings.coverage[name].add(record)
        self.findings.digests[name][digest(record)] += 1
        application = record[item.schema.index("application_name")]
        octets = record[item.schema.index("bidirectional_bytes")]
        if "record_kind" not in item.schema.names or record[item.schema.index("record_kind")] == "final":
            self.findings.totals[name][application if application is not None else "(none)"] += octets
        if octets == 2**63 - 1:
            self.findings.extremes["2^63-1 bytes"] += 1
        server = record[item.schema.index("requested_server_name")] or ""
        self.findings.extremes["64 KiB server name"] += len(server.encode()) >= 65535
        self.findings.extremes["invalid UTF-8, replaced"] += "\ufffd" in server

    def around(self, item, records, messages):
        """Headers, key, partition and timestamp of each message."""
        lines = []
        problem = compare.seq_problem([int(message["headers"].get("seq", b"-1")) for message in messages])
        lines += [problem] if problem else []
        for number, (message, record) in enumerate(zip(messages, records)):
            line = self.message_problem(item, message, dict(zip(item.schema.names, record)))
            if line:
                lines.append(f"message {number}: {line}")
                break
        boots = {message["headers"].get("boot_id") for message in messages}
        hashes = {message["headers"].get("feature_hash") for message in messages}
        if len(boots) > 1 or len(hashes) > 1:
            lines.append(f"{len(boots)} boot_ids and {len(hashes)} feature_hashes in one run")
        self.findings.note("Kafka: headers, gapless seq, key, murmur2 partition, time of export", item, lines, len(messages))

    def message_problem(self, item, message, record):
        """What is wrong around one message; None or a line."""
        headers = {name: value and value.decode() for name, value in message["headers"].items()}
        if set(headers) != HEADERS or message["header_count"] != len(HEADERS):
            return f"headers {sorted(headers)}"
        said = {"output": "kafka", "sensor_id": item.name}
        if item.profile == "native":
            said.update({name: record[name] for name in ("boot_id", "feature_hash", "record_kind", "anon_key_id")})
            said["seq"] = str(record["seq"])
            if message["key"].decode() != record["flow_uid"]:
                return f"key {message['key']!r} instead of {record['flow_uid']}"
        wrong = [name for name, value in said.items() if headers[name] != value]
        if wrong:
            return f"headers {wrong} are not what the record says"
        if message["partition"] != compare.partition_of(message["key"], PARTITIONS):
            return f"key {message['key']!r} is in partition {message['partition']}, where Java would not put it"
        kind, at = message["timestamp"]
        if kind != 1 or not self.context["started_ms"] - CLOCK_STEP_MS <= at <= self.context["fetched_ms"] + CLOCK_STEP_MS:
            return f"timestamp {at} of kind {kind} is not the time of export"
        return None

    def judge(self, item, records):
        """What others computed: the expectation of planted and made flows, NFStream, or refmeter.py."""
        if item.plant:
            wanted = plant_expected.records(item.plant, item.schema, (item.folder / "features.txt").read_bytes())
            self.same("planted extremes: CSV as planted", item, wanted, records)
            lines = [list(found) for found in self.by_json_lines(item)]
            self.same("planted extremes: JSON lines as planted", item, self.of_output(item, wanted, "jsonl"), lines)
        elif item.oracle == "made":
            lines, compared = made.differences(made.draw(), records, item.schema, item.profile)
            self.findings.note("made capture: every core, stats and SPLT field as drawn", item, lines, len(records))
            self.findings.compared["fields of made flows"] += compared
        elif item.oracle:
            self.by_oracle(item)

    def by_json_lines(self, item):
        """Planted records as JSON lines have them: columns of groups that are off are left out, as in CSV."""
        with open(item.folder / "flows.jsonl", encoding="utf-8", newline="\n") as file:
            for line in file:
                yield [json.loads(line).get(name) for name in item.schema.names]

    def by_oracle(self, item):
        """The nfstream profile against NFStream's or refmeter.py's own rows."""
        if item.oracle == "refmeter":
            if self.context["refmeter"] is None:
                return
            result = oracle.by_refmeter(self.context["refmeter"], item)
        else:
            result = oracle.by_nfstream(item)
        if isinstance(result, str):
            self.findings.skipped.append(f"{item.capture.name}: {result}")
            return
        rows, lines = result
        self.findings.note(f"nfstream/v1: as {oracle.NAMES[item.oracle]} computed", item, lines, rows)

    def verify(self, item):
        """One run."""
        records = read_csv(item.folder / "flows.csv", item.schema)
        messages = readers.load(item.folder / "messages")
        if not item.plant:
            self.findings.captures.add(str(item.capture))
        self.findings.compared["runs"] += 1
        self.findings.compared["records"] += len(records)
        self.judge(item, records)
        self.containers(item, records)
        self.messages(item, records, messages)
        self.around(item, records, messages)


def by_avro_c(items):
    """Lets Avro C read what the runs wrote; one process for all of a kind."""
    readers.avro_c(["container", *(item.folder / f"{output}.avro" for item in items for output in CODECS)])
    for name in SCHEMAS:
        of_schema = [item for item in items if item.schema.name == name]
        for item in of_schema:
            readers.write_bodies(item.folder / "bodies.bin", readers.load(item.folder / "messages"))
        if of_schema:
            readers.avro_c(["bodies", SCHEMAS[name].path, *(item.folder / "bodies.bin" for item in of_schema)])


def verify_some(items, context):
    """The work of one process for some runs; their files are removed as it goes."""
    verifier = Verifier(context)
    try:
        by_avro_c(items)
    except readers.ReadError as error:
        verifier.findings.note("every run can be read", items[0], [str(error)], 0)
    for item in items:
        try:
            verifier.verify(item)
        except (readers.ReadError, ValueError, KeyError, OSError, EOFError) as error:
            verifier.findings.note("every run can be read", item, [f"{type(error).__name__}: {error}"], 0)
        for path in item.folder.glob("*.jsonl"):
            path.unlink()
    return verifier.findings
