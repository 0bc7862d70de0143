"""The Kafka Streams program of deploy/examples/streams: built once for its content, dumps topics, counts applications."""
import collections
import hashlib
import json
import os
import shutil
import subprocess
from pathlib import Path

from fields import digest
from harness import REPOSITORY, environment, run

SOURCE = REPOSITORY / "deploy" / "examples" / "streams"
LIMIT_S = 120


def cache():
    """Where the built program is kept."""
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return Path(os.environ.get("FLOWSENSOR_CACHE") or os.path.join(base, "flowsensor"))


def build():
    """The jar; (path, None) or (None, why not)."""
    files = sorted(path for path in SOURCE.rglob("*") if path.is_file() and "target" not in path.relative_to(SOURCE).parts)
    content = hashlib.sha256(b"".join(str(path.relative_to(SOURCE)).encode() + path.read_bytes() for path in files))
    folder = cache() / f"streams-{content.hexdigest()[:12]}"
    jar = folder / "target" / "flow-streams.jar"
    if not (folder / "complete").exists():
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(SOURCE, folder, ignore=shutil.ignore_patterns("target"))
        try:
            done = run("mvn", "-q", "-B", "-f", folder / "pom.xml", "package", limit=600)
        except FileNotFoundError:
            return None, "mvn is not installed; apt-get install maven"
        if done.returncode != 0:
            return None, f"mvn package failed: {(done.stdout + done.stderr).strip()[-300:]}"
        (folder / "complete").touch()
    return jar, None


def command(jar, servers, topic, *more):
    """What runs the program on a topic."""
    words = ("java", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Dfile.encoding=UTF-8",
             "-Dstdout.encoding=UTF-8", "-jar", jar, "--bootstrap", servers.bootstrap, "--registry", servers.registry,
             "--topic", topic, "--timeout", LIMIT_S, *more)
    return [str(word) for word in words]


def start(jar, servers, topic, output, expect, *more):
    """Runs the program on a topic to its end; its exit code."""
    with open(output, "wb") as file:
        return subprocess.run(command(jar, servers, topic, "--expect", expect, *more), stdin=subprocess.DEVNULL, stdout=file,
                              stderr=subprocess.STDOUT, env=environment(), timeout=2 * LIMIT_S, check=False).returncode


def dump(jar, servers, schema, topic, folder, expect):
    """(Counter of digests, problems): every record of the topic as Kafka Streams has it."""
    target, output = folder / f"{topic}.jsonl", folder / f"{topic}-dump.out"
    if start(jar, servers, topic, output, expect, "--dump", target) != 0:
        return collections.Counter(), [output.read_text(errors="replace").strip()[-400:]]
    found = collections.Counter()
    with open(target, encoding="utf-8", newline="\n") as file:
        for line in file:
            found[digest(schema.listed(json.loads(line)))] += 1
    target.unlink()
    return found, []


def wrapped(number):
    """A sum as a Java long has it: planted counters are so large that it goes round."""
    return (number + 2**63) % 2**64 - 2**63


def totals(jar, servers, topic, folder, expect):
    """({application: bytes}, flows, problems) as the program prints them."""
    output = folder / f"{topic}-totals.out"
    # Under an application's name Kafka keeps its totals, so that each topic needs one of its own.
    code = start(jar, servers, topic, output, expect, "--application-id", f"totals-{topic}")
    lines = output.read_text(encoding="utf-8", errors="replace").split("\n")
    heads = [number for number, line in enumerate(lines) if line.startswith("application ") and line.endswith(" bytes")]
    if code != 0 or not heads:
        return {}, 0, ["\n".join(lines)[-400:]]
    found, flows = {}, 0
    for line in lines[heads[0] + 1:]:
        if line.strip():
            name, count, octets = line.rsplit(None, 2)
            found[name] = int(octets)
            flows += int(count)
    return found, flows, []
