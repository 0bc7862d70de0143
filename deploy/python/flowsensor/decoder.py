"""From the messages of a topic to records, with the schema that is given or those of a registry."""
from __future__ import annotations

import base64
import io
import json
import os
import urllib.error
import urllib.parse
import urllib.request
from typing import Any, Callable, Dict, Iterator, List, Optional, Tuple, Union

import fastavro

from .columns import Columns
from .flows import DecodeError
from .layout import Avro, Layout, Record
from .parts import Part

Registry = Union[str, Callable[[int], str]]
# A schema, as its path or its content.
SchemaSource = Union[str, "os.PathLike[str]", Dict[str, Any]]
CONFLUENT, SINGLE_OBJECT = b"\x00", b"\xc3\x01"
# So many messages are read into columns at once.
CHUNK = 20000


class Schema:
    """A parsed schema, its columns and its fingerprint in single-object encoding."""

    def __init__(self, description: Avro) -> None:
        self.parsed = fastavro.parse_schema(description)
        self.layout = Layout(description)
        self.columns = Columns(self.layout)
        canonical = fastavro.schema.to_parsing_canonical_form(description)
        self.fingerprint = bytes.fromhex(fastavro.schema.fingerprint(canonical, "CRC-64-AVRO"))

    def record(self, message: Any, body: bytes) -> Record:
        data = io.BytesIO(body)
        try:
            record = fastavro.schemaless_reader(data, self.parsed, None)
        except Exception as error:
            raise DecodeError(f"{place_of(message)}: no record of {self.layout.name} ({error})") from error
        if data.tell() != len(body):
            raise DecodeError(f"{place_of(message)}: {len(body) - data.tell()} bytes behind the record of {self.layout.name}")
        assert isinstance(record, dict)
        return record


def place_of(message: Any) -> str:
    return f"topic {message.topic()}, partition {message.partition()}, offset {message.offset()}"


class Decoder:
    """Takes the prefix off, which says the schema."""

    def __init__(self, registry: Optional[Registry], schema: Optional[SchemaSource], framing: str, timeout: float) -> None:
        if isinstance(schema, (str, os.PathLike)):
            with open(schema, encoding="utf-8") as file:
                schema = json.load(file)
        self.given = Schema(schema) if schema is not None else None
        self.framing = framing if self.given else "confluent"
        self.registry, self.timeout = registry, timeout
        self.known: Dict[int, Schema] = {}

    def take_prefix(self, message: Any) -> Tuple[Schema, bytes]:
        """The Schema and the bytes behind the prefix."""
        value = message.value()
        if self.framing == "confluent":
            if value[:1] != CONFLUENT or len(value) < 5:
                raise DecodeError(f"{place_of(message)}: no registry's prefix before the record; give schema= and framing= instead")
            return self.given or self.registered(int.from_bytes(value[1:5], "big")), value[5:]
        assert self.given is not None
        if self.framing == "none":
            return self.given, value
        if value[:2] != SINGLE_OBJECT:
            raise DecodeError(f"{place_of(message)}: no single-object prefix before the record; give registry= or another framing=")
        if value[2:10] != self.given.fingerprint:
            raise DecodeError(f"{place_of(message)}: written with another schema than the {self.given.layout.name} given")
        return self.given, value[10:]

    def registered(self, number: int) -> Schema:
        """The registry's schema of this id, asked for once."""
        if number not in self.known:
            text = self.registry(number) if callable(self.registry) else fetch_schema(str(self.registry), number, self.timeout)
            self.known[number] = Schema(json.loads(text))
        return self.known[number]


class Gathered:
    """Messages of one schema, to be read together. All that come before a damaged one are handed out."""

    def __init__(self, decoder: Decoder, columns: bool) -> None:
        self._decoder, self._columns = decoder, columns
        self._schema: Optional[Schema] = None
        self._messages: List[Any] = []
        self._bodies: List[bytes] = []

    def add(self, messages: List[Any]) -> Iterator[Part]:
        """Takes messages in; gives what was gathered before where the schema changes, or when it is much."""
        for message in messages:
            try:
                schema, body = self._decoder.take_prefix(message)
            except DecodeError:
                yield from self.take()
                raise
            if schema is not self._schema or len(self._bodies) == CHUNK:
                yield from self.take()
                self._schema = schema
            self._messages.append(message)
            self._bodies.append(body)
        if not self._columns:
            yield from self.take()

    def take(self) -> Iterator[Part]:
        """What was gathered."""
        schema, messages, bodies = self._schema, self._messages, self._bodies
        self._messages, self._bodies = [], []
        if schema is None or not bodies:
            return
        if self._columns and schema.columns.can_read:
            schema.record(messages[0], bodies[0])  # finds the wrong schema without a complaint of polars' on standard error
            frame = schema.columns.of_messages(bodies)
            if frame is not None:
                yield schema.layout, frame
                return
        records: List[Record] = []
        for message, body in zip(messages, bodies):
            try:
                records.append(schema.record(message, body))
            except DecodeError:
                yield schema.layout, records
                raise
        yield schema.layout, records


def fetch_schema(registry: str, number: int, timeout: float) -> str:
    """The text of a schema by Confluent's API."""
    parts = urllib.parse.urlsplit(registry)
    place = parts.netloc.rpartition("@")[2]
    url = f"{urllib.parse.urlunsplit(parts._replace(netloc=place)).rstrip('/')}/schemas/ids/{number}"
    request = urllib.request.Request(url, headers={"Accept": "application/vnd.schemaregistry.v1+json, application/json"})
    if parts.username is not None:
        login = f"{urllib.parse.unquote(parts.username)}:{urllib.parse.unquote(parts.password or '')}"
        request.add_header("Authorization", "Basic " + base64.b64encode(login.encode()).decode())
    try:
        with urllib.request.urlopen(request, timeout=timeout) as answer:
            return str(json.load(answer)["schema"])
    except urllib.error.HTTPError as error:
        raise DecodeError(f"registry {place}: schema {number}: HTTP {error.code} {error.reason}") from error
