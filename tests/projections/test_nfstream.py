"""What the projections share with NFStream: its own columns, at the layer whose sizes a column counts."""
import io
import math
import unittest

from support import ENDS, Comparison, Metered, bounds, chosen, only
import nfstream_oracle
import pandas
import polars

import flowsensor
from flowsensor.projection_tables import BACKWARD, BOTH, FLAGS, FORWARD

FRAMES, IP, TRANSPORT, PAYLOAD = range(4)  # NFStream's accounting_mode
WAYS = (("IN", "SRC_TO_DST", "CLIENT", "Fwd", "", FORWARD), ("OUT", "DST_TO_SRC", "SERVER", "Bwd", "_REV", BACKWARD))
GAPS = {"MIN": "min", "MAX": "max", "AVG": "mean", "STDDEV": "stddev"}
LEAST_SHARE = 0.9


def flag_bits(direction):
    return lambda row: sum(1 << bit for bit, flag in enumerate(FLAGS) if row[f"{direction}_{flag}_packets"])


def seen(name):
    return lambda row: int(row[name] > 0)


def times(name, factor):
    return lambda row: factor * row[name]


def netflow():
    """{column: (accounting mode, NFStream's column or what is made of its row)}."""
    made = {"IPV4_SRC_ADDR": (IP, "src_ip"), "IPV4_DST_ADDR": (IP, "dst_ip"), "L4_SRC_PORT": (IP, "src_port"), "L4_DST_PORT": (IP, "dst_port"),
            "PROTOCOL": (IP, "protocol"), "FLOW_START_MILLISECONDS": (IP, f"{BOTH}_first_seen_ms"), "FLOW_END_MILLISECONDS": (IP, f"{BOTH}_last_seen_ms"),
            "FLOW_DURATION_MILLISECONDS": (IP, f"{BOTH}_duration_ms"), "TCP_FLAGS": (IP, flag_bits(BOTH)),
            "MIN_IP_PKT_LEN": (IP, f"{BOTH}_min_ps"), "MAX_IP_PKT_LEN": (IP, f"{BOTH}_max_ps")}
    for way, path, end, _, _, direction in WAYS:
        made |= {f"{way}_PKTS": (IP, f"{direction}_packets"), f"{way}_BYTES": (IP, f"{direction}_bytes"), f"DURATION_{way}": (IP, f"{direction}_duration_ms"),
                 f"{end}_TCP_FLAGS": (IP, flag_bits(direction))}
        made |= {f"{path}_IAT_{name}": (IP, f"{direction}_{theirs}_piat_ms") for name, theirs in GAPS.items()}
    return made


def layers(mode):
    """Those of which nobody knows at which layer they are: at each."""
    return {"SHORTEST_FLOW_PKT": (mode, f"{BOTH}_min_ps"), "LONGEST_FLOW_PKT": (mode, f"{BOTH}_max_ps")}


def cicflowmeter():
    made = {"Src IP": (PAYLOAD, "src_ip"), "Dst IP": (PAYLOAD, "dst_ip"), "Src Port": (PAYLOAD, "src_port"), "Dst Port": (PAYLOAD, "dst_port"),
            "Protocol": (PAYLOAD, "protocol"), "Flow Duration": (PAYLOAD, times(f"{BOTH}_duration_ms", 1000)),
            "Total Fwd Packet": (PAYLOAD, f"{FORWARD}_packets"), "Total Bwd packets": (PAYLOAD, f"{BACKWARD}_packets"),
            "Packet Length Variance": (PAYLOAD, lambda row: row[f"{BOTH}_stddev_ps"] ** 2), "Average Packet Size": (PAYLOAD, f"{BOTH}_mean_ps"),
            "Down/Up Ratio": (PAYLOAD, lambda row: row[f"{BACKWARD}_packets"] / row[f"{FORWARD}_packets"])}
    made |= {f"{flag.upper()} Flag Count": (PAYLOAD, f"{BOTH}_{flag}_packets") for flag in FLAGS}
    made |= {f"Packet Length {name}": (PAYLOAD, f"{BOTH}_{theirs}_ps") for name, theirs in (("Min", "min"), ("Max", "max"), ("Mean", "mean"), ("Std", "stddev"))}
    made |= {f"Flow IAT {name}": (PAYLOAD, times(f"{BOTH}_{theirs}_piat_ms", 1000)) for name, theirs in (("Min", "min"), ("Max", "max"), ("Mean", "mean"), ("Std", "stddev"))}
    for _, _, _, way, _, direction in WAYS:
        made |= {f"Total Length of {way} Packet": (PAYLOAD, f"{direction}_bytes"), f"{way} Segment Size Avg": (PAYLOAD, f"{direction}_mean_ps"),
                 f"{way} PSH Flags": (PAYLOAD, f"{direction}_psh_packets"), f"{way} URG Flags": (PAYLOAD, f"{direction}_urg_packets"),
                 f"{way} IAT Total": (PAYLOAD, times(f"{direction}_duration_ms", 1000))}
        made |= {f"{way} Packet Length {name}": (PAYLOAD, f"{direction}_{theirs}_ps") for name, theirs in (("Min", "min"), ("Max", "max"), ("Mean", "mean"), ("Std", "stddev"))}
        made |= {f"{way} IAT {name}": (PAYLOAD, times(f"{direction}_{theirs}_piat_ms", 1000)) for name, theirs in (("Min", "min"), ("Max", "max"), ("Mean", "mean"), ("Std", "stddev"))}
    return made


def cesnet():
    def more(compute):
        return lambda row: compute(row) if row[f"{BOTH}_packets"] > 1 else None

    made = {"DURATION": (IP, times(f"{BOTH}_duration_ms", 1e-3)), "NTS_MEAN": (PAYLOAD, more(lambda row: row[f"{BOTH}_mean_ps"])),
            "NTS_MIN": (PAYLOAD, more(lambda row: row[f"{BOTH}_min_ps"])), "NTS_MAX": (PAYLOAD, more(lambda row: row[f"{BOTH}_max_ps"])),
            "NTS_STDEV": (PAYLOAD, more(lambda row: row[f"{BOTH}_stddev_ps"] * math.sqrt((row[f"{BOTH}_packets"] - 1) / row[f"{BOTH}_packets"]))),
            "NTS_MEAN_DIFFTIMES": (PAYLOAD, more(times(f"{BOTH}_mean_piat_ms", 1000))), "NTS_MIN_DIFFTIMES": (PAYLOAD, more(times(f"{BOTH}_min_piat_ms", 1000))),
            "NTS_MAX_DIFFTIMES": (PAYLOAD, more(times(f"{BOTH}_max_piat_ms", 1000)))}
    for *_, suffix, direction in WAYS:
        made |= {f"PACKETS{suffix}": (IP, f"{direction}_packets"), f"BYTES{suffix}": (IP, f"{direction}_bytes")}
        made |= {f"FLAG_{flag.upper()}{suffix}": (IP, seen(f"{direction}_{flag}_packets")) for flag in FLAGS}
    return made


def of_milliseconds(column):
    """How far NFStream's times, each floored to a millisecond, are from ours of an exact column, which have microseconds."""
    if column == "DURATION":
        return 1e-3
    if column.startswith("NTS_") and "TIMES" in column or "IAT" in column or column == "Flow Duration":
        return 1500 if column.endswith("Std") else 1000
    return None


class Captures(Metered):
    answers = {}

    def answer(self, mode):
        """NFStream's rows by capture, ends, first millisecond and numbers of packets."""
        if mode not in self.answers:
            options = {"statistical_analysis": True, "accounting_mode": mode}
            nfstream_oracle.ensure(chosen(), [options])
            found = []
            for capture in chosen():
                answer = nfstream_oracle.lookup(capture, options)
                rows = pandas.read_csv(io.BytesIO(answer.csv)).to_dict("records") if answer.flows else []
                found += [{**row, "capture": str(capture)} for row in rows if row["tunnel_id"] == 0]
            self.answers[mode] = only(found, lambda row: self.key(row, row[f"{BOTH}_first_seen_ms"]))
        return self.answers[mode]

    def key(self, row, first):
        return (row["capture"], *(row[end] for end in ENDS), first, row[f"{FORWARD}_packets"], row[f"{BACKWARD}_packets"])

    def compare(self, name, expected, known=(6, 17)):
        """expected: {column: (mode, theirs)}; bounds are the table's, of exact columns those of NFStream's milliseconds."""
        flows = self.chosen_flows().filter(polars.col("protocol").is_in(known))
        ours = flowsensor.project(flows, name).to_dicts()
        first = flows[f"{BOTH}_first_seen"].dt.epoch("us") // 1000
        made, alone = Comparison(), 0
        for flow, row, bound, begin in zip(flows.to_dicts(), ours, bounds(flows, name) or [{}] * len(ours), first):
            key = self.key(flow, begin)
            for column, (mode, theirs) in expected.items():
                other = self.answer(mode).get(key)
                if other is None:
                    alone += 1
                    break
                value = other[theirs] if isinstance(theirs, str) else theirs(other)
                if value is not None or row[column] is not None:
                    made.take(column, row[column], value, key, bound.get(column, of_milliseconds(column)))
        print(f"NFStream and {name}: {len(ours) - alone} of {len(ours)} flows, {made.compared.total()} values of {len(made.compared)} columns")
        self.assertEqual(made.said(), {})
        self.assertEqual(set(made.compared), set(expected))
        self.assertGreaterEqual(len(ours) - alone, LEAST_SHARE * len(ours))

    def test_nf_v3(self):
        self.compare("nf_v3", netflow())

    def test_nf_v3_at_each_layer(self):
        for mode in (FRAMES, IP, TRANSPORT, PAYLOAD):
            with self.subTest(mode=mode):
                self.compare("nf_v3", layers(mode))

    def test_cicflowmeter(self):
        self.compare("cicflowmeter", cicflowmeter())

    def test_cesnet(self):
        self.compare("cesnet", cesnet())


if __name__ == "__main__":
    unittest.main()
