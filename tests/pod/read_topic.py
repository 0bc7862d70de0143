#!/usr/bin/env python3
"""Reads a topic from its beginning to its end as an administrator over TLS, and prints each record as JSON. The request
is JSON on standard input, see far_servers.py."""
import json
import sys

from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer
from confluent_kafka.serialization import MessageField, SerializationContext

request = json.load(sys.stdin)
consumer = Consumer({"bootstrap.servers": request["kafka"], "security.protocol": "SASL_SSL", "sasl.mechanism": "SCRAM-SHA-512",
                     "sasl.username": "admin", "sasl.password": request["password"], "ssl.ca.location": request["ca"],
                     "group.id": "read_topic", "enable.auto.commit": False})
decode = AvroDeserializer(SchemaRegistryClient({"url": request["registry"], "ssl.ca.location": request["ca"]}))
context = SerializationContext(request["topic"], MessageField.VALUE)
for partition in consumer.list_topics(request["topic"], timeout=30).topics[request["topic"]].partitions:
    place = TopicPartition(request["topic"], partition, 0)
    end = consumer.get_watermark_offsets(place, timeout=30)[1]
    consumer.assign([place])
    while end > 0:
        message = consumer.poll(30)
        if message is None or message.error():
            sys.exit(f"{request['topic']}: {message and message.error()}")
        headers = {name: value and value.decode() for name, value in message.headers() or []}
        found = {"id": int.from_bytes(message.value()[1:5], "big"), "key": message.key().decode(), "headers": headers,
                 "record": decode(message.value(), context)}
        print(json.dumps(found, default=str))
        if message.offset() + 1 >= end:
            break
consumer.close()
