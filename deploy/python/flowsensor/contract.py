"""What a model is bound to: how the values that it was trained on were metered. Who scores refuses records of any other kind."""
from __future__ import annotations

import hashlib
import json
import re
from typing import TYPE_CHECKING, Any, Dict, List, Sequence

from .features import PADDING, feature_names, has_columns, listed
from .layout import DIRECTION, OF_NDPI, group_of

if TYPE_CHECKING:
    from .features import Frame

# Fields with personal data: those that have a class in the schema's `pii`. A frame doesn't say it.
PERSONAL = (r"(src|dst)_(ip|mac|oui)|requested_server_name|user_agent|ja3s?|ja4|hassh(_server)?|(client|server|dhcp)_fingerprint"
            r"|tls_(issuer|subject)|conn_key|capture_file|system_(process_executable|user_id|cgroup)")
EARLY = "early"
PACKETS = "bidirectional_packets"


def fields_text(frame: Frame, names: Sequence[str], *, pii: Sequence[str] = ()) -> str:
    """The canonical text of what decides the values of `names` in the frame's records: lines key=value, in order of the keys.

    names  the columns that a model uses, in any order
    pii    of plugins' fields (udps.NAME) those that have a class of personal data; of all others it is known

    The frame needs the column metering_hash (records of flow/v2 have it), ndpi_version if a name is nDPI's, and anon_key_id if one has
    personal data. ValueError: one of them is absent, or its values differ, since then the records aren't of one kind.
    """
    used = sorted(set(listed(names, "fields_text")))
    metering = only_value(frame, "metering_hash")
    if not re.fullmatch("[0-9a-f]{32}", metering):
        raise ValueError(f"fields_text(): metering_hash is {metering!r}, not 32 hexadecimal digits")
    values = {"fields": ",".join(used), "metering_hash": metering}
    if any(re.fullmatch(PERSONAL, name) or name in pii for name in used):
        values["anon_key_id"] = only_value(frame, "anon_key_id")
    if any(group_of(name) in OF_NDPI for name in used):
        values["ndpi_version"] = only_value(frame, "ndpi_version").partition("-")[0]
    return "".join(f"{key}={value}\n" for key, value in sorted(values.items()))


def fields_hash(frame: Frame, names: Sequence[str], *, pii: Sequence[str] = ()) -> str:
    """The first 128 bits of the SHA-256 of fields_text(), 32 hexadecimal digits: `flowsensor schema features --fields` gives the same."""
    return hashlib.sha256(fields_text(frame, names, pii=pii).encode()).hexdigest()[:32]


def model_metadata(frame: Frame, names: Sequence[str], classes: Sequence[str], *, splt: int = 20, early_packets: Sequence[int] = (),
                   pii: Sequence[str] = ()) -> Dict[str, str]:
    """What a model's file must say (metadata_props of ONNX), so that a scorer makes the same matrix and refuses other records.

    frame          the records that it was trained on; their record_kind says which ones it may score
    names, splt    as they were given to features()
    classes        the classes' names, in the order of the model's probabilities
    early_packets  the sensor's meter.early_packets: early records of other numbers of packets are left out. None given: all are scored
    """
    names = listed(names, "model_metadata")
    kinds = sorted(value if isinstance(value, str) else "" for value in set(values_of(frame, "record_kind")))
    if "" in kinds or not kinds:
        raise ValueError("model_metadata(): no record, or one without record_kind")
    if early_packets:
        check_early_packets(frame, set(early_packets))
    return {
        "flowsensor.contract": "1",
        "flowsensor.fields": json.dumps(list(names)),
        "flowsensor.splt": str(splt),
        "flowsensor.width": str(len(feature_names(names, splt))),
        "flowsensor.padding": str(PADDING),
        "flowsensor.missing": "nan",
        "flowsensor.fields_hash": fields_hash(frame, names, pii=pii),
        "flowsensor.fields_text": fields_text(frame, names, pii=pii),
        "flowsensor.record_kinds": json.dumps(kinds),
        "flowsensor.early_packets": json.dumps(sorted(early_packets)),
        "flowsensor.classes": json.dumps(list(classes)),
    }


def check_early_packets(frame: Frame, wanted: set[int]) -> None:
    pairs = zip(values_of(frame, "record_kind"), values_of(frame, PACKETS))
    if other := sorted({packets for kind, packets in pairs if kind == EARLY} - wanted):
        raise ValueError(f"model_metadata(): early records of {', '.join(map(str, other[:3]))} packets, which early_packets doesn't have")


def only_value(frame: Frame, name: str) -> str:
    """A column's one value; empty where it is missing."""
    values = {value if isinstance(value, str) else "" for value in set(values_of(frame, name))}
    if len(values) != 1:
        shown = [value or "none" for value in sorted(values)[:2]]
        said = f"{len(values)} values of {name}, such as {' and '.join(shown)}" if values else "no record"
        raise ValueError(f"fields_text(): {said}; a model needs records that were metered alike")
    return values.pop()


def values_of(frame: Any, name: str) -> List[Any]:
    """A column's values; as they are, so that what is missing may be None or NaN."""
    if has_columns(frame, "fields_text"):
        if name not in frame.columns:
            raise ValueError(f"fields_text(): no column {name}; records of flow/v2 have it, and frames made with all_columns=True")
        return list(frame[name].to_list())
    if any(name not in record for record in frame):
        raise ValueError(f"fields_text(): no {name} in a record; records of flow/v2 have it")
    return [record[name] for record in frame]
