"""Overload: a sensor whose ring fills takes the steps of its ladder, says so in log, records and metrics, and leaves them by itself.
The sensor is stopped (SIGSTOP) while more comes than its ring holds. Needs root and iproute2.
Run: python3 tests/e2e/run.py test_overload
"""
import itertools
import re
import signal
import socket
import time
import unittest

import frames
from endpoint import Monitoring
from harness import run, wait_until
from namespaces import SilentWire, inside
from record_files import read_jsonl
from test_live import ABLE

MEASURES = "how full a ring is"

STEPS = ("short_idle", "no_dissection", "no_splt", "sampling", "shedding")
FLAGS = {"short_idle", "undissected", "no_splt", "sampled", "partial_start"}
RATE = 8
BURST = 2500  # frames of 1 KiB: more than twice what the ring holds
PAYLOAD = b"x" * 1000
PORT = 4999  # nDPI has no guess for it
SMALL = ("--set", "capture.socket_buffer_size=1MiB", "--set", "meter.flow_table_size=65536")
SOON = ("--set", "overload.patience=2s", "--set", "overload.idle_timeout=500ms", "--set", "meter.idle_timeout=3s")


def conversation(number, payload=PAYLOAD):
    """One frame of a conversation of its own; of many hosts, so that each of several meters has some."""
    source, port = ends(number)
    return frames.udp(port, PORT, payload, source=source, destination="10.8.0.1")


def ends(number):
    return f"10.9.{number // 20000}.{1 + number % 100}", 20000 + number % 20000


def send(sent):
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as link:
        link.bind(("far0", 0))
        for frame in sent:
            link.send(frame)


@unittest.skipUnless(ABLE, "network namespaces need root and iproute2")
class Overload(Monitoring):
    def setUp(self):
        super().setUp()
        self.wire = SilentWire()
        self.addCleanup(self.wire.remove)
        self.numbers = itertools.count()
        self.path = self.folder / "flows.jsonl"
        key = self.write("conn-key", "000102030405060708090a0b0c0d0e0f")
        key.chmod(0o600)
        self.key = ("--set", f"identity.conn_key_file={key}")

    def sensor(self, *options):
        running = self.launch("-i", "near0", "-f", "udp", "-w", self.path, "--schema", "flow/v2", *self.key, *SMALL, *SOON, *options,
                              prefix=self.wire.prefix)
        wait_until(lambda: self.get("/readyz")[0] == 200, limit=30, what="readiness")
        return running

    def get(self, path, method="GET"):
        return inside(self.wire.near, super().get, path, method)

    def send_new(self, count, payload=PAYLOAD):
        """So many conversations of one packet each; their numbers."""
        numbers = list(itertools.islice(self.numbers, count))
        inside(self.wire.far, send, [conversation(number, payload) for number in numbers])
        return numbers

    def overrun(self, running):
        """More comes than the ring holds while the sensor is stopped. A scrape after that."""
        running.signal(signal.SIGSTOP)
        try:
            self.send_new(BURST)
        finally:
            running.signal(signal.SIGCONT)
        return self.scrape()

    def step(self):
        return int(self.scrape()("flowsensor_overload_step", meter="0"))

    def overloaded_s(self, meter="0"):
        return self.scrape()("flowsensor_overload_seconds_total", meter=meter)

    def climb(self, running, to=len(STEPS)):
        """Until the last step is taken; the steps that were seen on the way."""
        seen = []
        def look():
            seen.append(int(self.overrun(running)("flowsensor_overload_step", meter="0")))
            return seen[-1] == to
        wait_until(look, limit=30, what=lambda: f"step {to}, after {seen[-10:]}")
        return seen

    def taken(self, count, name):
        """What a counter of packets, and that of all packets, have grown by once so many new conversations were taken in, or more."""
        before = self.scrape()
        self.send_new(count, b"small")

        def grown():
            after = self.scrape()
            return [int(after(metric) - before(metric)) for metric in (name, "flowsensor_capture_packets_total")]
        return wait_until(lambda: (found := grown())[1] >= count and found, what=lambda: f"{count} packets, but {grown()}")

    def test_ladder(self):
        running = self.sensor()
        before, = self.send_new(1)
        self.assertEqual((self.step(), self.overloaded_s()), (0, 0))
        began = time.monotonic()
        seen = self.climb(running)
        self.assertEqual(seen, sorted(seen))
        shed, packets = self.taken(50, "flowsensor_meter_packets_shed_total")
        self.assertEqual(shed, packets)
        self.assertEqual(self.step(), 5)
        wait_until(lambda: self.step() == 4, limit=6, what="the end of shedding")
        sampled_out, packets = self.taken(400, "flowsensor_meter_packets_sampled_out_total")
        self.assertTrue(0.75 * packets < sampled_out < packets, (sampled_out, packets))
        self.assertEqual(self.step(), 4)
        wait_until(lambda: self.step() == 0, limit=15, what="the end of the overload")
        self.check_time(time.monotonic() - began)
        last, = self.send_new(1)  # an idle timeout after the last packet that was not metered
        self.check_metrics(self.scrape())
        result = self.stop(running)
        self.check_log(result)
        self.check_records(self.ledger(result), result, before, last, sampled_out)

    def check_time(self, passed):
        """Five steps were left one after the other, each after a patience of 2 s."""
        found = self.overloaded_s()
        self.assertTrue(10 <= found <= passed, (found, passed))
        time.sleep(0.3)  # only time shows that it doesn't go on
        self.assertEqual(self.overloaded_s(), found)

    def check_metrics(self, scrape):
        self.assertEqual(set(scrape.parts("flowsensor_overload_steps_total", "step")), set(STEPS))
        self.assertGreater(scrape("flowsensor_flows_without_splt_total"), 0)
        self.assertGreater(scrape("flowsensor_flows_undissected_total"), 0)
        self.assertEqual(scrape.residuals(), {})

    def check_log(self, result):
        """Each step is said with its number and why, the remedy with the first, and each is left in the reverse order."""
        up = [re.search(r"meter 0 is overloaded: the kernel's ring is (\d+) % full, the flow table \d+ %; step (\d) of 5, (\w+): (.*)", line)
              for line in result.lines if "is overloaded" in line]
        self.assertTrue(all(up), result)
        self.assertTrue(all(int(found[1]) >= 75 for found in up), result)
        self.assertEqual([(int(found[2]), found[3]) for found in up], list(enumerate(STEPS, 1)), result)
        self.assertEqual(["capture.socket_buffer_size" in found[4] for found in up], [True, False, False, False, False], result)
        down = [re.search(r"(?:leaves the overload step|it leaves the step) (\w+)", line)[1] for line in result.lines if "leaves the" in line]
        self.assertEqual(down, list(reversed(STEPS)), result)

    def check_records(self, ledger, result, before, last, sampled_out):
        records = read_jsonl(self.path)
        said = {what: int(re.search(rf"; {what} (\d+)", str(result))[1]) for what in ("packets sampled out", "packets shed", "undissected", "without SPLT")}
        self.assertGreaterEqual(said["packets sampled out"], sampled_out)
        in_flows = sum(record["bidirectional_packets"] for record in records)
        self.assertEqual(in_flows + said["packets sampled out"] + said["packets shed"], ledger.packets["metered"])
        flags = {flag: [record for record in records if flag in record["quality_flags"]]
                 for flag in FLAGS}
        self.assertTrue(all(flags.values()), {flag: len(found) for flag, found in flags.items()})
        self.assertEqual((len(flags["undissected"]), len(flags["no_splt"])), (said["undissected"], said["without SPLT"]))
        self.assertEqual({record["end_reason"] for record in flags["short_idle"]}, {"idle"})
        for record in records:
            chosen = "sampled" in record["quality_flags"]
            self.assertEqual(record["sampling_rate"], RATE if chosen else 1)
            if chosen:
                self.assertLess(int(record["conn_key"][:16], 16), 2 ** 64 // RATE)
            self.assertEqual(record["splt_ps"] == [], "no_splt" in record["quality_flags"], record)
        # What began after shedding says so. What began before all of it or after it had all that there is, though it may have ended early.
        by_port = {(record["src_ip"], record["src_port"]): FLAGS & set(record["quality_flags"]) - {"short_idle"} for record in records}
        for number in (before, last):
            self.assertEqual(by_port[ends(number)], set())
        small = [record for record in flags["sampled"] if record["bidirectional_bytes"] < 100]
        self.assertTrue(small and all("partial_start" in record["quality_flags"] for record in small))

    def test_only_the_steps_of_the_list(self):
        running = self.sensor("--set", "overload.steps=no_splt")
        self.climb(running, to=1)
        self.assertEqual(int(self.overrun(running)("flowsensor_overload_step", meter="0")), 1)
        wait_until(lambda: self.step() == 0, limit=15, what="the end of the overload")
        result = self.stop(running)
        self.assertIn("step 1 of 1, no_splt", str(result))
        flags = {flag for record in read_jsonl(self.path) for flag in record["quality_flags"]}
        self.assertEqual(flags & FLAGS, {"no_splt"})

    def test_each_meter_for_itself(self):
        running = self.sensor("--set", "overload.steps=no_splt", "--set", "meter.n_meters=2")
        wait_until(lambda: self.overrun(running).parts("flowsensor_overload_step", "meter") == {"0": 1, "1": 1}, what="a step of both meters")
        result = self.stop(running)
        for meter in (0, 1):
            self.assertIn(f"meter {meter} is overloaded", str(result))
        self.ledger(result)

    def test_off(self):
        """Without steps the kernel drops packets, and nothing else happens."""
        running = self.sensor("--set", "overload.steps=")
        scrape = wait_until(lambda: (found := self.overrun(running))("flowsensor_capture_kernel_dropped_packets_total") > 0 and found,
                            what="dropped packets")
        self.assertEqual(scrape("flowsensor_overload_step", meter="0"), 0)
        result = self.stop(running)
        self.assertNotIn("overload", str(result))
        self.assertFalse({flag for record in read_jsonl(self.path) for flag in record["quality_flags"]} - {"loss_window", "guessed_label"})

    def test_a_table_that_fills_takes_short_idle_alone(self):
        running = self.sensor("--set", "meter.flow_table_size=1024", "--set", "overload.patience=300ms")
        self.send_new(900, b"small")
        wait_until(lambda: self.step() == 1, what="the first step")
        wait_until(lambda: self.scrape()("flowsensor_flows_open") == 0, what="the end of the flows")
        wait_until(lambda: self.step() == 0, what="the end of the overload")
        scrape = self.scrape()
        self.assertEqual(scrape.parts("flowsensor_overload_steps_total", "step"), {"short_idle": 1})
        result = self.stop(running)
        self.assertRegex(str(result), r"the flow table (7[5-9]|8\d) %; step 1 of 5, short_idle")
        records = read_jsonl(self.path)
        self.assertEqual(len(records), 900)
        self.assertTrue(all(record["end_reason"] == "idle" and "short_idle" in record["quality_flags"] for record in records))

    def pause(self, running):
        """While the sensor is stopped, both blocks of its ring are handed over, since their time has come. Nothing is lost."""
        running.signal(signal.SIGSTOP)
        try:
            for _ in range(2):
                self.send_new(3, b"small")
                time.sleep(0.3)  # the kernel hands a block over after 0.1 to 0.2 s
        finally:
            running.signal(signal.SIGCONT)

    def test_a_small_ring_at_a_moderate_rate_takes_no_step(self):
        """A ring of two blocks is full whenever the sensor is a little late; it is overloaded once it loses packets."""
        running = self.sensor("--set", "capture.socket_buffer_size=512KiB")
        for _ in range(50):
            self.send_new(20)
            time.sleep(0.01)  # the pace of the traffic: 2 MB/s
        for count in range(1, 4):
            self.pause(running)
            wait_until(lambda count=count: self.scrape()("flowsensor_capture_packets_total") == 1000 + 6 * count, what="the packets")
        scrape = self.scrape()
        self.assertEqual(scrape("flowsensor_capture_kernel_dropped_packets_total"), 0)
        self.assertGreater(scrape("flowsensor_capture_ring_freezes_total"), 0)
        self.assertEqual(scrape.parts("flowsensor_overload_steps_total", "step"), {})
        self.assertEqual(self.overloaded_s(), 0)
        wait_until(lambda: self.overrun(running)("flowsensor_overload_step", meter="0") > 0, what="a step for lost packets")
        self.assertGreater(self.scrape()("flowsensor_capture_kernel_dropped_packets_total"), 0)
        self.stop(running)

    def test_files_wait_instead(self):
        """A file's records don't depend on how fast the machine is."""
        result = run("-r", self.write("few.pcap", frames.pcap([(0, conversation(number)) for number in range(900)])), "-w", self.path, "--schema", "flow/v2",
                     "--set", "meter.flow_table_size=1024")
        self.assertNotIn("overload", str(result))
        self.assertEqual({record["sampling_rate"] for record in read_jsonl(self.path)}, {1})


if __name__ == "__main__":
    unittest.main()
