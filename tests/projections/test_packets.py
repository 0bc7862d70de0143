"""project() and projection_sql(): other tools' columns, against numbers that are computed from the packets themselves."""
import json
import math
import statistics
import subprocess
import sys
import unittest

from support import CAPTURES, REPOSITORY, SPLT, Case, bounds, chosen
import duckdb
import packet_models
import polars
import ppi_model
from polars.testing import assert_frame_equal

import flowsensor
from flowsensor.projection_tables import APPROXIMATE, CORRECTED, EXACT, PROJECTIONS
from flowsensor.projections import sources
from oracle import assigned, captured, directions, packets, random_flows, segments
from packet_models import milliseconds

SCHEMA = REPOSITORY / "schemas" / "flow_full" / "v1.avsc"
GROUPS = ("tcp", "sizes", "activity", "histograms", "ip")
FLOWS = 60
# What no number of packets gives: labels, and what the payload says.
OF_MESSAGES = {"L7_PROTO", "ICMP_TYPE", "ICMP_IPV4_TYPE", "DNS_QUERY_ID", "DNS_QUERY_TYPE", "DNS_TTL_ANSWER", "FTP_COMMAND_RET_CODE"}
OF_TEXTS = {"QUIC_VERSION", "QUIC_CLIENT_VERSION"}


def names():
    """All columns of the record that any projection needs."""
    texts = [text for projection in PROJECTIONS.values() for column in projection.columns for text in (column.expression, column.emits) if text]
    return set(sources(name for text in texts for name in polars.sql_expr(text).meta.root_names()))


class Metered(Case):
    """Records of random flows, of the repository's captures and of the chosen ones, each with its packets."""

    made = []

    def setUp(self):
        super().setUp()
        if not Metered.made:
            Metered.made.append(self.meter())
        self.frame, self.parts = Metered.made[0]

    def meter(self):
        frames, parts = [], {}
        made_up = [self.write(f"{group}.pcap", random_flows.capture(group, 1, FLOWS)) for group in GROUPS]
        for path in (*made_up, *sorted({*CAPTURES.glob("*.pcap*"), *chosen()})):
            data, made = path.read_bytes(), self.folder / f"{path.name}.avro"
            self.succeeds("-r", path, "-w", made, "--schema", "flow_full/v1", "--set", f"meter.splt_analysis={SPLT}")
            found, missed = assigned.slices(list(flowsensor.read(made)), packets.packets(captured.frames(data)))
            self.assertLessEqual(set(missed), {assigned.IN_TUNNEL})
            parts |= {part.record["flow_uid"]: part.packets for part in found}
            frames.append(flowsensor.read(made).to_polars(all_columns=True).filter(tunnel_id=0))
        return polars.concat(frames), parts

    def check(self, name, model, emitted=False):
        """Each column of the model, {column: number} of a flow's packets; gives which these are."""
        columns = flowsensor.project(self.frame, name, emitted=emitted)
        for row, uid in zip(columns.iter_rows(named=True), self.frame["flow_uid"]):
            expected = model(self.parts[uid])
            for column, value in expected.items():
                self.alike(row[column], value, f"{column} of {uid}")
        return set(expected)

    def alike(self, ours, theirs, what):
        if isinstance(ours, float) and theirs is not None:
            same = math.isnan(theirs) and math.isnan(ours) or math.isclose(ours, theirs, rel_tol=1e-9, abs_tol=1e-6)
        else:
            same = ours == theirs
        self.assertTrue(same, f"{what}: {ours} instead of {theirs}")


def way(made, forward):
    return [packet for packet in made if packet.forward == forward]


class FromPackets(Metered):
    """Every column that packets give."""

    def columns(self, name, *marks):
        return {column.name for column in PROJECTIONS[name].columns if not marks or column.mark in marks}

    def test_netflow(self):
        self.assertEqual(self.columns("nf_v3") - self.check("nf_v3", packet_models.netflow), OF_MESSAGES)

    def test_cesnet(self):
        found = self.check("cesnet", lambda made: packet_models.cesnet(made) | ppi_model.lists(ppi_model.kept(made, skipdup=True)[:ppi_model.MOST]))
        self.assertEqual(self.columns("cesnet", EXACT, CORRECTED) - found, OF_TEXTS)
        self.assertTrue(any(len(ppi_model.kept(made, skipdup=True)) > ppi_model.MOST for made in self.parts.values()))

    def test_cicflowmeter(self):
        self.assertEqual(self.columns("cicflowmeter") - self.check("cicflowmeter", packet_models.cicflowmeter), set())

    def test_as_emitted(self):
        for name, model in (("cesnet", packet_models.cesnet_emitted), ("cicflowmeter", packet_models.cicflowmeter_emitted)):
            self.assertEqual(self.columns(name, CORRECTED), self.check(name, model, emitted=True))


def below_the_highest(made):
    """Segments with a number below the highest one seen, which the plainest of meters takes for sent again."""
    sequence, count = segments.Sequence(), 0
    for packet in made:
        count += packet.has_tcp and sequence.take(packet) is not None
    return count


class Bounds(Metered):
    """An approximate column and another tool's reading of it, by the packets."""

    def check_bounds(self, name, readings):
        """readings: {column: functions of a flow's packets}; each limit must be of use to some flow."""
        ours, limits = flowsensor.project(self.frame, name), bounds(self.frame, name)
        self.assertEqual({column.name for column in PROJECTIONS[name].columns if column.bound}, set(readings))
        reached = dict.fromkeys(readings, 0)
        for row, limit, uid in zip(ours.iter_rows(named=True), limits, self.frame["flow_uid"]):
            for column, others in readings.items():
                for theirs in (compute(self.parts[uid]) for compute in others):
                    if limit[column] is not None and theirs is not None:
                        distance = abs(row[column] - theirs)
                        self.assertLessEqual(distance, limit[column] + 1e-6, f"{column} of {uid}: {row[column]}, another tool {theirs}")
                        reached[column] = max(reached[column], distance)
        self.assertEqual([column for column, distance in reached.items() if distance == 0], [])

    def test_netflow(self):
        readings = {f"{which}_FLOW_PKT": [lambda made, take=take, layer=layer: take(getattr(packet, layer) for packet in made) for layer in "rip"]
                    for which, take in (("SHORTEST", min), ("LONGEST", max))}
        for end, path, forward in (("IN", "SRC_TO_DST", True), ("OUT", "DST_TO_SRC", False)):
            readings |= self.of_way(end, path, forward)
        self.check_bounds("nf_v3", readings)

    def of_way(self, end, path, forward):
        def on(compute):
            return lambda made: compute(way(made, forward)) if way(made, forward) else 0

        def rate(made, factor):
            """By the duration in microseconds."""
            spent = made[-1].time - made[0].time
            return factor * 1e6 * sum(packet.i for packet in way(made, forward)) / spent if spent else None

        def floored(compute):
            return on(lambda made: compute([later - earlier for earlier, later in zip(milliseconds(made), milliseconds(made)[1:])] or [0]))

        return {f"DURATION_{end}": [on(lambda made: (made[-1].time - made[0].time) / 1000)], f"RETRANSMITTED_{end}_PKTS": [on(below_the_highest)],
                f"{path}_SECOND_BYTES": [lambda made: rate(made, 1)], f"{path}_AVG_THROUGHPUT": [lambda made: rate(made, 8)],
                f"{path}_IAT_MIN": [floored(min)], f"{path}_IAT_MAX": [floored(max)], f"{path}_IAT_AVG": [floored(statistics.fmean)],
                f"{path}_IAT_STDDEV": [floored(directions.stddev), floored(statistics.pstdev)]}

    def test_cesnet(self):
        def kept(made):
            return ppi_model.kept(made, skipdup=True)[:ppi_model.MOST]

        def duration(made):
            times = milliseconds(kept(made))
            return (times[-1] - times[0]) / 1000 if times else 0.0

        def roundtrips(made):
            ways = [packet.forward for packet in kept(made)]
            return (sum(one != other for one, other in zip(ways, ways[1:])) + 1) // 2

        self.check_bounds("cesnet", {"PPI_DURATION": [duration], "PPI_ROUNDTRIPS": [roundtrips]})


class Sql(Metered):
    def test_duckdb_says_the_same(self):
        duckdb.register("flows", self.frame)
        for name in PROJECTIONS:
            for emitted in (False, True):
                with self.subTest(name, emitted=emitted):
                    theirs = duckdb.sql(flowsensor.projection_sql(name, "flows", emitted=emitted)).pl()
                    ours = flowsensor.project(self.frame, name, emitted=emitted)
                    self.assertEqual(theirs.columns, ours.columns)
                    assert_frame_equal(ours, theirs.cast(dict(ours.schema)), abs_tol=0, rel_tol=1e-12)

    def test_many_equal_sizes(self):
        """Their variance is 0, and rounding must not make it less: no engine takes the root of that."""
        packets, size = 64985, 1465
        frame = self.frame.filter(polars.col("bidirectional_packets") > 1).head(1).with_columns(
            bidirectional_packets=polars.lit(packets, polars.Int64), bidirectional_payload_bytes=polars.lit(packets * size, polars.Int64),
            bidirectional_stddev_payload_ps=polars.lit(0.0))
        duckdb.register("equal_sizes", frame)
        theirs = duckdb.sql(flowsensor.projection_sql("cesnet", "equal_sizes", emitted=True)).pl()
        for found in (theirs, flowsensor.project(frame, "cesnet", emitted=True)):
            self.assertEqual(found["NTS_STDEV"].to_list(), [0.0])

    def test_pandas(self):
        ours = flowsensor.project(self.frame.to_pandas(), "cicflowmeter")
        theirs = flowsensor.project(self.frame, "cicflowmeter").fill_nan(None)  # pandas has no other missing number
        assert_frame_equal(polars.from_pandas(ours), theirs, check_dtypes=False)


class Table(unittest.TestCase):
    def test_columns(self):
        for name, count in (("nf_v3", 53), ("cicflowmeter", 83), ("cicflowmeter_python", 82)):
            self.assertEqual(len({column.name for column in PROJECTIONS[name].columns}), count)
        for projection in PROJECTIONS.values():
            for column in projection.columns:
                self.assertEqual(column.emits is not None, column.mark == CORRECTED, column.name)
                if column.bound:
                    self.assertEqual(column.mark, APPROXIMATE, column.name)

    def test_the_schema_has_what_they_take(self):
        self.assertLessEqual(names(), {field["name"] for field in json.loads(SCHEMA.read_text())["fields"]})

    def test_page(self):
        made = subprocess.run([sys.executable, REPOSITORY / "deploy" / "projections.py"], capture_output=True, text=True, check=True)
        self.assertEqual((REPOSITORY / "deploy" / "projections.md").read_text(), made.stdout, "python3 deploy/projections.py > deploy/projections.md")

    def test_refused(self):
        with self.assertRaisesRegex(ValueError, "no projection 'nf'; there are nf_v3, cesnet, cicflowmeter, cicflowmeter_python"):
            flowsensor.project(polars.DataFrame(), "nf")
        with self.assertRaisesRegex(ValueError, "no column .*bidirectional_duration_us.*all_columns=True"):
            flowsensor.project(polars.DataFrame({"src_ip": ["a"]}), "cicflowmeter")


if __name__ == "__main__":
    unittest.main()
