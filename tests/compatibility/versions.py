"""The versions of the records' schemas, and the golden records of each that is released."""
import hashlib
import json
import re
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
SCHEMAS = REPOSITORY / "schemas"
GOLDEN = Path(__file__).resolve().parent / "golden"
RELEASED = SCHEMAS / "released.sha256"


def released():
    """{name: SHA-256 of its text}, as `sha256sum` writes it: "flow/v1"."""
    return {path.removesuffix(".avsc"): digest for digest, path in (line.split() for line in RELEASED.read_text().splitlines())}


def schema_path(name):
    return SCHEMAS / f"{name}.avsc"


def digest(name):
    return hashlib.sha256(schema_path(name).read_bytes()).hexdigest()


def document(name):
    return json.loads(schema_path(name).read_text())


def family(name):
    """The part of the name that all versions of a record share."""
    return name.partition("/")[0]


def number(name):
    return int(re.search(r"v(\d+)$", name)[1])


def golden(name):
    """The container that the sensor of that version's release wrote, and its values as JSON lines."""
    return tuple(GOLDEN / f"{name.replace('/', '-')}.{ending}" for ending in ("avro", "jsonl"))


def shipped():
    """All versions, drafts too: ["flow/v1", "flow/v2", ...]."""
    return sorted(f"{path.parent.name}/{path.stem}" for path in SCHEMAS.glob("*/v*.avsc"))
