"""The memory budget holds: a live sensor whose flow table, queue and rings are full stays below what `flowsensor memory` says, and the
budget is not far above it. With LONG=yes also a million open flows. Needs root and iproute2. Run: python3 tests/e2e/run.py test_memory
"""
import os
import re
import sys
import time
import unittest
from pathlib import Path

from harness import CAPTURES, Case, run, wait_until
from namespaces import SilentWire
from servers import closed_port
from test_live import ABLE, wait_for_capture

MEASURES = "memory with a full ring"

FLOWS = 49152
# Fills the table and then the spool by evictions.
FLOOD_FLOWS = 3 * FLOWS
MOST_ABOVE = 1.6
LONG = os.environ.get("LONG") == "yes"
MILLION, MILLION_TABLE, MILLION_BYTES = 1_000_000, 1 << 20, 1.2 * 2**30
BYTES_PER_FLOW = 1000
# Flows of one packet each, three quarters of them TCP, whose payload nDPI keeps; not faster than the slowest build takes them.
FLOOD = """
import random, socket, struct, sys, time
link = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
link.bind(("far0", 0))
dice = random.Random(20261124)
for flow in range(int(sys.argv[1])):
    payload = dice.randbytes(64)
    ports = struct.pack("!HH", dice.randrange(1024, 65536), dice.randrange(1024, 65536))
    if flow % 4 == 0:
        segment, protocol = ports + struct.pack("!HH", 8 + len(payload), 0) + payload, 17
    else:
        segment, protocol = ports + struct.pack("!IIBBHHH", flow, 1, 0x50, 0x18, 1000, 0, 0) + payload, 6
    header = struct.pack("!BBHHHBBHII", 0x45, 0, 20 + len(segment), 0, 0, 64, protocol, 0, 0x0a000000 + flow, dice.getrandbits(32))
    link.send(b"\\x02\\0\\0\\0\\0\\x02\\x02\\0\\0\\0\\0\\x01\\x08\\0" + header + segment)
    if flow % 500 == 0:
        time.sleep(0.01)  # the pace of the traffic
"""


def budget_of(*arguments):
    """The items of `flowsensor memory`, with the total."""
    result = run("memory", *arguments)
    assert result.code == 0, result
    return {name: int(size) for name, size, _ in (line.split("\t") for line in result.text().splitlines())}


def spooled(process):
    """Bytes of spools without a folder, which the kernel counts for the container, not for the process."""
    return sum(os.stat(link).st_blocks * 512 for link in Path(f"/proc/{process.pid}/fd").iterdir() if os.readlink(link).startswith("/memfd:"))


def resident(process):
    """Bytes, the most there ever were."""
    own = int(re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{process.pid}/status").read_text())[1]) * 1024
    return own + spooled(process)


class MemoryCommand(Case):
    def test_items_add_up(self):
        items = budget_of("-i", "none0")
        self.assertEqual(items.pop("total"), sum(items.values()))

    def test_defaults_without_a_configuration(self):
        plain, named = budget_of(), budget_of("-i", "auto")
        self.assertEqual(plain.keys(), named.keys())
        for name, size in plain.items():
            # A module's size is measured, and differs by some bytes from one to the next.
            self.assertAlmostEqual(size, named[name], delta=4096, msg=name)
        for line in self.succeeds("memory").text().splitlines():
            name, size, human = line.split("\t")
            number, unit = human.split(" ")
            factor = {"B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}[unit]
            self.assertAlmostEqual(float(number) * factor, int(size), delta=int(size) / 100, msg=name)
        larger = budget_of("--set", "meter.flow_table_size=500000")
        self.assertGreater(larger["total"], budget_of()["total"])

    def test_a_flow_takes_at_most_a_thousand_bytes(self):
        """With everything of flow/v1 on, what nDPI takes included; system visibility has a line of its own."""
        small, large = (budget_of("-i", "none0", "-w", "null:", "--schema", "flow/v1", "--set", f"meter.flow_table_size={size}")["total"] for size in (65536, 131072))
        self.assertLessEqual(large - small, 65536 * BYTES_PER_FLOW)

    def test_needs_an_interface(self):
        self.refused(os.EX_USAGE, ["memory budget", "-i IFACE"], "memory", "-r", "x.pcap")

    def test_judges_the_configuration(self):
        warned = self.succeeds("memory", "-i", "none0", "--set", "outputs.0.topic=flows", "--set", "outputs.0.columns_to_anonymize=all=keep", "--set",
                               "outputs.0.kafka=bootstrap.servers=192.0.2.1:9092,sasl.mechanism=SCRAM-SHA-256")
        self.assertEqual(warned.raw_error, b"", "the warning is of who logs in")
        self.refused(os.EX_CONFIG, ["no broker"], "memory", "-i", "none0", "--set", "outputs.0.topic=flows", "--set",
                     "outputs.0.columns_to_anonymize=all=keep")


class DissectionFlows(Case):
    """Labels where few flows may be undecided at the same time."""

    CAPTURE = CAPTURES / "mix.pcap"

    def flagged(self, *more):
        """(records with the flag undissected, what the ledger says, all records)."""
        result = self.succeeds("-r", self.CAPTURE, "-w", "-", "--format", "jsonl", *more)
        self.ledger(result)
        said = re.search(r"; undissected (\d+)", str(result))
        records = result.jsonl()
        return sum("undissected" in record["quality_flags"] for record in records), int(said[1]) if said else 0, records

    def test_files_label_every_flow(self):
        self.assertEqual(self.flagged()[:2], (0, 0))

    def test_who_gives_way_is_counted_and_flagged(self):
        whole = self.flagged()[2]
        flagged, said, records = self.flagged("--set", "meter.dissection_flows=1")
        self.assertGreater(flagged, 0)
        self.assertEqual(flagged, said)
        self.assertLess(flagged, len(records))
        # No flow is lost, and only flagged ones may have another label.
        label = {self.name_of(record): record["application_name"] for record in whole}
        self.assertEqual(label.keys(), {self.name_of(record) for record in records})
        for record in records:
            if "undissected" not in record["quality_flags"]:
                self.assertEqual(record["application_name"], label[self.name_of(record)])

    @staticmethod
    def name_of(record):
        return tuple(record[name] for name in ("src_ip", "src_port", "dst_ip", "dst_port", "protocol", "bidirectional_first_seen"))


@unittest.skipUnless(ABLE, "network namespaces need root and iproute2")
class MemoryBudget(Case):
    def check(self, meters, *more):
        wire = SilentWire()
        self.addCleanup(wire.remove)
        # Without a broker no partition is known: all records wait in the spool, none are under way.
        properties = f"bootstrap.servers=127.0.0.1:{closed_port()},queue.buffering.max.kbytes=4096"
        arguments = ["-i", "near0", "--set", f"meter.n_meters={meters}", "--set", f"meter.flow_table_size={FLOWS}",
                     "--set", "capture.socket_buffer_size=8MiB", "--set", "capture.snapshot_length=256",
                     "--set", "delivery.shutdown_timeout=10ms", "--set", "outputs.0.topic=flows", "--set", f"outputs.0.kafka={properties}",
                     "--set", "outputs.0.columns_to_anonymize=all=keep", *more]
        total = budget_of(*arguments)["total"]
        running = self.start(*arguments, prefix=wire.prefix)
        wait_for_capture(running, meters)
        done = wire.in_far(sys.executable, "-c", FLOOD, str(FLOOD_FLOWS))
        self.assertEqual(done.returncode, 0, done.stdout)
        wait_until(lambda: b"queue_full" in self.said(running), what="a full spool", limit=30)
        seen = self.settled(running.process)
        running.process.terminate()
        result = running.finish()
        ledger = self.ledger(result)
        self.assertGreater(ledger.flows["why"].get("evicted", 0), FLOWS, result)
        print(f"  budget of {meters} meters: {total / 2**20:.0f} MiB, {total / seen:.2f} times what was seen")
        self.assertLess(seen, total, f"{seen / total:.3f} of the budget")
        self.assertGreater(seen * MOST_ABOVE, total, f"{seen / total:.3f} of the budget")

    @staticmethod
    def settled(process):
        """Bytes, once all is there: the flows' memory comes while packets are read."""
        before = 0
        while before < (now := resident(process)):
            before = now
            time.sleep(0.5)  # in which it would grow
        return now

    @staticmethod
    def said(running):
        return os.pread(running.errors.fileno(), 1 << 20, 0)

    def test_everything_on(self):
        path = self.folder / "flows.avro"
        self.check(1, "--set", "meter.system_visibility_mode=1", "--set", f"outputs.1.path={path}", "--set", "outputs.1.name=file")

    def test_three_meters(self):
        self.check(3)

    @unittest.skipUnless(LONG, "LONG=yes: half a minute")
    def test_a_million_open_flows(self):
        wire = SilentWire()
        self.addCleanup(wire.remove)
        # A table that is nearly full would otherwise be overload, and flows would end sooner.
        arguments = ["-i", "near0", "-w", "null:", "--format", "avro", "--set", f"meter.flow_table_size={MILLION_TABLE}", "--set", "meter.idle_timeout=1h",
                     "--set", "overload.steps="]
        total = budget_of(*arguments)["total"]
        running = self.start(*arguments, prefix=wire.prefix)
        wait_for_capture(running, 1)
        done = wire.in_far(sys.executable, "-c", FLOOD, str(MILLION_TABLE))
        self.assertEqual(done.returncode, 0, done.stdout)
        seen = self.settled(running.process)
        running.process.terminate()
        result = running.finish()
        ledger = self.ledger(result)
        print(f"  {ledger.flows['why'].get('shutdown', 0)} open flows: {seen / 2**20:.0f} MiB of a budget of {total / 2**20:.0f} MiB")
        self.assertGreaterEqual(ledger.flows["why"].get("shutdown", 0), MILLION, result)
        self.assertLess(seen, MILLION_BYTES)
        self.assertLess(seen, total)


if __name__ == "__main__":
    unittest.main()
