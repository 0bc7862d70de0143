"""Bodies of Avro records into columns, by polars' reader of containers: many records at a time, and none of them a Python object.

polars reads what it is given and doesn't say what it left over. So each container that is made here has a seal, a value that
nobody else knows, where the bytes of the records must end. If it isn't found there, or polars can't read the bytes, the
caller reads the records one by one, which finds the place of the damage.
"""
from __future__ import annotations

import io
import json
import os
from typing import TYPE_CHECKING, Any, Dict, List, Optional, Sequence

import fastavro

from .layout import Avro, Layout, Record, without_null

if TYPE_CHECKING:
    import polars

SEAL = os.urandom(16)
SEAL_FIELD = "flowsensor.seal"
SEAL_TYPE = {"type": "fixed", "name": "seal", "size": len(SEAL)}


class Columns:
    """Reads records of one writer's schema. .can_read is False where polars can't, or would read otherwise than fastavro."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        fields = layout.plain_fields or []
        sealed = [field["name"] for field in fields if without_null(field["type"]) == "string"]
        self.can_read = bool(sealed)
        if not sealed:
            return
        self._sealed = sealed[0]
        last = {field["name"]: lowest(field["type"]) for field in fields}
        last[self._sealed] = SEAL.hex()
        self._last = encode({"type": "record", "name": "Flow", "fields": fields}, last)
        self._head = header(fields)
        self._head_of_messages = header([*fields, {"name": SEAL_FIELD, "type": SEAL_TYPE}])

    def of_blocks(self, bodies: Sequence[bytes], count: int) -> Optional[polars.DataFrame]:
        """The columns of `count` records in blocks' bodies. None: these are not the bytes of so many records."""
        frame = read(self._head, (*bodies, self._last), count + 1)
        if frame is None or frame[self._sealed][-1] != SEAL.hex():
            return None
        return self._flat(frame.head(count))

    def of_messages(self, bodies: Sequence[bytes]) -> Optional[polars.DataFrame]:
        """The columns of bodies that have a record each. None: one of them hasn't."""
        frame = read(self._head_of_messages, (SEAL.join((*bodies, b"")),), len(bodies))
        if frame is None or frame[SEAL_FIELD].unique().to_list() != [SEAL]:
            return None
        return self._flat(frame.drop(SEAL_FIELD))

    def _flat(self, frame: polars.DataFrame) -> polars.DataFrame:
        """With the nested records' fields as columns of their own."""
        series: List[polars.Series] = []
        for column in frame:
            parts = self._layout.nested.get(column.name)
            series += [column] if parts is None else [column.struct.field(part).alias(f"{column.name}.{part}") for part in parts]
        return type(frame)(series)


def lowest(avro_type: Avro) -> Any:
    """Some value of a type that plain_type() gave."""
    if isinstance(avro_type, list):
        return None
    if isinstance(avro_type, dict) and avro_type["type"] == "record":
        return {field["name"]: lowest(field["type"]) for field in avro_type["fields"]}
    name = avro_type["type"] if isinstance(avro_type, dict) else avro_type
    return {"string": "", "boolean": False, "array": []}.get(name, 0)


def encode(schema: Avro, record: Record) -> bytes:
    out = io.BytesIO()
    fastavro.schemaless_writer(out, fastavro.parse_schema(schema), record)
    return out.getvalue()


def long(number: int) -> bytes:
    """A positive long as Avro encodes it."""
    number, encoded = number << 1, bytearray()
    while number > 127:
        encoded.append(number & 127 | 128)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)


def header(fields: List[Dict[str, Any]]) -> bytes:
    """The header of a container without compression, whose sync marker is SEAL."""
    schema = json.dumps({"type": "record", "name": "Flow", "fields": fields}).encode()
    entry = b"avro.schema"
    return b"Obj\x01" + long(1) + long(len(entry)) + entry + long(len(schema)) + schema + long(0) + SEAL


def read(head: bytes, bodies: Sequence[bytes], count: int) -> Optional[polars.DataFrame]:
    """What polars reads of a container with one block of these bodies; None if it can't."""
    import polars
    block = b"".join((head, long(count), long(sum(map(len, bodies))), *bodies, SEAL))
    try:
        return polars.read_avro(io.BytesIO(block))
    except Exception:
        return None
    except BaseException as error:
        # Rust's way to end where a number in the bytes is absurd: no subclass of Exception, since none should catch it.
        if type(error).__name__ != "PanicException":
            raise
        return None
