"""Capabilities: what a pod needs to capture, that a sensor has none once it captures, and what it says where they are withheld. Each
row of a table is a way to be started, made as a container runtime does (pod.py). Needs root, iproute2 and setcap.
Run: python3 tests/e2e/run.py test_privileges
"""
import os
import re
import shutil
import subprocess
import sys
import unittest
from pathlib import Path

from harness import CAPTURES, Case, Running, of_threads
from namespaces import Wire
from servers import closed_port
from test_live import ABLE, wait_for_capture

POD = Path(__file__).with_name("pod.py")
USER = 65532
SHELL = ("/bin/sh", "-c", '"$0" "$@"; exit')  # a command of its own: the shell stays
DAC_OVERRIDE, NET_RAW = 1 << 1, 1 << 13
SETS = ("CapInh", "CapPrm", "CapEff", "CapAmb")


def rights(process):
    """Of each thread: its name, the capabilities that it has in any set, and whether it may gain any."""
    for text in of_threads(process, "status"):
        status = dict(re.findall(r"^(\w+):\s*(\S+)", text, re.M))
        yield status["Name"], [int(status[name], 16) for name in SETS], int(status["CapBnd"], 16), status["NoNewPrivs"]


@unittest.skipUnless(ABLE and shutil.which("setcap"), "capabilities need root, iproute2 and setcap")
class Privileges(Case):
    def setUp(self):
        super().setUp()
        self.wire = Wire()
        self.addCleanup(self.wire.remove)

    def program(self, capabilities):
        copy = self.public_binary()
        if capabilities:
            subprocess.run(["setcap", capabilities, copy], check=True)
        return copy

    def as_pod(self, user=str(USER), capabilities="net_raw", shell=False):
        return (*self.wire.prefix, sys.executable, POD, user, capabilities, *(SHELL if shell else ()))

    def captures(self, prefix, program, *arguments, meters=1):
        """Captures, and what was sent is metered; what `rights()` says of it while it does."""
        properties = f"bootstrap.servers=127.0.0.1:{closed_port()}"
        running = Running("-i", "near0", "-f", "udp port 7001", "--set", "outputs.0.topic=flows", "--set", f"outputs.0.kafka={properties}",
                          "--set", "outputs.0.columns_to_anonymize=all=keep", "--set", "outputs.1.path=-", "--set", "outputs.1.name=file",
                          "--set", "delivery.timeout=10ms", "--set", "delivery.shutdown_timeout=10ms", "--set", f"meter.n_meters={meters}",
                          *arguments, prefix=prefix, binary=program)
        self.addCleanup(running.close)
        wait_for_capture(running, meters)
        self.assertIsNone(running.process.poll(), "it ended")
        found = list(rights(running.process))
        self.wire.send(7001, 5)
        running.process.terminate()
        ledger = self.ledger(running.finish())
        self.assertEqual(ledger.packets["metered"], 5)
        return found

    def captures_without_any(self, prefix, program, keeps=0, **options):
        for name, sets, bounding, no_new_privs in self.captures(prefix, program, **options):
            with self.subTest(thread=name):
                self.assertEqual([held & ~keeps for held in sets], [0, 0, 0, 0])
                self.assertEqual(no_new_privs, "1")
                if keeps:  # a process that had all of them
                    self.assertEqual(bounding, 0)

    def refused_for(self, says, prefix, program):
        self.refused(os.EX_NOPERM, ["no permission to capture on the interface near0", *says], "-i", "near0", "-w", "null:", prefix=prefix,
                     binary=program)

    def test_permitted_by_the_file(self):
        self.captures_without_any(self.as_pod(), self.program("cap_net_raw=p"), meters=2)

    def test_effective_by_the_file(self):
        self.captures_without_any(self.as_pod(), self.program("cap_net_raw=ep"))

    def test_no_capability_of_the_file(self):
        self.refused_for(["setcap cap_net_raw=p PROGRAM"], self.as_pod(), self.program(None))

    def test_shell_before_it(self):
        self.refused_for(["no_new_privs", "no shell before it"], self.as_pod(shell=True), self.program("cap_net_raw=p"))

    def test_shell_before_it_that_may_gain(self):
        self.captures_without_any((*self.as_pod(f"{USER}+", shell=True)[:-1], 'exec "$0" "$@"'), self.program("cap_net_raw=p"))

    def test_everything_withheld(self):
        program = self.program("cap_net_raw=p")
        self.refused_for(["withheld from this container", "capabilities.add: [NET_RAW]"], self.as_pod(capabilities="none"), program)
        self.succeeds("-r", CAPTURES / "dns.pcap", "-w", "null:", prefix=self.as_pod(capabilities="none"), binary=program)

    def test_everything_withheld_from_what_wants_it_effective(self):
        """Why the image's file capability is `p`: with `ep` the kernel doesn't even execute --help."""
        done = subprocess.run([*map(str, self.as_pod(capabilities="none")), self.program("cap_net_raw=ep"), "--help"], stderr=subprocess.PIPE, check=False)
        self.assertIn(b"execve: Operation not permitted", done.stderr)

    def test_root_in_a_container(self):
        self.captures_without_any(self.as_pod("0"), self.program(None))

    def test_root_keeps_access_to_files(self):
        self.captures_without_any(self.wire.prefix, self.program(None), keeps=DAC_OVERRIDE)

    def test_root_reading_a_file(self):
        """Rotation goes on where only root's capability may write."""
        folder = self.folder / "others"
        folder.mkdir(mode=0o700)
        os.chown(folder, USER, USER)
        self.succeeds("-r", CAPTURES / "mix.pcap", "-w", folder / "x.csv", "--set", "outputs.0.rotate_flows=100")
        self.assertGreater(len(list(folder.iterdir())), 2)

    def test_system_visibility_keeps_what_it_needs(self):
        program = self.program("cap_net_raw,cap_sys_ptrace,cap_sys_admin=p")
        found = self.captures(self.as_pod(capabilities="net_raw,sys_ptrace,sys_admin"), program, "--set", "meter.system_visibility_mode=1")
        held = {sets[1] for _, sets, _, _ in found}
        self.assertEqual(held, {0, 1 << 19 | 1 << 21}, found)

    def test_key_of_a_secret(self):
        """A mounted secret with fsGroup: root's, readable for the pod's group."""
        key = self.write("key", "0" * 64)
        os.chown(key, 0, USER)
        key.chmod(0o440)
        arguments = ("-r", CAPTURES / "dns.pcap", "-w", "null:", "--set", "outputs.0.columns_to_anonymize=all=hash", "--set",
                     f"anonymization.key_file={key}")
        program = self.program("cap_net_raw=p")
        self.succeeds(*arguments, prefix=self.as_pod(), binary=program)
        key.chmod(0o460)
        self.refused(os.EX_CONFIG, ["mode 0460", "chmod 600"], *arguments, prefix=self.as_pod(), binary=program)


if __name__ == "__main__":
    unittest.main()
