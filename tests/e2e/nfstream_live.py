#!/usr/bin/env python3
"""NFStream on an interface: nfstream_live.py INTERFACE OPTIONS OUTPUT. The options are JSON, the output is NFStream's CSV.
It ends when it has max_nflows flows; what it was killed before is not written."""
import json
import sys

from nfstream import NFStreamer

interface, options, output = sys.argv[1:]
NFStreamer(source=interface, n_meters=1, **json.loads(options)).to_csv(output)
