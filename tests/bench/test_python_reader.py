"""What python_reader.py computes of its runs. Run: python3 tests/common/unittests.py tests/bench"""
import unittest

import python_reader
from python_reader import Row


class Medians(unittest.TestCase):
    def test_of_time_and_memory_each(self):
        runs = [{"rows": 7, "seconds": seconds, "peak_rss": peak} for seconds, peak in ((1.0, 30), (3.0, 10), (2.0, 20))]
        self.assertEqual(python_reader.median("file", runs), Row("file", 7, 2.0, 20))

    def test_runs_that_differ_are_no_measurement(self):
        with self.assertRaisesRegex(RuntimeError, "file: runs give .6, 7. rows"):
            python_reader.median("file", [{"rows": rows, "seconds": 1.0, "peak_rss": 1} for rows in (6, 7)])


class Verdicts(unittest.TestCase):
    ROWS = [Row("file, record by record (0.1)", 1000, 1.0, 9e9), Row("file, to_polars()", 1_000_000, 10.0, 2.0e9),
            Row("file, to_pandas()", 1_000_000, 20.0, 2.6e9), Row("topic, to_polars()", 1000, 0.02, 1e9),
            Row("capture to pandas, flowsensor", 1000, 1.0, 1e9), Row("capture to pandas, NFStream", 1000, 9.0, 1e9)]

    def test_each_limit(self):
        found = {name: (value, kept) for name, value, _, kept in python_reader.judge(self.ROWS)}
        self.assertEqual(found, {"rows/s from a file": (100_000, True), "bytes for 1 M flows": (2.6e9, False),
                                 "rows/s from a topic": (50_000, False), "NFStream's time / ours": (9.0, True)})

    def test_parts_that_were_not_measured_have_none(self):
        self.assertEqual([name for name, *_ in python_reader.judge(self.ROWS[3:4])], ["rows/s from a topic"])
        few = [row._replace(rows=1000) for row in self.ROWS[:3]]
        self.assertEqual([name for name, *_ in python_reader.judge(few)], ["rows/s from a file"])


if __name__ == "__main__":
    unittest.main()
