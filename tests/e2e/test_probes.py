"""Health by HTTP: what the probes say at the start, over files, and when a loop hangs. Needs root.
Run: python3 tests/e2e/run.py test_probes
"""
import os
import random
import re
import select
import signal
import socket
import subprocess
import threading
import time
import unittest

import frames
from endpoint import ABLE, ADDRESS, OUTSIDE, Monitoring
from harness import CAPTURES, of_threads, wait_until

MEASURES = "the time to an answer"


@unittest.skipUnless(ABLE, "capturing needs root")
class Probes(Monitoring):
    def test_a_loop_that_hangs(self):
        """A capture is read into a pipe that nobody reads: within 10 s /livez and /readyz fail, and numbers are told with their
        age; once somebody reads, all is well again."""
        pipe = self.folder / "pipe"
        os.mkfifo(pipe)
        reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
        self.addCleanup(os.close, reader)
        running = self.launch("-r", "-", "-w", pipe, "--format", "jsonl", "--set", "meter.idle_timeout=0", stdin=subprocess.PIPE)
        stream, running.process.stdin = running.process.stdin, None
        self.addCleanup(stream.close)
        began = time.monotonic()
        sender = threading.Thread(target=lambda: (stream.write((CAPTURES / "mix.pcap").read_bytes()), stream.flush()), daemon=True)
        sender.start()
        wait_until(lambda: self.get("/livez")[0] == 503, limit=20, what="the end of life")
        self.assertGreater(time.monotonic() - began, 9.5)
        status, text = self.get("/readyz")
        self.assertEqual(status, 503)
        self.assertRegex(text, r"capture: has not moved for 1\d\.\d s\n")
        asked = time.monotonic()
        scrape = self.scrape()
        self.assertLess(time.monotonic() - asked, 1.5)
        self.assertGreater(scrape("flowsensor_snapshot_age_seconds"), 9)
        # Who hangs is not waited for again.
        asked = time.monotonic()
        self.scrape()
        self.assertLess(time.monotonic() - asked, 0.2)
        ending = threading.Event()

        def read():
            while not ending.is_set():
                if select.select([reader], [], [], 0.1)[0]:
                    os.read(reader, 1 << 20)
        thread = threading.Thread(target=read, daemon=True)
        thread.start()
        sender.join()
        wait_until(lambda: self.get("/livez")[0] == 200 and self.get("/readyz")[0] == 200, what="life again")
        wait_until(lambda: self.scrape()("flowsensor_snapshot_age_seconds") < 1, what="a snapshot of now")
        self.stop(running)
        ending.set()
        thread.join()

    def test_the_start(self):
        """Until somebody reads the FIFO that is the output the start is not complete."""
        fifo = self.folder / "fifo.jsonl"
        os.mkfifo(fifo)
        running = self.launch("-r", "-", "-w", fifo, stdin=subprocess.PIPE)
        self.assertEqual(self.get("/startupz"), (503, "start: not complete\n"))
        self.assertEqual(self.get("/readyz"), (503, "capture: starting\n"))
        self.assertEqual(self.get("/livez"), (200, "starting ok\n"))
        scrape = self.scrape()
        self.assertGreater(scrape("process_cpu_seconds_total"), 0)
        self.assertNotIn("flowsensor_capture_packets_total", {name for name, _ in scrape.samples})
        reader = subprocess.Popen(["cat", fifo], stdout=subprocess.DEVNULL)
        self.addCleanup(reader.wait)
        wait_until(lambda: self.get("/startupz") == (200, "start ok\n"), what="the start")
        running.process.stdin.write((CAPTURES / "mix.pcap").read_bytes())
        running.process.stdin.flush()
        self.assertEqual(self.get("/readyz")[0], 200)
        running.process.stdin.close()
        running.process.stdin = None
        self.ended_well(running.finish())

    def test_files(self):
        """Captures that are read by one thread and metered by one or three: no residual at any scrape, and the ledger's numbers."""
        capture = (CAPTURES / "mix.pcap").read_bytes()
        for meters in (1, 3):
            with self.subTest(meters=meters):
                running = self.launch("-r", "-", "-w", "null:", "--set", f"meter.n_meters={meters}", "--set", "meter.active_timeout=0",
                                      "--set", "meter.n_dissections=0", stdin=subprocess.PIPE)
                stream, running.process.stdin = running.process.stdin, None
                ending, packets = threading.Event(), set()

                def feed():
                    with stream:
                        stream.write(capture[:24])
                        while not ending.is_set():
                            stream.write(capture[24:])
                thread = threading.Thread(target=feed, daemon=True)
                thread.start()
                wait_until(lambda: self.get("/startupz")[0] == 200, what="the start")
                for _ in range(15):
                    scrape = self.scrape()
                    self.assertEqual(scrape.residuals(), {})
                    packets.add(scrape.sum("flowsensor_capture_packets_total"))
                    time.sleep(0.05)  # the pace of the scrapes
                ending.set()
                thread.join()
                self.assertGreater(len(packets), 1)
                ledger = self.ledger(self.ended_well(running.finish()))
                self.assertLessEqual(max(packets), ledger.packets["read"])

    def test_a_port_in_use(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            self.refused(os.EX_UNAVAILABLE, ["monitoring.listen", port, "in use"], "-i", "lo", "-w", "null:", "--set",
                         f"monitoring.listen=127.0.0.1:{port}")
        self.refused(os.EX_UNAVAILABLE, ["monitoring.listen", "192.0.2.1"], "-i", "lo", "-w", "null:", "--set",
                     "monitoring.listen=192.0.2.1:19995")
        self.refused(os.EX_CONFIG, ["monitoring.listen", "localhost"], "-i", "lo", "-w", "null:", "--set", "monitoring.listen=localhost:19995")

    def test_its_thread(self):
        """Named, deaf to signals, and without capabilities before anybody has asked; the end is not held up."""
        running = self.start("-i", "lo", "-f", "net 10.1.0.0/16", "-w", "null:", "--set", "monitoring.listen=127.0.0.1:0")
        self.at = wait_until(lambda: ADDRESS.search(self.log(running)), what="the endpoint")[1]

        def look():
            found = [dict(re.findall(r"^(\w+):\t(.*)$", text, re.M)) for text in of_threads(running.process, "status") if text.startswith("Name:\tmonitor\n")]
            return found[0] if found and found[0]["NoNewPrivs"] == "1" else None
        status = wait_until(look, what="the thread without privileges")
        self.assertEqual(int(status["CapEff"], 16) & 1 << 13, 0, "cap_net_raw")
        self.assertTrue(int(status["SigBlk"], 16) >> signal.SIGTERM - 1 & 1)
        wait_until(lambda: self.get("/readyz")[0] == 200, what="readiness", limit=30)
        began = time.monotonic()
        self.stop(running)
        self.assertLess(time.monotonic() - began, 3)

    def test_ipv6(self):
        running = self.start("-i", "lo", "-f", "net 10.1.0.0/16", "-w", "null:", "--set", "monitoring.listen=[::1]:0")
        self.at = wait_until(lambda: ADDRESS.search(self.log(running)), what="the endpoint", limit=30)[1]
        wait_until(lambda: self.get("/readyz")[0] == 200, what="readiness", limit=30)
        self.stop(running)

    def test_series_do_not_grow(self):
        """A flood of random packets adds no series but names of applications, of which nDPI has some hundred."""
        running = self.capture("-w", "null:", "--set", "meter.idle_timeout=200ms", rule=OUTSIDE)
        before = self.scrape()
        chance = random.Random(20261124)
        flood = []
        for _ in range(20000):
            payload = chance.randbytes(chance.randrange(0, 200))
            ends = {"source": f"10.{chance.randrange(256)}.{chance.randrange(256)}.1", "destination": "10.1.200.1"}
            kind = chance.randrange(3)
            if kind == 0:
                flood.append(frames.udp(chance.randrange(65536), chance.randrange(65536), payload, **ends))
            elif kind == 1:
                flood.append(frames.tcp(chance.randrange(65536), chance.randrange(65536), 0, 0, chance.randrange(256), payload, **ends))
            else:
                flood.append(b"\x02\0\0\0\0\x02" + b"\x02\0\0\0\0\x01" + chance.randbytes(2) + payload)
        sender = self.send(flood, rounds=1)
        sender.join()
        after = wait_until(lambda: (scrape := self.scrape())("flowsensor_flows_opened_total") > 1000 and
                           scrape("flowsensor_flows_open") == 0 and scrape, what="the end of all flows", limit=30)
        self.assertEqual(before.series(), after.series())
        names = after.parts("flowsensor_application_flows_total", "application")
        self.assertLess(len(names), 300)
        for name in names:
            self.assertRegex(name, r"^[A-Za-z][A-Za-z0-9_/+ .-]*$")
        self.assertEqual(after.residuals(), {})
        self.stop(running)


if __name__ == "__main__":
    unittest.main()
