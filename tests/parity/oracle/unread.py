"""Why a record has no value of nDPI's though the packets have one, and how often that is allowed (unread.txt)."""
from collections import Counter
from pathlib import Path

from . import certificate, directions, judged
from .assigned import Slice
from .packets import TCP

DISSECTED_PACKETS = 20  # meter.n_dissections
SEQUENCES = 2**32
TLS_LABELS = {"TLS", "DTLS", "QUIC", "SMTPS", "IMAPS", "POPS"}
HTTP_LABELS = {"HTTP", "HTTP_Proxy", "HTTP_Connect"}
# What a flow without loss may lack too.
OF_MADE = ("nDPI ends with the first slice", "nDPI ends with a CONNECT", "nDPI can't read this certificate")
OF_CERTIFICATES = ("tls_issuer", "tls_subject", "tls_not_before", "tls_not_after")


def reason(part, name):
    """The first one that fits."""
    record, labels, group = part.record, set(part.record["application_name"].split(".")), name.split("_")[0]
    packets = [*part.before, *part.packets]
    if not is_known(record, packets[:part.cut], group, name):
        return "nDPI ends with the first slice"
    if not is_known(record, packets[:DISSECTED_PACKETS], group, name):
        return "behind the packets that nDPI reads"
    if "guessed_label" in record["quality_flags"]:
        return "the label is a guess"
    if not labels & (TLS_LABELS if group == "tls" else HTTP_LABELS):
        return "nDPI has another label"
    if "HTTP_Connect" in labels:
        return "nDPI ends with a CONNECT"
    if name in OF_CERTIFICATES and not certificate.has_short_years(judged.tls.Seen(packets).certificate):
        return "nDPI can't read this certificate"
    if not in_order(packets):
        return "lost, late or repeated segments"
    if "QUIC" in labels or "DTLS" in labels:
        return f"nDPI can't read this {'QUIC' if 'QUIC' in labels else 'DTLS'}"
    return "nDPI ended before"


def is_known(record, packets, group, name):
    value = judged.DISSECTED[group].fields(Slice(record, packets, []))[name]
    return None not in value if isinstance(value, set) else value is not None


def in_order(packets):
    """Whether each segment of the first ones, captured whole, begins where its direction's last one ended."""
    for name in directions.ONE_WAY:
        sent = [packet for packet in directions.of(packets[:DISSECTED_PACKETS], name) if packet.protocol == TCP and packet.p]
        if any((later.seq - earlier.seq - earlier.p) % SEQUENCES for earlier, later in zip(sent, sent[1:])) or any(len(one.payload) < one.p for one in sent):
            return False
    return True


def allowed():
    """{(field, reason): how many records of all captures}."""
    lines = (Path(__file__).resolve().parents[1] / "unread.txt").read_text(encoding="utf-8").splitlines()
    rows = (line.split(maxsplit=2) for line in lines if line and not line.startswith("#"))
    return Counter({(name.rstrip(":"), why): int(count) for count, name, why in rows})
