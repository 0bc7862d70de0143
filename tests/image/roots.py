"""The image's root file systems, each made once for a test run by deploy/rootfs.sh and removed at its end."""
import atexit
import functools
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parents[1]
CAPTURES = REPOSITORY / "tests" / "captures"
CACHE = Path(os.environ.get("FLOWSENSOR_CACHE") or Path.home() / ".cache" / "flowsensor")
BINARY = "usr/bin/flowsensor"
TRIPLETS = {"amd64": "x86_64-linux-gnu", "arm64": "aarch64-linux-gnu"}

# The wire of two namespaces, the harness and the TLS servers are the end-to-end tests'.
sys.path.insert(0, str(HERE.parent / "e2e"))


@functools.cache
def folder():
    path = tempfile.mkdtemp(prefix="flowsensor-image-")
    atexit.register(shutil.rmtree, path)
    os.chmod(path, 0o755)
    return Path(path)


def build(architecture, out, **environment):
    done = subprocess.run([REPOSITORY / "deploy" / "rootfs.sh", "--arch", architecture, out], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, env={**os.environ, **environment}, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"rootfs.sh failed with {done.returncode}:\n{done.stdout[-4000:]}")
    return Path(out), done.stdout


@functools.cache
def made(architecture):
    return build(architecture, folder() / architecture)[0]


def root(architecture="amd64"):
    """The root file system, which no test may change."""
    return made(architecture)


def builder(architecture):
    """The Debian 13 that rootfs.sh built with."""
    root(architecture)
    return max(CACHE.glob(f"rootfs-{architecture}-*/complete"), key=lambda path: path.stat().st_mtime).parent


def binary_with(capability, target):
    """A copy of the binary that carries `capability` (as setcap words it) or none, for a mount over the image's."""
    shutil.copyfile(root() / BINARY, target)
    target.chmod(0o755)
    if capability:
        subprocess.run(["setcap", capability, str(target)], check=True)
    return target


def version():
    return re.search(r"project\(flowsensor VERSION (\S+)", (REPOSITORY / "CMakeLists.txt").read_text())[1]
