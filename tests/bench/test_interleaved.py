"""Programs run in turns, and a peer's failure ends nothing. Run: python3 tests/common/unittests.py tests/bench"""
import sys
import unittest
from types import SimpleNamespace
from unittest import mock

import bench

OPTIONS = SimpleNamespace(root=None, pin=None)


def program(name, runs=2, words=("0", "0"), **more):
    """A program that prints two numbers, its packets and flows."""
    command = [sys.executable, "-c", f"print('packets {words[0]} flows {words[1]}')"]
    return bench.Program(name, command, runs, bench.count_floor, **more)


class Interleaved(unittest.TestCase):
    def run_all(self, *listed):
        order = []

        def watched(options, what):
            order.append(what.name)
            return run_program(options, what)

        run_program = bench.run_program
        with mock.patch.object(bench, "run_program", watched), mock.patch.object(sys, "stderr"):
            return (*bench.run_interleaved(OPTIONS, "mix", list(listed)), order)

    def test_one_run_of_each_in_turn(self):
        runs, failed, order = self.run_all(program("floor", 3, ("8", "2")), program("nfstream", 1))
        self.assertEqual(order, ["floor", "nfstream", "floor", "floor"])
        self.assertEqual([run["packets"] for run in runs["floor"]], [8, 8, 8])
        self.assertGreater(runs["floor"][0]["cpu_s"], 0)
        self.assertEqual(failed, {})

    def test_a_peers_failure_is_told(self):
        broken = bench.Program("argus", [sys.executable, "-c", "import sys; sys.exit('no licence')"], 2, bench.count_floor, is_peer=True)
        runs, failed, order = self.run_all(program("floor"), broken)
        self.assertEqual(order, ["floor", "argus", "floor"])
        self.assertNotIn("argus", runs)
        self.assertEqual(failed["argus"], "exit 1: no licence")

    def test_our_own_failure_ends_it(self):
        with self.assertRaises(bench.BenchError):
            self.run_all(bench.Program("flowsensor", ["false"], 1, bench.count_sensor))

    def test_figures(self):
        runs = [{"cpu_s": seconds, "wall_s": 1, "peak_rss": 5 * seconds, "packets": 1000, "flows": 10} for seconds in (3, 1, 2)]
        row = bench.summarize(runs, 1000, 10, 4.0)
        self.assertEqual((row["cpu_s"], row["cpu_s_least"], row["cpu_s_most"], row["ratio"]), (2, 1, 3, 0.5))
        self.assertEqual((round(row["ns_per_packet"]), round(row["us_per_flow"]), row["peak_rss"]), (2_000_000, 200_000, 15))

    def test_another_count_than_the_floors_ends_it(self):
        row = {"packets": 9, "flows": 2}
        result = {"packets": 10, "flows": 2, "programs": {"flowsensor": row, "argus": row}}
        with self.assertRaisesRegex(bench.BenchError, "packets that flowsensor metered: 9, but the floor counts 10"):
            bench.check_counts("mix", result)


if __name__ == "__main__":
    unittest.main()
