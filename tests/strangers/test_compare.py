"""Tests of the comparison itself: whatever is changed in a record must be found. Run by run.py."""
import collections
import math
import tempfile
import unittest
from pathlib import Path

import compare
import coverage
import expected
import fields
from siphash import siphash128

NAMES = ["name", "count", "share", "flag", "list", "time"]
RECORD = ["a\nb", 5, 0.1, True, [1, 2], None]
CHANGES = {"name": ["a\rb", "a\nb ", None, ""], "count": [6, 5.0, "5", None], "flag": [1, False, None, "true"],
           "share": [math.nextafter(0.1, 1), 0, None, "0.1"], "list": [[2, 1], [1], [], None, (1, 2)], "time": [0, ""]}


class Records(unittest.TestCase):
    def test_equal(self):
        self.assertEqual(compare.differences(NAMES, [RECORD], [list(RECORD)]), [])

    def test_each_changed_value_is_found(self):
        for name, values in CHANGES.items():
            for value in values:
                changed = list(RECORD)
                changed[NAMES.index(name)] = value
                lines = compare.differences(NAMES, [RECORD, RECORD], [RECORD, changed])
                self.assertEqual(len(lines), 1, (name, value))
                self.assertTrue(lines[0].startswith(f"record 1: {name}: "), lines)
                self.assertNotEqual(fields.digest(RECORD), fields.digest(changed))

    def test_negative_zero(self):
        self.assertTrue(compare.differences(["x"], [[0.0]], [[-0.0]]))

    def test_missing_surplus_and_swapped_records(self):
        other = ["c"] + RECORD[1:]
        for found in ([], [RECORD, other], [other]):
            self.assertTrue(compare.differences(NAMES, [RECORD], found))
        self.assertTrue(compare.differences(NAMES, [RECORD, other], [other, RECORD]))

    def test_missing_field(self):
        self.assertTrue(compare.differences(NAMES, [RECORD], [RECORD[:-1]]))

    def test_replaced(self):
        self.assertEqual(compare.replaced([RECORD], 0, "x"), [["x"] + RECORD[1:]])


class Sets(unittest.TestCase):
    def test_seq(self):
        self.assertIsNone(compare.seq_problem([2, 0, 1]))
        for numbers in ([1, 2], [0, 2], [0, 1, 1]):
            self.assertIsNotNone(compare.seq_problem(numbers))

    def test_multisets(self):
        two = collections.Counter([b"a", b"a", b"b"])
        self.assertIsNone(compare.multiset_problem(two, collections.Counter([b"b", b"a", b"a"])))
        for other in ([b"a", b"b"], [b"a", b"a", b"b", b"c"], [b"a", b"a", b"c"]):
            self.assertIsNotNone(compare.multiset_problem(two, collections.Counter(other)))


class Hashes(unittest.TestCase):
    def test_murmur2_as_kafkas_own_test_has_it(self):
        known = {b"21": -973932308, b"foobar": -790332482, b"a-little-bit-long-string": -985981536,
                 b"a-little-bit-longer-string": -1486304829, b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971,
                 b"abc": 479470107}
        for data, value in known.items():
            self.assertEqual(compare.murmur2(data), value & 0xFFFFFFFF)

    def test_siphash_as_its_authors_test_has_it(self):
        key = (0x0706050403020100, 0x0F0E0D0C0B0A0908)
        self.assertEqual(siphash128(key, b"").hex(), "a3817f04ba25a8e66df67214c7550293")
        self.assertEqual(siphash128(key, bytes(range(15))).hex(), "5493e99933b0a8117e08ec0f97cfc3d9")


class Cells(unittest.TestCase):
    FIELDS = [fields.Field("a", "string", True, False), fields.Field("b", "long", True, False),
              fields.Field("c", "array", True, False), fields.Field("d", "boolean", False, False)]

    def read(self, name, text):
        schema = object.__new__(fields.Schema)
        schema.name, schema.fields, schema.names = name, self.FIELDS, [field.name for field in self.FIELDS]
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "x.csv")
            path.write_bytes(text)
            return expected.read_csv(path, schema)

    def test_null_and_empty(self):
        self.assertEqual(self.read("flow/v1", b"a,b,d\r\n,,true\r\n"), [[None, None, None, True]])
        self.assertEqual(self.read("nfstream/v1", b'a,b,c,d\r\n,7,"[1, 2]",false\r\n'), [["", 7, [1, 2], False]])

    def test_wrong_cells(self):
        for text in (b"a,b,d\r\nx,y,true\r\n", b"a,b,d\r\nx,1,True\r\n", b"a,b,d,e\r\nx,1,true,1\r\n"):
            with self.assertRaises((ValueError, KeyError)):
                self.read("flow/v1", text)


class Branches(unittest.TestCase):
    FIELDS = [fields.Field("record_kind", "string", False, False), fields.Field("x", "int", True, False)]

    def lacks(self, *records):
        seen = coverage.Coverage([field.name for field in self.FIELDS])
        for record in records:
            seen.add(record)
        return coverage.lacks(seen, self.FIELDS)

    def test_all_seen(self):
        self.assertEqual(self.lacks(["final", 1], ["early", 2], ["final", None]), [])

    def test_what_lacks(self):
        self.assertTrue(self.lacks(["final", 1], ["early", None]))
        self.assertTrue(self.lacks(["final", 1], ["early", 2]))
        self.assertTrue(self.lacks(["final", None], ["early", None]))
        self.assertTrue(self.lacks(["final", 1], ["final", 2], ["final", None]))


if __name__ == "__main__":
    unittest.main()
