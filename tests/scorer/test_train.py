"""train.py: what a configuration of a live sensor makes of captures, and one line for each mistake."""
import contextlib
import io
import os
import socket
import subprocess
import sys
import unittest
from unittest import mock

from support import BINARY, EARLY_PACKETS, EXAMPLE, Case, write_captures
import train

# All that a live sensor may have and a capture doesn't need.
LIVE = """
heartbeat_interval = "2s"; performance_report = "10s"; monitoring = {{ listen = "127.0.0.1:{port}"; }};
capture = {{ interfaces = [ "eth0" ]; block_timeout = "10ms"; }};
meter = {{ early_packets = [ "{packets}" ]; }};
registry = {{ url = "http://127.0.0.1:1"; }};
outputs = ( {{ topic = "flows"; kafka = [ "bootstrap.servers=127.0.0.1:1" ]; record_kinds = [ "final" ]; columns_to_anonymize = [ "all=short_hash" ]; }},
            {{ topic = "early"; kafka = [ "bootstrap.servers=127.0.0.1:1" ]; record_kinds = [ "early" ]; columns_to_anonymize = [ "all=short_hash" ]; }},
            {{ topic = "beats"; kafka = [ "bootstrap.servers=127.0.0.1:1" ]; schema = "heartbeat/v1"; }} );
"""


class Command(Case):
    def setUp(self):
        super().setUp()
        self.captures, self.table = write_captures(self.folder)

    def refused(self, says, *options, labels=None, captures=None):
        """What it ends with: a line, or the exit code of the sensor, which has told the reason."""
        words = ["train.py", "--sensor", BINARY, "--labels", labels or self.table, "--model", self.folder / "made.onnx", *options,
                 *(captures or self.captures)]
        said = io.StringIO()
        with mock.patch.object(sys, "argv", [str(word) for word in words]), contextlib.redirect_stderr(said), \
                self.assertRaises(SystemExit) as end:
            train.main()
        self.assertRegex(f"{said.getvalue()}{end.exception.code}", says)

    def test_with_the_configuration_of_a_live_sensor(self):
        """Which may run on this host, so that its address is taken."""
        with socket.create_server(("127.0.0.1", 0)) as listener:
            config = self.write("live.conf", LIVE.format(port=listener.getsockname()[1], packets=EARLY_PACKETS))
            words = (sys.executable, EXAMPLE / "train.py", "--sensor", BINARY, "--config", config, "--early-packets", EARLY_PACKETS,
                     "--labels", self.table, "--model", self.folder / "made.onnx", *self.captures)
            done = subprocess.run([str(word) for word in words], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("made.onnx: trained on ", done.stdout)

    def test_mistakes_are_one_line(self):
        self.refused("^train.py: .*absent.csv", labels=self.folder / "absent.csv")
        self.refused("^train.py: empty CSV", labels=self.write("empty.csv", ""))
        self.refused("^train.py: the table has no column label; it has capture_file, class", labels=self.write("class.csv", "capture_file,class\n"))
        self.refused("^train.py: label.*the frame has no column file", labels=self.write("file.csv", "file,label\na,b\n"))
        self.refused("^train.py: 0 records found a label", labels=self.write("other.csv", "capture_file,label\na,b\n"))
        self.refused("^train.py: features.*no column absent", "--fields", "protocol,absent")
        self.refused("^train.py: features.*src_ip has String, which is no number", "--fields", "protocol,src_ip")
        self.refused("--early-packets: invalid packet_numbers value: 'x'", "--early-packets", "x")
        self.refused("^train.py: .*absent/made.onnx", "--model", self.folder / "absent" / "made.onnx")
        self.refused(f"^{os.EX_NOINPUT}$", captures=[self.folder / "absent.pcap"])


if __name__ == "__main__":
    unittest.main()
