#!/usr/bin/env python3
"""CMake finds the forms of nDPI's calls, or says which one it doesn't know: python3 -m unittest tests/parity/test_ndpi_forms.py

The library is NFStream's nDPI; of its header a call or a member is changed into what no version has.
"""
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import harness
import ndpi_of_nfstream


class Forms(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        temporary = tempfile.TemporaryDirectory(prefix="ndpi-forms-")
        cls.addClassCleanup(temporary.cleanup)
        cls.folder = Path(temporary.name)
        cls.version = ndpi_of_nfstream.make(cls.folder).split("-")[0]
        cls.header = (cls.folder / "include" / "ndpi_api.h").read_text()

    def configure(self, old="", new=""):
        """CMake's exit code and what it says, its lines joined, with this change of the header."""
        self.assertIn(old, self.header)
        (self.folder / "include" / "ndpi_api.h").write_text(self.header.replace(old, new))
        done = subprocess.run(["cmake", "-S", harness.REPOSITORY, "-B", self.folder / "tree", "-G", "Ninja", "-DBUILD_TESTING=OFF"],
                              env={**os.environ, "PKG_CONFIG_PATH": str(self.folder)}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              check=False, text=True)
        return done.returncode, " ".join(done.stdout.split())

    def refused(self, old, new, *words):
        code, text = self.configure(old, new)
        self.assertNotEqual(code, 0, text)
        for word in (f"nDPI {self.version}", *words):
            self.assertIn(word, text)

    def test_what_was_found_is_printed(self):
        code, text = self.configure()
        self.assertEqual(code, 0, text)
        self.assertIn(f"nDPI {self.version}: enable_all_default subclassify_config finalize_result packet_6_arguments give_up_2_arguments", text)

    def test_a_call_with_other_arguments(self):
        self.refused("ndpi_detection_giveup(struct ndpi_detection_module_struct *module, struct ndpi_flow_struct *flow)",
                     "ndpi_detection_giveup(struct ndpi_flow_struct *flow)", "none of the known forms of give_up", "incompatible pointer type")

    def test_a_call_that_the_header_has_and_not_the_library(self):
        self.refused("#pragma once", "#pragma once\n#define ndpi_get_num_protocols ndpi_get_number_of_protocols",
                     "none of the known forms of protocol_count", "undefined reference")

    def test_neither_ja3_nor_ja4(self):
        self.refused("ja4_client[37]", "ja9_client[37]", "neither JA3 nor JA4")


if __name__ == "__main__":
    unittest.main()
