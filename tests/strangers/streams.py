"""The Kafka Streams program of deploy/examples/streams: built once for its content, dumps topics, counts applications."""
import collections
import json
import subprocess
import sys

from fields import digest
from harness import REPOSITORY, environment

sys.path.append(str(REPOSITORY / "tests" / "common"))
import maven  # noqa: E402

SOURCE = REPOSITORY / "deploy" / "examples" / "streams"
LIMIT_S = 120


def build():
    """The jar; (path, None) or (None, why not)."""
    return maven.build(SOURCE, "flow-streams.jar")


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
