"""Reads flowsensor's flow records, from container files and from Kafka, into pandas, polars, Arrow and Parquet.

    flowsensor.read("flows.avro").to_pandas()
    flowsensor.read_topic("flows", bootstrap="kafka:9092", registry="http://registry:8081").to_polars()
    flowsensor.features(frame, ["bidirectional_packets", "splt_ps"])
    flowsensor.project(frame, "cicflowmeter")
    flowsensor.fields_hash(frame, ["bidirectional_packets", "splt_ps"])

The first two give a Flows, which is also an iterator's source: `for flow in flowsensor.read("flows.avro")`.
"""
from .container import read
from .contract import fields_hash, fields_text, model_metadata
from .features import feature_names, features
from .flows import DecodeError, Flows
from .labels import label
from .projections import project, projection_sql
from .topic import read_topic

__all__ = ["DecodeError", "Flows", "feature_names", "features", "fields_hash", "fields_text", "label", "model_metadata", "project",
           "projection_sql", "read", "read_topic"]
__version__ = "0.2.0"
