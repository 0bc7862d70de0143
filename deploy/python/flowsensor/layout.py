"""What columns the records of a schema have: their order, kinds and groups."""
import re

# Groups of fields that the sensor may leave out, as its reference page lists them. A schema doesn't say the group.
DIRECTION = "(bidirectional|src2dst|dst2src)"
GROUPS = {
    "tunnel": r"tunnel_.*",
    "stats": rf"{DIRECTION}_((min|mean|stddev|max)_(ps|piat_us|piat_ms)|(syn|cwr|ece|urg|ack|psh|rst|fin)_packets)",
    "splt": r"splt_.*",
    "l7": r"application_.*|requested_server_name|user_agent|content_type|(client|server|dhcp)_fingerprint"
          r"|ja3s?|ja4|hassh(_server)?|ndpi_version",
    "process": r"system_.*",
    "conversation": r"conn_key",
    "udps": r"udps\..*",
}
NFSTREAM = "flowsensor.nfstream.Flow"
KINDS = {"int": "integer", "long": "integer", "float": "double", "double": "double", "boolean": "boolean",
         "string": "string", "bytes": "object"}


def group_of(name):
    """The group of a column, None when it is always there."""
    return next((group for group, pattern in GROUPS.items() if re.fullmatch(pattern, name)), None)


def without_null(avro_type):
    """The other branch of a union with null; any other type as it is."""
    if isinstance(avro_type, list):
        branches = [branch for branch in avro_type if branch != "null"]
        return branches[0] if len(branches) == 1 else "bytes"
    return avro_type


def kind_of(avro_type):
    """integer, double, boolean, string, time, object, or ("list", kind of the items)."""
    avro_type = without_null(avro_type)
    if not isinstance(avro_type, dict):
        return KINDS.get(avro_type, "object")
    if avro_type.get("logicalType") in ("timestamp-micros", "timestamp-millis"):
        return "time"
    if avro_type["type"] == "array":
        return ("list", kind_of(avro_type["items"]))
    return kind_of(avro_type["type"])


class Layout:
    """The columns of one schema: .kinds (name to kind, in order); .empty_is_null as in NFStream's DataFrame."""

    def __init__(self, schema):
        self.name = full_name(schema)
        self.empty_is_null = self.name == NFSTREAM
        self.kinds, self.nested = {}, {}
        for field in schema["fields"]:
            inner = without_null(field["type"])
            if isinstance(inner, dict) and inner["type"] == "record":
                self.nested[field["name"]] = [part["name"] for part in inner["fields"]]
                self.kinds.update((f"{field['name']}.{part['name']}", kind_of(part["type"])) for part in inner["fields"])
            else:
                self.kinds[field["name"]] = kind_of(field["type"])

    def flat(self, record):
        """The record with `udps` flattened to `udps.NAME`, in the columns' order."""
        if not self.nested:
            return record
        flat = {}
        for name, value in record.items():
            if name in self.nested:
                flat.update((f"{name}.{part}", value and value[part]) for part in self.nested[name])
            else:
                flat[name] = value
        return flat


def full_name(schema):
    """The schema's name with its namespace."""
    name, namespace = schema["name"], schema.get("namespace")
    return name if "." in name or not namespace else f"{namespace}.{name}"
