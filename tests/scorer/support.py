"""What the tests of the scorer share: captures to learn from, the model, the running program, and what it wrote."""
import atexit
import functools
import io
import json
import random
import sys
import tempfile
import urllib.request
import uuid
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
EXAMPLE = REPOSITORY / "deploy" / "examples" / "scorer"
# Behind this folder, since tests/e2e has modules of the same names.
sys.path += [str(REPOSITORY / folder) for folder in ("tests/e2e", "tests/common", "deploy/python", "deploy/examples/scorer")]
import confluent_kafka  # noqa: E402
import fastavro  # noqa: E402
import frames  # noqa: E402
import maven  # noqa: E402
from confluent_kafka import IsolationLevel  # noqa: E402
from confluent_kafka.admin import OffsetSpec  # noqa: E402
from harness import BINARY, SCHEMAS, Case, wait_until  # noqa: E402
from servers import LocalServers, closed_port  # noqa: E402

SCORE_SCHEMA = EXAMPLE / "schemas" / "flow_score" / "v1.avsc"
FLOW_SCHEMA = SCHEMAS / "flow" / "v2.avsc"
JVM = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xmx256m")
FEATURES = ("--set", "meter.statistical_analysis=true", "--set", "meter.splt_analysis=20")
START_S, SCORE_S = 60, 120
SEED, FLOWS = 13, 150
# Of each kind of traffic the bytes of a packet's payload and the seconds to the next one; they overlap.
TRAFFIC = {"chat": ((20, 400), (0.0, 0.2)), "bulk": ((200, 1400), (0.0, 0.02))}
SERVER_PORT = 9000
EARLY_PACKETS = 10
QUIET = 2  # a client may outlive the servers; it would complain of that


def flows_of(kind):
    """UDP flows of 1 to 25 packets in both directions, each a list of (time, frame); the same each time."""
    dice, flows = random.Random(f"{kind} {SEED}"), []
    sizes, gaps = TRAFFIC[kind]
    for client in range(10000, 10000 + FLOWS):
        time, packets = dice.uniform(0, 20), []
        for place in range(dice.randint(1, 25)):
            payload = bytes(dice.randint(*sizes))
            if place == 0 or dice.random() < 0.5:
                packets.append((time, frames.udp(client, SERVER_PORT, payload)))
            else:
                packets.append((time, frames.udp(SERVER_PORT, client, payload, source=frames.SERVER, destination=frames.CLIENT)))
            time += dice.uniform(*gaps)
        flows.append(packets)
    return flows


def capture(kind):
    """The flows as bytes of a pcap file."""
    return frames.pcap(sorted((packet for flow in flows_of(kind) for packet in flow), key=lambda packet: packet[0]))


def write_captures(folder):
    """A capture of each kind, and the table that names the kinds."""
    paths = []
    for kind in TRAFFIC:
        paths.append(folder / f"{kind}.pcap")
        paths[-1].write_bytes(capture(kind))
    table = folder / "labels.csv"
    table.write_text("capture_file,label\n" + "".join(f"{path},{path.stem}\n" for path in paths))
    return paths, table


def encode(schema, identifier, record):
    """A message in the Confluent wire format."""
    out = io.BytesIO()
    fastavro.schemaless_writer(out, schema, record)
    return b"\0" + identifier.to_bytes(4, "big") + out.getvalue()


def decode(schema, message):
    return fastavro.schemaless_reader(io.BytesIO(message[5:]), schema)


def ends(servers, partitions, isolation):
    """The sum of the topic partitions' last offsets, for a reader of that isolation."""
    wanted = dict.fromkeys(partitions, OffsetSpec.latest())
    return sum(answer.result(30).offset for answer in servers.administrator().list_offsets(wanted, isolation_level=isolation).values())


def messages(servers, name, partitions, isolation):
    """All that is in a topic at present."""
    consumer = confluent_kafka.Consumer({"bootstrap.servers": servers.bootstrap, "group.id": "tests", "enable.auto.commit": False,
                                         "isolation.level": isolation, "enable.partition.eof": True, "log_level": QUIET})
    try:
        consumer.assign([confluent_kafka.TopicPartition(name, number, 0) for number in range(partitions)])
        found, ended = [], set()
        while len(ended) < partitions:
            for message in consumer.consume(10000, 0.05):
                if message.error() is None:
                    found.append(message)
                elif message.error().code() == confluent_kafka.KafkaError._PARTITION_EOF:
                    ended.add(message.partition())
                else:
                    raise AssertionError(str(message.error()))
        return found
    finally:
        consumer.close()


class Scorer:
    """The program under way on topics of its own: .flows, .scores, .dead. `case` ends it."""

    built = staticmethod(functools.partial(maven.built, EXAMPLE, "flow-scorer.jar"))

    def __init__(self, case, servers, model, partitions=3, **settings):
        self.case, self.servers, self.partitions = case, servers, partitions
        stem = f"scorer-{uuid.uuid4().hex[:8]}"
        self.flows, self.scores, self.dead = (servers.topic(f"{stem}-{name}", partitions) for name in ("flows", "scores", "dead"))
        self.settings = {"bootstrap.servers": servers.bootstrap, "registry.url": servers.registry, "model.file": model,
                         "topics": self.flows, "scores.topic": self.scores, "dead.letters.topic": self.dead, "application.id": stem,
                         "state.dir": case.folder / stem, "schema.register": "true", "kafka.session.timeout.ms": 6000,
                         **{name.replace("_", "."): value for name, value in settings.items()}}
        self.running = self.port = None

    def start(self, **settings):
        """Runs it until it scores; `settings` are those of this start alone. Gives it for several instances of one application."""
        self.port = closed_port()
        path = self.case.folder / f"{self.port}.properties"
        path.write_text("".join(f"{name} = {value}\n" for name, value in
                                {**self.settings, "metrics.port": self.port,
                                 **{name.replace("_", "."): value for name, value in settings.items()}}.items()))
        self.running = self.case.start(*JVM, "-jar", self.built(), path, binary="java")
        wait_until(lambda: self.running.said("scoring with") or self.running.process.poll() is not None, START_S, "its start")
        self.case.assertIsNone(self.running.process.poll(), self.running.errors)
        return self

    def stop(self):
        """Ends it as a supervisor does; what it printed."""
        self.running.process.terminate()
        result = self.running.finish()
        self.case.assertEqual(result.code, 0, result)
        return result

    def kill(self):
        self.running.process.kill()
        self.running.process.wait()

    def metrics(self):
        """{name with its labels: number}."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=10) as answer:
            lines = answer.read().decode().splitlines()
        return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))}

    def counted(self, name):
        """The sum over a counter's labels."""
        return sum(value for key, value in self.metrics().items() if key.partition("{")[0] == f"flow_scorer_{name}")

    def waits_for(self, count, name="scored_total"):
        wait_until(lambda: self.counted(name) >= count, SCORE_S, lambda: f"{count} of {name}, there are {self.metrics()}")

    def messages(self, name, isolation="read_committed"):
        return messages(self.servers, name, self.partitions, isolation)

    def has_open_transaction(self, name):
        """Whether a topic holds what is not committed yet. Its ends are asked for instead of its messages: reading those may take longer than
        a transaction lasts."""
        partitions = [confluent_kafka.TopicPartition(name, number) for number in range(self.partitions)]
        written, committed = (ends(self.servers, partitions, level) for level in (IsolationLevel.READ_UNCOMMITTED, IsolationLevel.READ_COMMITTED))
        return written > committed

    def wait_for_messages(self, name, count, limit=SCORE_S):
        """The topic's messages, once there are so many."""
        found = []

        def enough():
            found[:] = self.messages(name)
            return len(found) >= count
        wait_until(enough, limit, lambda: f"{count} messages in {name}, there are {len(found)}", pause=0.1)
        return found

    def written(self, count):
        """The scores as dictionaries, at least so many, with the messages' keys in `key`."""
        schema = fastavro.schema.load_schema(SCORE_SCHEMA)
        return [{"key": message.key().decode(), **decode(schema, message.value())} for message in self.wait_for_messages(self.scores, count)]


class Producer:
    """Sends records of a schema to a topic, as the sensor would: keyed by flow_uid."""

    def __init__(self, servers, topic, path=FLOW_SCHEMA):
        self.topic, self.schema = topic, fastavro.schema.load_schema(path)
        self.identifier = servers.register(f"{topic}-value", path.read_text())
        self.producer = confluent_kafka.Producer({"bootstrap.servers": servers.bootstrap, "linger.ms": 5, "partitioner": "murmur2_random",
                                                  "log_level": QUIET})

    def send(self, *records):
        for record in records:
            self.send_bytes(record["flow_uid"], encode(self.schema, self.identifier, record))
        self.producer.flush(30)

    def send_bytes(self, key, value, **options):
        self.producer.produce(self.topic, value, key, **options)
        self.producer.poll(0)


def registered(servers, subject):
    """The subject's latest schema."""
    with urllib.request.urlopen(f"{servers.registry}/subjects/{subject}/versions/latest", timeout=30) as answer:
        return json.load(answer)


class Trained(Case):
    """Tests with servers, a model of both kinds of traffic, and the records that it was trained on."""

    model = None

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.servers = LocalServers.get()
        if Trained.model is None:
            Trained.train()

    @staticmethod
    def train():
        """Of final records, and of made early ones, which are the same but for what they say of themselves."""
        import polars
        import train
        temporary = tempfile.TemporaryDirectory(prefix="flowsensor-scorer-")
        atexit.register(temporary.cleanup)
        Trained.trained_in = Path(temporary.name)
        captures, table = write_captures(Trained.trained_in)
        Trained.frame = train.with_labels(train.meter(captures, BINARY, FEATURES), polars.read_csv(table))
        early = Trained.frame.filter(polars.col("bidirectional_packets") == EARLY_PACKETS).with_columns(record_kind=polars.lit("early"))
        model, _ = train.train(polars.concat([Trained.frame, early]), early_packets=[EARLY_PACKETS])
        Trained.model = Trained.trained_in / "traffic.onnx"
        Trained.model.write_bytes(model.SerializeToString())

    def records(self, count, **changes):
        """Final records as the sensor makes them, each of a flow of its own."""
        rows = self.frame.drop("label").to_dicts()
        return [{**rows[number % len(rows)], "flow_uid": uuid.uuid4().hex, **changes} for number in range(count)]

    def session(self, model=None):
        """ONNX Runtime's, with one thread."""
        import onnxruntime
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        return onnxruntime.InferenceSession(str(model or self.model), options, providers=["CPUExecutionProvider"])


def early(record, packets=EARLY_PACKETS, revision=0):
    """The early record of a slice whose final one is `record`."""
    return {**record, "record_kind": "early", "bidirectional_packets": packets, "revision": revision}
