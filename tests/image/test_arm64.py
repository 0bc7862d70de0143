"""The arm64 image under qemu's user emulation: it starts, and reads captures as amd64 does."""
import shutil
import subprocess
import unittest

import roots
from harness import Case

EMULATOR = "/usr/bin/qemu-aarch64-static"


class Arm64(Case):
    @classmethod
    def setUpClass(cls):
        cls.root = roots.root("arm64")

    def run_in(self, architecture, *arguments):
        """In the image's own root, with a folder of this test mounted as its /tmp."""
        emulator = []
        if architecture != "amd64":
            shutil.copy(EMULATOR, self.folder / "emulator")
            emulator = ["/tmp/emulator"]
        inner = 'mount --bind "$1" "$2/tmp" && folder=$2 && shift 2 && exec chroot "$folder" "$@"'
        done = subprocess.run(["unshare", "--mount", "sh", "-euc", inner, "sh", str(self.folder), str(roots.root(architecture)), *emulator,
                               f"/{roots.BINARY}", *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def records(self, architecture, capture):
        shutil.copy(roots.CAPTURES / capture, self.folder)
        self.write("identity.key", "00112233445566778899aabbccddeeff")
        (self.folder / "identity.key").chmod(0o600)
        lines = self.run_in(architecture, "-r", f"/tmp/{capture}", "-w", "-", "--format", "csv", "--set", "identity.key_file=/tmp/identity.key",
                            "--set", "identity.sensor_id=image").splitlines()
        boot = lines[0].split(",").index("boot_id")
        return [[word for at, word in enumerate(line.split(",")) if at != boot] for line in lines]

    def test_version(self):
        self.assertEqual(self.run_in("arm64", "--version"), self.run_in("amd64", "--version"))

    def test_records_are_those_of_amd64(self):
        for capture, at_least in (("mix.pcap", 400), ("quic.pcap", 1), ("gtpu.pcap", 1)):
            with self.subTest(capture=capture):
                expected = self.records("amd64", capture)
                self.assertGreater(len(expected), at_least)
                self.assertEqual(self.records("arm64", capture), expected)

    def test_list_of_files_is_its_own(self):
        self.assertIn("arch=arm64", (self.root / "usr/share/doc/flowsensor/sbom.spdx.json").read_text())
        self.assertTrue((self.root / "lib/ld-linux-aarch64.so.1").exists())


if __name__ == "__main__":
    unittest.main()
