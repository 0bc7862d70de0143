"""Reads the files that a run wrote, for tests of any encoding and compression."""
import csv
import gzip
import io
import json
import subprocess

import fastavro


def read_avro(path):
    with open(path, "rb") as stream:
        return list(fastavro.reader(stream))


def read_csv(path):
    return list(csv.DictReader(io.StringIO(path.read_text())))


def read_jsonl(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def gunzip(path):
    return gzip.decompress(path.read_bytes())


def unzstd(path):
    return subprocess.run(["zstd", "-dcq", path], check=True, stdout=subprocess.PIPE).stdout
