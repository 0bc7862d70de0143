"""Tests of tables.py. Run: python3 -m unittest discover -s tests/house"""
from common import PARTS
from planted import Planted
from tables import TABLES


class Tables(Planted):
    script = "tables.py"

    def test_clean_tree(self):
        self.assertIn("2 rows", self.passes())

    def test_row_without_file(self):
        for table in TABLES:
            with self.subTest(table=table.path):
                self.plant(f"sensor/{table.path}", f"/* Rows.\n */\n{table.macro}(nothing)\n")
                self.finds(f"sensor/{table.path}:3", "nothing", f"sensor/{table.folder}/nothing.c")

    def test_file_without_row(self):
        for table in TABLES:
            if table.closed:
                with self.subTest(table=table.path):
                    self.plant(f"sensor/{table.folder}/extra.c", "int extra;\n")
                    self.finds(f"sensor/{table.folder}/extra.c:1", f"{table.macro}(extra)")

    def test_room_of_the_sinks_has_other_files(self):
        self.plant("sensor/sink/ledger.c", "int ledger;\n")
        self.passes()

    def test_row_in_a_comment_is_none(self):
        self.plant("sensor/decode/tunnel/tunnels.def", "/* TUNNEL(gtp_u) */\n")
        self.finds("sensor/decode/tunnel/gtp_u.c:1", "without its row")

    def test_row_twice(self):
        self.plant("sensor/sink/sinks.def", "SINK(kafka)\n\nSINK(kafka)\n")
        self.finds("sensor/sink/sinks.def:3", "second row of kafka")

    def test_line_that_cmake_would_miss(self):
        for line in ("    SINK(kafka)", "SINK(kafka) SINK(sink)", "SINKS(kafka)", "SINK()"):
            with self.subTest(line=line):
                self.plant("sensor/sink/sinks.def", line + "\n")
                self.finds("sensor/sink/sinks.def:1", "not a row")

    def test_row_with_more_columns(self):
        self.plant("sensor/sink/sinks.def", '#ifndef SINK\n#endif\nSINK(kafka, "to a topic") // why\n')
        self.passes()

    def test_name_that_cmake_would_cut(self):
        self.plant("sensor/decode/tunnel/tunnels.def", "TUNNEL(gtp_u)\nTUNNEL(gtp_U)\n")
        self.finds("sensor/decode/tunnel/tunnels.def:2", "not a row")

    def test_table_that_cmake_does_not_read(self):
        self.plant("sensor/meter/features.def", "FEATURE(size)\n")
        self.plant("sensor/feature/size.c", "int size;\n")
        self.finds("sensor/meter/features.def:1", "sensor/CMakeLists.txt does not read")

    def test_part_is_built_whole(self):
        for part in PARTS:
            self.plant(f"sensor/{part}/extra.c", "int extra;\n")
        self.passes()

    def test_subfolder_without_table(self):
        self.plant("sensor/meter/dissect/v4.c", "int v4;\n")
        self.plant("sensor/meter/dissect.c", "int dissect;\n")
        self.finds("sensor/meter/dissect/v4.c:1", "has no table")
