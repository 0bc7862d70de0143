"""What the compiler and the linker did to the image's binary, read back with readelf."""
import re
import subprocess
import unittest

import roots


def readelf(*arguments):
    return subprocess.run(["readelf", "--wide", *arguments], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True).stdout


class Hardening(unittest.TestCase):
    """The amd64 image; of arm64 only what differs."""

    NOTE = r"x86 feature: IBT, SHSTK"
    ARCHITECTURE = "amd64"

    @classmethod
    def setUpClass(cls):
        cls.binary = str(roots.root(cls.ARCHITECTURE) / roots.BINARY)
        cls.segments = readelf("--segments", cls.binary)
        cls.dynamic = readelf("--dynamic", cls.binary)
        # The names that the program asks libraries for, without their versions.
        cls.asked = set(re.findall(r"UND (\w+)", readelf("--dyn-syms", cls.binary)))

    def test_position_independent(self):
        self.assertRegex(readelf("--file-header", self.binary), r"Type:\s+DYN \(Position-Independent Executable file\)")

    def test_relocations_are_read_only_and_bound_at_once(self):
        self.assertIn("GNU_RELRO", self.segments)
        self.assertRegex(self.dynamic, r"FLAGS\)\s+BIND_NOW")
        self.assertRegex(self.dynamic, r"FLAGS_1\)\s+Flags: .*NOW.*PIE")

    def test_no_segment_is_written_and_executed(self):
        self.assertRegex(self.segments, r"GNU_STACK\s.*\sRW\s")
        flags = [line.split()[6:-1] for line in self.segments.splitlines() if line.split()[:1] == ["LOAD"]]
        self.assertGreaterEqual(len(flags), 2)
        self.assertFalse([words for words in flags if "RWE" in "".join(words)])

    def test_stack_protector(self):
        self.assertIn("__stack_chk_fail", self.asked)

    def test_fortified(self):
        """Four of five calls that can be checked are."""
        checked = {name for name in self.asked if re.fullmatch(r"__\w+_chk", name)} - {"__stack_chk_fail"}
        self.assertGreater(len(checked), 4)
        # memcpy and its like stay where the size is known to fit; printf's kind must all be checked.
        plain = {"snprintf", "sprintf", "vsnprintf", "fprintf", "printf", "vfprintf", "strcpy", "strcat"}
        self.assertEqual(self.asked & plain, set())

    def test_no_path_of_its_own_for_libraries(self):
        self.assertNotRegex(self.dynamic, "R(UN)?PATH")

    def test_branches_land_where_they_may(self):
        """Only if every object of the program has the mark."""
        self.assertRegex(readelf("--notes", self.binary), self.NOTE)

    def test_no_path_of_the_builder(self):
        with open(self.binary, "rb") as stream:
            data = stream.read()
        self.assertIsNone(re.search(rb"/(source|build|work|home|root)/[a-z]", data))

    def test_no_symbols(self):
        self.assertNotIn(".symtab", readelf("--sections", self.binary))
        self.assertNotIn(".debug_info", readelf("--sections", self.binary))


class HardeningOfArm64(Hardening):
    NOTE = r"AArch64 feature: BTI, PAC"
    ARCHITECTURE = "arm64"


if __name__ == "__main__":
    unittest.main()
