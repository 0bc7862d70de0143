"""Tests of limits.py. Run: python3 -m unittest discover -s tests/house"""
from planted import Planted


# A function whose head a macro makes.
HIDDEN = "TEST((hidden), (x)) {\n    return 1;\n}\n"


def function(lines, name="work", head="int {}(int a)"):
    """A function of so many lines."""
    return head.format(name) + " {\n" + "    a++;\n" * (lines - 3) + "    return a;\n}\n"


def branches(body, name="work"):
    return f"int {name}(int a, int b) {{\n{body}    return a;\n}}\n"


class Limits(Planted):
    script = "limits.py"

    def plant_short(self, count):
        """So many functions of three lines."""
        self.plant("sensor/base/short.c", "".join(function(3, f"short{number}") for number in range(count)))

    def test_clean_tree(self):
        self.assertIn("1 functions", self.passes())

    def test_empty_tree(self):
        for file in sorted(self.root.rglob("*.[ch]")):
            file.unlink()
        self.assertIn("0 files, 0 functions", self.passes())

    def test_file(self):
        self.plant("sensor/base/long.c", "int a;\n" * 450)
        self.passes()
        self.plant("sensor/base/long.c", "int a;\n" * 451)
        self.finds("sensor/base/long.c:451", "451 lines", "450")

    def test_tests_count_too(self):
        self.plant("tests/unit/base/long.c", "int a;\n" * 451)
        self.finds("tests/unit/base/long.c:451")

    def test_python_files(self):
        self.plant("tests/e2e/test_long.py", "a = (1)\n{2}\n" * 225)
        self.passes()
        self.plant("tests/e2e/test_long.py", "a = 1\n" * 451)
        self.finds("tests/e2e/test_long.py:451", "451 lines")

    def test_function(self):
        self.plant_short(20)
        self.plant("sensor/base/long.c", function(60))
        self.passes()
        self.plant("sensor/base/long.c", "\n" + function(61))
        self.finds("sensor/base/long.c:2", "work() has 61 lines", "60")

    def test_inline_function_of_a_header(self):
        self.plant_short(20)
        self.plant("sensor/base/long.h", function(61, head="static inline int {}(int a)"))
        self.finds("sensor/base/long.h:1", "61 lines")

    def test_95th_percentile(self):
        """Of 20 functions, the clean tree's own counted, one may be longer than 40 lines; not two."""
        self.plant_short(18)
        self.plant("sensor/base/long.c", function(41))
        self.assertIn("95th percentile: function 3 lines", self.passes())
        self.plant_short(17)
        self.plant("sensor/base/long.c", function(40, "usual") + function(41))
        self.assertIn("95th percentile: function 40 lines", self.passes())
        self.plant("sensor/base/long.c", function(41, "usual") + function(42))
        self.finds("sensor/base/long.c:1", "the 95th percentile of functions is 41 lines", "40")

    def test_each_kind_of_branch(self):
        self.plant_short(20)
        for branch in ("if (a) b = 1;\n", "while (a) b = 1;\n", "for (; a;) b = 1;\n",
                       "b = a && b;\n", "b = a || b;\n", "b = a ? b : a;\n",
                       "switch (a) { case 1: b = 1; }\n"):
            with self.subTest(branch=branch):
                self.plant("sensor/base/wide.c", branches(("    " + branch) * 24))
                self.assertIn("   25  sensor/base/wide.c", self.passes())
                self.plant("sensor/base/wide.c", branches("    a = b && a;\n" + ("    " + branch) * 24))
                self.finds("sensor/base/wide.c:1", "complexity 26")

    def test_comments_strings_and_directives_are_no_branches(self):
        line = "    puts(\"if (a && b) ? '\"); /* if for while */ // case ||\n    a = '?';\n"
        self.plant_short(20)
        self.plant("sensor/base/wide.c", branches(line * 20 + "#if A && B\n#endif\n"))
        self.assertIn("    1  sensor/base/wide.c", self.passes())

    def test_prints_ten_and_medians(self):
        self.plant("sensor/base/many.c", "".join(function(number + 3, f"f{number}") for number in range(15)))
        output = self.passes()
        longest = output.split("longest functions, lines\n")[1].split("most branched")[0]
        self.assertEqual(len(longest.splitlines()), 10)
        self.assertIn("   17  sensor/base/many.c", longest.splitlines()[0])
        # 3 to 17 lines, and the clean tree's own function of 3.
        self.assertIn("function 9.5 lines", output)

    def test_function_that_ctags_does_not_see(self):
        self.plant("sensor/base/hidden.c", function(4) + HIDDEN)
        self.finds("sensor/base/hidden.c:5", "ctags does not see the function")

    def test_braces_in_both_branches_of_an_if(self):
        shim = "int shim(int a) {\n#if A\n    if (a) {\n#else\n    if (!a) {\n#endif\n        a = 2;\n    }\n"
        shim += "    return a;\n}\n"
        self.plant("sensor/base/shim.c", shim + function(4))
        self.passes()
        self.plant("sensor/base/shim.c", shim + HIDDEN)
        self.finds("sensor/base/shim.c:11", "ctags does not see the function")

    def test_initializer_is_no_function(self):
        self.plant("sensor/base/rows.c", "static const struct row rows[] = {{1, 2}, {3, 4}};\n"
                                         "struct __attribute__((packed)) row {\n    int a;\n};\n")
        self.passes()
