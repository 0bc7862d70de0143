"""Segmentation offload: packets that never were on a wire are cut into those that were, or marked. Needs root and iproute2. Run: python3 tests/e2e/run.py test_offload"""
import os
import re
import subprocess
import sys
import unittest

from namespaces import NEAR, ip
# As a module: unittest runs every class of tests that a module has by name.
import test_live

MEASURES = "what is lost at a rate"

TRANSFER = 1 << (30 if os.environ.get("LONG") == "yes" else 20)
FRAME_MAX = 1514
TAKE = f"""
import socket
server = socket.create_server(("{NEAR}", 0))
print(server.getsockname()[1], flush=True)
with server.accept()[0] as connection:
    while connection.recv(1 << 16):
        pass
"""
SEND = f"""
import socket, sys
with socket.create_connection(("{NEAR}", int(sys.argv[1]))) as connection:
    connection.sendall(bytes({TRANSFER}))
"""


class Offload(test_live.OnWire):
    def transfer(self, *options):
        """The record of a transfer from far to near; the number of super-packets is in wire.cut."""
        server = subprocess.Popen([*self.wire.prefix, sys.executable, "-c", TAKE], stdout=subprocess.PIPE, text=True)
        self.addCleanup(server.stdout.close)
        self.addCleanup(server.wait)
        self.addCleanup(server.kill)
        port = server.stdout.readline().strip()
        running = self.capture("-f", f"tcp port {port}", *options)
        done = self.wire.in_far(sys.executable, "-c", SEND, port)
        self.assertEqual(done.returncode, 0, done.stdout)
        server.wait(30)  # the sender has only handed the last bytes to its kernel
        result = self.stop(running)
        cut = re.search(r"super-packets (\d+)", str(result))
        self.wire.cut = int(cut[1]) if cut else 0
        records = self.records()
        self.assertEqual(len(records), 1, records)
        self.assertGreater(records[0]["src2dst_bytes"], TRANSFER)
        return records[0]

    def segment_alone(self, limit="1"):
        for name, device in ((self.wire.near, "near0"), (self.wire.far, "far0")):
            ip("-n", name, "link", "set", device, "gso_max_segs", limit)

    def check_wire(self, record):
        """Sizes of the packets as they were on the wire, all of them full but the last of a burst."""
        self.assertEqual(record["src2dst_max_ps"], FRAME_MAX)
        self.assertNotIn("offload", record["quality_flags"])
        payload = record["src2dst_bytes"] - record["src2dst_packets"] * (14 + 20 + 32)
        self.assertGreaterEqual(payload, TRANSFER)
        self.assertLess(payload, TRANSFER * 1.01 + 100 * FRAME_MAX)  # some are sent again

    def test_segments_put_together_are_told_apart(self):
        """With and without offloads a transfer has the same sizes; the kernel tells where to cut (PACKET_VNET_HDR)."""
        together = self.transfer()
        self.check_wire(together)
        self.assertEqual(self.wire.cut > 0, True)

    def test_segments_of_the_wire(self):
        self.segment_alone()
        self.check_wire(self.transfer())
        self.assertEqual(self.wire.cut, 0)

    def test_where_the_kernel_does_not_tell_they_are_marked(self):
        """The nfstream profile has what NFStream would see."""
        record = self.transfer("--profile", "nfstream", "--set", "meter.statistical_analysis=true")
        self.assertGreater(record["src2dst_max_ps"], FRAME_MAX)

    def test_larger_mtu(self):
        """The MTU decides, not a size of ours."""
        for name, device in ((self.wire.near, "near0"), (self.wire.far, "far0")):
            ip("-n", name, "link", "set", device, "mtu", "9000", "gso_max_segs", "1")
        record = self.transfer()
        self.assertEqual(record["src2dst_max_ps"], 9014)
        self.assertNotIn("offload", record["quality_flags"])


if __name__ == "__main__":
    unittest.main()
