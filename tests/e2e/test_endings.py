"""Every way in which a run ends, with few and many open flows and with one and several meters: the records that are made are those
of the flows that were exported, each with the right end_reason, and their sums are those of the capture.
Run: python3 tests/e2e/run.py test_endings
"""
import json
import os
import signal
import subprocess
import unittest

import frames
# As a module: unittest runs every class of tests that a module has by name.
import test_signals
import test_udps
from harness import Case, is_idle, run, wait_until

FLOWS, METERS = (1, 300, 4000), (1, 2, 4)
QUESTION, ANSWER = b"question", b"an answer"


def capture(flows):
    """Flows of two packets each, all open at the end, between many pairs of addresses, so that each meter has some."""
    packets = []
    for number in range(flows):
        client, port = f"10.2.{number // 250}.{number % 250 + 1}", 1024 + number
        packets += [frames.udp(port, 7000, QUESTION, source=client),
                    frames.udp(7000, port, ANSWER, source=frames.SERVER, destination=client)]
    return frames.pcap(frames.every(10.0 / len(packets), packets))


# On the wire, of both packets.
FLOW_BYTES = 2 * (14 + 20 + 8) + len(QUESTION) + len(ANSWER)


class Endings(Case):
    def each(self, judge):
        """judge(flows, capture, arguments) of each number of flows and of meters."""
        for flows in FLOWS:
            path = self.write(f"{flows}.pcap", capture(flows))
            for meters in METERS:
                with self.subTest(flows=flows, meters=meters):
                    judge(flows, path, ("--set", f"meter.n_meters={meters}", "--set", "meter.n_dissections=0"))

    @property
    def path(self):
        return self.folder / "flows.jsonl"

    def check(self, result, opened, reason, exported=None):
        """The ledger, and the records of the file: all that were exported, whole, once, in the order of their numbers."""
        exported = opened if exported is None else exported
        ledger, output = self.ledger(result), self.ledger(result).outputs["file"]
        self.assertEqual(ledger.flows, {"opened": opened, "exported": exported, "why": {reason: exported}, "discarded": opened - exported,
                                        "open": 0, "elsewhere": 0, "early": 0, "update": 0}, result)
        self.assertEqual((output["made"], output["acknowledged"], output["dropped"]), (exported, exported, 0), result)
        records = [json.loads(line) for line in self.path.read_text().splitlines()]
        self.path.unlink()
        self.assertEqual(sorted(record["seq"] for record in records), list(range(exported)))
        self.assertEqual({record["end_reason"] for record in records}, {reason})
        self.assertEqual(len({record["flow_uid"] for record in records}), exported)
        self.assertEqual(len({(record["src_ip"], record["src_port"]) for record in records}), exported)
        self.assertEqual({(record["src2dst_packets"], record["dst2src_packets"]) for record in records}, {(1, 1)})
        self.assertEqual(sum(record["bidirectional_bytes"] for record in records), exported * FLOW_BYTES)
        self.assertEqual(ledger.packets["metered"], 2 * opened)

    def test_end_of_input(self):
        self.each(lambda flows, path, meters: self.check(self.succeeds("-r", path, "-w", self.path, *meters), flows, "end_of_input"))

    def test_signal(self):
        """All packets are metered, and the sensor waits for more."""
        def judge(flows, path, meters):
            running = self.start("-r", "-", "-w", self.path, *meters, stdin=subprocess.PIPE)
            running.process.stdin.write(path.read_bytes())
            running.process.stdin.flush()
            wait_until(lambda: test_signals.pending(running.process.stdin) == 0 and is_idle(running.process), 30, "reading of the capture")
            running.signal(signal.SIGTERM)
            self.check(self.ended_well(running.finish()), flows, "shutdown")
        self.each(judge)

    def test_number_of_flows(self):
        """After max_nflows records the rest is discarded, and counted."""
        def judge(flows, path, meters):
            most = (flows + 1) // 2
            result = self.succeeds("-r", path, "-w", self.path, *meters, "--set", f"meter.max_nflows={most}")
            self.check(result, flows, "end_of_input", most)
        self.each(judge)

    def test_plugin(self):
        """A plugin ends each flow at its second packet."""
        slicer = test_udps.Installed.get().plugins / "flow_slicer.so"

        def judge(flows, path, meters):
            self.check(self.succeeds("-r", path, "-w", self.path, *meters, "--set", f"udps.plugins={slicer} limit=2"), flows, "plugin")
        self.each(judge)

    def test_failed_output(self):
        """A full disk ends the run; what was exported is made for both outputs, and dropped or acknowledged."""
        def judge(_flows, path, meters):
            result = run("-r", path, "--set", "outputs.0.path=/dev/full", "--set", "outputs.0.format=jsonl", "--set", "outputs.0.name=full",
                         "--set", f"outputs.1.path={self.path}", "--set", "outputs.1.name=file", "--set", "delivery.timeout=1s", *meters)
            self.failed(result, os.EX_IOERR, ["/dev/full"])
            ledger = self.ledger(result)
            full, file = ledger.outputs["full"], ledger.outputs["file"]
            self.assertEqual((full["acknowledged"], full["in_flight"], file["in_flight"]), (0, 0, 0), result)
            self.assertEqual((full["made"], file["made"]), (ledger.flows["exported"],) * 2, result)
            self.assertEqual(sum(ledger.flows["why"].values()), ledger.flows["exported"], result)
            self.assertEqual(len(self.path.read_text().splitlines()), file["acknowledged"], result)
            self.assertGreater(ledger.flows["exported"], 0, result)
            self.path.unlink()
        self.each(judge)


if __name__ == "__main__":
    unittest.main()
