"""What score_latency.py computes of its samples. Run: python3 tests/common/unittests.py tests/bench"""
import tempfile
import unittest
from pathlib import Path

import score_latency
from score_latency import Sample


class Summary(unittest.TestCase):
    # The n-th packet's score is there after n ms, of which half is the sensor's, a quarter the scorer's.
    SAMPLES = [Sample(1000.0, 1000.0 + ms / 2e3, 1000.0 + ms * 3 / 4e3, 1000.0 + ms / 1e3) for ms in range(1, 201)]

    def test_each_stage(self):
        found = score_latency.summary(self.SAMPLES)
        self.assertEqual(found["scores"], 200)
        expected = {"packet to record": (50, 99, 100), "record to score": (25, 49.5, 50), "score to reader": (25, 49.5, 50),
                    "packet to reader": (100, 198, 200)}
        for stage, numbers in expected.items():
            for name, number in zip(("p50", "p99", "max"), numbers):
                self.assertAlmostEqual(found["stages"][stage][name], number, places=3, msg=stage)
        shares = dict(found["histogram"])
        for bound, share in ((5, 2.5), (100, 50), (150, 75), (200, 100), (1000, 100)):
            self.assertAlmostEqual(shares[bound], share, delta=0.6, msg=bound)

    def test_quantiles_of_few(self):
        self.assertEqual([score_latency.quantile([3, 1, 2], share) for share in (1, 50, 99)], [1, 2, 3])
        self.assertEqual(score_latency.quantile([7], 50), 7)

    def test_what_is_not_kept(self):
        found = score_latency.summary(self.SAMPLES)
        self.assertEqual([name for name, *_ in score_latency.verdicts("at_least_once", found)], ["at_least_once p50"])
        self.assertEqual(score_latency.verdicts("exactly_once_v2", found), [])


class Traffic(unittest.TestCase):
    def test_each_flow_has_its_packets_at_its_pace(self):
        import dpkt
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "traffic.pcap"
            self.assertEqual(score_latency.write_traffic(path, 100, 0.5), 50 * score_latency.PACKETS)
            flows = {}
            with open(path, "rb") as file:
                for moment, frame in dpkt.pcap.Reader(file):
                    packet = dpkt.ethernet.Ethernet(frame).data
                    flows.setdefault(frozenset(((packet.src, packet.data.sport), (packet.dst, packet.data.dport))), []).append(moment)
        self.assertEqual(len(flows), 50)
        for moments in flows.values():
            self.assertEqual(len(moments), score_latency.PACKETS)
            for sooner, later in zip(moments, moments[1:]):
                self.assertAlmostEqual(float(later - sooner), score_latency.GAP_S, places=5)


if __name__ == "__main__":
    unittest.main()
