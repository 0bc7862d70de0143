"""The Kustomize base is what the chart renders, and kubectl builds it and the overlay."""
import functools
import os
import subprocess
import tempfile
import unittest
from pathlib import Path

import yaml

from place import BINARY, DEPLOY, REPOSITORY, output

KUSTOMIZE = DEPLOY / "kustomize"
MANAGER = "app.kubernetes.io/managed-by"


@functools.cache
def tool(name, program):
    """The path of a program that tests/go_tools.sh builds."""
    answer = subprocess.run([REPOSITORY / "tests/go_tools.sh", name], stdout=subprocess.PIPE, text=True, check=True)
    return Path(answer.stdout.strip()) / program


def build(folder):
    text = output(tool("kubernetes", "kubectl"), "kustomize", folder)
    return {(item["kind"], item["metadata"]["name"]): item for item in yaml.safe_load_all(text)}


class Kustomize(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.helm = tool("helm", "helm")

    def test_base_is_what_the_chart_renders(self):
        with tempfile.TemporaryDirectory(prefix="flowsensor-kustomize-") as folder:
            output(KUSTOMIZE / "render.sh", folder, env={**os.environ, "HELM": str(self.helm)})
            fresh, kept = Path(folder), KUSTOMIZE / "base"
            self.assertEqual(sorted(path.name for path in fresh.iterdir()), sorted(path.name for path in kept.iterdir()))
            for path in fresh.iterdir():
                self.assertEqual((kept / path.name).read_text(), path.read_text(),
                                 f"{path.name}: the chart has changed; run HELM={self.helm} deploy/kustomize/render.sh")

    def test_base_builds_to_the_same_objects(self):
        """All that kustomize changes is who manages them."""
        rendered = yaml.safe_load_all(output(self.helm, "template", "flowsensor", REPOSITORY / "helm/flowsensor", "-n", "flowsensor",
                                             "-f", KUSTOMIZE / "values.yaml", "--no-hooks", "--skip-tests"))
        built = build(KUSTOMIZE / "base")
        for item in rendered:
            twin = built.pop((item["kind"], item["metadata"]["name"]))
            for labels in (item["metadata"], item.get("spec", {}).get("template", {}).get("metadata", {})):
                if "labels" in labels:
                    labels["labels"][MANAGER] = "kustomize"
            self.assertEqual(twin, item)
        self.assertEqual(built, {})

    def test_overlay(self):
        built = build(KUSTOMIZE / "overlays/example")
        pod = built["DaemonSet", "flowsensor"]["spec"]["template"]["spec"]
        self.assertEqual(pod["containers"][0]["image"], "registry.example.com/flowsensor:0.1.0")
        text = (KUSTOMIZE / "overlays/example/flowsensor.conf").read_text()
        self.assertEqual(built["ConfigMap", "flowsensor"]["data"], {"flowsensor.conf": text})
        for (kind, name), item in built.items():
            if kind != "Namespace":
                self.assertEqual(item["metadata"]["namespace"], "flowsensor", name)
        environment = {**os.environ, "NODE_NAME": "node", "HOST_IP": "192.0.2.1"}
        output(BINARY, "-c", KUSTOMIZE / "overlays/example/flowsensor.conf", "--check-config", env=environment)


if __name__ == "__main__":
    unittest.main()
