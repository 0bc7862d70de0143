"""For each corrected column a made flow that shows the tool's fault: its number, and what the column's name says."""
import math
import statistics
import struct
import unittest

from support import Metered, close, tool_rows
import frames
from frames import CLIENT, SERVER

import flowsensor
from flowsensor.projection_tables import CORRECTED, PROJECTIONS
from oracle.packets import ACK, PSH, URG

PORT = 80
ALL_BUT_ACK = 0xEF  # with ACK it would be the answer to a SYN, whose sender is the flow's destination
HEADERS = 54
LONG, SPARSE, PADDED = 40000, 40001, 40002  # the flows, by their client's port


def segment(client_port, forward, flags, size, window, options=b"", padding=0):
    ports = (client_port, PORT) if forward else (PORT, client_port)
    head = struct.pack("!HHIIBBHHH", *ports, 1, 1, (20 + len(options)) // 4 << 4, flags, window, 0, 0)
    ends = (CLIENT, SERVER) if forward else (SERVER, CLIENT)
    return frames.ethernet(frames.ipv4(*ends, 6, head + options + bytes(size)), reverse=not forward) + bytes(padding)


# Seconds, whether forward, flags, bytes of payload, window. Four packets in a row are a bulk; 1.5 s without one begin a subflow, 6.5 s are idle.
PACKETS = (
    (0.0, True, ALL_BUT_ACK, 100, 1000), (0.0001, True, ACK | PSH | URG, 200, 1000), (0.0002, True, ACK, 300, 1000), (0.0004, True, ACK, 400, 1000),
    (0.001, False, ACK | PSH | URG, 500, 2000), (0.0011, False, ACK, 500, 2000), (0.0012, False, ACK, 500, 2000), (0.0015, False, ACK, 500, 3000),
    (1.5015, True, ACK, 0, 1000), (8.0015, True, ACK, 0, 1000), (8.0025, False, ACK, 0, 4000))
# Two periods of 1 s and 2 s, 6 s and 8 s between them; windows that open late; TCP headers of 32 bytes.
FEW = ((0.0, True, ACK, 10, 0), (1.0, False, ACK, 20, 0), (7.0, True, ACK, 30, 500), (9.0, False, ACK, 40, 600), (17.0, True, ACK, 50, 500))
SIZES = [size for *_, size, _ in PACKETS]
FORWARD = [size + HEADERS for _, forward, _, size, _ in PACKETS if forward]
BACKWARD = [size + HEADERS for _, forward, _, size, _ in PACKETS if not forward]
FORWARD_TIMES = [time for time, forward, *_ in PACKETS if forward]
SECONDS = 8.0025


def gaps(times):
    return [later - earlier for earlier, later in zip(times, times[1:])]


def capture():
    made = [(time, segment(LONG, *packet)) for time, *packet in PACKETS]
    made += [(time, segment(SPARSE, *packet, options=b"\x01" * 12)) for time, *packet in FEW]
    made += [(place / 10, segment(PADDED, place < 4, ACK, 0, 1000, padding=6)) for place in range(8)]
    return frames.pcap(sorted(made, key=lambda one: one[0]))


# What the name says, by the packets above, and what the tool writes.
JAVA = {
    "Fwd PSH Flags": (2, 1), "Bwd PSH Flags": (1, 0), "Fwd URG Flags": (2, 1), "Bwd URG Flags": (1, 0),
    "Packet Length Mean": (3000 / 11, 3100 / 12), "Packet Length Std": (math.sqrt(530000 / 11), math.sqrt(statistics.variance([100, *SIZES]))),
    "Packet Length Variance": (530000 / 11, statistics.variance([100, *SIZES])), "Down/Up Ratio": (5 / 6, 0), "Average Packet Size": (3000 / 11, 3100 / 11),
    "Fwd Bytes/Bulk Avg": (1000, 0), "Fwd Packet/Bulk Avg": (4, 0), "Fwd Bulk Rate Avg": (2_500_000, 0),
    "Bwd Bytes/Bulk Avg": (2000, 3000), "Bwd Packet/Bulk Avg": (4, 8), "Bwd Bulk Rate Avg": (4_000_000, 2_000_000),
    "Bwd Init Win Bytes": (2000, 4000), "Fwd Act Data Pkts": (4, 3)}
DISPERSION = sum(abs(1e6 * time / k - 1e6 * gap) for k, (time, gap) in enumerate(zip((time for time, *_ in PACKETS), [0, *gaps([time for time, *_ in PACKETS])]), 1)) / 10
NETTISA = {
    "NTS_STDEV": (statistics.pstdev(SIZES), math.sqrt(1_300_000 / 11 - 272 ** 2)),
    "NTS_KURTOSIS": (11 * sum((size - 3000 / 11) ** 4 for size in SIZES) / sum((size - 3000 / 11) ** 2 for size in SIZES) ** 2, None),
    "NTS_MEAN_DIFFTIMES": (800_250, 727_500), "NTS_MIN_DIFFTIMES": (100, 0),
    "NTS_TIME_DISTRIBUTION": (DISPERSION / (6_500_000 - 100), DISPERSION / 6_500_000)}
# The package of PyPI is asked itself, so here is only what the names say.
PYTHON = {
    LONG: {
        "flow_byts_s": 3594 / SECONDS, "flow_pkts_s": 11 / SECONDS, "fwd_pkts_s": 6 / SECONDS, "tot_fwd_pkts": 6, "totlen_fwd_pkts": 1324,
        "fwd_pkt_len_mean": 1324 / 6, "fwd_pkt_len_std": statistics.pstdev(FORWARD), "pkt_len_mean": 3594 / 11, "pkt_size_avg": 3594 / 11,
        "pkt_len_std": statistics.pstdev(SIZES), "pkt_len_var": statistics.pvariance(SIZES), "fwd_seg_size_avg": 1324 / 6,
        "fwd_header_len": 120, "fwd_act_data_pkts": 4,
        "flow_iat_min": 1e-4, "flow_iat_mean": SECONDS / 10, "flow_iat_std": statistics.pstdev(gaps([time for time, *_ in PACKETS])),
        "fwd_iat_min": 1e-4, "fwd_iat_mean": 8.0015 / 5, "fwd_iat_std": statistics.pstdev(gaps(FORWARD_TIMES)),
        "fwd_psh_flags": 2, "fwd_urg_flags": 2, "fin_flag_cnt": 1, "syn_flag_cnt": 1, "rst_flag_cnt": 1, "psh_flag_cnt": 3,
        "urg_flag_cnt": 3, "ece_flag_cnt": 1, "cwr_flag_count": 1, "down_up_ratio": 5 / 6,
        "subflow_fwd_pkts": 2.0, "subflow_bwd_pkts": 5 / 3, "subflow_fwd_byts": 1324 / 3, "subflow_bwd_byts": 2270 / 3},
    SPARSE: {
        "ack_flag_cnt": 5, "bwd_iat_tot": 8.0, "bwd_iat_max": 8.0, "bwd_iat_min": 8.0, "bwd_iat_mean": 8.0, "fwd_seg_size_min": 32,
        "init_fwd_win_byts": 0, "init_bwd_win_byts": 0, "active_max": 2.0, "active_min": 1.0, "active_mean": 1.5, "active_std": 0.5,
        "idle_max": 8.0, "idle_min": 6.0, "idle_mean": 7.0, "idle_std": 1.0},
    PADDED: {f"{way}_{name}": 0.0 for way in ("fwd", "bwd") for name in ("byts_b_avg", "pkts_b_avg", "blk_rate_avg")}}


def corrected(name, prefix=""):
    return {column.name for column in PROJECTIONS[name].columns if column.mark == CORRECTED and column.name.startswith(prefix)}


class Faults(Metered):
    def setUp(self):
        super().setUp()
        self.path = self.write("made.pcap", capture())
        self.flows = self.meter([self.path], "meter.tcp_end=false")
        self.assertEqual(sorted(self.flows["src_port"]), [LONG, SPARSE, PADDED])

    def row(self, name, emitted, client_port=LONG):
        made = flowsensor.project(self.flows, name, emitted=emitted)
        return made.row(self.flows["src_port"].to_list().index(client_port), named=True)

    def alike(self, ours, theirs, what):
        self.assertTrue(ours is None if theirs is None else close(ours, theirs), f"{what}: {ours} instead of {theirs}")

    def written(self, name, expected):
        right, emitted = self.row(name, False), self.row(name, True)
        for column, (true, theirs) in expected.items():
            self.assertNotEqual(true, theirs, column)
            self.alike(right[column], true, column)
            self.alike(emitted[column], theirs, f"{column} as emitted")

    def test_cicflowmeter(self):
        """The Java program: packet 1 entered twice, flags of packet 1 alone, every bulk backward, the last window, integers of ratios."""
        self.assertEqual(set(JAVA), corrected("cicflowmeter"))
        self.written("cicflowmeter", JAVA)

    def test_nettisa(self):
        """ipfixprobe: an integer mean under the root, n for n - 1 gaps, a least gap of 0, bytes taken from microseconds."""
        self.assertEqual(set(NETTISA), corrected("cesnet"))
        self.written("cesnet", NETTISA)

    def test_right_in_python(self):
        self.assertEqual({column for columns in PYTHON.values() for column in columns}, corrected("cicflowmeter_python"))
        for client_port, expected in PYTHON.items():
            right = self.row("cicflowmeter_python", False, client_port)
            for column, true in expected.items():
                self.alike(right[column], true, column)

    def test_wrong_in_python(self):
        """The package's own number is another one, and the one that is said to be emitted where the record has it."""
        theirs = tool_rows([self.path])
        if theirs is None:
            self.skipTest("no program: CICFLOWMETER_PYTHON names a Python with tests/projections/requirements.txt")
        rows = {int(row["src_port"]): row for row in theirs[self.path]}
        for client_port, expected in PYTHON.items():
            emitted = self.row("cicflowmeter_python", True, client_port)
            for column, true in expected.items():
                value = float(rows[client_port][column])
                self.assertFalse(close(true, value), f"{column}: no fault, {value}")
                if emitted[column] is not None:
                    self.alike(emitted[column], value, f"{column} as emitted")


if __name__ == "__main__":
    unittest.main()
