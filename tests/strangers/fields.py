"""The fields of a schema, and the one form in which records of all readers are compared.

A record is a list with one Python value per field, in the schema's order: None, bool, int, float, str or a list of int
or str; absolute times are integer microseconds. `exact()` tells 1, 1.0 and True apart, and 0.0 and -0.0.
"""
import datetime
import hashlib
import json
import marshal
from typing import NamedTuple

EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
MICROSECOND = datetime.timedelta(microseconds=1)


class Field(NamedTuple):
    """One field: `kind` is Avro's type without null; `timestamp` whether readers make a date of it."""
    name: str
    kind: str
    nullable: bool
    timestamp: bool


def field_of(declaration):
    """A Field from its declaration in the schema."""
    kind = declaration["type"]
    nullable = isinstance(kind, list)
    if nullable:
        kind = next(branch for branch in kind if branch != "null")
    logical = kind.get("logicalType") if isinstance(kind, dict) else None
    return Field(declaration["name"], kind["type"] if isinstance(kind, dict) else kind, nullable, logical is not None)


class Schema:
    """A shipped schema: .name, .path, .text, .fields, .document."""

    def __init__(self, name, path):
        self.name, self.path = name, path
        self.text = path.read_text(encoding="utf-8")
        self.document = json.loads(self.text)
        self.fields = [field_of(field) for field in self.document["fields"]]
        self.names = [field.name for field in self.fields]
        self.timestamps = [index for index, field in enumerate(self.fields) if field.timestamp]

    def index(self, name):
        """Where the field stands in a record."""
        return self.names.index(name)

    def listed(self, mapping):
        """A record as a list. A field that is missing or that the schema does not have is an error."""
        if len(mapping) != len(self.names):
            raise ValueError(f"fields differ from {self.name}: {sorted(set(mapping) ^ set(self.names))}")
        return [mapping[name] for name in self.names]

    def without_dates(self, record):
        """In place: readers that know logical types give dates; the comparison is of microseconds."""
        for index in self.timestamps:
            value = record[index]
            if isinstance(value, datetime.datetime):
                record[index] = (value - EPOCH) // MICROSECOND
        return record


def exact(record):
    """The form of a record that is compared: types and bits. Version 2 has no references, which would depend on memory."""
    return marshal.dumps(record, 2)


def digest(record):
    """16 bytes for a record: for comparing sets of records without keeping them."""
    return hashlib.blake2b(exact(record), digest_size=16).digest()
