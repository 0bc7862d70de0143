"""Live capture on a wire between two network namespaces: flows arrive and expire, a signal drains, a link that goes away is
said. Needs root and iproute2. Run: python3 tests/e2e/run.py test_live
"""
import contextlib
import itertools
import json
import os
import re
import shutil
import signal
import time
import unittest
from pathlib import Path

from harness import Case, run, wait_until
from namespaces import FAR, NEAR, Wire, ip

ABLE = os.geteuid() == 0 and shutil.which("ip") is not None
# Datagrams that nobody takes bring ICMP errors with them.
WITHOUT_UNREACHABLE = "udp or (icmp and icmp[icmptype] != icmp-unreach)"


POLL = "7"  # the system call in which a capture waits for packets


def waits(process, meters=1):
    """Whether all meters wait for packets, the one in the main thread or those in threads named so: capture has begun."""
    waiting = 0
    for task in Path(f"/proc/{process.pid}/task").iterdir():
        with contextlib.suppress(OSError):
            is_meter = task.name == str(process.pid) if meters == 1 else (task / "comm").read_text() == "meter\n"
            waiting += is_meter and (task / "syscall").read_text().split(" ")[0] == POLL
    return waiting == meters


def wait_for_capture(running, meters=1):
    """Until the sensor captures, or has ended."""
    wait_until(lambda: running.process.poll() is not None or waits(running.process, meters), what="the start of the capture", limit=30)


@unittest.skipUnless(ABLE, "network namespaces need root and iproute2")
class OnWire(Case):
    """A sensor that captures on a wire; what it is asked is in the classes that derive from this one."""

    meters = 1

    def setUp(self):
        super().setUp()
        self.wire = Wire()
        self.addCleanup(self.wire.remove)
        self.path = self.folder / "flows.jsonl"

    def capture(self, *arguments, interface="near0", output=True):
        """The sensor, capturing; each record goes to a file of its own."""
        writing = ["-w", self.path, "--set", "outputs.0.rotate_flows=1"] if output else []
        running = self.start("-i", interface, *writing, *arguments, prefix=self.wire.prefix)
        wait_for_capture(running, self.meters)
        return running

    def records(self):
        """Rotated files in their order; the last one may be empty."""
        files = sorted(self.folder.glob("flows.*.jsonl"), key=lambda path: int(path.name.split(".")[1]))
        return [json.loads(line) for path in files for line in path.read_text().splitlines()]

    def stop(self, running, number=signal.SIGTERM):
        running.signal(number)
        return self.ended_well(running.finish())

    def ports(self):
        return sorted(record["dst_port"] for record in self.records())


class Live(OnWire):
    def test_ping_and_udp(self):
        # The far end answers UDP to a closed port with ICMP, which belongs to the ping's flow.
        running = self.capture("-f", "icmp[0] = 0 or icmp[0] = 8 or udp")
        self.wire.ping(3)
        self.wire.send(7001, 5)
        result = self.stop(running)
        flows = {(record["protocol"], record["dst_port"]): record for record in self.records()}
        ping, udp = flows[(1, 0)], flows[(17, 7001)]
        self.assertEqual((ping["src_ip"], ping["dst_ip"]), (FAR, NEAR))
        self.assertEqual((ping["src2dst_packets"], ping["dst2src_packets"]), (3, 3))
        self.assertEqual((udp["src_ip"], udp["src_port"], udp["src2dst_packets"], udp["src2dst_bytes"]), (FAR, 5000, 5, 5 * (14 + 20 + 8 + 8)))
        self.assertEqual(self.ledger(result).packets["ignored"], 0)

    def test_signals_drain(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            with self.subTest(number):
                running = self.capture("-f", "udp port 7002")
                self.wire.send(7002, 200)
                result = self.stop(running, number)  # the kernel still holds the latest of them
                self.assertEqual(self.ledger(result).packets["metered"], 200)
                self.assertEqual(self.records()[-1]["end_reason"], "shutdown")
                self.assertEqual(self.ledger(result).flows["why"], {"shutdown": 1})
                self.assertLess(result.seconds, 10)

    def ended_after(self, seconds, port, others=False):
        """Why the flow to `port` ended if the sensor is told to stop `seconds` after its last packet; idle timeout 2 s."""
        running = self.capture("-f", "udp dst portrange 7000-7999", "--set", "meter.idle_timeout=2s")
        self.wire.send(port)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if others:
                self.wire.send(7099, 1, source=5005)
            time.sleep(max(min(0.05, end - time.monotonic()), 0))  # the pace of the traffic
        self.stop(running)
        return {record["end_reason"] for record in self.records() if record["dst_port"] == port}

    def test_idle_flows_end_on_a_quiet_link(self):
        """Nothing is sent after the last packet of a flow: it ends all the same, within the idle timeout and 1 s."""
        self.assertEqual(self.ended_after(1.5, 7003), {"shutdown"})
        self.assertEqual(self.ended_after(3, 7004), {"idle"})

    def test_idle_flows_end_on_a_quiet_link_in_the_nfstream_profile(self):
        """NFStream would wait for the next packet. Two flows, of which the one that was created first is used last."""
        running = self.capture("-f", "udp dst portrange 7000-7999", "--profile", "nfstream", "--set", "meter.idle_timeout=1s")
        self.wire.send(7011)
        self.wire.send(7012, source=5001)
        self.wire.send(7011)
        wait_until(lambda: len(self.records()) == 2, limit=6, what="the records of both flows")
        self.stop(running)
        self.assertEqual(self.ports(), [7011, 7012])

    def test_idle_flows_end_while_others_go_on(self):
        self.assertEqual(self.ended_after(3, 7005, others=True), {"idle"})

    def test_quiet_output_is_still_seen_soon(self):
        """Without rotation records are written in blocks, but a reader waits at most for about a second."""
        running = self.capture("-f", "udp port 7006", "--set", "meter.idle_timeout=1s", "-w", self.path, output=False)
        self.wire.send(7006)
        wait_until(lambda: self.path.exists() and self.path.read_text(), limit=4, what="a record in the file")
        self.stop(running)

    def test_default_route(self):
        ip("-n", self.wire.near, "route", "add", "default", "via", FAR, "dev", "near0")
        running = self.capture("-f", "udp port 7007", interface="auto")
        self.wire.send(7007)
        result = self.stop(running)
        self.assertEqual(self.ports(), [7007])
        self.check_first_line(result, "capturing on near0 (auto: the default route's), link type EN10MB, filter \"udp port 7007\", ")

    def check_first_line(self, result, begin):
        """What was chosen is one line, and the first one of all."""
        meters = f"{self.meters} meter{'s' if self.meters > 1 else ''}"
        self.assertEqual([line for line in result.lines if "capturing on" in line],
                         [f"flowsensor: {begin}{meters}; outputs: file (file, flow/v2)"], result)
        self.assertIn("capturing on", result.lines[0])

    def test_first_line(self):
        self.check_first_line(self.stop(self.capture()), "capturing on near0, link type EN10MB, no filter, ")

    def test_no_default_route(self):
        self.refused(os.EX_NOINPUT, ["no default route", "auto", "name an interface"], "-i", "auto", "-w", "null:", prefix=self.wire.prefix)

    def test_no_such_interface_names_the_nearest(self):
        self.refused(os.EX_NOINPUT, ['no interface "naer0"', 'did you mean "near0"?'], "-i", "naer0", "-w", "null:", prefix=self.wire.prefix)

    def test_interface_that_is_down(self):
        ip("-n", self.wire.near, "link", "set", "near0", "down")
        self.refused(os.EX_NOINPUT, ["near0", "down", "ip link set near0 up"], "-i", "near0", "-w", "null:", prefix=self.wire.prefix)

    def test_interface_that_goes_away(self):
        """What was there before is kept, and what comes when it is back is captured (test_interfaces has more of it)."""
        running = self.capture("-f", "udp dst portrange 7000-7999", "--set", "log.level=warning", "--set", "meter.idle_timeout=1s")
        self.wire.send(7008)
        ip("-n", self.wire.near, "link", "del", "near0")
        wait_until(lambda: running.said("the interface near0 (pod) went away"), what="a line", limit=3)
        self.wire.connect()

        ports = itertools.count(7100)  # a flow each, which ends though others go on

        def captured():
            self.wire.send(next(ports), 1)
            return max(self.ports(), default=0) >= 7100

        wait_until(captured, what="a record of the interface that is back", limit=5)
        result = self.stop(running)
        self.assertEqual(len(result.lines), 1, result)
        before, = (record for record in self.records() if record["dst_port"] == 7008)
        self.assertEqual((before["bidirectional_packets"], before["end_reason"]), (3, "idle"))

    def test_filter(self):
        running = self.capture("-f", "udp port 7009")
        self.wire.send(7009, 4)
        self.wire.send(7010, 4)
        self.wire.ping(1)
        ledger = self.ledger(self.stop(running))
        self.assertEqual(self.ports(), [7009])
        self.assertEqual(ledger.packets["read"], 4)

    def test_promiscuous_mode(self):
        for on, expected in (("true", "1"), ("false", "0")):
            running = self.capture("--set", f"capture.promiscuous_mode={on}")
            shown = re.search(r"promiscuity (\d+)", ip("-n", self.wire.near, "-d", "link", "show", "near0"))[1]
            self.stop(running)
            self.assertEqual(shown, expected, on)

    def test_snapshot_length(self):
        """Counters use the length on the wire whatever is kept."""
        running = self.capture("-f", "icmp", "--set", "capture.snapshot_length=64")
        self.assertEqual(self.wire.in_far("ping", "-n", "-c", "1", "-s", "1000", NEAR).returncode, 0)
        self.stop(running)
        record = self.records()[0]
        self.assertEqual((record["bidirectional_packets"], record["bidirectional_bytes"]), (2, 2 * (14 + 20 + 8 + 1000)))
        self.assertIn("truncated", record["quality_flags"])

    def test_capture_never_waits_for_kafka(self):
        """No broker and a small queue: packets are read on, and each record is counted."""
        conf = self.write("sensor.conf", """
delivery = { timeout = "1s"; shutdown_timeout = "1s"; };
meter = { idle_timeout = "1s"; };
outputs = ( { topic = "flows"; columns_to_anonymize = [ "all=keep" ]; kafka = [ "bootstrap.servers=127.0.0.1:9", "queue.buffering.max.messages=2" ]; } );
""")
        running = self.capture("-c", conf, "-f", "udp", output=False)
        # The start waits for an answer of the broker's, which looks like a capture that waits.
        wait_until(lambda: running.said("capturing on"), what="the start")
        for port in range(7100, 7110):
            self.wire.send(port, 1)
        time.sleep(3)  # the first records' time, delivery.timeout, is over
        running.signal(signal.SIGTERM)
        result = running.finish()
        ledger = self.ledger(result)
        output = ledger.outputs["flows"]
        self.assertEqual((output["made"], output["acknowledged"], output["in_flight"]), (10, 0, 0), result)
        # Idle flows wait for room until the first records are given up, and that is the output's end.
        self.assertEqual((output["why"].get("undelivered", 0) >= 2, sum(output["why"].values())), (True, 10), result)
        self.assertLessEqual(set(output["why"]), {"queue_full", "undelivered", "output_failed"}, result)
        self.assertEqual(result.code, os.EX_UNAVAILABLE, result)

    def test_run_without_traffic(self):
        running = self.capture("-f", "udp port 7999")
        time.sleep(1)  # only time shows that nothing comes
        ledger = self.ledger(self.stop(running))
        self.assertEqual((ledger.packets["read"], self.records()), (0, []))

    def test_list_of_interfaces(self):
        text = run("-D", prefix=self.wire.prefix).text()
        self.assertRegex(text, rf"(?m)^near0\s+{NEAR}$")


if __name__ == "__main__":
    unittest.main()
