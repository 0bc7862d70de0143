"""project() and projection_sql(): other tools' columns, against numbers that are computed from the packets themselves."""
import json
import math
import statistics
import subprocess
import sys
import unittest

from support import CAPTURES, REPOSITORY, SPLT, Case, bounds, chosen
import duckdb
import polars
from polars.testing import assert_frame_equal

import flowsensor
from flowsensor.projection_tables import APPROXIMATE, CORRECTED, PROJECTIONS
from flowsensor.projections import sources
from oracle import assigned, captured, packets, random_flows, segments
from oracle.packets import PSH, TCP

SCHEMA = REPOSITORY / "schemas" / "flow_full" / "v1.avsc"
GROUPS = ("tcp", "sizes", "activity", "histograms", "ip")
FLOWS = 60


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

    def check(self, name, expected, emitted=False):
        """expected: {column: its value by a flow's packets}."""
        columns = flowsensor.project(self.frame, name, emitted=emitted)
        for row, uid in zip(columns.iter_rows(named=True), self.frame["flow_uid"]):
            for column, compute in expected.items():
                self.alike(row[column], compute(self.parts[uid]), f"{column} of {uid}")

    def alike(self, ours, theirs, what):
        if isinstance(ours, float) and theirs is not None:
            same = math.isnan(theirs) and math.isnan(ours) or math.isclose(ours, theirs, rel_tol=1e-9, abs_tol=1e-6)
        else:
            same = ours == theirs
        self.assertTrue(same, f"{what}: {ours} instead of {theirs}")


def way(made, forward):
    return [packet for packet in made if packet.forward == forward]


def payloads(made):
    return [packet.p if packet.protocol in (6, 17) else 0 for packet in made]


def gaps(made):
    return [later.time - earlier.time for earlier, later in zip(made, made[1:])]


def stdev(values):
    return statistics.stdev(values) if len(values) > 1 else 0.0


def any_flag(made):
    flags = 0
    for packet in made:
        flags |= packet.flags
    return flags


def per_second(amount, made):
    seconds = (made[-1].time - made[0].time) / 1e6
    return amount / seconds if seconds else math.inf if amount else math.nan


def active(made):
    """The closed active periods of rule I."""
    begin, found = made[0].time, []
    for earlier, later in zip(made, made[1:]):
        if later.time - earlier.time > 5_000_000:
            found.append(earlier.time - begin)
            begin = later.time
    return [length for length in found if length > 0]


class Netflow(Metered):
    def test_from_packets(self):
        def duration(made):
            return made[-1].time // 1000 - made[0].time // 1000

        def throughput(made):
            return 1000 * sum(packet.i for packet in way(made, True)) / duration(made) if duration(made) else 0.0

        self.check("nf_v3", {
            "IN_BYTES": lambda made: sum(packet.i for packet in way(made, True)), "OUT_BYTES": lambda made: sum(packet.i for packet in way(made, False)),
            "OUT_PKTS": lambda made: len(way(made, False)), "FLOW_DURATION_MILLISECONDS": duration, "FLOW_START_MILLISECONDS": lambda made: made[0].time // 1000,
            "TCP_FLAGS": any_flag, "SERVER_TCP_FLAGS": lambda made: any_flag(way(made, False)), "MIN_TTL": lambda made: min(packet.ttl for packet in made),
            "MAX_IP_PKT_LEN": lambda made: max(packet.i for packet in made), "SRC_TO_DST_SECOND_BYTES": throughput,
            "SRC_TO_DST_AVG_THROUGHPUT": lambda made: float(math.floor(8 * throughput(made))),
            "NUM_PKTS_UP_TO_128_BYTES": lambda made: sum(packet.i <= 128 for packet in made),
            "NUM_PKTS_256_TO_512_BYTES": lambda made: sum(256 < packet.i < 512 for packet in made),
            "NUM_PKTS_512_TO_1024_BYTES": lambda made: sum(512 < packet.i < 1024 for packet in made),
            "NUM_PKTS_1024_TO_1514_BYTES": lambda made: sum(1024 < packet.i <= 1514 for packet in made),
            "TCP_WIN_MAX_IN": lambda made: max((packet.window or 0 for packet in way(made, True)), default=0),
            "DST_TO_SRC_IAT_MAX": lambda made: max(gaps(way(made, False)), default=0) / 1000,
            "DST_TO_SRC_IAT_STDDEV": lambda made: stdev(gaps(way(made, False))) / 1000})


class CicFlowMeter(Metered):
    def test_from_packets(self):
        self.check("cicflowmeter", {
            "Flow Bytes/s": lambda made: per_second(sum(payloads(made)), made), "Flow Packets/s": lambda made: per_second(len(made), made),
            "Fwd Header Length": lambda made: sum(packet.s - packet.p for packet in way(made, True)) if made[0].protocol in (6, 17) else 0,
            "Packet Length Variance": lambda made: stdev(payloads(made)) ** 2, "Average Packet Size": lambda made: statistics.fmean(payloads(made)),
            "Bwd PSH Flags": lambda made: sum(bool(packet.flags & PSH) for packet in way(made, False)),
            "Active Mean": lambda made: statistics.fmean(active(made)) if active(made) else 0.0,
            "Active Max": lambda made: max(active(made), default=0), "Idle Min": lambda made: min((gap for gap in gaps(made) if gap > 5_000_000), default=0),
            "Fwd Act Data Pkts": lambda made: sum(size > 0 for size in payloads(way(made, True))),
            "Fwd IAT Total": lambda made: sum(gaps(way(made, True))),
            "Subflow Fwd Packets": lambda made: len(way(made, True)) // max(1, sum(gap > 1_000_000 for gap in gaps(made))) if max(gaps(made), default=0) > 1_000_000 else 0})

    def test_as_emitted(self):
        """Packet 1 is entered twice; other columns have one packet, or the last one."""
        def twice(made):
            return [*payloads(made[:1]), *payloads(made)]

        self.check("cicflowmeter", {
            "Packet Length Mean": lambda made: statistics.fmean(twice(made)), "Packet Length Std": lambda made: stdev(twice(made)),
            "Packet Length Variance": lambda made: statistics.variance(twice(made)), "Average Packet Size": lambda made: sum(twice(made)) / len(made),
            "Fwd PSH Flags": lambda made: int(bool(made[0].flags & PSH)), "Bwd URG Flags": lambda made: 0, "Fwd Bulk Rate Avg": lambda made: 0,
            "Bwd Init Win Bytes": lambda made: next((packet.window or 0 for packet in reversed(way(made, False))), 0),
            "Fwd Act Data Pkts": lambda made: sum(size > 0 for size in payloads(way(made, True))) - (payloads(made)[0] > 0)}, emitted=True)


def milliseconds(made):
    return [packet.time // 1000 for packet in made]


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
                f"{path}_IAT_STDDEV": [floored(stdev), floored(statistics.pstdev)]}

    def test_cesnet(self):
        def duration(made):
            times = milliseconds(Cesnet.kept(made))
            return (times[-1] - times[0]) / 1000 if times else 0.0

        def roundtrips(made):
            ways = [packet.forward for packet in Cesnet.kept(made)]
            return (sum(one != other for one, other in zip(ways, ways[1:])) + 1) // 2

        self.check_bounds("cesnet", {"PPI_DURATION": [duration], "PPI_ROUNDTRIPS": [roundtrips]})


class Cesnet(Metered):
    @staticmethod
    def kept(made):
        """The first 30 with payload, but for those that repeat their direction's last new packet."""
        last, kept = {}, []
        for packet in made:
            other = last.get(packet.forward)
            if packet.protocol == TCP and kept and other and (packet.p, packet.flags) == (other.p, other.flags) and all(
                    -4252017623 <= ours - theirs <= 0 for ours, theirs in ((packet.seq, other.seq), (packet.ack, other.ack))):
                continue
            last[packet.forward] = packet
            kept += [packet] if packet.p else []
        return kept[:30]

    def padded(self, values):
        return [*values, *[0] * (30 - len(values))]

    def test_ppi(self):
        def times_kept(made):
            return milliseconds(self.kept(made))

        def directions(made):
            return [1 if packet.forward else -1 for packet in self.kept(made)]

        self.check("cesnet", {
            "PPI_SIZE": lambda made: self.padded([packet.p for packet in self.kept(made)]), "PPI_DIR": lambda made: self.padded(directions(made)),
            "PPI_IPT": lambda made: self.padded([0, *(later - earlier for earlier, later in zip(times_kept(made), times_kept(made)[1:]))][:len(self.kept(made))]),
            "PPI_PUSH_FLAG": lambda made: self.padded([int(bool(packet.flags & PSH)) for packet in self.kept(made)]),
            "PPI_PKT_TIMES": times_kept, "PPI_LEN": lambda made: len(self.kept(made)),
            "PPI_DURATION": lambda made: (self.kept(made)[-1].time - self.kept(made)[0].time) / 1e6 if self.kept(made) else 0.0,
            "PPI_ROUNDTRIPS": lambda made: sum(one != other for one, other in zip(directions(made), directions(made)[1:])) // 2})
        self.assertTrue(any(len(self.kept(made)) == 30 for made in self.parts.values()))

    def test_statistics(self):
        def more(compute):
            return lambda made: compute([packet.p for packet in made]) if len(made) > 1 else None

        def times(made):
            return [packet.time // 1000 for packet in way(made, False) if packet.p]

        self.check("cesnet", {
            "NTS_STDEV": more(statistics.pstdev), "NTS_ROOT_MEAN_SQUARE": more(lambda sizes: math.sqrt(sum(size * size for size in sizes) / len(sizes))),
            "NTS_SWITCHING_RATIO": lambda made: (1 + sum(one.r != other.r for one, other in zip(made, made[1:]))) / len(made) if len(made) > 1 else None,
            "PSIZE_BIN3": lambda made: sum(32 <= packet.p < 64 for packet in way(made, True)),
            "IPT_BIN8_REV": lambda made: sum(later - earlier >= 1024 for earlier, later in zip(times(made), times(made)[1:])),
            "IPT_BIN1_REV": lambda made: sum(later - earlier < 16 for earlier, later in zip(times(made), times(made)[1:]))})
        self.check("cesnet", {
            "NTS_STDEV": more(lambda sizes: math.sqrt(sum(size * size for size in sizes) / len(sizes) - (sum(sizes) // len(sizes)) ** 2)),
            "NTS_MEAN_DIFFTIMES": lambda made: (made[-1].time - made[0].time) / len(made) if len(made) > 1 else None}, emitted=True)


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
