#!/usr/bin/env python3
"""Prints the flow records of a topic. Needs `pip install confluent-kafka[avro,schemaregistry]`; arguments: BOOTSTRAP REGISTRY_URL TOPIC"""
import sys
from confluent_kafka import DeserializingConsumer
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer
bootstrap, registry, topic = sys.argv[1:]
consumer = DeserializingConsumer({"bootstrap.servers": bootstrap, "group.id": "consume.py", "auto.offset.reset": "earliest",
                                  "value.deserializer": AvroDeserializer(SchemaRegistryClient({"url": registry}))})
consumer.subscribe([topic])
while True:
    message = consumer.poll(1.0)
    if message is not None:
        print(message.value())
