"""What the tests of tables share: statements, records that the sensor made, and the schemas that they are of.

Needs the packages of requirements.txt, the built sensor (FLOWSENSOR, default build/release/sensor/flowsensor), for Flink and Spark Java 17 and
Maven, for Flink also the servers that deploy/local/servers.sh installs.
"""
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import fastavro

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path += [str(REPOSITORY / folder) for folder in ("tests/e2e", "tests/common")]
import maven  # noqa: E402
from harness import BINARY, CAPTURES, SCHEMAS, SHARED, environment  # noqa: E402

PAGE = REPOSITORY / "deploy" / "tables.md"
HERE = Path(__file__).resolve().parent
TOOLS = REPOSITORY / "build" / "release" / "tests" / "bench"
EMBEDDED = sorted(str(path.relative_to(SCHEMAS).with_suffix("")) for path in SCHEMAS.rglob("*.avsc"))
KEY = ("flow_uid", "slice", "revision")
# Of the extra captures those that show what the repository's own lack: many protocols, long names, other times.
MORE = ("instagram.pcap", "1kxun.pcap", "google_ssl.pcap")
JVM = ("java", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xmx1g", "-Dfile.encoding=UTF-8", "-Duser.timezone=UTC")
LIMIT_S = 300
DAMAGED = 65  # EX_DATAERR
COUNTER = ("--set", 'udps.packets=["odd_sizes=ip[3] & 1 = 1"]')
# Every kind of record in which a value is null, or a group off.
RUNS = {"all": ("--set", "meter.active_timeout=2s"), "off": ("--set", "meter.splt_analysis=0", "--set", "meter.statistical_analysis=false")}

# What a schema's author may write: docs with what ends literals, comments and statements, and names that are words of SQL.
BAD = "it's \"it\" `it` \\ \\' \\\\ ${spark.master} ${x} {p:Int8} $$ %s :x ?\n;--\n/* */ '';\tDROP TABLE x; \u00e4\u20ac\U0001f600"
HOSTILE = {
    "type": "record", "name": "Hostile", "namespace": "test", "doc": BAD, "fields": [
        {"name": "order", "type": "long", "doc": BAD},
        {"name": "select", "type": ["null", "string"], "default": None, "doc": "'"},
        {"name": "timestamp", "type": ["null", {"type": "long", "logicalType": "timestamp-micros"}], "default": None, "doc": "\\"},
        {"name": "primary", "type": {"type": "array", "items": "string"}, "doc": "\\'"},
        {"name": "_" + "a" * 120, "type": "boolean", "doc": "''"},
        {"name": "udps", "type": ["null", {"type": "record", "name": "Udps", "doc": BAD, "fields": [
            {"name": "group", "type": ["null", "double"], "default": None, "doc": BAD},
            {"name": "index", "type": ["null", {"type": "array", "items": "long"}], "default": None, "doc": "'"},
            {"name": "table", "type": ["null", "int"], "default": None, "doc": "a\nb"}]}], "default": None, "doc": BAD}]}


def output(*command, ends=(0,)):
    """What a program prints; it must end well, by one of these codes."""
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, env=environment({}), timeout=LIMIT_S, check=False)
    if done.returncode not in ends:
        why = [line for line in done.stderr.splitlines() if "Exception" in line or "rror:" in line]
        raise AssertionError(f"{command[0]}: exit code {done.returncode}: " + "\n".join(why or done.stderr.splitlines()[-5:])[:2000])
    return done.stdout


def statements(dialect, schema):
    return output(BINARY, "schema", "ddl", dialect, "--schema", schema)


def table_of(schema):
    """The table's name."""
    return str(schema).replace("/", "_") if schema in EMBEDDED else Path(schema).stem


def fields_of(schema):
    """The fields of an embedded schema, or of a file."""
    path = SCHEMAS / f"{schema}.avsc" if schema in EMBEDDED else Path(schema)
    return json.loads(path.read_text(encoding="utf-8"))["fields"]


def captures():
    return [CAPTURES / "mix.pcap", CAPTURES / "lossy.pcap", *(path for name in MORE if (path := SHARED / "pcaps" / name).exists())]


def meter(files, path, schema, *words):
    """The container file at that path, with the records of captures, of which some may be damaged."""
    output(BINARY, *files, "-w", path, "--schema", schema, *words, ends=(0, DAMAGED))
    return path


def meter_mix(share, folder, schemas):
    """By schema the container file with the records of that share of the benchmark's mix, whose capture is removed again."""
    capture = Path(output(TOOLS / "bench-generate", "--scale", f"{share:g}", "--directory", folder, "mix").strip())
    try:
        return {schema: meter([capture], folder / f"{table_of(schema)}-mix.avro", schema) for schema in schemas}
    finally:
        capture.unlink()


class Records:
    """A folder with schemas that are no embedded ones, and records of each that there can be, as container files."""

    def __init__(self):
        self.temporary = tempfile.TemporaryDirectory(prefix="flowsensor-tables-")
        self.folder = Path(self.temporary.name)
        self.hostile, self.composed = self.folder / "hostile.avsc", self.folder / "composed.avsc"
        self.hostile.write_text(json.dumps(HOSTILE), encoding="utf-8")
        self.composed.write_text(output(BINARY, "schema", "compose", "--schema", "flow/v2", *COUNTER), encoding="utf-8")
        self.containers = {}  # (schema, run): path

    def schemas(self):
        """All of which there are tables."""
        return [*EMBEDDED, self.hostile, self.composed]

    def container(self, schema, run):
        """The path of the container file with the records of that run."""
        key = (str(schema), run)
        if key not in self.containers:
            more = COUNTER if schema == self.composed else ()
            self.containers[key] = meter(captures(), self.folder / f"{table_of(schema)}-{run}.avro", schema, *RUNS[run], *more)
        return self.containers[key]

    def of(self, schema, run):
        """The records, as fastavro reads them, by their key."""
        return read(self.container(schema, run))

    def close(self):
        self.temporary.cleanup()


def read(container):
    """Records of a container file in the order of their key."""
    with open(container, "rb") as file:
        return sorted(fastavro.reader(file), key=lambda record: [record[name] for name in KEY])


def columns(rows):
    """What is compared column by column, so that a failure is short."""
    return {name: [row[name] for row in rows] for name in rows[0]}


def differences(expected, found):
    """Of rows with equal names what differs, a line for each column."""
    if len(expected) != len(found):
        return [f"{len(expected)} rows expected, {len(found)} found"]
    lines, right, left = [], columns(expected), columns(found)
    if list(right) != list(left):
        return [f"columns {list(right)} expected, {list(left)} found"]
    for name, values in right.items():
        wrong = [(want, got) for want, got in zip(values, left[name], strict=True) if want != got]
        if wrong:
            lines.append(f"{name}: {len(wrong)} differ, such as {wrong[0][0]!r} as {wrong[0][1]!r}")
    return lines


def java(name, program, *words):
    """The command that runs a program of the folder `name`, which is built."""
    jar = maven.built(HERE / name, f"{name}.jar")
    opens = [word for package in ("java.lang", "java.lang.invoke", "java.io", "java.net", "java.nio", "java.util", "java.util.concurrent",
                                  "java.util.concurrent.atomic", "sun.nio.ch", "sun.nio.cs", "sun.security.action", "sun.util.calendar")
             for word in ("--add-opens", f"java.base/{package}=ALL-UNNAMED")]
    return [str(word) for word in (*JVM, *opens, "-cp", f"{jar}:{jar.parent}/lib/*", f"flowsensor.tables.{program}", *words)]


def run_java(name, *words):
    """Runs the program that is named after its folder."""
    output(*java(name, name.capitalize(), *words))


def filled(text, samples):
    """A file of an example with values for its samples, each of which it has."""
    for sample, value in samples.items():
        assert sample in text, sample
        text = text.replace(sample, str(value))
    return text
