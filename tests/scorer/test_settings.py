"""What is set wrongly ends with one line and an exit code, before anything is read."""
import re
import subprocess
import time
import unittest

from support import EXAMPLE, JVM, Scorer, Trained, closed_port
import onnx


class Settings(Trained):
    def lines_of(self, code, *arguments):
        done = subprocess.run([str(word) for word in ("java", *JVM, "-jar", Scorer.built(), *arguments)], capture_output=True, text=True,
                              timeout=120, check=False)
        self.assertEqual(done.returncode, code, done.stderr)
        return [line for line in done.stderr.splitlines() if " WARN " not in line]

    def refused(self, code, says, **changes):
        """One line that says it, with settings that are right but for the changes."""
        settings = {"bootstrap.servers": self.servers.bootstrap, "registry.url": self.servers.registry, "model.file": self.model,
                    "topics": "settings-flows", "scores.topic": "settings-scores", "dead.letters.topic": "settings-dead",
                    "state.dir": self.folder / "state", "metrics.port": closed_port(), **changes}
        path = self.write("scorer.properties", "".join(f"{name} = {value}\n" for name, value in settings.items()))
        lines = self.lines_of(code, path)
        self.assertEqual(len(lines), 1, lines)
        self.assertRegex(lines[0], f"^flow-scorer: .*{says}")

    def test_the_page_has_each_with_its_default(self):
        source = (EXAMPLE / "src/main/java/flowsensor/scorer/Settings.java").read_text()
        rows = re.findall(r"(?m)^\| ((?:`[a-z.]+`(?:, )?)+) \|\s*`?([^|`]*?)`?\s*\|", (EXAMPLE / "README.md").read_text().partition("## Settings")[2])
        told = {name: default for names, default in rows for name in re.findall(r"`([a-z.]+)`", names)}
        has = {name: default.strip('"').replace("StreamsConfig.AT_LEAST_ONCE", "at_least_once")
               for name, default in re.findall(r'Map\.entry\("([a-z.]+)", ("[^"]*"|[\w.]+)\)', source)}
        self.assertGreater(len(has), 10)
        self.assertEqual({name: told.get(name) for name in has}, has)

    def test_the_command_line(self):
        self.assertIn("usage:", self.lines_of(64)[0])
        self.assertIn("can't be read as properties", self.lines_of(66, self.folder / "absent")[0])
        empty = self.write("empty.properties", "")
        self.assertIn("isn't NAME=VALUE", self.lines_of(64, empty, "threads")[0])
        self.assertIn("there is no setting treads", self.lines_of(78, empty, "treads=2")[0])

    def test_single_settings(self):
        for code, says, name, value in ((78, "the setting topics is missing", "topics", ""), (78, "kafka.linger.ms if", "linger.ms", "5"),
                                        (78, "metrics.port is 99999", "metrics.port", "99999"),
                                        (78, "schema.register is yes", "schema.register", "yes"),
                                        (66, "absent.onnx can't be read: NoSuchFile", "model.file", "absent.onnx"),
                                        (66, "state.dir can't be made: .*no-folder", "state.dir", self.write("no-folder", "") / "state"),
                                        (66, "/absent/rows can't be written: NoSuchFile", "features.file", "/absent/rows"),
                                        (78, "scores.topic is settings-flows, which is one of topics", "scores.topic", "settings-flows"),
                                        (78, "dead.letters.topic is settings-flows, which", "dead.letters.topic", "settings-flows"),
                                        (78, "dead.letters.topic are both settings-scores", "dead.letters.topic", "settings-scores")):
            with self.subTest(name):
                self.refused(code, says, **{name: value})

    def test_no_broker(self):
        """It asks for 30 s, and ends then."""
        began = time.monotonic()
        self.refused(69, "brokers of bootstrap.servers don't answer within 30 s", **{"bootstrap.servers": f"127.0.0.1:{closed_port()}"})
        self.assertLess(time.monotonic() - began, 45)

    def test_models_that_are_none(self):
        self.refused(65, "isn't a model that ONNX Runtime reads", **{"model.file": self.write("text.onnx", "no model")})
        model = onnx.load(self.model)
        kept = {entry.key: entry.value for entry in model.metadata_props}
        for says, changes in (("have no flowsensor.contract", None), ("flowsensor.padding is 0.0; this program knows -1.0 only", {"padding": "0.0"}),
                              ("no single input of 99 floats", {"width": "99"}), ("its metadata are damaged", {"splt": "many"}),
                              ("no single output of 3 prob", {"classes": '["a", "b", "c"]'})):
            del model.metadata_props[:]
            if changes is not None:
                onnx.helper.set_model_props(model, {**kept, **{f"flowsensor.{name}": value for name, value in changes.items()}})
            path = self.write("other.onnx", model.SerializeToString())
            with self.subTest(says):
                self.refused(65, says, **{"model.file": path})

    def test_what_the_servers_lack(self):
        self.refused(69, "there is no topic settings-flows; create it")
        for name in ("flows", "scores", "dead"):
            self.servers.topic(f"settings-{name}")
        self.refused(69, "subject settings-scores-value doesn't have the schema of scores; set schema.register=true")
        self.refused(69, "the registry doesn't answer at", **{"registry.url": f"http://127.0.0.1:{closed_port()}", "registry.timeout.seconds": 1})


if __name__ == "__main__":
    unittest.main()
