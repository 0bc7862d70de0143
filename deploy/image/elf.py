"""What an ELF file needs to run: its loader and, with theirs, its libraries. Reads foreign architectures too."""
import re
import subprocess
from pathlib import Path

TRIPLETS = {"Advanced Micro Devices X86-64": "x86_64-linux-gnu", "AArch64": "aarch64-linux-gnu"}


def readelf(option, path):
    return subprocess.run(["readelf", "--wide", option, str(path)], check=True, stdout=subprocess.PIPE, text=True).stdout


def triplet(path):
    machine = re.search(r"Machine:\s+(.+)", readelf("--file-header", path))[1].strip()
    return TRIPLETS[machine]


def loader(path):
    return re.search(r"program interpreter: (\S+)\]", readelf("--program-headers", path))[1]


def needed(path):
    """Names of the libraries that the file itself asks for."""
    dynamic = readelf("--dynamic", path)
    if "RPATH" in dynamic or "RUNPATH" in dynamic:
        raise SystemExit(f"{path}: has a run path of its own, which the image does not follow")
    return re.findall(r"\(NEEDED\).*\[(.+)\]", dynamic)


def libraries(program):
    """Every library that the loader maps for `program`, as {name: path}, by the names that are asked for."""
    folder = Path("/usr/lib") / triplet(program)
    found, waiting = {}, needed(program)
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        path = folder / name
        if not path.exists():
            raise SystemExit(f"{name}: not in {folder}, but {program} needs it")
        found[name] = path
        waiting += needed(path)
    return found
