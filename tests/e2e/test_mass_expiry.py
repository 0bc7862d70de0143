"""Half a million flows that end at once, live, while 200,000 packets come each second: the sweep takes so little at a time that the
kernel drops none, and it is through within seconds. LONG=yes takes 20 rounds for each number of meters. Needs root and iproute2.
Run: python3 tests/e2e/run.py test_mass_expiry
"""
import array
import ctypes
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import time
import unittest

from harness import Case
from namespaces import SilentWire
# As a module: unittest runs every class of tests that a module has by name.
import test_live

MEASURES = "what is lost at a rate"

ROUNDS = 20 if os.environ.get("LONG") == "yes" else 1
METERS = (1, 2, 4) if os.environ.get("LONG") == "yes" else (1,)
FLOWS, PACKETS_A_SECOND, BATCH = 500_000, 200_000, 500
IDLE_S, LATEST_S = 4, 3


class Frames:
    """Frames that sendmmsg() sends from far0 without a word of Python for each: UDP from as many addresses and ports as there are."""

    MESSAGE_WORDS = 8  # struct mmsghdr: name, length, vectors, their number, control, its length, flags, sent

    def __init__(self, count, first):
        ip = struct.pack("!BBHHHBBHII", 0x45, 0, 46, 0, 0, 64, 17, 0, 0x0a000000 + first, 0x0b000001)
        one = b"\2\0\0\0\0\2\2\0\0\0\0\1\x08\0" + ip + struct.pack("!HHHH", 5000, 9, 26, 0) + b"x" * 18
        self.size, self.count = len(one), count
        self.bytes = bytearray(one * count)
        for byte, shift in ((28, 8), (29, 0), (27, 16)):  # the low bytes of the source's address
            self.bytes[byte::self.size] = bytes((first + i) >> shift & 255 for i in range(count))
        base = ctypes.addressof(ctypes.c_char.from_buffer(self.bytes))
        self.vectors = array.array("Q", [0, self.size]) * count
        self.vectors[0::2] = array.array("Q", range(base, base + self.size * count, self.size))
        vectors = self.vectors.buffer_info()[0]
        self.messages = array.array("Q", [0, 0, vectors, 1, 0, 0, 0, 0]) * count
        self.messages[2::self.MESSAGE_WORDS] = array.array("Q", range(vectors, vectors + 16 * count, 16))
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
        self.socket.bind(("far0", 0))
        self.library = ctypes.CDLL(None, use_errno=True)

    def send(self, first, count):
        at = self.messages.buffer_info()[0]
        while count > 0:
            sent = self.library.sendmmsg(self.socket.fileno(), ctypes.c_void_p(at + 8 * self.MESSAGE_WORDS * first), count, 0)
            if sent < 0:
                raise OSError(ctypes.get_errno(), "sendmmsg")
            first, count = first + sent, count - sent


def send_paced(frames, batch, rate, seconds, once):
    """Batches at the rate, of all frames in turn; how many frames, and how far they fell behind at most."""
    start, sent, behind = time.monotonic(), 0, 0
    while (passed := time.monotonic() - start) < seconds and not (once and sent == frames.count):
        due = int(passed * rate) // batch * batch
        behind = max(behind, due - sent)
        if due > sent:
            frames.send(sent % frames.count, batch)
            sent += batch
        else:
            time.sleep(0.0005)  # the pace of the traffic
    return sent, behind


def send_all(flows, rate, batch, idle, latest):
    """The flows at twice the rate; then `batch` others, from before the first one is over until some time after the last one."""
    many, few = Frames(flows, 0), Frames(batch, 0x800000)
    begin = time.monotonic()
    send_paced(many, batch, 2 * rate, 60, True)
    took = time.monotonic() - begin
    time.sleep(max(idle - took - 0.5, 0))  # until shortly before the first one is idle for too long
    start = time.monotonic()
    sent, behind = send_paced(few, batch, rate, begin + took + idle + latest - start, False)
    print(json.dumps({"sent": flows + sent, "took": took, "rate": sent / (time.monotonic() - start), "behind": behind}))


@unittest.skipUnless(test_live.ABLE, "network namespaces need root and iproute2")
class MassExpiry(Case):
    def round(self, meters):
        wire = SilentWire()
        self.addCleanup(wire.remove)
        running = self.start("-i", "near0", "-w", "null:", "-f", "udp", "--set", f"meter.idle_timeout={IDLE_S}s", "--set", f"meter.n_meters={meters}",
                             "--set", "meter.n_dissections=0", "--set", f"meter.flow_table_size={2 * FLOWS}", prefix=wire.prefix)
        test_live.wait_for_capture(running, meters)
        arguments = json.dumps([FLOWS, PACKETS_A_SECOND, BATCH, IDLE_S, LATEST_S])
        done = subprocess.run(["ip", "netns", "exec", wire.far, sys.executable, __file__, arguments], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        running.signal(signal.SIGTERM)
        result = self.ended_well(running.finish())
        wire.remove()
        sent, ledger = json.loads(done.stdout), self.ledger(result)
        what = f"{meters} meters, {sent}: {result}"
        print(f"\n{meters} meters: {sent}")
        self.assertNotIn("dropped", " ".join(line for line in result.lines if "packets:" in line), what)
        self.assertEqual(ledger.packets["metered"], sent["sent"], what)
        # All that ended did so before the sensor was told to stop; what talks to the end is open until then.
        self.assertEqual(ledger.flows["why"], {"idle": FLOWS, "shutdown": BATCH}, what)

    def test_all_end_at_once(self):
        for meters in METERS:
            for _ in range(ROUNDS):
                self.round(meters)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        send_all(*json.loads(sys.argv[1]))
    else:
        unittest.main()
