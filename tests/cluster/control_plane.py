#!/usr/bin/env python3
"""A real Kubernetes control plane on loopback: etcd, API server, controller manager, scheduler, and kwok for nodes that
exist in name only. The programs are built by tools.sh.

As a program it runs one until it is interrupted, and prints the environment that helm and kubectl need.
"""
import os
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

from api import Api, ApiError

HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE.parent / "common"))
from waiting import wait_until  # noqa: E402

PROGRAMS = ("KUBERNETES", "KWOK", "HELM")
START_LIMIT_S = 60
STOP_LIMIT_S = 20
SERVICE_RANGE = "10.96.0.0/16"
CONTROL_PLANE_TAINT = {"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"}
DEDICATED_TAINT = {"key": "dedicated", "value": "analysis", "effect": "NoExecute"}
# Enough of them that a tenth, rounded up, is more than one.
WORKERS = 9


def tools():
    """The folders that tools.sh names; it builds what is missing."""
    done = subprocess.run([HERE / "tools.sh"], stdout=subprocess.PIPE, text=True, check=True)
    return {name: Path(folder) for name, folder in (line.split("=", 1) for line in done.stdout.splitlines())}


def free_ports(count):
    """Ports of loopback on which nobody listens now."""
    listeners = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [listener.getsockname()[1] for listener in listeners]
    for listener in listeners:
        listener.close()
    return ports


def certificates(folder):
    """An authority, the API server's certificate, a cluster administrator's, and a key for service account tokens."""
    def openssl(*arguments):
        subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)

    new = ("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2")
    authority = ("-CA", folder / "ca.crt", "-CAkey", folder / "ca.key", "-addext", "basicConstraints=critical,CA:FALSE")
    openssl(*new, "-keyout", folder / "ca.key", "-out", folder / "ca.crt", "-subj", "/CN=test-authority")
    for name, subject, extensions in (
            ("server", "/CN=kube-apiserver", ("subjectAltName=IP:127.0.0.1,DNS:localhost", "extendedKeyUsage=serverAuth")),
            ("admin", "/O=system:masters/CN=admin", ("extendedKeyUsage=clientAuth",))):
        added = [word for extension in extensions for word in ("-addext", extension)]
        openssl(*new, *authority, "-keyout", folder / f"{name}.key", "-out", folder / f"{name}.crt", "-subj", subject, *added)
    openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", folder / "accounts.key")


class ControlPlane:
    """A running control plane; its state is in a folder that stop() removes. Use as a context."""

    def __init__(self, found=None):
        self.tools = found or tools()
        self.folder = tempfile.TemporaryDirectory(prefix="flowsensor-cluster-")
        self.path = Path(self.folder.name)
        self.processes = {}
        self.etcd, self.etcd_peer, self.server, self.manager, self.scheduler, self.nodes, self.kubelet = free_ports(7)
        self.url = f"https://127.0.0.1:{self.server}"
        self.kubeconfig = self.path / "kubeconfig"

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_exception):
        self.stop()

    # --- for tests ---------------------------------------------------------------------------------------------------

    def api(self):
        return Api(self.url, self.path)

    def environment(self):
        """What kubectl and helm need; both find nothing of the user's own."""
        kept = {name: value for name, value in os.environ.items()
                if not name.lower().endswith("_proxy") and not name.startswith(("HELM_", "KUBE"))}
        path = ":".join([*(str(self.tools[name]) for name in PROGRAMS), os.environ["PATH"]])
        homes = {f"HELM_{kind}_HOME": str(self.path / "helm" / kind.lower()) for kind in ("CACHE", "CONFIG", "DATA")}
        return {**kept, **homes, "PATH": path, "KUBECONFIG": str(self.kubeconfig), "KUBECACHEDIR": str(self.path / "kubectl")}

    def run(self, *command, stdin="", check=True, limit=300):
        """Runs kubectl or helm; the finished process, whose .said is standard output and error together."""
        done = subprocess.run([str(word) for word in command], input=stdin, capture_output=True, text=True,
                              env=self.environment(), timeout=limit, check=False)
        done.said = done.stdout + done.stderr
        if check and done.returncode != 0:
            raise AssertionError(f"{' '.join(map(str, command))}: exit {done.returncode}\n{done.said[-4000:]}")
        return done

    # --- start and stop ----------------------------------------------------------------------------------------------

    def start(self):
        certificates(self.path)
        self.write_kubeconfig()
        self.start_servers()
        api = self.api()
        self.wait("the API server", lambda: api.request("GET", "/readyz") == b"ok")
        self.start_clients()
        self.make_nodes(api)
        self.wait("the nodes", lambda: self.all_ready(api))
        # A pod is refused until its namespace has the default service account.
        self.wait("the service accounts", lambda: api.get("/api/v1/namespaces/default/serviceaccounts/default"))
        api.close()

    def write_kubeconfig(self):
        self.kubeconfig.write_text(f"""apiVersion: v1
kind: Config
clusters: [{{name: test, cluster: {{server: "{self.url}", certificate-authority: "{self.path}/ca.crt"}}}}]
users: [{{name: admin, user: {{client-certificate: "{self.path}/admin.crt", client-key: "{self.path}/admin.key"}}}}]
contexts: [{{name: test, context: {{cluster: test, user: admin}}}}]
current-context: test
""")
        self.kubeconfig.chmod(0o600)

    def start_servers(self):
        client, peer = f"http://127.0.0.1:{self.etcd}", f"http://127.0.0.1:{self.etcd_peer}"
        # What a test leaves is thrown away: nothing needs to be on the disk.
        self.spawn("etcd", "--name=test", f"--data-dir={self.path}/etcd", "--unsafe-no-fsync", "--log-level=warn",
                   f"--listen-client-urls={client}", f"--advertise-client-urls={client}", f"--listen-peer-urls={peer}",
                   f"--initial-advertise-peer-urls={peer}", f"--initial-cluster=test={peer}")
        self.spawn("kube-apiserver", f"--etcd-servers={client}", "--bind-address=127.0.0.1", f"--secure-port={self.server}",
                   "--advertise-address=127.0.0.1", "--endpoint-reconciler-type=none", "--authorization-mode=Node,RBAC",
                   f"--service-cluster-ip-range={SERVICE_RANGE}", f"--tls-cert-file={self.path}/server.crt",
                   f"--tls-private-key-file={self.path}/server.key", f"--client-ca-file={self.path}/ca.crt",
                   f"--service-account-key-file={self.path}/accounts.key", "--allow-privileged=true",
                   f"--service-account-signing-key-file={self.path}/accounts.key", f"--service-account-issuer={self.url}")

    def start_clients(self):
        common = (f"--kubeconfig={self.kubeconfig}", "--leader-elect=false", "--bind-address=127.0.0.1")
        self.spawn("kube-controller-manager", *common, f"--secure-port={self.manager}", f"--root-ca-file={self.path}/ca.crt",
                   f"--service-account-private-key-file={self.path}/accounts.key", "--node-monitor-grace-period=300s")
        self.spawn("kube-scheduler", *common, f"--secure-port={self.scheduler}")
        self.spawn("kwok", f"--kubeconfig={self.kubeconfig}", "--manage-all-nodes=true", "--node-lease-duration-seconds=40",
                   f"--config={HERE}/stages.yaml", f"--server-address=127.0.0.1:{self.nodes}",
                   "--node-ip=127.0.0.1", f"--node-port={self.kubelet}")

    def spawn(self, name, *arguments):
        log = (self.path / f"{name}.log").open("wb")
        self.processes[name] = subprocess.Popen([name, *arguments], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                                cwd=self.path, env=self.environment(), start_new_session=True)
        log.close()

    def wait(self, what, condition):
        """Polls until `condition()` is true; what it cannot reach yet is no error before the limit."""
        failure = None

        def is_there():
            nonlocal failure
            self.check_alive()
            try:
                return condition()
            except (OSError, ApiError) as error:
                failure = error
                return False
        wait_until(is_there, START_LIMIT_S, lambda: f"{what} ({failure}); logs:\n{self.logs()}", pause=0.1)

    def check_alive(self):
        for name, process in self.processes.items():
            if process.poll() is not None:
                raise RuntimeError(f"{name} ended with {process.returncode}; logs:\n{self.logs()}")

    def logs(self):
        """The last lines of every program's log."""
        return "\n".join(f"{path.name}: {line}" for path in sorted(self.path.glob("*.log"))
                         for line in path.read_text(errors="replace").splitlines()[-5:])

    def make_nodes(self, api):
        nodes = [("control-plane", "amd64", [CONTROL_PLANE_TAINT]), ("dedicated", "amd64", [DEDICATED_TAINT]),
                 ("arm", "arm64", [])]
        nodes += [(f"worker-{number}", "amd64", []) for number in range(WORKERS)]
        for name, architecture, taints in nodes:
            labels = {"kubernetes.io/hostname": name, "kubernetes.io/os": "linux", "kubernetes.io/arch": architecture}
            api.create("/api/v1/nodes", {"metadata": {"name": name, "labels": labels}, "spec": {"taints": taints}})

    @staticmethod
    def all_ready(api):
        nodes = api.get("/api/v1/nodes")["items"]
        ready = [node for node in nodes for condition in node["status"].get("conditions", [])
                 if condition["type"] == "Ready" and condition["status"] == "True"]
        # The controller manager takes these away when it has seen the node ready.
        taints = [taint["key"] for node in nodes for taint in node["spec"].get("taints", [])]
        return len(ready) == len(nodes) and not any(key.startswith("node.kubernetes.io/") for key in taints)

    def stop(self):
        """Ends the programs in the reverse order of their start, and removes their state."""
        for process in reversed(self.processes.values()):
            process.terminate()
            try:
                process.wait(STOP_LIMIT_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.processes.clear()
        self.folder.cleanup()


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with ControlPlane() as cluster:
        print(f"export KUBECONFIG={cluster.kubeconfig} PATH={cluster.environment()['PATH']}")
        print("running; interrupt to stop", file=sys.stderr, flush=True)
        try:
            signal.pause()
        except KeyboardInterrupt:
            pass


if __name__ == "__main__":
    main()
