"""Live capture on a host whose wall clock is stepped: no packet is skipped, no flow is split, held up or ended early, and records have
the times of the clock as it was at their first packets. The sensor's clock and the stamps of its packets are stepped by
stepped_clock.c, the machine's are not. LONG=yes takes 20 rounds for each number of meters. Needs root and iproute2.
Run: python3 tests/e2e/run.py test_clock
"""
import concurrent.futures
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

from harness import Case
from namespaces import NEAR, Wire, ip
# As a module: unittest runs every class of tests that a module has by name.
import test_live

MEASURES = "what is lost at a rate"

ROUNDS = 20 if os.environ.get("LONG") == "yes" else 1
METERS = (1, 2, 4)
HOSTS = [f"10.77.0.{100 + host}" for host in range(8)]
SECOND, HOUR, DAY = 1, 3600, 86400
SENDING_S, PAUSE_S, LEAD_S = 6.0, 0.01, 1.5
LONG_PORT, SHORT_PORT = 7100, 7101

# One datagram of each host's long flow, and one flow of one datagram, again and again. Tells when each began, by the true clock.
SENDER = """
import json, socket, sys, time
hosts, near, long_port, short_port, seconds, pause = json.loads(sys.argv[1])
def bound(host, port):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind((host, port))
    return s
longs = [bound(host, 5000) for host in hosts]
began, port, end = {}, 20000, time.monotonic() + seconds
while time.monotonic() < end:
    host = hosts[port % len(hosts)]
    longs[port % len(hosts)].sendto(b"long", (near, long_port))
    with bound(host, port) as short:
        began[port] = time.time()
        short.sendto(b"short", (near, short_port))
    port += 1
    time.sleep(pause)  # the pace of the traffic
print(json.dumps(began))
"""


def steps_of(dice, start):
    """[(moment, how far the clock is ahead from then on)]: each size forward and back, some taken back at once and some not, and one
    right before the end."""
    sizes = [size * sign for size in (SECOND, HOUR, DAY) for sign in (1, -1)]
    dice.shuffle(sizes)
    ahead, steps = 0, []
    for i, size in enumerate(sizes):
        ahead += size
        steps.append((start + (SENDING_S - 0.5) * (i + dice.uniform(0.1, 0.9)) / len(sizes), ahead))
    steps.append((start + SENDING_S - dice.uniform(0, 0.3), ahead - HOUR))
    return steps


@unittest.skipUnless(test_live.ABLE, "network namespaces need root and iproute2")
class Steps(Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        source = Path(__file__).with_name("stepped_clock.c")
        cls.library = Path(cls.enterClassContext(tempfile.TemporaryDirectory())) / "stepped_clock.so"
        subprocess.run(["cc", "-std=gnu17", "-O2", "-Wall", "-Werror", "-shared", "-fPIC", source, "-o", cls.library, "-ldl"], check=True)

    def round(self, meters, seed, *arguments):
        dice = random.Random(seed)
        wire = Wire()
        self.addCleanup(wire.remove)
        for host in HOSTS:
            ip("-n", wire.far, "addr", "add", f"{host}/24", "dev", "far0")
        steps = steps_of(dice, time.time() + LEAD_S)
        clock = " ".join(f"{int(moment * 1e6)}:{ahead * 1000000}" for moment, ahead in steps)
        path = self.folder / f"{meters}-{seed}.jsonl"
        running = self.start("-i", "near0", "-w", path, "-f", f"udp dst portrange {LONG_PORT}-{SHORT_PORT}",
                             "--set", "meter.idle_timeout=1s", "--set", f"meter.n_meters={meters}", "--set", "meter.n_dissections=0",
                             *arguments, prefix=(*wire.prefix, "env", f"LD_PRELOAD={self.library}", f"STEPPED_CLOCK={clock}"))
        test_live.wait_for_capture(running, meters)
        time.sleep(max(steps[0][0] - 0.2 - time.time(), 0))  # the clock is stepped at set moments
        what = json.dumps([HOSTS, NEAR, LONG_PORT, SHORT_PORT, SENDING_S, PAUSE_S])
        sent = subprocess.run(["ip", "netns", "exec", wire.far, sys.executable, "-c", SENDER, what], capture_output=True, text=True, check=True)
        running.signal(signal.SIGTERM)
        stopped = time.monotonic()
        result = self.ended_well(running.finish())
        self.assertLess(time.monotonic() - stopped, 10)
        return steps, {int(port): moment for port, moment in json.loads(sent.stdout).items()}, result, path

    def check(self, meters, seed):
        steps, began, result, path = self.round(meters, seed)
        what, said = f"{meters} meters, seed {seed}: {result}", "\n".join(result.lines)
        records = [json.loads(line) for line in path.read_text().splitlines()]
        longs = [record for record in records if record["dst_port"] == LONG_PORT]
        shorts = {record["src_port"]: record for record in records if record["dst_port"] == SHORT_PORT}
        ledger = self.ledger(result)
        # Nothing is skipped, raised, split or left out.
        self.assertEqual(ledger.packets["metered"], 2 * len(began), what)
        self.assertNotIn("times raised", said, what)
        self.assertEqual(sorted(shorts), sorted(began), what)
        self.assertEqual(len(records), len(began) + len(HOSTS), what)
        self.assertEqual(sum(record["bidirectional_packets"] for record in longs), len(began), what)
        self.assertIn(f"clock steps {len(steps)}", said, what)
        last = max(began.values())
        for port, record in shorts.items():
            # Idle after a second of true time, not held up by more than one.
            if began[port] < last - 2.5:
                self.assertEqual(record["end_reason"], "idle", f"{what}: {record}")
            if began[port] > last - 0.9:
                self.assertEqual(record["end_reason"], "shutdown", f"{what}: {record}")
            self.assert_own_time(record["bidirectional_first_seen"] / 1e6, began[port], steps, what)
        for record in longs:
            self.assertAlmostEqual(record["bidirectional_duration_us"] / 1e6, last - min(began.values()), delta=0.5, msg=what)

    def assert_own_time(self, seen, began, steps, what):
        """The record's time is the stepped clock's: a step that came between sending and the kernel's stamp may be in it or not."""
        possible = {([0] + [ahead for moment, ahead in steps if moment <= began + slack])[-1] for slack in (0, 0.1)}
        self.assertTrue(any(-0.01 < seen - began - ahead < 0.1 for ahead in possible), f"{what}: {seen} {began}")

    def test_steps_in_the_nfstream_profile(self):
        """Its sweep ends nothing behind an open flow, so the short flows go on to the end."""
        steps, began, result, path = self.round(1, 0, "--profile", "nfstream")
        records = [json.loads(line) for line in path.read_text().splitlines()]
        shorts = {record["src_port"]: record for record in records if record["dst_port"] == SHORT_PORT}
        self.assertEqual(self.ledger(result).packets["metered"], 2 * len(began), result)
        self.assertNotIn("times raised", "\n".join(result.lines))
        self.assertEqual((sorted(shorts), len(records)), (sorted(began), len(began) + len(HOSTS)), result)
        for port, record in shorts.items():
            self.assert_own_time(record["bidirectional_first_seen_ms"] / 1e3, began[port], steps, result)
        for record in records:
            if record["dst_port"] == LONG_PORT:
                self.assertAlmostEqual(record["bidirectional_duration_ms"] / 1e3, SENDING_S, delta=0.5)

    def test_steps(self):
        rounds = [(meters, seed) for seed in range(ROUNDS) for meters in METERS]
        with concurrent.futures.ThreadPoolExecutor(len(METERS)) as pool:
            for done in [pool.submit(self.check, *each) for each in rounds]:
                done.result()


if __name__ == "__main__":
    unittest.main()
