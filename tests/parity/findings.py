"""Compares what nDPI found beside the label (risks, TLS, HTTP) with what ndpiReader prints of it; labels.py runs it.

flowsensor runs natively, without the ends that ndpiReader doesn't know (meter.tcp_end). A flow is compared that is one record on both
sides, with as many packets and the same label. All that is compared must be equal.

ndpiReader prints risks by their descriptions (ndpi_risk2str). Here names are found by the header's order of enumerators, descriptions,
scores and names of ciphers by the library's own calls. Two things ndpiReader does by itself: it adds what ndpi_validate_url() says of
the URL that it prints, which the library doesn't enter into the flow's risks (the same call tells it here), and where it writes a CSV
it prints of ALPN neither a name nor commas, but semicolons.
"""
import collections
import ctypes
import json
import re
import subprocess
import tempfile
from datetime import datetime, timezone
from pathlib import Path

import harness
import ndpi_reader

NUMBERS = ("ndpi_risk_score", "tls_version", "tls_cipher", "http_status")
TLS = ("tls_version", "tls_cipher", "tls_not_before", "tls_not_after", "tls_issuer", "tls_subject")
TIMES = ("tls_not_before", "tls_not_after")
TEXTS = ("tls_issuer", "tls_subject")
ALPN = "tls_alpn_offered"
TIMESTAMP = {"type": "long", "logicalType": "timestamp-micros"}
FIELDS = {"src_ip": "string", "dst_ip": "string", "src_port": "int", "dst_port": "int", "protocol": "int", "vlan_id": "int",
          "bidirectional_packets": "long", "end_reason": "string", "application_name": "string",
          "ndpi_risks": ["null", {"type": "array", "items": "string"}], **{name: ["null", "int"] for name in NUMBERS},
          **{name: ["null", TIMESTAMP] for name in TIMES}, **{name: ["null", "string"] for name in (*TEXTS, ALPN)}}
HEADER = Path("/usr/include/ndpi/ndpi_typedefs.h")
LIBRARY = "libndpi.so.4.2"
RISKS = re.compile(r"\[Risk: \*\* (.*?) \*\*\]\[Risk Score: (\d+)\]")
URL = re.compile(r"\[URL: (.*?)\]\[StatusCode: (\d+)\]")
VERSION = re.compile(r"\[(D?TLSv1[^\]]*|SSLv[23]|TLS \([0-9A-F]{4}\))\]")
VALIDITY = re.compile(r"\[Validity: (\S+ \S+) - (\S+ \S+)\]")
# So many of the compared flows have each value, with all captures.
LEAST = {"ndpi_risks": 600, "tls_version": 300, "tls_cipher": 200, "tls_alpn_offered": 100, "tls_issuer": 50, "tls_not_after": 50,
         "http_status": 100}


class Library:
    """The library's own words."""

    def __init__(self):
        self.ndpi = ctypes.CDLL(LIBRARY)
        self.ndpi.ndpi_risk2str.restype = self.ndpi.ndpi_cipher2str.restype = \
            self.ndpi.ndpi_ssl_version2str.restype = ctypes.c_char_p
        text = re.sub(r"/\*.*?\*/", "", HEADER.read_text(encoding="ascii"), flags=re.DOTALL)
        enumerators = re.search(r"NDPI_NO_RISK = 0,(.*?)NDPI_MAX_RISK", text, re.DOTALL)[1]
        self.names = [None, *(name.removeprefix("NDPI_").lower() for name in re.findall(r"\w+", enumerators))]
        self.number = {self.ndpi.ndpi_risk2str(number).decode(): number for number in range(1, len(self.names))}

    def score(self, names):
        mask = sum(1 << self.names.index(name) for name in names)
        shares = (ctypes.c_uint16 * 2)()
        return self.ndpi.ndpi_risk2score(ctypes.c_uint64(mask), ctypes.byref(shares, 0), ctypes.byref(shares, 2)) & 0xffff

    def risk_of_url(self, url):
        return self.names[self.ndpi.ndpi_validate_url(ctypes.create_string_buffer(url.encode(errors="surrogateescape")))]

    def cipher(self, number):
        return self.ndpi.ndpi_cipher2str(number).decode()

    def version(self, number):
        room, unknown = ctypes.create_string_buffer(32), ctypes.c_uint8()
        return self.ndpi.ndpi_ssl_version2str(room, len(room), number, ctypes.byref(unknown)).decode()


class Tally:
    def __init__(self):
        self.flows = self.compared = self.differing = self.by_url = 0
        self.present, self.kinds, self.examples = collections.Counter(), collections.Counter(), []


def write_schema(stream):
    fields = [{"name": name, "type": kind, "doc": name, **({"default": None} if isinstance(kind, list) else {})}
              for name, kind in FIELDS.items()]
    json.dump({"type": "record", "name": "Findings", "namespace": "parity", "doc": "What is compared.", "fields": fields}, stream)
    stream.flush()


def run(binary, capture):
    """flowsensor's rows of a capture; its error, a line, instead."""
    with tempfile.NamedTemporaryFile("w", suffix=".avsc") as schema:
        write_schema(schema)
        done = subprocess.run([str(binary), "--schema", schema.name, "--format", "jsonl", "-w", "-", "-r", str(capture), "--set",
                               "meter.tcp_end=false"], stdin=subprocess.DEVNULL, capture_output=True, timeout=harness.TIME_LIMIT,
                              check=False)
    if done.returncode not in (0, harness.EXIT_DATAERR):
        return done.stderr.decode(errors="replace").strip() or f"flowsensor ended with status {done.returncode}"
    return [json.loads(line) for line in done.stdout.splitlines()]


def microseconds(text):
    return int(datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=timezone.utc).timestamp()) * 1000000


def between(line, tag):
    found = re.search(rf"\[{tag}: (.*?)\](?=\[|$)", line)
    return found[1] if found else None


def said(library, line):
    """What ndpiReader's line has: risks, the risk that it added by the URL, and the values by name."""
    risks, url, version, validity = (pattern.search(line) for pattern in (RISKS, URL, VERSION, VALIDITY))
    names = {library.names[library.number[text]] for text in risks[1].split(" **** ")} if risks else set()
    values = {"tls_version": version[1] if version else None, "tls_cipher": between(line, "Cipher"),
              "tls_issuer": between(line, "Issuer"), "tls_subject": between(line, "Subject"),
              "http_status": int(url[2]) or None if url else None,
              "ndpi_risk_score": int(risks[2]) if risks else 0,
              "tls_not_before": microseconds(validity[1]) if validity else None, "tls_not_after": microseconds(validity[2]) if validity else None}
    return names, library.risk_of_url(url[1]) if url else None, values


def is_not_printed(name, row, line):
    """ndpiReader prints the status with the URL alone, and nothing of DTLS."""
    return name == "http_status" and not URL.search(line) or name in TLS and "DTLS" in row["application_name"].split(".")


def differences(library, row, line, tally):
    """What of a flow differs, as lines."""
    theirs, added, values = said(library, line)
    ours = set(row["ndpi_risks"])
    if values["ndpi_risk_score"] != library.score(theirs):
        yield f"ndpiReader's score {values['ndpi_risk_score']} isn't that of {sorted(theirs)}"
    tally.by_url += added is not None and added not in ours
    theirs -= {added} - ours
    values["ndpi_risk_score"] = library.score(theirs)
    if ours != theirs or len(ours) != len(row["ndpi_risks"]):
        yield f"risks: ours only {sorted(ours - theirs)}, theirs only {sorted(theirs - ours)}"
    tally.present["ndpi_risks"] += bool(theirs)
    for name in (*NUMBERS, *TIMES, *TEXTS):
        value = row[name]
        tally.present[name] += value is not None
        if is_not_printed(name, row, line):
            continue
        if name in ("tls_version", "tls_cipher") and value is not None:
            value = library.version(value) if name == "tls_version" else library.cipher(value)
        elif name in TEXTS and value is not None and values[name] is not None:
            values[name] = values[name].encode(errors="surrogateescape")[:255].decode(errors="replace")
        if value != values[name]:
            yield f"{name}: ours {value}, theirs {values[name]}"
    alpn = row[ALPN]
    tally.present[ALPN] += alpn is not None
    if alpn is not None and f"[{alpn.replace(',', ';')}" not in line:
        yield f"{ALPN}: ours {alpn}, which ndpiReader doesn't print"


def match_flows(library, capture, rows, peers, tally):
    by_key = collections.defaultdict(lambda: ([], []))
    for row in rows:
        key = ndpi_reader.flow_key(row["src_ip"], row["src_port"], row["dst_ip"], row["dst_port"], row["protocol"], row["vlan_id"])
        by_key[key][0].append(row)
    for peer in peers:
        by_key[peer.key][1].append(peer)
    for key, (ours, theirs) in by_key.items():
        tally.flows += len(ours)
        if len(ours) != 1 or len(theirs) != 1:
            continue
        row, peer = ours[0], theirs[0]
        if row["end_reason"] not in ("idle", "end_of_input") or row["bidirectional_packets"] != peer.packets or \
                row["application_name"] != peer.name:
            continue
        tally.compared += 1
        found = list(differences(library, row, peer.line, tally))
        tally.differing += bool(found)
        tally.kinds.update(line.split(":")[0] for line in found)
        tally.examples += [f"{capture}: {key} {peer.name}, {peer.packets} packets, {peer.confidence}: {line}" for line in found]


def shortfalls(tally, has_all):
    """What is wrong, as lines; `has_all`: all captures were read."""
    lines = tally.examples[:100]
    if has_all:
        lines += [f"{tally.present[name]} flows with {name}, {least} needed" for name, least in LEAST.items() if tally.present[name] < least]
    return lines


def print_tally(tally):
    print(f"findings: {tally.compared} of {tally.flows} flows compared, {tally.differing} differ {dict(tally.kinds)}; with "
          f"{', '.join(f'{name} {count}' for name, count in tally.present.items())}; a risk that ndpiReader adds by the URL {tally.by_url}")
