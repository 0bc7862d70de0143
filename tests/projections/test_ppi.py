"""CESNET's PPI with its filter, on flows of TLS and QUIC, against a model of the plugin that makes it."""
import functools
import tempfile
import unittest
from collections import Counter
from pathlib import Path

from support import ABSENT, CAPTURES, SHARED, Case, close, run
import ppi_model
from oracle import assigned, captured, packets

import flowsensor

MOST_BYTES = 1_500_000
SPLT = "splt_payload_ps"


@functools.lru_cache(None)
def captures():
    """All but the largest, also the damaged ones of the corpus; which of their flows are of TLS and QUIC is the label's word."""
    places = (*CAPTURES.glob("*.pcap*"), *(SHARED / "pcaps").glob("*.pcap*"), *(SHARED / "corpus").glob("*.pcap*"))
    return sorted(path for path in places if path.is_file() and path.stat().st_size <= MOST_BYTES)


@functools.lru_cache(None)
def packets_of(path):
    return list(packets.packets(captured.frames(path.read_bytes())))


def is_wanted(record):
    label = (record["application_name"] or "").upper()
    return record["slice"] == 0 and record["tunnel_id"] == 0 and ("TLS" in label or "QUIC" in label)


class Flows:
    """Records of TLS and QUIC with their packets."""

    def __init__(self, *settings):
        with tempfile.TemporaryDirectory(prefix="flowsensor-ppi-") as folder:
            made = Path(folder) / "flows.avro"
            sources = [word for path in captures() for word in ("-r", path)]
            result = run(*sources, "-w", made, "--schema", "flow_full/v1", *(word for setting in settings for word in ("--set", setting)), limit=120)
            if result.code not in (0, 65):
                raise RuntimeError(str(result))
            records = list(flowsensor.read(made))
            self.frame = flowsensor.read(made).to_polars(all_columns=True)
        by_capture = {}
        for record in records:
            by_capture.setdefault(record["capture_file"], []).append(record)
        self.packets, self.lost, self.captures = {}, Counter(), 0
        for path in captures():
            own = by_capture.get(str(path), [])
            if any(map(is_wanted, own)):
                self.captures += 1
                found, _ = assigned.slices(own, packets_of(path))
                parts = {(part.record["flow_uid"], part.record["seq"]): part.packets for part in found if part.record["slice"] == 0}
                wanted = {(record["flow_uid"], record["seq"]) for record in own if is_wanted(record)}
                self.packets |= {key: parts[key] for key in wanted if key in parts}
                self.lost["flows"] += len(wanted - set(parts))

    def rows(self, frame):
        keys = zip(self.frame["flow_uid"], self.frame["seq"])
        return [(row, self.packets[key]) for key, row in zip(keys, frame.to_dicts()) if key in self.packets]

    def projected(self):
        return self.rows(flowsensor.project(self.frame, "cesnet"))


class Ppi(Case):
    def setUp(self):
        super().setUp()
        if not (SHARED / "pcaps").is_dir():
            self.skipTest(ABSENT)

    def alike(self, row, expected, made):
        for column, value in expected.items():
            same = close(row[column], value) if isinstance(value, float) else row[column] == value
            self.assertTrue(same, f"{column}: {row[column]} instead of {value}, {made[0].time}")

    def test_new_payload(self):
        """With the filter and as many places as the plugin has every column is equal."""
        flows = Flows("meter.splt_packets=payload_new", f"meter.splt_analysis={ppi_model.MOST}")
        seen = Counter()
        for row, made in flows.projected():
            everything = ppi_model.kept(made, skipdup=True)
            self.alike(row, ppi_model.lists(everything[:ppi_model.MOST]), made)
            seen["flows"] += 1
            seen["packets"] += row["PPI_LEN"]
            seen["cut"] += len(everything) > ppi_model.MOST
            seen["with duplicates"] += len(ppi_model.kept(made, skipdup=False)) > len(everything)
            seen["protocol", made[0].protocol] += 1
        print(f"PPI: {flows.captures} captures with TLS or QUIC, {dict(seen)}, {dict(flows.lost)} without packets")
        for case in ("cut", "with duplicates", ("protocol", 6), ("protocol", 17)):
            self.assertGreater(seen[case], 0, case)
        self.assertLess(flows.lost["flows"], 0.05 * seen["flows"])

    def test_payload(self):
        """Without skipdup the SPLT itself is what the plugin keeps; of it the projection takes what is new, which is the filter's beginning."""
        flows = Flows("meter.splt_packets=payload", f"meter.splt_analysis={ppi_model.MOST}")
        for row, made in flows.rows(flows.frame):
            self.assertEqual(row[SPLT], [packet.p for packet in ppi_model.kept(made, skipdup=False)[:ppi_model.MOST]])
        self.prefixes(flows)

    def test_all(self):
        """Of the first 20 packets whatever they are: whole where the flow has no more, else its beginning."""
        whole = self.prefixes(Flows("meter.splt_analysis=20"))
        self.assertGreater(whole, 0)

    def prefixes(self, flows):
        """How many are whole; fewer than there are."""
        whole = shorter = 0
        for row, made in flows.projected():
            everything = ppi_model.kept(made, skipdup=True)[:ppi_model.MOST]
            self.alike(row, ppi_model.lists(everything[:row["PPI_LEN"]]), made)
            if row["PPI_LEN"] == len(everything):
                whole += 1
            else:
                shorter += 1
                self.assertGreater(len(made), 20)
        self.assertGreater(shorter, 0)
        return whole


if __name__ == "__main__":
    unittest.main()
