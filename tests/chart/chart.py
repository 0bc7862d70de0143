"""What the tests of the chart share: rendering it, and the tools that judge what was rendered."""
import functools
import os
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import yaml

import kubernetes_schemas

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parents[1]
CHART = REPOSITORY / "helm" / "flowsensor"
EXAMPLES = sorted((CHART / "examples").glob("*.yaml"))
BINARY = Path(os.environ.get("FLOWSENSOR") or REPOSITORY / "build" / "release" / "sensor" / "flowsensor").resolve()
# The oldest Kubernetes that Chart.yaml allows, the one that tests/cluster installs on, and the newest.
KUBERNETES = tuple(kubernetes_schemas.CHECKSUMS)
# The least that a user must say.
LEAST = {"image": {"repository": "registry.example.com/flowsensor"},
         "kafka": {"bootstrapServers": ["kafka.example.com:9092"]},
         "schemaRegistry": {"url": "http://registry.example.com:8081"}}
NOT_GIVEN = object()


@functools.lru_cache(maxsize=None)
def tool(name, program=None):
    """The path of a program that tests/go_tools.sh builds."""
    answer = subprocess.run([REPOSITORY / "tests/go_tools.sh", name], stdout=subprocess.PIPE, text=True, check=True)
    return Path(answer.stdout.strip()) / (program or name)


def run(*command, **options):
    return subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          check=False, **options)


def helm(command, *values, kubernetes=KUBERNETES[1], program=None, release="flowsensor", folder=CHART, options=()):
    """`helm template` or `helm lint` with values that are maps or files; later ones win."""
    with tempfile.TemporaryDirectory() as values_folder:
        files = []
        for index, given in enumerate(values):
            path = given
            if isinstance(given, dict):
                path = Path(values_folder) / f"{index}.yaml"
                path.write_text(yaml.safe_dump(given))
            files += ["-f", path]
        names = (release,) if command == "template" else ()
        return run(program or tool("helm"), command, *names, folder, "--namespace", "flows", "--kube-version", kubernetes,
                   *files, *options)


def render(*values, **options):
    """The text that the chart renders; fails if it refuses."""
    answer = helm("template", *values, **options)
    if answer.returncode != 0:
        raise AssertionError(f"helm template failed:\n{answer.stderr}")
    return answer.stdout


def refusal(*values, **options):
    """What helm says of values that it must refuse."""
    answer = helm("template", *values, **options)
    if answer.returncode == 0:
        raise AssertionError("helm template accepted what it must refuse")
    return answer.stderr


def objects(text):
    return [item for item in yaml.safe_load_all(text) if item]


def find(items, kind, name=None):
    """The one object of a kind (and name)."""
    found = [item for item in items if item["kind"] == kind and name in (None, item["metadata"]["name"])]
    if len(found) != 1:
        raise AssertionError(f"{len(found)} objects of kind {kind}, name {name or 'any'}, not one")
    return found[0]


def in_parallel(function, items):
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        return list(pool.map(function, items))


def conformance(texts, kubernetes):
    """What kubeconform says against texts {NAME: TEXT}, by the strict schemas of a Kubernetes version; "" if nothing."""
    schemas = kubernetes_schemas.main(kubernetes)
    with tempfile.TemporaryDirectory() as folder:
        for name, text in texts.items():
            (Path(folder) / f"{name}.yaml").write_text(text)
        answer = run(tool("kubeconform"), "-strict", "-summary", "-schema-location",
                     f"{schemas}/{{{{.Group}}}}/{{{{.ResourceKind}}}}_{{{{.ResourceAPIVersion}}}}.json", folder)
        return "" if answer.returncode == 0 else (answer.stdout + answer.stderr).replace(folder, "")


def merged(*maps):
    """Maps merged as helm merges values."""
    result = {}
    for one in maps:
        for key, value in one.items():
            both = isinstance(value, dict) and isinstance(result.get(key), dict)
            result[key] = merged(result[key], value) if both else value
    return result


def at(path, value):
    """The values that set one property: at("a.b", 1) is {"a": {"b": 1}}; "a[].b" is in the only item of a list."""
    for word in reversed(path.split(".")):
        listed = word.endswith("[]")
        value = {word.removesuffix("[]"): [value] if listed else value}
    return value
