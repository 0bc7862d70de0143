"""Three independent Avro libraries, each reading a container file as a reader with some schema does."""
import datetime
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import fastavro
from versions import REPOSITORY

sys.path.append(str(REPOSITORY / "tests" / "strangers"))
import streams  # noqa: E402  (its folder comes first)

DUMP = REPOSITORY / "build" / "release" / "tests" / "strangers" / "strangers-avro-dump"
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)


class Refused(Exception):
    """The library doesn't read the file with this schema."""


def lines(path):
    with open(path, encoding="utf-8", newline="\n") as file:
        return [json.loads(line) for line in file]


def plain(value):
    """Of a timestamp its microseconds."""
    return (value - EPOCH) // datetime.timedelta(microseconds=1) if isinstance(value, datetime.datetime) else value


def by_fastavro(schema, container):
    try:
        with open(container, "rb") as file:
            return [{name: plain(value) for name, value in record.items()}
                    for record in fastavro.reader(file, reader_schema=json.loads(Path(schema).read_text()))]
    except fastavro._schema_common.SchemaResolutionError as problem:
        raise Refused(problem) from None


def by_avro_c(schema, container, folder):
    copy = folder / "avro-c.avro"
    shutil.copyfile(container, copy)
    done = subprocess.run([DUMP, "resolved", schema, copy], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Refused(done.stderr.strip())
    return lines(f"{copy}.jsonl")


class Java:
    """Many questions for one start of the machine."""

    def __init__(self):
        self.asked = []

    def ask(self, *words):
        self.asked.append("\t".join(str(word) for word in words))

    def answers(self):
        jar, problem = streams.build()
        if jar is None:
            raise RuntimeError(problem)
        command = ["java", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Dfile.encoding=UTF-8", "-cp", f"{jar.parent}/lib/*",
                   Path(__file__).resolve().parent / "Resolve.java"]
        done = subprocess.run([str(word) for word in command], input="\n".join(self.asked), capture_output=True, text=True, check=False,
                              env={**os.environ, "LC_ALL": "C.UTF-8"})
        if done.returncode != 0:
            raise RuntimeError(done.stderr.strip()[-2000:])
        return dict(zip(self.asked, done.stdout.splitlines(), strict=True))
