"""Tests of rooms.py. Run: python3 -m unittest discover -s tests/house"""
from common import DATA_PATH, PARTS, ROOMS
from planted import Planted
from rooms import allowed


class Rooms(Planted):
    script = "rooms.py"

    def test_clean_tree(self):
        self.passes()

    def test_every_pair_of_rooms(self):
        upstream = dict(zip(DATA_PATH[1:], DATA_PATH))
        for user in ROOMS:
            for used in ROOMS:
                fine = user == "app" or used in (user, upstream.get(user)) or (used == "base")
                self.assertEqual(used in allowed(user), fine, f"{user} includes {used}")

    def test_two_steps_upstream(self):
        self.plant("sensor/sink/null.c", '#include "record/record.h"\n#include "meter/meter.h"\n')
        self.finds("sensor/sink/null.c:2", '"meter/meter.h"', "base, record, sink")

    def test_downstream(self):
        self.plant("sensor/decode/link.c", '#include "meter/meter.h"\n')
        self.finds("sensor/decode/link.c:1")

    def test_base_knows_no_room(self):
        self.plant("sensor/base/log.c", '#include "capture/capture.h"\n')
        self.finds("sensor/base/log.c:1", "base only")

    def test_subfolder_and_table_count_as_their_room(self):
        self.plant("sensor/meter/feature/size.c", '#include "record/record.h"\n')
        self.plant("sensor/meter/names.def", '\n#include "app/main.h"\n')
        self.finds("sensor/meter/feature/size.c:1")
        self.finds("sensor/meter/names.def:2")

    def test_name_without_room(self):
        names = ("decode.h", "../meter/meter.h", "decode/../meter/meter.h")
        self.plant("sensor/decode/link.c", "".join(f'#include "{name}"\n' for name in names))
        for line in (1, 2, 3):
            self.finds(f"sensor/decode/link.c:{line}", "does not start with a room")

    def test_macro_as_name(self):
        self.plant("sensor/decode/link.c", '#define TABLE "meter/meter.h"\n#include TABLE\n')
        self.finds("sensor/decode/link.c:2")

    def test_angle_brackets(self):
        self.plant("sensor/decode/link.c", "#include <meter/meter.h>\n")
        self.finds("sensor/decode/link.c:1", "angle brackets")

    def test_spelled_oddly(self):
        self.plant("sensor/decode/link.c", '\n /* x */ #  include/**/ "meter/meter.h" // why\n')
        self.finds("sensor/decode/link.c:2")

    def test_comment_is_no_include(self):
        self.plant("sensor/decode/link.c", '/*\n#include "meter/meter.h"\n*/\n// "\n')
        self.passes()

    def test_own_header_of_a_part(self):
        for part, doors in PARTS.items():
            own = [f"{part}/secret.h"]
            self.plant(f"sensor/{part}/secret.c", f'#include "{own[0]}"\n')
            self.plant("sensor/app/main.c", "".join(f'#include "{name}"\n' for name in [*(doors or ()), *own]))
            if doors is None:
                self.passes()
            else:
                self.finds(f"sensor/app/main.c:{len(doors) + 1}", f"{part}/'s own", doors[0])

    def test_unknown_room(self):
        self.plant("sensor/util/list.h", "/* A list of anything at all. */\n#pragma once\n")
        self.plant("sensor/main.c", "int main(void) {\n    return 0;\n}\n")
        self.finds("sensor/util/list.h:1", "outside the rooms")
        self.finds("sensor/main.c:1", "outside the rooms")
