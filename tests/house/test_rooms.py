"""Tests of rooms.py. Run: python3 -m unittest discover -s tests/house"""
from common import APP_ROOMS, BESIDE, DATA_PATH, NAMESAKES, PARTS, ROOMS, sources
from planted import HERE, Planted
from rooms import allowed, is_allowed, stem_of


class Rooms(Planted):
    script = "rooms.py"

    def test_clean_tree(self):
        self.passes()

    def test_every_pair_of_rooms(self):
        upstream = dict(zip(DATA_PATH[1:], DATA_PATH))
        for user in ROOMS:
            if user in BESIDE:
                continue
            for used in ROOMS:
                fine = user == "app" or used in (user, upstream.get(user)) or (used == "base")
                self.assertEqual(used in allowed(user), fine, f"{user} includes {used}")

    def test_rooms_beside_the_path(self):
        for user, places in BESIDE.items():
            for used in (user, "base", *places):
                self.assertTrue(is_allowed(user, f"{used}/x.h"), f"{user} includes {used}")
            for used in {*ROOMS} - {user, "base", *(place for place in places if "/" not in place)}:
                self.assertFalse(is_allowed(user, f"{used}/x.h"), f"{user} includes {used}")

    def test_feature(self):
        self.plant("sensor/record/field/getters.h", "/* What getters of values share, any thread. */\n#pragma once\n")
        self.plant("sensor/feature/size.c", '#include "meter/meter.h"\n#include "record/field/getters.h"\n')
        self.passes()
        self.plant("sensor/feature/size.c", '\n#include "record/record.h"\n')
        self.finds("sensor/feature/size.c:2", "record/field")
        self.plant("sensor/feature/size.c", "")
        self.plant("sensor/meter/flow.c", '#include "feature/size.h"\n')
        self.finds("sensor/meter/flow.c:1", "base, decode, meter only")

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
        self.plant("sensor/decode/tag/size.c", '#include "record/record.h"\n')
        self.plant("sensor/meter/names.def", '\n#include "app/main.h"\n')
        self.finds("sensor/decode/tag/size.c:1")
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
            secret = f"{part.replace('/', '_')}_secret"
            own = [f"{part}/{secret}.h"]
            self.plant(f"sensor/{part}/{secret}.c", f'#include "{own[0]}"\n')
            self.plant("sensor/app/main.c", "".join(f'#include "{name}"\n' for name in [*(doors or ()), *own]))
            if doors is None:
                self.passes()
            else:
                self.finds(f"sensor/app/main.c:{len(doors) + 1}", f"{part}/'s own", doors[0])

    def test_order_of_apps_rooms(self):
        for number, user in enumerate(APP_ROOMS):
            with self.subTest(user):
                name = f"sensor/app/{user}/planted_{user}.c"
                self.plant(name, "".join(f'#include "app/{used}/x.h"\n' for used in APP_ROOMS[number:]))
                self.passes()
                for used in APP_ROOMS[:number]:
                    self.plant(name, f'#include "base/pool.h"\n#include "app/{used}/x.h"\n')
                    self.finds(f"{name}:2", f'app/{user}/ includes "app/{used}/x.h"', " > ".join(APP_ROOMS))
                self.plant(name, "")
        self.plant("sensor/app/main.c", "".join(f'#include "app/{used}/x.h"\n' for used in APP_ROOMS))
        self.passes()

    def test_unknown_room_of_app(self):
        self.plant("sensor/app/util/list.c", '#include "base/pool.h"\n')
        self.finds("sensor/app/util/list.c:1", "without a place in the order", "host")

    def test_unknown_room(self):
        self.plant("sensor/util/list.h", "/* A list of anything at all. */\n#pragma once\n")
        self.plant("sensor/main.c", "int main(void) {\n    return 0;\n}\n")
        self.finds("sensor/util/list.h:1", "outside the rooms")
        self.finds("sensor/main.c:1", "outside the rooms")

    def test_circle_of_folders(self):
        self.plant("sensor/decode/walk/walk.h", "/* What all headers share, for the rows too. */\n#pragma once\n")
        self.plant("sensor/decode/tag/vlan.c", '#include "decode/walk/walk.h"\n')
        self.plant("sensor/decode/native.c", '#include "decode/walk/walk.h"\n')
        self.passes()
        self.plant("sensor/decode/rows.h", '/* The tags that there are. */\n#pragma once\n#include "decode/tag/tags.def"\n')
        self.plant("sensor/decode/tag/tags.def", '#include "decode/decode.h"\n')
        self.finds("sensor/decode/rows.h:3", "circle of folders decode > decode/tag,")

    def test_longer_circle_of_folders(self):
        self.plant("sensor/decode/link/link.c", '#include "decode/tag/tag.h"\n#include "decode/tag/tag.h"\n')
        self.plant("sensor/decode/tag/tag.h", "/* A tag between link and IP. */\n#pragma once\n")
        self.plant("sensor/decode/tag/vlan.c", '\n#include "decode/tunnel/open.h"\n')
        self.plant("sensor/decode/tunnel/open.h", "/* Opens tunnels of all kinds. */\n#pragma once\n")
        self.passes()
        self.plant("sensor/decode/tunnel/close.c", '#include "decode/link/row.h"\n#include "decode/link/row.h"\n')
        self.plant("sensor/decode/link/row.h", "/* A link layer, one row. */\n#pragma once\n")
        self.finds("sensor/decode/tag/vlan.c:2", "decode/link > decode/tag > decode/tunnel")

    def test_circle_of_files(self):
        header = "/* A thing of the meter's, one thread. */\n#pragma once\n"
        self.plant("sensor/meter/one.h", header)
        self.plant("sensor/meter/two.h", header)
        self.plant("sensor/meter/one.c", '#include "meter/one.h"\n#include "meter/two.h"\n')
        self.plant("sensor/meter/two.c", '#include "meter/two.h"\n')
        self.passes()
        self.plant("sensor/meter/two.c", '#include "meter/two.h"\n#include "meter/one.h"\n')
        self.finds("sensor/meter/one.c:2", "circle of files meter/one > meter/two,")

    def test_circle_of_files_through_a_header_without_code(self):
        header = "/* A thing of the meter's, one thread. */\n#pragma once\n"
        self.plant("sensor/meter/one.h", header)
        self.plant("sensor/meter/one_parts.h", header + '#include "meter/one.h"\n')
        self.plant("sensor/meter/one.c", '#include "meter/one_parts.h"\n')
        self.passes()
        self.plant("sensor/meter/two.h", header + '#include "meter/one_parts.h"\n')
        self.plant("sensor/meter/two.c", '#include "meter/two.h"\n')
        self.passes()
        self.plant("sensor/meter/one.c", '#include "meter/one_parts.h"\n#include "meter/two.h"\n')
        self.finds("sensor/meter/one.c:2", "circle of files meter/one > meter/two,")

    def test_two_files_of_one_name(self):
        self.plant("sensor/sink/list.c", '#include "sink/list.h"\n')
        self.plant("sensor/sink/list.h", "/* A list of messages, the oldest first. */\n#pragma once\n")
        self.passes()
        self.plant("sensor/record/list.h", "/* A list of the fields of a record. */\n#pragma once\n")
        self.finds("sensor/sink/list.c:1", "record/ has a file list too")
        self.finds("sensor/sink/list.h:1")

    def test_exceptions_are_still_there(self):
        files = sources(HERE.parents[1])
        for name, reason in NAMESAKES.items():
            folders = {stem_of(source.inner) for source in files if stem_of(source.inner).rpartition("/")[2] == name}
            self.assertGreater(len(folders), 1, f"one file is named {name}: take it off NAMESAKES in tests/house/common.py")
            self.assertTrue(reason)
