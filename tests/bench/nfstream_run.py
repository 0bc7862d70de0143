#!/usr/bin/env python3
"""Meters one capture with NFStream, with the features that the sensor has on beside it, and prints what it counted.

Usage: nfstream_run.py [--keep-open] FILE. Needs nfstream 6.6.0. The flows are iterated over and not written, which favours
NFStream. With --keep-open no flow ends before the capture does.
"""
import json
import sys

KEEP_OPEN = {"idle_timeout": 3600, "active_timeout": 7200}


def main() -> int:
    arguments = sys.argv[1:]
    timeouts = KEEP_OPEN if arguments[:1] == ["--keep-open"] else {}
    if len(arguments) != 1 + bool(timeouts):
        print(__doc__, file=sys.stderr)
        return 64
    try:
        import nfstream
    except ImportError:
        print("nfstream_run.py: nfstream is not installed: pip install nfstream==6.6.0", file=sys.stderr)
        return 69
    streamer = nfstream.NFStreamer(
        source=arguments[-1], statistical_analysis=True, splt_analysis=20, n_dissections=20, n_meters=1, **timeouts
    )
    flows = packets = 0
    for flow in streamer:
        flows += 1
        packets += flow.bidirectional_packets
    print(json.dumps({"nfstream": nfstream.__version__, "flows": flows, "packets": packets}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
