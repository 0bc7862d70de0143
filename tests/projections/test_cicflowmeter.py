"""The projection cicflowmeter_python against the program itself, the package cicflowmeter of PyPI."""
import unittest

from support import ABSENT, ENDS, SHARED, WANTED, Comparison, Metered, chosen, only, tool_rows

import flowsensor
from flowsensor.projection_tables import PROJECTIONS

NAME = "cicflowmeter_python"
LEAST_FLOWS, LEAST_SHARE = 200, 0.9


class Captures(Metered):
    def test_enough(self):
        if not (SHARED / "pcaps").is_dir():
            self.skipTest(ABSENT)
        self.assertEqual(len(chosen()), WANTED)

    def test_every_column(self):
        """What project() says that the program emits, it emits."""
        theirs = tool_rows(chosen())
        if theirs is None:
            self.skipTest("no program: CICFLOWMETER_PYTHON names a Python with tests/projections/requirements.txt")
        flows = self.chosen_flows()
        ours = flowsensor.project(flows, NAME, emitted=True).with_columns(flows["capture"]).filter(flows["protocol"].is_in([6, 17]), flows["ip_version"] == 4)
        rows = only(ours.to_dicts(), lambda row: (row["capture"], *(str(row[end]) for end in ENDS)))
        others = only(((str(capture), row) for capture, found in theirs.items() for row in found), lambda pair: (pair[0], *(pair[1][end] for end in ENDS)))
        made, cut = Comparison(), 0
        for key, row in rows.items():
            other = others.get(key, (None, None))[1]
            if not other or any(int(other[name]) != row[name] for name in ("tot_fwd_pkts", "tot_bwd_pkts")):
                cut += 1
                continue
            for column in PROJECTIONS[NAME].columns:
                value = row[column.name]
                made.take(column.name, value, other[column.name] if isinstance(value, str) else float(other[column.name]), key)
        compared = len(rows) - cut
        print(f"cicflowmeter 0.5.0: {len(chosen())} captures, {compared} of {len(rows)} flows, {made.compared.total()} values, "
              f"{made.unknown.total()} not kept")
        self.assertEqual(made.said(), {})
        self.assertEqual(set(made.compared), {column.name for column in PROJECTIONS[NAME].columns})
        self.assertGreaterEqual(compared, LEAST_SHARE * len(rows))
        if (SHARED / "pcaps").is_dir():
            self.assertGreaterEqual(compared, LEAST_FLOWS)


if __name__ == "__main__":
    unittest.main()
