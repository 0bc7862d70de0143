"""What the package cicflowmeter of PyPI makes of captures, by a Python that has it: python cicflowmeter_rows.py CAPTURE... prints a line of JSON for
each, its rows.

Its own command ends flows by the clock of its host, once in a second, also when it reads a file; so here its session takes the packets
without that. The rest is as its command does it: the filter, the session's calls, their order.
"""
import csv
import json
import multiprocessing
import sys
import tempfile
from pathlib import Path

from cicflowmeter.flow_session import FlowSession
from scapy.sendrecv import sniff

AT_ONCE = 2
FILTER = "ip and (tcp or udp)"


def rows(capture):
    with tempfile.TemporaryDirectory(prefix="cicflowmeter-") as folder:
        made = Path(folder) / "flows.csv"
        session = FlowSession(output_mode="csv", output=str(made))
        sniff(offline=capture, filter=FILTER, prn=session.process, store=False)
        session.flush_flows()
        with made.open() as file:
            return list(csv.DictReader(file))


if __name__ == "__main__":
    with multiprocessing.Pool(AT_ONCE) as pool:
        for found in pool.imap(rows, sys.argv[1:]):
            print(json.dumps(found), flush=True)
