#!/usr/bin/env python3
"""Gives a user Read on a topic, as kafka-acls.sh would. The request is JSON on standard input, see far_servers.py."""
import json
import sys

from confluent_kafka.admin import AclBinding, AclOperation, AclPermissionType, AdminClient, ResourcePatternType, ResourceType

request = json.load(sys.stdin)
admin = AdminClient({"bootstrap.servers": request["kafka"], "security.protocol": "SASL_SSL", "sasl.mechanism": "SCRAM-SHA-512",
                     "sasl.username": "admin", "sasl.password": request["password"], "ssl.ca.location": request["ca"]})
binding = AclBinding(ResourceType.TOPIC, request["topic"], ResourcePatternType.LITERAL, f"User:{request['user']}", "*",
                     AclOperation.READ, AclPermissionType.ALLOW)
admin.create_acls([binding])[binding].result(30)
