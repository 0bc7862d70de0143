"""Table and picture say what was measured. Run: python3 tests/common/unittests.py tests/bench"""
import re
import unittest
from xml.etree import ElementTree

import picture
import report

SVG = "{http://www.w3.org/2000/svg}"


def row(cpu_s, packets=1000, flows=100):
    return {"runs": 3, "cpu_s": cpu_s, "cpu_s_least": cpu_s, "cpu_s_most": cpu_s * 1.1, "wall_s": cpu_s, "ns_per_packet": cpu_s * 1e6,
            "us_per_flow": cpu_s * 1e4, "ratio": cpu_s / 2, "peak_rss": 5 << 20, "packets": packets, "flows": flows}


def measured():
    """The two documents that bench.py and live.py write."""
    programs = {"floor": row(2), "flowsensor": row(3), "nfstream": row(40), "softflowd": row(1, flows=103), "nfpcapd": row(4, flows=198),
                "argus": row(5, packets=990)}
    memory = {name: {"start_s": 0.01, "base_rss": 1 << 20, "peak_rss": 2 << 20, "bytes_per_flow": size}
              for name, size in (("flowsensor", 900.4), ("nfstream", 4000), ("softflowd", -3.0))}
    rate = {"rate": 512_345.0, "top": 600_000.0, "lost_at_top": 0.08, "is_top": False}
    best = {"rate": 600_000.0, "top": 600_000.0, "lost_at_top": 0.0, "is_top": True}
    files = {"machine": {"cpu": "Some CPU", "cpus": 2, "kernel": "6.1.0-x", "load_at_start": 0.1}, "scale": 1,
             "versions": {"flowsensor": "0.1.0", "softflowd": "1.1.1", "nfpcapd": "1.7.5", "argus": "5.0.2"},
             "absent": {"pmacctd": "its package | is missing"}, "memory": {"programs": memory, "failed": {"suricata": "memory gone"}},
             "captures": {"mix": {"packets": 1000, "flows": 100, "programs": programs, "failed": {"ndpireader": "exit 1:\nno"}}}}
    live = {"seconds": 3, "turns": 3, "captures": {"mix": {"ring": best, "flowsensor": rate, "nfpcapd": {"failed": "hung"}},
                                                   "small": {"ring": best, "flowsensor": best}}}
    return files, live


class Table(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.text = report.markdown(*measured())

    def cells(self, start):
        found = [line for line in self.text.splitlines() if line.startswith(f"| {start} |")]
        self.assertTrue(found, f"no row {start}")
        return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in found]

    def test_cpu(self):
        self.assertEqual(self.cells("flowsensor")[0],
                         ["flowsensor", "0.1.0", "3,000,000", "30,000", "1.50", "3 to 3.3 s", "100", "5"])

    def test_least_first(self):
        cpu = re.search(r"## CPU: `mix`(.*?)## ", self.text, re.DOTALL)[1]
        self.assertEqual(re.findall(r"^\| (\w+)", cpu, re.MULTILINE)[1:], ["softflowd", "floor", "flowsensor", "nfpcapd", "Argus", "NFStream"])

    def test_other_counts_are_explained(self):
        self.assertEqual(self.cells("nfpcapd")[0][6], "198 (each direction)")
        self.assertEqual(self.cells("Argus")[0][6], "100 (of 990 packets)")

    def test_memory_and_rates(self):
        self.assertIn(["flowsensor", "900", "1", "0.01"], self.cells("flowsensor"))
        self.assertIn(["softflowd", "0", "1", "0.01"], self.cells("softflowd"))
        self.assertIn(["nfpcapd", "a fixed table", "", ""], self.cells("nfpcapd"))
        self.assertIn(["mix", "flowsensor", "512,000", "600,000", "8.0%"], self.cells("mix"))
        self.assertIn(["small", "ring reader", "at least 600,000", "600,000", "none"], self.cells("small"))

    def test_a_little_loss_is_not_none(self):
        losses = [report.loss_cell({"is_top": is_top, "lost_at_top": lost}) for is_top, lost in ((True, 0), (False, 0.00001), (False, 0.001))]
        self.assertEqual(losses, ["none", "under 0.1%", "0.1%"])

    def test_what_is_missing_is_there_with_the_reason(self):
        for name, why in (("pmacctd", "its package / is missing"), ("ndpiReader", "failed (mix): exit 1: no"),
                          ("Suricata", "failed (memory): memory gone"), ("yaf", "package"), ("zeek", "package")):
            self.assertRegex(self.cells(name)[-1][1], f"^absent: .*{re.escape(why)}")

    def test_has_no_date(self):
        self.assertNotRegex(self.text, r"\b20\d\d\b")


class Picture(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.text = report.drawing(*measured())
        cls.svg = ElementTree.fromstring(cls.text)
        cls.words = [element.text for element in cls.svg.iter(f"{SVG}text")]

    def test_says_every_panel_and_value(self):
        for words in ("CPU per packet, mix", "Memory per open flow", "Live without loss, mix", "3,000,000 ns", "900 B", "512,000", "≥ 600,000"):
            self.assertIn(words, self.words)

    def test_is_as_high_as_what_is_in_it(self):
        lowest = max(float(element.get("y")) for element in self.svg.iter() if element.get("y"))
        self.assertLess(lowest, float(self.svg.get("height")))
        self.assertTrue(all(float(element.get("x")) < picture.WIDTH for element in self.svg.iter() if element.get("x")))

    def bars(self, *values):
        bars = [picture.Bar(f"<{value}>", value, "ours" if value == 10 else "counts", f"{value}") for value in values]
        return ElementTree.fromstring(picture.draw("a & b", [picture.Panel("title", "note", bars)]))

    def widths(self, svg):
        return [float(rect.get("width")) for rect in svg.iter(f"{SVG}rect") if rect.get("height") == str(picture.BAR)]

    def test_lengths_are_in_proportion(self):
        ours, twice, six = self.widths(self.bars(10, 20, 60))
        self.assertAlmostEqual(twice / ours, 2, places=1)
        self.assertAlmostEqual(six / ours, 6, places=1)

    def test_what_is_far_longer_is_cut(self):
        svg = self.bars(10, 20, 700)
        self.assertEqual(len(self.widths(svg)), 2)
        self.assertEqual(len(list(svg.iter(f"{SVG}path"))), 1)
        self.assertIn("700", [element.text for element in svg.iter(f"{SVG}text")])

    def test_an_empty_panel_is_left_out(self):
        self.assertNotIn("title", picture.draw("t", [picture.Panel("title", "note", [])]).split("</title>")[1])

    def test_nothing_at_all_is_a_bar_too(self):
        self.assertEqual(len(self.widths(self.bars(0, 0))), 2)


if __name__ == "__main__":
    unittest.main()
