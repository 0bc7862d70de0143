"""A small Debian that systemd really boots, in namespaces of its own, on a layer that is thrown away."""
import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE.parent / "common"))
from waiting import wait_until  # noqa: E402

ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive"}
HIERARCHIES = (Path("/sys/fs/cgroup"), Path("/sys/fs/cgroup/unified"), Path("/sys/fs/cgroup/systemd"))


class Machine:
    def __init__(self, root):
        self.folder = Path(tempfile.mkdtemp(prefix="flowsensor-machine-"))
        self.packages = self.folder / "packages"
        self.packages.mkdir()
        self.log = open(self.folder / "boot.log", "wb")
        self.process = subprocess.Popen([HERE / "boot.sh", root, self.folder], stdin=subprocess.DEVNULL, stdout=self.log,
                                        stderr=subprocess.STDOUT, start_new_session=True)
        self.first = None

    def wait_until_running(self, limit_s=60):
        def log():
            return f"the boot of systemd: {(self.folder / 'boot.log').read_text()[-2000:]}"

        def is_running():
            if self.process.poll() is not None:
                raise AssertionError(f"ended: {log()}")
            children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
            if not children or Path(f"/proc/{children[0]}/comm").read_text() != "systemd\n":
                return False
            self.first = children[0]
            return self.run("systemctl", "is-system-running", check=False).stdout.strip() == "running"
        wait_until(is_running, limit_s, log, pause=0.1)

    def run(self, *command, check=True, limit_s=120):
        """A command inside, as root."""
        answer = subprocess.run(["nsenter", "-t", self.first, "--all", "--", *map(str, command)], env=ENVIRONMENT, stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=limit_s, check=False)
        if check and answer.returncode != 0:
            raise AssertionError(f"{command}: exit {answer.returncode}\n{answer.stdout}{answer.stderr}")
        return answer

    def shell(self, script, **options):
        return self.run("bash", "-c", script, **options).stdout

    def property(self, name, unit="flowsensor"):
        return self.run("systemctl", "show", "-p", name, "--value", unit).stdout.strip()

    def wait(self, what, condition, limit_s=30):
        wait_until(condition, limit_s, lambda: f"{what}\n{self.run('journalctl', '--no-pager', '-n', '30', '-u', 'flowsensor').stdout}", pause=0.1)

    def close(self):
        if self.process.poll() is None:
            if self.first:
                os.kill(int(self.first), signal.SIGKILL)
            self.process.kill()
        self.process.wait()
        self.log.close()
        shutil.rmtree(self.folder, ignore_errors=True)
        for hierarchy in HIERARCHIES:
            top = hierarchy / f"flowsensor-test-{self.process.pid}"
            for folder, _, _ in os.walk(top, topdown=False) if top.is_dir() else ():
                self.remove_group(folder)

    @staticmethod
    def remove_group(folder, limit_s=5):
        """The kernel lets go of a group some time after its last process."""
        def is_removed():
            with contextlib.suppress(OSError):
                os.rmdir(folder)
                return True
            return False
        with contextlib.suppress(AssertionError):  # then it stays
            wait_until(is_removed, limit_s, pause=0.05)
