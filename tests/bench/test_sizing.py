"""What sizing.py computes of runs and of ledgers. Run: python3 tests/common/unittests.py tests/bench"""
import unittest

import sizing

SENT = "Actual: 120 packets (9000 bytes) sent in 2.00 seconds\n"
LINES = """flowsensor: packets: read 118 = metered 118 + ignored 0
flowsensor: output t (kafka): made 60 = acknowledged 51 + in flight 2 + dropped 4; 640 bytes encoded; exported 60 = made 60"""


class Ratios(unittest.TestCase):
    def test_runs_are_compared_with_their_neighbours(self):
        # The machine was twice as slow in the second turn.
        found = sizing.ratios([1.3, 2.8, 1.2], [1.0, 2.0, 1.0])
        self.assertEqual({name: round(value, 6) for name, value in found.items()}, {"median": 1.3, "least": 1.2, "most": 1.4})


class LiveCases(unittest.TestCase):
    def test_seconds_are_their_own_or_everyones(self):
        self.assertEqual(sizing.live_case("small:40000:60", 10), ("small", 40000, 60))
        self.assertEqual(sizing.live_case("mix:1000", 10), ("mix", 1000, 10))

    def test_what_is_no_case_is_refused(self):
        for text in ("tiny:1000", "mix", "mix:1000:10:10", "mix:fast"):
            with self.assertRaises(ValueError):
                sizing.live_case(text, 10)

    def test_a_capture_has_a_frame_for_each_that_is_sent(self):
        self.assertEqual(sizing.live_case("small:10000:60", 10).scale, 0.33)
        self.assertEqual(sizing.live_case("small:40000:60", 10).scale, 1)

    def test_nothing_that_is_missing_is_overlooked(self):
        found = sizing.live_result(sizing.live_case("mix:60:2", 10), SENT, LINES)
        self.assertEqual((found["lost"], found["records_lost"], found["residual"]), (2, 9, 3))
        self.assertEqual((found["rate"], found["records"]), (60, 60))

    def test_a_sensor_that_says_nothing_fails(self):
        with self.assertRaisesRegex(RuntimeError, "no ledger"):
            sizing.live_result(sizing.live_case("mix:60", 2), SENT, "killed")


if __name__ == "__main__":
    unittest.main()
