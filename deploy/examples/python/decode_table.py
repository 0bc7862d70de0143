#!/usr/bin/env python3
"""Reads flow records from a Kafka topic through the schema registry, as any consumer would, and prints a table.

Needs `pip install confluent-kafka[avro,schemaregistry]`. Run:
    decode_table.py --bootstrap HOST:PORT --registry URL --topic NAME [--count 20] [--timeout 30]
TLS and a login are librdkafka's and the registry client's own properties; a secret stays in its file:
    --property security.protocol=SASL_SSL --property ssl.ca.location=ca.crt --property sasl.mechanism=SCRAM-SHA-512
    --property sasl.username=NAME --property 'sasl.password=${file:FILE}' --registry-property ssl.ca.location=ca.crt
It starts at the topic's beginning and ends after --count records, after --timeout seconds, or when all there is was read.
Exit code: 0 if it printed at least one record, 1 if the topic had none in time or could not be read.
"""
import argparse
import datetime
import sys
import time
import uuid

from confluent_kafka import Consumer, KafkaError, KafkaException
from confluent_kafka.schema_registry import SchemaRegistryClient, SchemaRegistryError
from confluent_kafka.schema_registry.avro import AvroDeserializer
from confluent_kafka.serialization import MessageField, SerializationContext, SerializationError

PROTOCOLS = {1: "ICMP", 2: "IGMP", 6: "TCP", 17: "UDP", 47: "GRE", 50: "ESP", 58: "ICMPv6", 89: "OSPF", 132: "SCTP"}
RIGHT_ALIGNED = {"packets", "bytes", "duration"}
MAX_WIDTH = 40


def first(record, *names):
    """The first of the named fields that the record has a value for, else None."""
    return next((record[name] for name in names if record.get(name) is not None), None)


def endpoint(record, side):
    """Address and port as text, with brackets around an IPv6 address."""
    address, port = record.get(f"{side}_ip"), record.get(f"{side}_port")
    if address is None:
        return None
    if not port:
        return address
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def duration(record):
    """The flow's length in seconds as text, from whichever unit the schema has."""
    for name, per_second in (("bidirectional_duration_us", 1e6), ("duration_us", 1e6), ("bidirectional_duration_ms", 1e3)):
        value = record.get(name)
        if isinstance(value, datetime.timedelta):
            return f"{value.total_seconds():.3f} s"
        if value is not None:
            return f"{value / per_second:.3f} s"
    return None


def row(record):
    """The record's cells by column; None where the schema has no such field or its value is null."""
    protocol = record.get("protocol")
    return {
        "src": endpoint(record, "src"),
        "dst": endpoint(record, "dst"),
        "proto": PROTOCOLS.get(protocol, protocol),
        "application": record.get("application_name"),
        "server name": record.get("requested_server_name"),
        "packets": record.get("bidirectional_packets"),
        "bytes": record.get("bidirectional_bytes"),
        "duration": duration(record),
        "end_reason": first(record, "end_reason", "flow_end_reason", "expiration_id"),
    }


def cell(value):
    """A value as one line of printable text: names come from the network and may hold anything."""
    if value is None or value == "":
        return "-"
    text = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in str(value))
    return text if len(text) <= MAX_WIDTH else text[:MAX_WIDTH - 1] + "\N{HORIZONTAL ELLIPSIS}"


def print_table(records):
    """Prints the records, with a column only where some record has a value; without records nothing."""
    rows = [{name: cell(value) for name, value in row(record).items()} for record in records]
    names = [name for name in rows[0] if any(r[name] != "-" for r in rows)]
    widths = {name: max(len(name), *(len(r[name]) for r in rows)) for name in names}

    def line(cells):
        parts = (cells[n].rjust(widths[n]) if n in RIGHT_ALIGNED else cells[n].ljust(widths[n]) for n in names)
        return "  ".join(parts).rstrip()

    print(line({name: name for name in names}))
    print("  ".join("-" * widths[name] for name in names))
    for cells in rows:
        print(line(cells))


def client_property(text):
    """NAME=VALUE as a pair; ${file:PATH} is the file's first line."""
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE")
    if value.startswith("${file:") and value.endswith("}"):
        try:
            with open(value[len("${file:"):-1], encoding="utf-8") as file:
                value = file.readline().rstrip("\r\n")
        except OSError as error:
            raise argparse.ArgumentTypeError(f"{name}: {error.filename}: {error.strerror}") from None
    return name, value


def decoded(decode, value, context):
    """The record of a message. What goes wrong on the way to the registry is told by whichever HTTP library its client has."""
    try:
        return decode(value, context)
    except (SerializationError, SchemaRegistryError):
        raise
    except Exception as error:
        raise SerializationError(f"schema registry: {error}") from error


def read_records(args):
    """Up to --count decoded records, from the beginning of the topic."""
    context = SerializationContext(args.topic, MessageField.VALUE)
    decode = AvroDeserializer(SchemaRegistryClient({"url": args.registry, **dict(args.registry_property)}))
    consumer = Consumer({"bootstrap.servers": args.bootstrap, "group.id": f"decode_table-{uuid.uuid4()}",
                         "auto.offset.reset": "earliest", "enable.auto.commit": False, "enable.partition.eof": True,
                         **dict(args.property)})
    records, ended = [], set()
    deadline = time.monotonic() + args.timeout
    partitions = consumer.list_topics(args.topic, timeout=args.timeout).topics[args.topic].partitions
    consumer.subscribe([args.topic])
    try:
        while len(records) < args.count and time.monotonic() < deadline:
            if records and len(ended) == len(partitions):
                break
            message = consumer.poll(0.2)
            if message is None:
                continue
            if message.error() is None:
                ended.discard(message.partition())
                records.append(decoded(decode, message.value(), context))
            elif message.error().code() == KafkaError._PARTITION_EOF:
                ended.add(message.partition())
            else:
                raise KafkaException(message.error())
    finally:
        consumer.close()
    return records


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bootstrap", required=True, help="Kafka's address, HOST:PORT")
    parser.add_argument("--registry", required=True, help="the schema registry's base URL, which may have a path")
    parser.add_argument("--topic", required=True)
    parser.add_argument("--property", type=client_property, action="append", default=[], metavar="NAME=VALUE",
                        help="a property of librdkafka; may be given several times; ${file:PATH} is a file's first line")
    parser.add_argument("--registry-property", type=client_property, action="append", default=[], metavar="NAME=VALUE",
                        help="a property of the registry's client, such as ssl.ca.location or basic.auth.user.info")
    parser.add_argument("--count", type=int, default=20, help="records to print at most")
    parser.add_argument("--timeout", type=float, default=30.0, help="seconds to wait at most")
    args = parser.parse_args()
    try:
        records = read_records(args)
    except (KafkaException, SerializationError, SchemaRegistryError) as error:
        print(f"cannot read topic {args.topic}: {error}", file=sys.stderr)
        return 1
    if not records:
        print(f"no record in topic {args.topic} within {args.timeout:g} s", file=sys.stderr)
        return 1
    print_table(records)
    return 0


if __name__ == "__main__":
    sys.exit(main())
