"""Tests of headers.py. Run: python3 -m unittest discover -s tests/house"""
from planted import Planted

HEAD = "/* A header of the tests. */\n#pragma once\n"


class Headers(Planted):
    script = "headers.py"

    def test_clean_tree(self):
        self.passes()

    def test_cycle_of_three(self):
        self.plant("sensor/base/a.h", HEAD + '#include "base/b.h"\n')
        self.plant("sensor/base/b.h", HEAD + '#include "base/c.h"\n')
        self.plant("sensor/base/c.h", HEAD + '\n#include "base/a.h"\n')
        self.finds("sensor/base/c.h:4", "base/a.h > base/b.h > base/c.h > base/a.h")

    def test_cycle_through_a_table(self):
        self.plant("sensor/base/a.h", HEAD + '#include "base/rows.def"\n')
        self.plant("sensor/base/rows.def", '#include "base/a.h"\n')
        self.finds("sensor/base/rows.def:1", "cycle")

    def test_includes_itself(self):
        self.plant("sensor/base/a.h", HEAD + '#include "base/a.h"\n')
        self.finds("sensor/base/a.h:3", "cycle")

    def test_diamond_is_no_cycle(self):
        self.plant("sensor/base/a.h", HEAD + '#include "base/b.h"\n#include "base/c.h"\n')
        self.plant("sensor/base/b.h", HEAD + '#include "base/c.h"\n')
        self.plant("sensor/base/c.h", HEAD)
        self.passes()

    def test_no_pragma_once(self):
        self.plant("sensor/base/a.h", "/* A header\n#pragma once\n*/\nint a(void);\n")
        self.finds("sensor/base/a.h:4", "no #pragma once")

    def test_does_not_compile_alone(self):
        self.plant("sensor/base/a.h", HEAD + "\nuint64_t a(void);\n")
        self.finds("sensor/base/a.h:4", "does not compile alone", "uint64_t")

    def test_error_in_another_header(self):
        self.plant("sensor/base/a.h", HEAD + '#include "base/missing.h"\n')
        self.plant("sensor/base/b.h", HEAD + '#include "base/a.h"\n')
        self.finds("sensor/base/a.h:3", "missing.h")
        self.finds("sensor/base/b.h:1", "missing.h")

    def test_gnu_source_and_c17(self):
        self.plant("sensor/base/a.h", HEAD + "#include <sched.h>\nstruct a {\n    cpu_set_t set;\n};\n"
                                             '_Static_assert(__STDC_VERSION__ == 201710L, "");\n')
        self.passes()

    def test_generated_header(self):
        self.plant("sensor/base/a.h", HEAD + '#include "base/version.h"\n')
        self.finds("sensor/base/a.h:3", "version.h")
        self.plant("build/generated/base/version.h", "#pragma once\n")
        self.passes("-I", str(self.root / "build/generated"))

    def test_foreign_header(self):
        self.plant("sensor/meter/dissect_shim.h",
                   HEAD + "#include <ndpi_api.h>\nstruct ndpi_flow_struct *flow(void);\n")
        self.passes()
