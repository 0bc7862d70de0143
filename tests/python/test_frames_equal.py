"""The comparison of DataFrames finds each kind of difference."""
import unittest

import support  # noqa: F401  where the comparison is
import pandas
from frames_equal import assert_frames_equal


class Differences(unittest.TestCase):
    def setUp(self):
        self.theirs = pandas.DataFrame({"id": [0, 1], "src_ip": ["10.0.0.1", "10.0.0.2"], "src2dst_mean_ps": [60.5, 70.0],
                                        "splt_ps": ["[60, -1]", "[70, 80]"], "application_name": ["TLS", "DNS"],
                                        "user_agent": pandas.Series([None, "curl"], dtype="str")})
        self.ours = self.theirs.copy()
        self.ours["splt_ps"] = pandas.Series([[60, -1], [70, 80]], dtype="object")

    def differs(self):
        with self.assertRaises(AssertionError):
            assert_frames_equal(self, self.ours, self.theirs)

    def test_equal(self):
        self.ours.loc[0, "src2dst_mean_ps"] *= 1 + 1e-12
        self.ours["application_name"] = ["Unknown", "DNS.Google"]
        self.assertEqual(assert_frames_equal(self, self.ours, self.theirs), 2 * 4)

    def test_a_value(self):
        for name, value in (("id", 7), ("src_ip", "10.0.0.3"), ("src2dst_mean_ps", 60.5000001), ("src2dst_mean_ps", float("nan"))):
            with self.subTest(name):
                self.setUp()
                self.ours.loc[0, name] = value
                self.differs()

    def test_a_list(self):
        self.ours["splt_ps"] = pandas.Series([[60], [70, 80]], dtype="object")
        self.differs()

    def test_a_type(self):
        self.ours["id"] = self.ours["id"].astype("Int64")
        self.differs()

    def test_columns(self):
        whole = self.ours
        for name in ("id", "splt_ps", "user_agent"):
            self.ours = whole.drop(columns=name)
            self.differs()
        self.ours = whole[whole.columns[::-1]]
        self.differs()

    def test_rows(self):
        whole = self.ours
        self.ours = whole.iloc[:1]
        self.differs()
        self.ours = whole.iloc[::-1].reset_index(drop=True)
        self.differs()


if __name__ == "__main__":
    unittest.main()
