"""The package as others get it: its wheel, its types, and what it says of packages that are missing."""
import os
import subprocess
import sys
import sysconfig
import unittest
import venv
import zipfile
from pathlib import Path

from support import CAPTURES, PACKAGE
from harness import Case

MIX = CAPTURES[0].parent / "mix.pcap"
# What a program that uses the package may write, and the types that it gets.
PROGRAM = """
import flowsensor
import numpy
import pandas
import polars
from numpy.typing import NDArray

flows: flowsensor.Flows = flowsensor.read("a.avro", ["b.avro"], strict=False)
frame: pandas.DataFrame = flows.to_pandas()
columns: polars.DataFrame = flowsensor.read_topic("flows", "kafka:9092", registry="http://registry").to_polars(all_columns=True)
matrix: NDArray[numpy.float32] = flowsensor.features(columns, ["protocol"], splt=5)
kind: str = flowsensor.fields_hash(frame, ["protocol"])
said: dict[str, str] = flowsensor.model_metadata([{}], ["protocol"], ["bad", "good"], early_packets=[10])
netflow: polars.DataFrame = flowsensor.project(columns, "nf_v3", emitted=True)
query: str = flowsensor.projection_sql("cesnet", "flows")
labelled: polars.DataFrame = flowsensor.label(columns, polars.DataFrame(), on="src_ip")
for flow in flows:
    print(flow["src_ip"])
"""


class Metered(Case):
    def metered(self):
        path = self.folder / "flows.avro"
        self.succeeds("--profile", "nfstream", "-r", MIX, "-w", path)
        return path


class Wheel(Metered):
    def run_quietly(self, *command):
        done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False, cwd=self.folder)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout

    def wheel(self):
        """Builds it, with what the tests have."""
        pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index")
        self.run_quietly(*pip, "--wheel-dir", self.folder, PACKAGE)
        return next(self.folder.glob("*.whl"))

    def installed(self):
        """The Python of a new environment that has the wheel, and sees what it needs where the tests have it."""
        wheel, place = self.wheel(), self.folder / "venv"
        venv.create(place, symlinks=True)
        python = place / "bin" / "python"
        self.run_quietly(sys.executable, "-m", "pip", "--python", python, "--disable-pip-version-check", "install", "--quiet", "--no-deps",
                         "--no-index", wheel)
        site = Path(self.run_quietly(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip())
        (site / "tests.pth").write_text(sysconfig.get_path("purelib") + "\n")
        return python

    def test_what_is_in_it(self):
        with zipfile.ZipFile(self.wheel()) as file:
            names = file.namelist()
            metadata = file.read(next(name for name in names if name.endswith("METADATA"))).decode()
        self.assertEqual({name for name in names if not name.startswith("flowsensor-")},
                         {f"flowsensor/{path.name}" for path in (PACKAGE / "flowsensor").iterdir() if path.is_file()})
        self.assertIn("flowsensor/py.typed", names)
        for extra in ("pandas", "polars", "arrow", "kafka"):
            self.assertIn(f"Provides-Extra: {extra}\n", metadata)

    def test_a_new_environment_reads_with_it(self):
        path, python = self.metered(), self.installed()
        code = ("import sys, flowsensor, importlib.metadata as metadata\n"
                "flows = flowsensor.read(sys.argv[1])\n"
                "print(flowsensor.__file__, metadata.version('flowsensor') == flowsensor.__version__, len(flows.to_pandas()), flows.to_polars().height,\n"
                "      flowsensor.features(flows.to_polars(), ['src_port']).shape, sum(1 for _ in flows))")
        file, *said = self.run_quietly(python, "-I", "-c", code, path).split(maxsplit=1)
        self.assertTrue(Path(file).is_relative_to(self.folder), file)
        self.assertEqual(said, ["True 458 458 (458, 1) 458\n"])

    def test_its_types_are_seen(self):
        python = self.installed()
        self.write("program.py", PROGRAM)
        mypy = (sys.executable, "-m", "mypy", "--strict", "--cache-dir", os.devnull, "--python-executable", python)
        self.run_quietly(*mypy, "program.py")
        self.write("program.py", PROGRAM.replace("splt=5", "splt='5'"))
        done = subprocess.run([*map(str, mypy), "program.py"], capture_output=True, text=True, check=False, cwd=self.folder)
        self.assertIn('Argument "splt" to "features" has incompatible type "str"', done.stdout)


class Types(Case):
    def test_mypy_finds_nothing(self):
        done = subprocess.run([sys.executable, "-m", "mypy", "--cache-dir", os.devnull, "--config-file", PACKAGE / "pyproject.toml", "-p", "flowsensor"],
                              capture_output=True, text=True, check=False, cwd=PACKAGE)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("strict = true", (PACKAGE / "pyproject.toml").read_text())


class Missing(Metered):
    """Packages that are not installed."""

    def python(self, code, *options):
        return subprocess.run([sys.executable, *options, "-c", code], capture_output=True, text=True, check=False,
                              cwd=self.folder)

    def test_what_is_missing_is_named(self):
        path = self.metered()
        calls = {"pandas": f"flowsensor.read({str(path)!r}).to_pandas()", "polars": f"flowsensor.read({str(path)!r}).to_polars()",
                 "pyarrow": f"flowsensor.read({str(path)!r}).to_arrow()", "numpy": "flowsensor.features([], [])",
                 "confluent_kafka": "flowsensor.read_topic('flows', 'kafka:9092', registry='http://registry')"}
        for module, call in calls.items():
            code = f"import sys; sys.path.insert(0, {str(PACKAGE)!r}); sys.modules[{module!r}] = None; import flowsensor; {call}"
            error = self.python(code).stderr
            self.assertRegex(error.splitlines()[-1], f"^ImportError: .* needs {module}; run: pip install '{module.replace('_', '-')}'")

    def test_reading_needs_fastavro_alone(self):
        path = self.metered()
        code = (f"import sys; sys.path.insert(0, {str(PACKAGE)!r})\n"
                "for name in ('pandas', 'polars', 'numpy', 'confluent_kafka'): sys.modules[name] = None\n"
                f"import flowsensor; print(sum(1 for _ in flowsensor.read({str(path)!r})))")
        done = self.python(code)
        self.assertEqual((done.stdout, done.stderr), ("458\n", ""))


if __name__ == "__main__":
    unittest.main()
