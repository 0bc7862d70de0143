"""The search for the highest rate without loss. Run: python3 tests/common/unittests.py tests/bench"""
import unittest

import live


class Link:
    """A sender that can do `top`, and a receiver that loses what is above `capacity`."""

    def __init__(self, top, capacity):
        self.top, self.capacity, self.asked = top, capacity, []

    def try_rate(self, rate):
        self.asked.append(rate)
        achieved = min(rate or self.top, self.top)
        return achieved, max(0.0, 1 - self.capacity / achieved)


class HighestRate(unittest.TestCase):
    def test_no_loss_at_the_top_ends_the_search(self):
        link = Link(600_000, 900_000)
        self.assertEqual(live.highest_rate(link.try_rate), {"rate": 600_000, "top": 600_000, "lost_at_top": 0, "is_top": True})
        self.assertEqual(link.asked, [0])

    def test_is_found_by_halving(self):
        for capacity in (5_000, 50_000, 301_000, 420_000, 590_000):
            link = Link(600_000, capacity)
            found = live.highest_rate(link.try_rate)
            self.assertLessEqual(found["rate"], capacity)
            self.assertGreater(found["rate"], capacity - 0.03 * 600_000 - 1)
            self.assertFalse(found["is_top"])
            self.assertAlmostEqual(found["lost_at_top"], 1 - capacity / 600_000)
            self.assertLess(len(link.asked), 9)

    def test_a_receiver_that_always_loses_has_no_rate(self):
        found = live.highest_rate(lambda rate: (rate or 600_000, 0.5))
        self.assertEqual((found["rate"], found["is_top"]), (0, False))

    def test_only_what_the_sender_achieved_counts(self):
        found = live.highest_rate(lambda rate: (600_000, 0.1) if rate == 0 else (min(rate, 100_000), 0))
        self.assertEqual(found["rate"], 100_000)


class Receivers(unittest.TestCase):
    def test_a_count_that_is_missing_is_said(self):
        read = live.read_number(r"packets (\d+)")
        self.assertEqual(read("packets 17 dropped 3"), 17)
        with self.assertRaisesRegex(LookupError, "no count of packets: killed"):
            read("killed")


if __name__ == "__main__":
    unittest.main()
