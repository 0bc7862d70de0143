#!/usr/bin/env python3
"""Makes the golden records of a schema's version, once, at its release; see README.md. Usage: golden.py NAME/vN"""
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import readers
from versions import REPOSITORY, RELEASED, digest, family, golden, schema_path

BINARY = os.environ.get("FLOWSENSOR") or REPOSITORY / "build" / "release" / "sensor" / "flowsensor"
# Small, and with what has null and a value each: VLAN tags, tunnels, labels, names, fingerprints, one-way flows.
CAPTURES = ("dhcp", "gtpu", "qinq", "quic", "idle", "ssh")


def write(name, container):
    """The records of the captures, with ids that are the same on every machine."""
    with tempfile.TemporaryDirectory() as folder:
        key = Path(folder) / "key"
        key.write_text("000102030405060708090a0b0c0d0e0f")
        key.chmod(0o600)
        profile = "nfstream" if family(name) == "nfstream" else "native"
        subprocess.run([BINARY, *(f"tests/captures/{capture}.pcap" for capture in CAPTURES), "-w", container, "--schema", name,
                        "--profile", profile, "--set", "identity.sensor_id=golden", "--set", f"identity.key_file={key}",
                        "--set", "meter.splt_analysis=20", "--set", "meter.statistical_analysis=true",
                        *(("--set", f"identity.conn_key_file={key}") if profile == "native" and name != "flow/v1" else ())],
                       check=True, cwd=REPOSITORY)


def main():
    name = sys.argv[1]
    container, values = golden(name)
    if container.exists():
        sys.exit(f"{container} is there: golden records are never made again, since they show that later readers read what was "
                 "written then")
    write(name, container)
    records = readers.by_fastavro(schema_path(name), container)
    values.write_text("".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records))
    with RELEASED.open("a") as file:
        file.write(f"{digest(name)}  {name}.avsc\n")
    print(f"{name}: {len(records)} records")


if __name__ == "__main__":
    main()
