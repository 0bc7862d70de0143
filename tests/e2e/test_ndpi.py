"""Another nDPI than the one that the sensor was built with: told by its flows' size or its version, before the first packet.

Run: python3 tests/e2e/run.py test_ndpi
"""
import os
import subprocess
import unittest

from harness import CAPTURES, Case, run

SIZE = "unsigned ndpi_detection_get_sizeof_ndpi_flow_struct(void) { return %d; }"
REVISION = 'const char *ndpi_revision(void) { return "%s"; }'
CAPTURE = CAPTURES / "dns.pcap"


def linked():
    """Version of the library that the sensor is linked with."""
    return next(line for line in run("--version").text().splitlines() if line.startswith("nDPI ")).split()[1]


class OtherLibrary(Case):
    def preloaded(self, source):
        """The environment in which these functions stand before the library's own."""
        library = self.folder / "other.so"
        subprocess.run(["cc", "-shared", "-fPIC", "-x", "c", "-", "-o", library], input=source.encode(), check=True)
        return {"LD_PRELOAD": str(library)}

    def test_flows_of_another_size(self):
        output = self.folder / "flows.csv"
        self.refused(os.EX_OSFILE, ["nDPI " + linked(), "4321 bytes a flow", "built with"], "-r", CAPTURE, "-w", output,
                     env=self.preloaded(SIZE % 4321))
        self.assertFalse(output.exists(), "what an earlier run left there is still there")

    def test_commands_that_ask_the_library(self):
        for command in (("--check-config", "-r", CAPTURE, "-w", "null:"), ("memory", "-i", "none0")):
            with self.subTest(command[0]):
                self.refused(os.EX_OSFILE, ["nDPI 4.99.7"], *command, env=self.preloaded(REVISION % "4.99.7"))

    def test_another_version_with_flows_of_the_same_size(self):
        self.refused(os.EX_OSFILE, ["nDPI 4.99.7", "built with", linked().split("-")[0]], "-r", CAPTURE, "-w", "null:",
                     env=self.preloaded(REVISION % "4.99.7"))

    def test_a_build_from_git_of_the_same_version(self):
        commit = linked().split("-")[0] + "-4711-0a1b2c3"
        self.succeeds("-r", CAPTURE, "-w", "null:", env=self.preloaded(REVISION % commit))

    def test_without_labels_no_library_is_needed(self):
        self.succeeds("-r", CAPTURE, "-w", "null:", "--set", "meter.n_dissections=0", env=self.preloaded(SIZE % 4321))


if __name__ == "__main__":
    unittest.main()
