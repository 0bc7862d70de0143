"""What columns the records of a schema have: their order, kinds and groups."""
from __future__ import annotations

import re
from typing import Any, Dict, List, Optional, Tuple, Union

# A record as fastavro reads it, a schema as its JSON, and a kind: see kind_of().
Record = Dict[str, Any]
Avro = Any
Kind = Union[str, Tuple[str, Any]]

# Groups of fields that the sensor may leave out, as its reference page lists them. A schema doesn't say the group.
DIRECTION = "(bidirectional|src2dst|dst2src)"
GROUPS = {
    "tunnel": r"tunnel_.*",
    "stats": rf"{DIRECTION}_((min|mean|stddev|max)_(ps|piat_us|piat_ms)|(syn|cwr|ece|urg|ack|psh|rst|fin)_packets)",
    "splt": r"splt_(direction|ps|piat_us|piat_ms)",
    "splt_more": r"splt_(payload_ps|tcp_flags|duplicate)",
    "l7": r"application_.*|requested_server_name|user_agent|content_type|(client|server|dhcp)_fingerprint"
          r"|ja3s?|ja4|hassh(_server)?|ndpi_version",
    "risks": r"ndpi_risks|ndpi_risk_score",
    "tls": r"tls_.*",
    "http": r"http_.*",
    "quic": rf"{DIRECTION}_quic_version",
    "process": r"system_.*",
    "conversation": r"conn_key",
    "udps": r"udps\..*",
}
OF_NDPI = ("l7", "risks", "tls", "http", "quic")  # what nDPI says, or what has a value only under a label of nDPI's
NFSTREAM = "flowsensor.nfstream.Flow"
KINDS = {"int": "integer", "long": "integer", "float": "double", "double": "double", "boolean": "boolean",
         "string": "string", "bytes": "object"}
TIMES = ("timestamp-micros", "timestamp-millis")
# What polars is told for a type. An int is encoded as a long is, and polars would cut it to 32 bits.
PLAIN = {"int": "long", "long": "long", "float": "float", "double": "double", "boolean": "boolean", "string": "string"}


def group_of(name: str) -> Optional[str]:
    """The group of a column, None when it is always there."""
    return next((group for group, pattern in GROUPS.items() if re.fullmatch(pattern, name)), None)


def without_null(avro_type: Avro) -> Avro:
    """The other branch of a union with null; any other type as it is."""
    if isinstance(avro_type, list):
        branches = [branch for branch in avro_type if branch != "null"]
        return branches[0] if len(branches) == 1 else "bytes"
    return avro_type


def kind_of(avro_type: Avro) -> Kind:
    """integer, double, boolean, string, time, object, or ("list", kind of the items)."""
    avro_type = without_null(avro_type)
    if not isinstance(avro_type, dict):
        return KINDS.get(avro_type, "object")
    if avro_type.get("logicalType") in TIMES:
        return "time"
    if avro_type["type"] == "array":
        return ("list", kind_of(avro_type["items"]))
    return kind_of(avro_type["type"])


def is_plain(kind: Kind) -> bool:
    return is_plain(kind[1]) if isinstance(kind, tuple) else kind != "object"


def plain_type(avro_type: Avro) -> Avro:
    """The type for polars, which then reads the same bytes to the same values as fastavro; None where it can't."""
    if isinstance(avro_type, str):
        return PLAIN.get(avro_type)
    if isinstance(avro_type, list):
        other = plain_type(without_null(avro_type)) if len(avro_type) == 2 and "null" in avro_type else None
        return other and [branch if branch == "null" else other for branch in avro_type]
    if avro_type["type"] == "array":
        items = plain_type(avro_type["items"])
        return items and {"type": "array", "items": items}
    if avro_type["type"] == "record":
        fields = plain_fields(avro_type)
        return fields and {"type": "record", "name": avro_type["name"].rpartition(".")[2], "fields": fields}
    logical = avro_type.get("logicalType")
    if logical in TIMES and avro_type["type"] == "long":
        return {"type": "long", "logicalType": logical}
    return plain_type(avro_type["type"]) if logical is None else None


def plain_fields(schema: Avro) -> Optional[List[Dict[str, Avro]]]:
    """The fields of a record with such types, None if one has none."""
    fields = [{"name": field["name"], "type": plain_type(field["type"])} for field in schema["fields"]]
    return fields if all(field["type"] for field in fields) else None


class Layout:
    """The columns of one schema: .kinds (name to kind, in order); .empty_is_null as in NFStream's DataFrame.

    .plain_fields are the fields as polars is told to read them; None if it can't read one of them as fastavro does.
    """

    def __init__(self, schema: Avro) -> None:
        self.name = full_name(schema)
        self.empty_is_null = self.name == NFSTREAM
        self.kinds: Dict[str, Kind] = {}
        self.nested: Dict[str, List[str]] = {}
        for field in schema["fields"]:
            inner = without_null(field["type"])
            if isinstance(inner, dict) and inner["type"] == "record":
                self.nested[field["name"]] = [part["name"] for part in inner["fields"]]
                self.kinds.update((f"{field['name']}.{part['name']}", kind_of(part["type"])) for part in inner["fields"])
            else:
                self.kinds[field["name"]] = kind_of(field["type"])
        self.plain_fields = plain_fields(schema) if all(map(is_plain, self.kinds.values())) else None

    def flat(self, record: Record) -> Record:
        """The record with `udps` flattened to `udps.NAME`, in the columns' order."""
        if not self.nested:
            return record
        flat: Record = {}
        for name, value in record.items():
            if name in self.nested:
                flat.update((f"{name}.{part}", value and value[part]) for part in self.nested[name])
            else:
                flat[name] = value
        return flat


def full_name(schema: Avro) -> str:
    """The schema's name with its namespace."""
    name, namespace = schema["name"], schema.get("namespace")
    return str(name) if "." in name or not namespace else f"{namespace}.{name}"
