"""The image's root file system run by runc, the program that starts containers for containerd, with what a kubelet asks of
it for our pod: an account, capability sets, no_new_privs, a read-only root and the runtime's default seccomp profile.

The capability sets are what containerd gives to a pod whose user is not root and whose `capabilities.add` is the list:
bounding, permitted and effective are the list, inheritable and ambient are empty.
"""
import itertools
import json
import os
import subprocess
import tempfile
from pathlib import Path

import roots
import seccomp
from harness import Case, Running, wait_until
from namespaces import Wire
from test_live import waits

NET_RAW = "CAP_NET_RAW"
ACCOUNT = 65532
STATE = "/var/lib/flowsensor"
COUNT = itertools.count()
FILE_SYSTEMS = [
    {"destination": "/proc", "type": "proc", "source": "proc"},
    {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "strictatime", "mode=755", "size=65536k"]},
    {"destination": "/sys", "type": "sysfs", "source": "sysfs", "options": ["nosuid", "noexec", "nodev", "ro"]},
]
MASKED = ["/proc/acpi", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list", "/proc/sched_debug",
          "/proc/scsi", "/sys/firmware"]
READONLY = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"]


def bind(source, destination, writable=False):
    return {"destination": destination, "type": "bind", "source": str(source), "options": ["rbind", "rw" if writable else "ro"]}


class Container:
    """A container to be: `run()` runs it to its end, `start()` leaves it under way. The folder `state` is its
    /var/lib/flowsensor, the only place that it can write to."""

    def __init__(self, folder, *arguments, capabilities=(NET_RAW,), account=ACCOUNT, no_new_privileges=True, network=None,
                 mounts=(), program=(f"/{roots.BINARY}",), environment=(), root=None):
        self.name = f"flowsensor-{os.getpid()}-{next(COUNT)}"
        self.bundle = Path(tempfile.mkdtemp(prefix="bundle-", dir=folder))
        self.state = self.bundle / "state"
        self.state.mkdir()
        os.chown(self.state, account, account)
        granted = list(capabilities)
        namespaces = [{"type": kind} for kind in ("pid", "ipc", "uts", "mount")]
        namespaces.append({"type": "network", **({"path": f"/run/netns/{network}"} if network else {})})
        config = {
            "ociVersion": "1.0.2", "root": {"path": str(root or roots.root()), "readonly": True},
            "process": {
                "args": [*program, *map(str, arguments)], "cwd": STATE, "env": ["PATH=/usr/bin", *environment],
                "user": {"uid": account, "gid": account}, "noNewPrivileges": no_new_privileges,
                "capabilities": {"bounding": granted, "permitted": granted, "effective": granted},
            },
            "mounts": [*FILE_SYSTEMS, bind(self.state, STATE, writable=True), *mounts],
            "linux": {"namespaces": namespaces, "seccomp": seccomp.runtime_default(granted), "maskedPaths": MASKED,
                      "readonlyPaths": READONLY},
        }
        (self.bundle / "config.json").write_text(json.dumps(config))

    @property
    def command(self):
        return ["runc", "--root", str(self.bundle / "runc"), "run", "--pid-file", str(self.bundle / "pid"), "--bundle",
                str(self.bundle), self.name]

    def run(self, limit=60):
        return self.start().finish(limit)

    def start(self):
        """runc under way; it hands signals on and ends with the program's status."""
        return Running(binary=self.command[0], *self.command[1:])

    @property
    def pid(self):
        """Number of the program's process, once there is one."""
        try:
            return int((self.bundle / "pid").read_text())
        except (OSError, ValueError):
            return None

    def wait_for_capture(self, running):
        """Until the sensor waits for packets, or has ended."""
        wait_until(lambda: running.process.poll() is not None or (self.pid and waits(self)), what="the start of the capture")

    def status(self):
        """/proc/PID/status as a dictionary."""
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        return {name: value.strip() for name, value in (line.split(":", 1) for line in lines)}


def has_socket(process):
    """Whether an AF_PACKET socket of the process's network gets every protocol of an interface: its ring fills."""
    try:
        rows = [line.split() for line in Path(f"/proc/{process}/net/packet").read_text().splitlines()[1:]]
    except OSError:
        return False
    return any(protocol == "0003" and interface != "0" for _, _, _, protocol, interface, *_ in rows)


def end_all(folder):
    """Removes what a test that failed left running."""
    for state in Path(folder).glob("bundle-*/runc/*"):
        subprocess.run(["runc", "--root", str(state.parent), "delete", "--force", state.name], stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL, check=False)


class WiredCase(Case):
    """Tests of containers on one wire; what a test that failed left running is ended."""

    @classmethod
    def setUpClass(cls):
        roots.root()
        cls.wire = Wire()
        cls.addClassCleanup(cls.wire.remove)

    def setUp(self):
        super().setUp()
        self.addCleanup(end_all, self.folder)
