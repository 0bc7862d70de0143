"""The comparison of one meter with two: its figures, and the group that limits a program. Run: python3 tests/common/unittests.py tests/bench"""
import os
import subprocess
import unittest
from unittest import mock

import meters


def run(cpu, wall):
    return {"cpu_s": cpu, "wall_s": wall, "errors": "packets: read 1000 = metered 1000 + ignored 0"}


class Figures(unittest.TestCase):
    def test_are_medians_of_each_turn(self):
        turns = [(run(2, 2), run(2.5, 1), 2.5), (run(4, 4), run(4, 4), 8), (run(2, 2), run(2, 1.25), 2)]
        one, two, by_wall, by_cpu, two_sensors = meters.evaluate(turns)
        self.assertEqual((one, two), (500, 800))
        self.assertEqual((by_wall, by_cpu, two_sensors), (1.6, 2, 1.6))

    def test_two_sensors_run_at_once(self):
        with mock.patch.object(meters, "run_measured", side_effect=[run(1, 2), run(1, 4)]):
            self.assertEqual(meters.run_pair(["true"]), 3)

    def test_one_of_two_that_fails_is_told(self):
        with mock.patch("threading.excepthook"), self.assertRaisesRegex(meters.BenchError, "one of two"):
            meters.run_pair(["false"])

    def test_no_rate_without_loss_is_no_ratio(self):
        nothing, some = ({"rate": rate, "is_top": False} for rate in (0, 10))
        with mock.patch("builtins.print"):
            self.assertEqual(meters.print_live("mix", {1: nothing, 2: some}), 0)
            self.assertEqual(meters.print_live("mix", {1: some, 2: some}), 1)


@unittest.skipUnless(os.geteuid() == 0, "control groups need root")
class Group(unittest.TestCase):
    def test_holds_a_program_back(self):
        spin = "import time\nbegan = time.monotonic()\nwhile time.process_time() < 0.2: pass\nprint(time.monotonic() - began)"
        try:
            group = meters.CpuGroup(0.2)
        except OSError as error:
            self.skipTest(f"no control group can be made: {error}")
        with group:
            said = subprocess.check_output(list(map(str, group.command(["python3", "-c", spin]))), text=True)
        # A fifth of a core: about a second, less what the start took of the 0.2 s.
        self.assertGreater(float(said), 0.5)
        self.assertFalse(group.folder.exists())


if __name__ == "__main__":
    unittest.main()
