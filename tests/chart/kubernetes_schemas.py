#!/usr/bin/env python3
"""Strict JSON schemas of Kubernetes' own kinds and of custom resources, for kubeconform. Prints their folder.

The kinds come from the API description in the Go module k8s.io/kubernetes, the custom resources from the definitions
that tests/cluster/crds.sh fetches. "Strict": a name that isn't in the description is refused, which an API server
without --validate=strict doesn't do. Made once, in the cache.

Usage: kubernetes_schemas.py VERSION    such as 1.37.2
"""
import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import yaml

HERE = Path(__file__).resolve().parent
CACHE = Path(os.environ.get("FLOWSENSOR_CACHE")
             or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "flowsensor")
# Content of k8s.io/kubernetes@vVERSION, as in a go.sum.
CHECKSUMS = {
    "1.30.14": "h1:MrlKXh9uhLIJpyxOeXhcndzRVSvwiV9iJ8NgH8nqPsg=",
    "1.35.4": "h1:o/8dBC/pHVpYoGV4OAIytAlNPZbdYVTXJHoYvXC4qzM=",
    "1.37.2": "h1:A2VDEiObzkYqFTKhSsn0ZEb0RlLEXpHWj93gi2HqEwE=",
}
INT_OR_STRING = {"anyOf": [{"type": "string"}, {"type": "integer"}]}
QUANTITY = {"anyOf": [{"type": "string"}, {"type": "number"}]}


def fetch(version):
    """The API description (OpenAPI 2) of a Kubernetes version."""
    answer = subprocess.run(["go", "mod", "download", "-json", f"k8s.io/kubernetes@v{version}"],
                            stdout=subprocess.PIPE, check=True, cwd=CACHE)
    module = json.loads(answer.stdout)
    if module["Sum"] != CHECKSUMS[version]:
        sys.exit(f"kubernetes_schemas.py: k8s.io/kubernetes@v{version} has the checksum {module['Sum']}, not {CHECKSUMS[version]}")
    return json.loads((Path(module["Dir"]) / "api/openapi-spec/swagger.json").read_text())


def strict(schema):
    """The same schema, in which an object has no other names than those that are described."""
    if isinstance(schema, list):
        return [strict(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if schema.get("format") == "int-or-string" or schema.get("x-kubernetes-int-or-string"):
        return INT_OR_STRING
    result = {}
    for key, value in schema.items():
        if key == "properties":
            result[key] = {name: strict(inner) for name, inner in value.items()}
        elif not key.startswith("x-kubernetes-"):
            result[key] = strict(value)
    if "properties" in schema and not schema.get("x-kubernetes-preserve-unknown-fields"):
        result.setdefault("additionalProperties", False)
    return result


def references(schema):
    """The names of the definitions that a schema names."""
    if isinstance(schema, dict):
        if isinstance(schema.get("$ref"), str):  # a property may have that name, too
            yield schema["$ref"].removeprefix("#/definitions/")
        for value in schema.values():
            yield from references(value)
    elif isinstance(schema, list):
        for item in schema:
            yield from references(item)


def closure(name, definitions):
    """A definition and all that it needs."""
    found, open_names = {}, [name]
    while open_names:
        current = open_names.pop()
        if current not in found:
            found[current] = definitions[current]
            open_names += references(definitions[current])
    return found


def write(folder, group, kind, version, schema):
    # kubeconform has "v1" for the group without a name.
    path = folder / (group or "v1") / f"{kind.lower()}_{version}.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(schema))


def write_kinds(folder, description):
    definitions = {name: strict(schema) for name, schema in description["definitions"].items()}
    definitions["io.k8s.apimachinery.pkg.api.resource.Quantity"] = QUANTITY
    for name, schema in description["definitions"].items():
        kinds = schema.get("x-kubernetes-group-version-kind", [])
        # What is of every group (DeleteOptions) is no object that a chart renders.
        if len(kinds) == 1:
            kind = kinds[0]
            write(folder, kind["group"], kind["kind"], kind["version"],
                  {"$ref": f"#/definitions/{name}", "definitions": closure(name, definitions)})


def write_custom(folder, definitions):
    for path in sorted(Path(definitions).glob("*.yaml")):
        spec = yaml.safe_load(path.read_text())["spec"]
        for version in spec["versions"]:
            schema = strict(version["schema"]["openAPIV3Schema"])
            schema["properties"] = {"apiVersion": {"type": "string"}, "kind": {"type": "string"}, **schema["properties"],
                                    "metadata": {"type": "object"}}
            write(folder, spec["group"], spec["names"]["kind"], version["name"], schema)


def main(version):
    """The folder of the schemas; makes it where it isn't there."""
    crds = subprocess.run([HERE.parent / "cluster/crds.sh"], stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
    CACHE.mkdir(parents=True, exist_ok=True)
    sum_ = hashlib.sha256(Path(__file__).read_bytes() + crds.encode()).hexdigest()[:12]
    folder = CACHE / f"kubernetes-schemas-{version}-{sum_}"
    if not folder.exists():
        partial = folder.with_name(f"{folder.name}.{os.getpid()}.partial")
        partial.mkdir()
        write_kinds(partial, fetch(version))
        write_custom(partial, crds)
        try:
            partial.rename(folder)
        except OSError:  # another caller was faster
            shutil.rmtree(partial)
    return folder


if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1] not in CHECKSUMS:
        sys.exit(f"{__doc__}\nKnown versions: {', '.join(CHECKSUMS)}")
    print(main(sys.argv[1]))
