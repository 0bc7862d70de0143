"""Programs of deploy/examples in Java: built by Maven once for their content, kept in the cache."""
import functools
import hashlib
import os
import shutil
import subprocess
from pathlib import Path

LIMIT_S = 600
PARTS = ("pom.xml", "src", "schemas")  # what a jar is made of


def cache():
    """Where built programs are kept."""
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return Path(os.environ.get("FLOWSENSOR_CACHE") or os.path.join(base, "flowsensor"))


def build(source, jar):
    """The jar of that name; (path, None) or (None, why not)."""
    files = sorted(path for path in source.rglob("*") if path.is_file() and path.relative_to(source).parts[0] in PARTS)
    content = hashlib.sha256(b"".join(str(path.relative_to(source)).encode() + path.read_bytes() for path in files))
    folder = cache() / f"{source.name}-{content.hexdigest()[:12]}"
    if not (folder / "complete").exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for path in files:
            copy = folder / path.relative_to(source)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, copy)
        try:
            done = subprocess.run(["mvn", "-q", "-B", "-f", folder / "pom.xml", "package"], stdin=subprocess.DEVNULL, capture_output=True,
                                  text=True, errors="replace", timeout=LIMIT_S, check=False)
        except FileNotFoundError:
            return None, "mvn is not installed; apt-get install maven"
        if done.returncode != 0:
            return None, f"mvn package failed: {(done.stdout + done.stderr).strip()[-300:]}"
        (folder / "complete").touch()
    return folder / "target" / jar, None


@functools.cache
def built(source, jar):
    """The same for tests that can't go on without it."""
    path, problem = build(source, jar)
    if path is None:
        raise AssertionError(problem)
    return path
