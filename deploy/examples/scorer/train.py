#!/usr/bin/env python3
"""Trains a classifier on captures and writes it as ONNX, with all that the scorer must know in its metadata.

    train.py --labels labels.csv --model model.onnx monday.pcap tuesday.pcap

labels.csv has a column `label`; its other columns are fields of flow/v2 (`capture_file`, `src_ip`, `dst_port`, ...) by whose values a
flow finds its label. Flows without one are left out. What the sensor does to the captures must be what it does live: give the same
configuration by --config. Needs the packages of requirements.txt and of deploy/python[polars].
"""
import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "python"))
import flowsensor
import numpy
import onnx
import polars
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType
from sklearn.ensemble import HistGradientBoostingClassifier

# What is known of a flow after its first packets, and still true when it ends.
FIELDS = ("protocol", "dst_port", "splt_direction", "splt_ps", "splt_piat_us")
SPLT = 10
SEED = 13
# What ONNX Runtime reads, of the versions that the scorer may have.
OPSET = {"": 18, "ai.onnx.ml": 3}


def meter(captures, sensor="flowsensor", options=()):
    """The captures' records as a polars DataFrame."""
    with tempfile.TemporaryDirectory(prefix="flowsensor-train-") as folder:
        path = Path(folder) / "flows.avro"
        subprocess.run([sensor, "-r", *map(str, captures), "-w", str(path), "--schema", "flow/v2", *options], check=True)
        return flowsensor.read(path).to_polars(all_columns=True)


def with_labels(frame, table):
    """The flows that have a label in the table, of which each column but `label` is one of the frame."""
    if "label" not in table.columns:
        raise SystemExit(f"train.py: the table has no column label; it has {', '.join(table.columns)}")
    on = [name for name in table.columns if name != "label"]
    frame = flowsensor.label(frame, table, on=on).drop_nulls("label")
    if frame["label"].n_unique() < 2:
        raise SystemExit(f"train.py: {frame.height} records found a label, of {frame['label'].n_unique()} kinds; a classifier needs two")
    return frame


def train(frame, fields=FIELDS, splt=SPLT, early_packets=()):
    """The model as ONNX and its classifier, of a frame with a column `label`. The same frame gives the same bytes."""
    matrix = flowsensor.features(frame, fields, splt=splt)
    columns = numpy.array(flowsensor.feature_names(fields, splt))
    if empty := columns[numpy.isnan(matrix).all(axis=0)].tolist():
        raise SystemExit(f"train.py: {empty[0]} has no value in any record; leave it out, or switch on what measures it")
    classifier = HistGradientBoostingClassifier(max_iter=50, max_leaf_nodes=15, early_stopping=False, random_state=SEED)
    classifier.fit(matrix, frame["label"].cast(polars.String).to_numpy())
    model = to_onnx(classifier, initial_types=[("features", FloatTensorType([None, matrix.shape[1]]))], target_opset=OPSET,
                    options={"zipmap": False}, name="flowsensor")
    metadata = flowsensor.model_metadata(frame, fields, list(classifier.classes_), splt=splt, early_packets=early_packets)
    onnx.helper.set_model_props(model, metadata)
    return model, classifier


def disagreements(model, classifier, matrix):
    """Rows to which ONNX Runtime gives another label than scikit-learn: it computes in float, not in double."""
    import onnxruntime
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    labels = session.run(["label"], {"features": matrix})[0]
    return int(numpy.sum(labels != classifier.predict(matrix)))


def packet_numbers(text):
    return [int(number) for number in text.split(",") if number]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("captures", nargs="+")
    parser.add_argument("--labels", required=True, help="CSV with a column label, and columns by which flows find it")
    parser.add_argument("--model", required=True, type=Path, help="the file to write")
    parser.add_argument("--config", help="the sensor's configuration")
    parser.add_argument("--sensor", default=os.environ.get("FLOWSENSOR", "flowsensor"), help="the program (default: flowsensor)")
    parser.add_argument("--fields", default=",".join(FIELDS), help="what the model uses (default: %(default)s)")
    parser.add_argument("--splt", type=int, default=SPLT, help="of so many packets (default: %(default)s)")
    parser.add_argument("--early-packets", default=[], type=packet_numbers, help="as meter.early_packets: train on early records too, of so many packets")
    try:
        write_model(parser.parse_args())
    except subprocess.CalledProcessError as error:
        raise SystemExit(error.returncode) from error  # the sensor has told why
    except (OSError, TypeError, ValueError, polars.exceptions.PolarsError) as error:
        raise SystemExit(f"train.py: {error}") from error


def write_model(arguments):
    early = arguments.early_packets
    # The live sensor of this configuration may run on this host, and listen.
    config = ("-c", arguments.config, "--set", "monitoring.listen=127.0.0.1:0") if arguments.config else ()
    options = [*config, "--set", "meter.statistical_analysis=true", "--set", "meter.splt_analysis=20",
               *(("--set", f"meter.early_packets={','.join(map(str, early))}") if early else ())]
    frame = meter(arguments.captures, arguments.sensor, options)
    frame = with_labels(frame, polars.read_csv(arguments.labels))
    fields = arguments.fields.split(",")
    model, classifier = train(frame, fields, arguments.splt, early)
    arguments.model.write_bytes(model.SerializeToString())
    other = disagreements(model, classifier, flowsensor.features(frame, fields, splt=arguments.splt))
    print(f"{arguments.model}: trained on {frame.height} records, classes {', '.join(classifier.classes_)}; "
          f"ONNX Runtime labels {other} of them otherwise than scikit-learn")


if __name__ == "__main__":
    main()
