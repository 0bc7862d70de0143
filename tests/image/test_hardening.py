"""What the compiler and the linker did to the image's binary, read back with readelf."""
import re
import subprocess
import unittest

import roots


def readelf(*arguments):
    return subprocess.run(["readelf", "--wide", *arguments], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True).stdout


class Hardening(unittest.TestCase):
    """The amd64 image; of arm64 only what differs."""

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
        """Copies and texts of unproven size are checked; the plain call stays where the compiler proves that it fits, or can't
        know the size. What has no bound at all is not called."""
        checked = {f"__{name}_chk" for name in ("memcpy", "memset", "snprintf", "vsnprintf")}
        self.assertEqual(checked - self.asked, set())
        self.assertEqual(self.asked & {"gets", "sprintf", "vsprintf", "strcpy", "stpcpy", "strcat", "system", "popen"}, set())

    def test_no_path_of_its_own_for_libraries(self):
        self.assertNotRegex(self.dynamic, "R(UN)?PATH")

    def test_branches_land_where_they_may(self):
        """Debian's start files for amd64 have no mark, so the linker leaves it out; the landing places are there."""
        with open(self.binary, "rb") as stream:
            self.assertGreater(stream.read().count(b"\xf3\x0f\x1e\xfa"), 500)  # endbr64

    def test_no_path_of_the_builder(self):
        with open(self.binary, "rb") as stream:
            data = stream.read()
        self.assertIsNone(re.search(rb"/(source|build|work|home|root)/[a-z]", data))

    def test_no_symbols(self):
        self.assertNotIn(".symtab", readelf("--sections", self.binary))
        self.assertNotIn(".debug_info", readelf("--sections", self.binary))


class HardeningOfArm64(Hardening):
    ARCHITECTURE = "arm64"

    def test_branches_land_where_they_may(self):
        """Only if every object of the program has the mark."""
        self.assertRegex(readelf("--notes", self.binary), "AArch64 feature: BTI, PAC")


if __name__ == "__main__":
    unittest.main()
