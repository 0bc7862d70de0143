"""Runs pods of the fake nodes for real: those of Jobs and those without an owner, as chart hooks and tests are.

A container becomes the sensor's binary in a root of its own (bubblewrap): nothing in it but the system's libraries, the
certificates of public authorities and what the pod mounts; it has the pod's user and groups, no capability and
no_new_privs, and the host's network. The pod's status then says how it ended. What this kubelet cannot do (another
command than the image's, a hostPath) it refuses, and the pod fails with the reason.
"""
import base64
import os
import re
import ssl
import subprocess
import tempfile
import threading
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

from api import ApiError

IMAGE_ENTRYPOINT = "/usr/bin/flowsensor"
IMAGE_ARGUMENTS = ["-c", "/etc/flowsensor/flowsensor.conf"]
IMAGE_USER = 65532
POLL_S = 0.1
HOST_FOLDERS = ("/usr/lib", "/usr/lib64", "/etc/ssl", "/usr/share/ca-certificates")


class Refused(Exception):
    """The pod asks for what can't be done here, or what a real kubelet refuses."""


def now():
    return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


class Volumes:
    """A pod's volumes as folders below `root`, with the owners and modes that a kubelet gives them."""

    def __init__(self, api, pod, root):
        self.api, self.pod, self.root = api, pod, root
        self.namespace = f"/api/v1/namespaces/{pod['metadata']['namespace']}"
        self.group = pod["spec"].get("securityContext", {}).get("fsGroup")

    def make(self):
        """Name to folder. ApiError 404 while a ConfigMap or Secret isn't there."""
        return {volume["name"]: self.one(volume) for volume in self.pod["spec"].get("volumes", [])}

    def one(self, volume):
        folder = self.root / volume["name"]
        folder.mkdir(exist_ok=True)
        if "emptyDir" in volume:
            folder.chmod(0o2777 if self.group else 0o777)
            if self.group:
                os.chown(folder, 0, self.group)
            return folder
        folder.chmod(0o755)
        sources = volume["projected"]["sources"] if "projected" in volume else [volume]
        mode = volume.get("projected", {}).get("defaultMode")
        for source in sources:
            self.fill(folder, source, mode)
        return folder

    def fill(self, folder, source, mode):
        if "configMap" in source:
            asked = source["configMap"]
            found = self.read("configmaps", asked["name"], asked)
            files = {name: text.encode() for name, text in found.get("data", {}).items()}
            files |= {name: base64.b64decode(text) for name, text in found.get("binaryData", {}).items()}
        elif "secret" in source:
            asked = source["secret"]
            found = self.read("secrets", asked.get("secretName") or asked["name"], asked)
            files = {name: base64.b64decode(text) for name, text in found.get("data", {}).items()}
        else:
            raise Refused(f"a volume of {', '.join(sorted(set(source) - {'name'}))}")
        items = asked.get("items") or [{"key": name, "path": name} for name in files]
        for item in items:
            if item["key"] not in files:
                raise Refused(f"volume {folder.name}: no key {item['key']}")
            self.write(folder / item["path"], files[item["key"]], item.get("mode") or mode or asked.get("defaultMode") or 0o644)

    def read(self, kind, name, asked):
        try:
            return self.api.get(f"{self.namespace}/{kind}/{name}")
        except ApiError as error:
            if error.status == 404 and asked.get("optional"):
                return {}
            raise

    def write(self, path, data, mode):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        # With a group for the volumes, a kubelet lets that group read what the owner may read.
        os.chown(path, 0, self.group or 0)
        path.chmod(mode | 0o440 if self.group else mode)


class Container:
    """One container of a pod, as the command line that runs it; `system` is the root that has the libraries."""

    def __init__(self, pod, container, folders, system="/"):
        self.pod, self.container, self.folders, self.system = pod, container, folders, Path(system)
        self.context = {**pod["spec"].get("securityContext", {}), **container.get("securityContext", {})}

    def command(self, binary):
        if self.container.get("command", [IMAGE_ENTRYPOINT]) != [IMAGE_ENTRYPOINT]:
            raise Refused(f"command {self.container['command']}: the image holds {IMAGE_ENTRYPOINT} alone")
        dropped = self.context.get("capabilities", {}).get("drop")
        if dropped != ["ALL"] or self.context.get("allowPrivilegeEscalation") is not False:
            raise Refused("a container that keeps capabilities or may gain privileges")
        variables = self.variables()
        words = [expand(word, variables) for word in self.container.get("args", IMAGE_ARGUMENTS)]
        root = ["bwrap", "--unshare-pid", "--die-with-parent", "--clearenv", "--proc", "/proc", "--dev", "/dev"]
        for folder in ("/usr", "/usr/bin", "/etc"):
            root += ["--perms", "0755", "--dir", folder]
        for folder in HOST_FOLDERS:
            root += ["--ro-bind-try", str(self.system / folder.lstrip("/")), folder]
        root += ["--symlink", "usr/lib", "/lib", "--symlink", "usr/lib64", "/lib64", "--ro-bind", "/usr/bin/setpriv", "/setpriv"]
        root += ["--ro-bind", str(binary), IMAGE_ENTRYPOINT, *self.mounts()]
        for name, value in variables.items():
            root += ["--setenv", name, value]
        return [*root, "--remount-ro", "/", "/setpriv", *self.identity(), IMAGE_ENTRYPOINT, *words]

    def identity(self):
        user = self.context.get("runAsUser", IMAGE_USER)
        if user == 0:
            raise Refused("root as the user")
        groups = [str(group) for group in (self.context.get("fsGroup"), *self.context.get("supplementalGroups", [])) if group]
        return [f"--reuid={user}", f"--regid={self.context.get('runAsGroup', user)}", "--no-new-privs", "--bounding-set=-all",
                "--inh-caps=-all", f"--groups={','.join(groups)}" if groups else "--clear-groups"]

    def mounts(self):
        """Options that mount the container's volumes, those below another's mount point after it."""
        options, sources = [], {}
        for mount in sorted(self.container.get("volumeMounts", []), key=lambda mount: mount["mountPath"]):
            target = Path(mount["mountPath"])
            outer = next((path for path in target.parents if path in sources), None)
            if outer:
                # A kubelet too makes the inner mount point in the outer volume, before that is mounted read-only.
                (sources[outer] / target.relative_to(outer)).mkdir(parents=True, exist_ok=True)
            else:
                for parent in reversed(target.parents[:-1]):
                    options += ["--perms", "0755", "--dir", str(parent)]
            sources[target] = self.folders[mount["name"]] / mount.get("subPath", "")
            options += ["--ro-bind" if mount.get("readOnly") else "--bind", str(sources[target]), str(target)]
        return options

    def variables(self):
        if "envFrom" in self.container:
            raise Refused("envFrom")
        values = {"PATH": "/usr/bin", "HOSTNAME": self.pod["spec"].get("hostname", self.pod["metadata"]["name"])}
        for variable in self.container.get("env", []):
            source = variable.get("valueFrom")
            values[variable["name"]] = self.referred(source) if source else expand(variable.get("value", ""), values)
        return values

    def referred(self, source):
        if "fieldRef" not in source:
            raise Refused(f"a variable from {', '.join(source)}")
        path = source["fieldRef"]["fieldPath"]
        if path in ("status.hostIP", "status.podIP"):
            return "127.0.0.1"
        value = self.pod
        for part in path.split("."):
            value = value[part]
        return str(value)


def expand(text, variables):
    """$(NAME) as the variable's value, and as it stands if there is none; $$ is one $."""
    def value(found):
        if found[0] == "$$":
            return "$"
        return variables.get(found[1], found[0])
    return re.sub(r"\$\$|\$\(([^)]+)\)", value, text)


class Kubelet:
    """Runs such pods until it is stopped, and gives their logs to the API server, which kubectl and helm ask for them.

    Use as a context. .outputs has what a pod's containers wrote, by NAMESPACE/NAME; .failures what no test expects.
    """

    def __init__(self, cluster, binary, system="/"):
        self.cluster, self.binary, self.system = cluster, binary, system
        self.outputs = {}
        self.failures = []
        self.stopping = threading.Event()
        self.threads = {}

    def __enter__(self):
        self.server = self.log_server()
        self.watchers = [threading.Thread(target=self.server.serve_forever, args=(POLL_S,)), threading.Thread(target=self.watch)]
        for watcher in self.watchers:
            watcher.start()
        return self

    def __exit__(self, *_exception):
        self.stopping.set()
        self.server.shutdown()
        for thread in (*self.watchers, *self.threads.values()):
            thread.join()
        self.server.server_close()

    def log_server(self):
        """Answers at the address that the nodes name: /containerLogs/NAMESPACE/POD/CONTAINER."""
        outputs = self.outputs

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                parts = urlsplit(self.path).path.split("/")
                text = outputs.get("/".join(parts[2:4]), "").encode() if parts[1] == "containerLogs" else None
                self.send_response(404 if text is None else 200)
                self.send_header("Content-Length", str(len(text or b"")))
                self.end_headers()
                self.wfile.write(text or b"")

            def log_message(self, *_arguments):
                pass

        server = ThreadingHTTPServer(("127.0.0.1", self.cluster.kubelet), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.cluster.path / "server.crt", self.cluster.path / "server.key")
        server.socket = context.wrap_socket(server.socket, server_side=True)
        server.daemon_threads = True
        return server

    def watch(self):
        api = self.cluster.api()
        while not self.stopping.wait(POLL_S):
            for pod in api.get("/api/v1/pods", fieldSelector="status.phase=Pending")["items"]:
                owners = {owner["kind"] for owner in pod["metadata"].get("ownerReferences", [])}
                identity = pod["metadata"]["uid"]
                if pod["spec"].get("nodeName") and not owners - {"Job"} and identity not in self.threads:
                    self.threads[identity] = threading.Thread(target=self.run, args=(pod,))
                    self.threads[identity].start()
        api.close()

    def run(self, pod):
        """A pod's life. Whatever goes wrong here ends the pod as failed, and the test sees why."""
        api = self.cluster.api()
        status = Status(api, pod)
        try:
            with tempfile.TemporaryDirectory(prefix="flowsensor-pod-") as folder:
                Path(folder).chmod(0o755)
                folders = self.volumes(api, pod, Path(folder))
                if folders is not None:
                    self.run_containers(api, pod, folders, status)
        except Refused as error:
            self.failures.append(f"pod {pod['metadata']['name']}: {error}")
            status.ended("Failed", reason="Refused", message=str(error))
        except ApiError as error:
            # The pod was deleted meanwhile, as helm does with a hook's.
            if error.status != 404:
                raise
        finally:
            api.close()

    def volumes(self, api, pod, folder):
        """As soon as all that they need exists; None if the pod goes away before."""
        while not self.stopping.wait(POLL_S):
            try:
                return Volumes(api, pod, folder).make()
            except ApiError as error:
                if error.status != 404:
                    raise
            if not self.exists(api, pod):
                return None
        return None

    @staticmethod
    def exists(api, pod):
        meta = pod["metadata"]
        found = api.get(f"/api/v1/namespaces/{meta['namespace']}/pods", fieldSelector=f"metadata.name={meta['name']}")["items"]
        return bool(found) and "deletionTimestamp" not in found[0]["metadata"]

    def run_containers(self, api, pod, folders, status):
        for kind in ("initContainers", "containers"):
            for container in pod["spec"].get(kind, []):
                command = Container(pod, container, folders, self.system).command(self.binary)
                status.running(kind, container)
                code, output = self.execute(api, pod, command)
                name = f"{pod['metadata']['namespace']}/{pod['metadata']['name']}"
                self.outputs[name] = self.outputs.get(name, "") + output
                status.terminated(kind, container, code)
                if code != 0:
                    status.ended("Failed")
                    return
        status.ended("Succeeded")

    def execute(self, api, pod, command):
        """Exit code and output; the process is ended with its pod."""
        with tempfile.TemporaryFile() as output:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, umask=0o022, cwd="/")
            while process.poll() is None:
                if self.stopping.wait(POLL_S) or not self.exists(api, pod):
                    process.terminate()
                    process.wait()
            output.seek(0)
            return process.returncode, output.read().decode("utf-8", "replace")


class Status:
    """What the API server is told of a pod."""

    def __init__(self, api, pod):
        meta = pod["metadata"]
        self.api, self.path = api, f"/api/v1/namespaces/{meta['namespace']}/pods/{meta['name']}/status"
        self.containers, self.started = {}, now()

    def running(self, kind, container):
        self.put(kind, container, {"running": {"startedAt": now()}}, True)
        self.send({"phase": "Running"})

    def terminated(self, kind, container, code):
        self.put(kind, container, {"terminated": {"exitCode": code, "startedAt": self.started, "finishedAt": now(),
                                                  "reason": "Completed" if code == 0 else "Error"}}, False)

    def put(self, kind, container, state, ready):
        field = {"initContainers": "initContainerStatuses", "containers": "containerStatuses"}[kind]
        self.containers.setdefault(field, {})[container["name"]] = {
            "name": container["name"], "image": container["image"], "imageID": "", "ready": ready, "restartCount": 0,
            "state": state}

    def ended(self, phase, **why):
        self.send({"phase": phase, **why})

    def send(self, status):
        containers = {field: list(those.values()) for field, those in self.containers.items()}
        self.api.merge(self.path, {"status": {"startTime": self.started, "hostIP": "127.0.0.1", "podIP": "127.0.0.1",
                                              **containers, **status}})
