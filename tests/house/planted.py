"""What the tests of the checks share: a clean tree in a temporary folder, and violations planted in it."""
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent

# A tree in which every check finds nothing.
CLEAN = {
    "README.md": "# A clean tree\n",
    ".gitignore": "/build/\n",
    "sensor/CMakeLists.txt": "flowsensor_table_sources(tunnels decode/tunnel/tunnels.def TUNNEL decode/tunnel)\n",
    "sensor/base/pool.h": "/* A pool of blocks of equal size; not thread-safe. */\n#pragma once\n\n"
                          "#include <stddef.h>\n\nstruct pool {\n    size_t size;\n};\n",
    "sensor/capture/capture.h": "/* Frames from files and interfaces, borrowed bytes. */\n#pragma once\n\n"
                                '#include "base/pool.h"\n\nstruct frame {\n    struct pool *pool;\n};\n',
    "sensor/capture/file.c": '#include "capture/capture.h"\n\n#include <pcap/pcap.h>\n',
    "sensor/decode/decode.h": "/* Packets out of frames, offsets only. */\n#pragma once\n\n"
                              '#include "capture/capture.h"\n',
    "sensor/decode/tunnel/tunnels.def": "/* One row a tunnel. */\nTUNNEL(gtp_u)\n",
    "sensor/decode/tunnel/gtp_u.c": '#include "decode/decode.h"\n\nint gtp_u(int a) {\n    return a ? 1 : 2;\n}\n',
    "sensor/meter/meter.h": "/* Flows out of packets, one table a meter. */\n#pragma once\n\n"
                            '#include "decode/decode.h"\n',
    "sensor/meter/dissect.c": '#include "meter/meter.h"\n\n#include <ndpi_api.h>\n',
    "sensor/record/record.h": '/* Messages out of flows, encoded once. */\n#pragma once\n\n#include "meter/meter.h"\n',
    "sensor/record/schema/schema.c": '#include "record/record.h"\n\n'
                              "#include <avro.h>\n#include <jansson.h>\n",
    "sensor/record/registry/registry.c": '#include "record/record.h"\n\n#include <curl/curl.h>\n',
    "sensor/sink/sink.c": '#include "record/record.h"\n',
    "sensor/sink/sinks.def": "SINK(kafka)\n",
    "sensor/sink/kafka/kafka.c": '#include "record/record.h"\n\n#include <librdkafka/rdkafka.h>\n',
    "sensor/app/config/config.c": '#include "capture/capture.h"\n#include "record/record.h"\n\n#include <libconfig.h>\n',
}


class Planted(unittest.TestCase):
    """A test case with a clean tree in self.root; subclasses name their script in `script`."""

    script = None

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="house-")
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name).resolve()
        for path, text in CLEAN.items():
            self.plant(path, text)

    def plant(self, path, text):
        """Writes a file of the tree; bytes are written as they are."""
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text if isinstance(text, bytes) else text.encode())

    def check(self, *arguments):
        """Runs the script on the tree; returns its exit code and its output."""
        answer = subprocess.run([sys.executable, str(HERE / self.script), str(self.root), *arguments],
                                capture_output=True, text=True, check=False)
        self.assertEqual(answer.stderr, "")
        return answer.returncode, answer.stdout

    def passes(self, *arguments):
        code, output = self.check(*arguments)
        self.assertEqual(code, 0, output)
        return output

    def finds(self, where, *words, arguments=(), times=1):
        """The script fails, and `times` lines start with where ("path:line") and have all the words in them."""
        code, output = self.check(*arguments)
        self.assertEqual(code, 1, output)
        lines = [line for line in output.splitlines() if line.startswith(f"{where}: ")]
        self.assertEqual(len(lines), times, output)
        for word in words:
            self.assertIn(word, lines[0])
        # What, why and how to mend it.
        self.assertGreaterEqual(lines[0].count(", "), 2, lines[0])
        return output
