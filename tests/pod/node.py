"""A node without Kubernetes: runs the pods of a rendered chart from the image's root file system, by runc, as the kubelet and
the container runtime would: volumes with the Secrets' files, user, groups, capabilities, no_new_privs, a read-only
root, the node's network, the environment that refers to the node, and the probes."""
import base64
import subprocess
import sys
import time
from pathlib import Path

import yaml

HERE = Path(__file__).resolve().parent
for room in ("e2e", "image", "cluster", "chart", "common"):
    sys.path.insert(0, str(HERE.parent / room))

import container  # noqa: E402
from api import ApiError  # noqa: E402
from kubelet import Volumes, expand  # noqa: E402
from waiting import wait_until  # noqa: E402


class Manifests:
    """What the API server would know: the chart's ConfigMaps, and Secrets {NAME: {KEY: TEXT}}."""

    def __init__(self, text, secrets):
        self.objects = [item for item in yaml.safe_load_all(text) if item]
        self.held = {("configmaps", item["metadata"]["name"]): item for item in self.of_kind("ConfigMap")}
        for name, values in secrets.items():
            data = {key: base64.b64encode(text.encode()).decode() for key, text in values.items()}
            self.held["secrets", name] = {"data": data}

    def get(self, path):
        """As api.Api, for what the volumes ask."""
        kind, name = path.split("/")[-2:]
        if (kind, name) not in self.held:
            raise ApiError(404, path)
        return self.held[kind, name]

    def of_kind(self, kind):
        return [item for item in self.objects if item["kind"] == kind]

    def hooks(self, event):
        """The hook's jobs and pods in the order in which helm makes them."""
        def weight(item):
            return int(item["metadata"]["annotations"].get("helm.sh/hook-weight", 0))
        found = [item for kind in ("Job", "Pod") for item in self.of_kind(kind)
                 if event in item["metadata"].get("annotations", {}).get("helm.sh/hook", "").split(",")]
        return sorted(found, key=weight)


def pod_of(item):
    """The pod that an object makes, as the API server would keep it."""
    template = item if item["kind"] == "Pod" else item["spec"]["template"]
    meta = {"namespace": "flows", "name": item["metadata"]["name"], **template.get("metadata", {})}
    return {"metadata": meta, "spec": template["spec"]}


class Node:
    """`network` is a network namespace's name, `address` the node's own there. Folders of pods are made below `folder`."""

    def __init__(self, manifests, folder, network, address, name="node-1"):
        self.manifests, self.folder, self.network, self.address, self.name = manifests, Path(folder), network, address, name

    def container(self, item):
        """The only container of the object's pod."""
        pod = pod_of(item)
        made, = pod["spec"]["containers"]
        context = {**pod["spec"].get("securityContext", {}), **made.get("securityContext", {})}
        capabilities = context["capabilities"]
        if capabilities["drop"] != ["ALL"] or made.get("command"):
            raise AssertionError(f"{pod['metadata']['name']}: this node runs the image's program without further capabilities")
        folder = self.folder / pod["metadata"]["name"]
        folder.mkdir()
        folder.chmod(0o755)
        folders = Volumes(self.manifests, pod, folder).make()
        mounts = [container.bind(folders[mount["name"]], mount["mountPath"], writable=not mount.get("readOnly"))
                  for mount in sorted(made.get("volumeMounts", []), key=lambda mount: mount["mountPath"])]
        variables = self.variables(pod, made)
        return container.Container(
            self.folder, *(expand(word, variables) for word in made["args"]), account=context["runAsUser"],
            capabilities=[f"CAP_{name}" for name in capabilities.get("add", [])], network=self.network, mounts=mounts,
            no_new_privileges=not context["allowPrivilegeEscalation"],
            environment=[f"{name}={value}" for name, value in variables.items()])

    def variables(self, pod, made):
        known = {"spec.nodeName": self.name, "status.hostIP": self.address, "status.podIP": self.address,
                 "metadata.name": pod["metadata"]["name"], "metadata.namespace": pod["metadata"]["namespace"]}
        values = {}
        for variable in made.get("env", []):
            source = variable.get("valueFrom")
            values[variable["name"]] = known[source["fieldRef"]["fieldPath"]] if source else expand(variable["value"], values)
        return values

    def probe(self, made, name):
        """One HTTP request as the probe says, from the node; the status and the answer, or None if there was none."""
        asked = made[f"{name}Probe"]["httpGet"]
        port = asked["port"]
        if isinstance(port, str):
            port = next(place["containerPort"] for place in made["ports"] if place["name"] == port)
        done = subprocess.run(["ip", "netns", "exec", self.network, "curl", "--silent", "--noproxy", "*", "--max-time",
                               str(made[f"{name}Probe"]["timeoutSeconds"]), "--write-out", "\n%{http_code}",
                               f"http://{asked.get('host') or self.address}:{port}{asked['path']}"], stdout=subprocess.PIPE, text=True, check=False)
        text, _, status = done.stdout.rpartition("\n")
        return (int(status), text) if done.returncode == 0 else None

    def wait_for_probe(self, made, name):
        """As the kubelet does: until it succeeds, at most failureThreshold times periodSeconds. The seconds that it took."""
        probe, started = made[f"{name}Probe"], time.monotonic()
        limit = probe["periodSeconds"] * probe["failureThreshold"]

        def succeeds():
            nonlocal answer
            answer = self.probe(made, name)
            return answer and answer[0] < 400
        answer = None
        wait_until(succeeds, limit, lambda: f"the {name} probe's success: {answer}", pause=0.05)
        return time.monotonic() - started
