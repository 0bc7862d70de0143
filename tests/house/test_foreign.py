"""Tests of foreign.py. Run: python3 -m unittest discover -s tests/house"""
from planted import Planted

# A header of each library, where it may be and where it may not.
CASES = (
    ("ndpi_api.h", ("meter/dissect.c", "meter/dissect_shim.h"), ("meter/flow.c", "record/l7.c", "app/command/version.c")),
    ("ndpi/ndpi_typedefs.h", ("meter/dissect/v4.c",), ("base/names.h",)),
    ("avro.h", ("record/schema/bind.c",), ("sink/file.c", "meter/flow.c")),
    ("avro/schema.h", ("record/encoding/avro.c",), ("app/main.c",)),
    ("curl/curl.h", ("record/registry/registry.c",), ("record/schema/schema.c", "sink/kafka/kafka.c")),
    ("jansson.h", ("record/schema/lint.c",), ("base/json.c",)),
    ("librdkafka/rdkafka.h", ("sink/kafka/kafka.c", "sink/kafka/kafka_ledger.c"), ("sink/file.c", "sink/kafka/kafka.h", "app/main.c")),
    ("rdkafka.h", ("sink/kafka/kafka.c",), ("record/message.c",)),
    ("libconfig.h", ("app/config/config.c", "app/config/units.c"), ("app/main.c", "base/option.c")),
    ("zlib.h", ("capture/decompress_gzip.c", "sink/null.c"), ("capture/stream.c", "app/main.c")),
    ("zstd.h", ("capture/decompress_zstd.c", "sink/file.c"), ("capture/decompress_gzip.c", "record/schema/lint.c")),
    ("pcap.h", ("capture/file_list.c", "meter/packet_filter.c"), ("decode/native_link.c", "meter/packet_filter.h", "app/main.c")),
    ("pcap/dlt.h", ("capture/link_table.h",), ("decode/native_link.c",)),
)


class Foreign(Planted):
    script = "foreign.py"

    def test_clean_tree(self):
        self.passes()

    def test_each_library_in_its_place(self):
        for header, places, _ in CASES:
            for place in places:
                self.plant(f"sensor/{place}", f"#include <{header}>\n")
        self.passes()

    def test_each_library_out_of_its_place(self):
        for header, _, places in CASES:
            for place in places:
                with self.subTest(header=header, place=place):
                    self.plant(f"sensor/{place}", f"\n#include <{header}>\n")
                    self.finds(f"sensor/{place}:2", header, "may see")
                    (self.root / "sensor" / place).unlink()

    def test_quotes_do_not_help(self):
        self.plant("sensor/meter/flow.c", '#include "ndpi_api.h"\n')
        self.finds("sensor/meter/flow.c:1", "nDPI")

    def test_through_headers_of_ours(self):
        self.plant("sensor/meter/dissect.h", "#pragma once\n#include <ndpi_api.h>\n")
        self.plant("sensor/meter/dissect.c", '#include "meter/dissect.h"\n')
        self.passes()
        self.plant("sensor/meter/flow.h", '#pragma once\n#include "meter/dissect.h"\n')
        self.plant("sensor/record/l7.c", '#include <stdint.h>\n#include "meter/flow.h"\n')
        self.finds("sensor/meter/flow.h:2", "sensor/meter/dissect.h")
        self.finds("sensor/record/l7.c:2", "sensor/meter/dissect.h")

    def test_names_that_only_look_alike(self):
        self.plant("sensor/app/main.c", '#include "capture/pcap_writer.h"\n#include <stdio.h>\n')
        self.passes()
