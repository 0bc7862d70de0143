"""Segmentation offload: packets that never were on a wire are marked. Needs root and iproute2. Run: python3 tests/e2e/run.py test_offload"""
import subprocess
import sys
import unittest

from namespaces import NEAR, ip
# As a module: unittest runs every class of tests that a module has by name.
import test_live

TRANSFER = 1 << 20
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
    def transfer(self):
        """The record of a transfer from far to near."""
        server = subprocess.Popen([*self.wire.prefix, sys.executable, "-c", TAKE], stdout=subprocess.PIPE, text=True)
        self.addCleanup(server.stdout.close)
        self.addCleanup(server.wait)
        self.addCleanup(server.kill)
        port = server.stdout.readline().strip()
        running = self.capture("-f", f"tcp port {port}")
        done = self.wire.in_far(sys.executable, "-c", SEND, port)
        self.assertEqual(done.returncode, 0, done.stdout)
        server.wait(30)  # the sender has only handed the last bytes to its kernel
        self.stop(running)
        records = self.records()
        self.assertEqual(len(records), 1, records)
        self.assertGreater(records[0]["src2dst_bytes"], TRANSFER)
        return records[0]

    def test_segments_put_together_are_marked(self):
        record = self.transfer()
        self.assertGreater(record["src2dst_max_ps"], FRAME_MAX)
        self.assertIn("offload", record["quality_flags"])

    def test_segments_of_the_wire_are_not(self):
        for name, device in ((self.wire.near, "near0"), (self.wire.far, "far0")):
            ip("-n", name, "link", "set", device, "gso_max_segs", "1")
        record = self.transfer()
        self.assertEqual(record["src2dst_max_ps"], FRAME_MAX)
        self.assertNotIn("offload", record["quality_flags"])

    def test_larger_mtu(self):
        """The MTU decides, not a size of ours."""
        for name, device in ((self.wire.near, "near0"), (self.wire.far, "far0")):
            ip("-n", name, "link", "set", device, "mtu", "9000", "gso_max_segs", "1")
        record = self.transfer()
        self.assertEqual(record["src2dst_max_ps"], 9014)
        self.assertNotIn("offload", record["quality_flags"])


if __name__ == "__main__":
    unittest.main()
