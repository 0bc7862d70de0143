"""The Debian packages and the systemd unit, in a Debian that boots: installed, started, watched, upgraded, purged."""
import re
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

from machine import Machine
from place import BINARY, CAPTURES, DEPLOY, REPOSITORY, output, page_commands

BUILD = BINARY.parents[1]
NET_RAW = 1 << 13
# Of 10; 2.0 is where systemd's own words change from "ok" to "safe".
EXPOSURE_PERCENT = 20
FILES = ("find / -xdev \\( -path /proc -o -path /sys -o -path /run -o -path /tmp -o -path /dev -o -path /packages -o -path /mnt "
         "-o -path /var/lib/dpkg -o -path /var/log -o -path /var/lib/systemd -o -path /var/tmp -o -path /var/cache \\) -prune "
         "-o -print | sort")
CONFIGURATION = """
capture = { interfaces = [ "lo" ]; };
meter = { flow_table_size = 4096; idle_timeout = "1s"; };
outputs = ( { path = "/var/lib/flowsensor/flows.jsonl"; columns_to_anonymize = [ "address=prefix_preserving" ]; } );
"""
KEY = """anonymization = { key_file = "/run/credentials/flowsensor.service/secrets_anonymization"; };
"""


PACKAGES = {}
COMMANDS = page_commands("on the host")


def setUpModule():
    temporary = tempfile.TemporaryDirectory(prefix="flowsensor-packages-")
    unittest.addModuleCleanup(temporary.cleanup)
    # tests/run.sh has built already; the page's folders become ours.
    command = page_commands("on the machine that builds")[-1]
    command = command.replace("build/release", str(BUILD)).replace("build/package", temporary.name)
    subprocess.run(command, shell=True, check=True, cwd=BUILD, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    PACKAGES.update({path.name.split("_")[0]: path for path in Path(temporary.name).glob("*.deb")})


def dependencies():
    """The first of each choice, without what the machine has anyway."""
    depends = output("dpkg-deb", "-f", PACKAGES["flowsensor"], "Depends")
    return sorted({entry.split()[0] for entry in depends.split(",")} - {"systemd", "libc6"})


def newer(package, folder):
    """The same package with a higher version."""
    subprocess.run(["dpkg-deb", "-R", package, folder / "newer"], check=True)
    control = folder / "newer/DEBIAN/control"
    control.write_text(control.read_text().replace("Version: 0.1.0-1", "Version: 0.1.1-1"))
    subprocess.run(["dpkg-deb", "--root-owner-group", "-b", folder / "newer", folder / "newer.deb"], check=True, stdout=subprocess.DEVNULL)
    return folder / "newer.deb"


class Files(unittest.TestCase):
    """What can be judged without installing."""

    def test_lintian(self):
        answer = subprocess.run(["lintian", "--fail-on", "error,warning", "--allow-root", *PACKAGES.values()], capture_output=True,
                                text=True, check=False)
        self.assertEqual((answer.returncode, answer.stdout), (0, ""), answer.stderr)

    def test_contents(self):
        listed = {name: output("dpkg-deb", "-c", path) for name, path in PACKAGES.items()}
        self.assertEqual(set(listed), {"flowsensor", "flowsensor-dev"})
        for path in ("usr/bin/flowsensor", "usr/lib/systemd/system/flowsensor.service", "usr/lib/sysusers.d/flowsensor.conf",
                     "usr/lib/tmpfiles.d/flowsensor.conf", "usr/share/man/man1/flowsensor.1.gz", "etc/flowsensor/flowsensor.conf",
                     "usr/share/bash-completion/completions/flowsensor", "usr/share/zsh/vendor-completions/_flowsensor",
                     "usr/share/fish/vendor_completions.d/flowsensor.fish", "usr/share/flowsensor/schemas/flow/v1.avsc",
                     "usr/share/doc/flowsensor/reference.md", "usr/share/doc/flowsensor/running.md"):
            self.assertRegex(listed["flowsensor"], rf"(?m) root/root .* \./{re.escape(path)}$")
        self.assertIn(" ./usr/include/flowsensor/plugin.h\n", listed["flowsensor-dev"])
        self.assertNotIn("/usr/local", "".join(listed.values()))

    def test_depends_on_the_libraries(self):
        depends = output("dpkg-deb", "-f", PACKAGES["flowsensor"], "Depends")
        for library in ("libc6", "libpcap0.8", "libndpi", "librdkafka1", "libavro", "libconfig", "libjansson4", "libcurl", "libssl"):
            self.assertIn(library, depends)

    def test_exposure(self):
        answer = subprocess.run(["systemd-analyze", "security", "--offline=true", f"--threshold={EXPOSURE_PERCENT}", "--no-pager",
                                 DEPLOY / "systemd/flowsensor.service"], capture_output=True, text=True, check=False)
        self.assertEqual(answer.returncode, 0, answer.stdout[-200:])

    def test_services_memory_fits_its_limit(self):
        total = re.search(r"(?m)^total\t(\d+)\t", output(BINARY, "memory", "-c", DEPLOY / "systemd/flowsensor.conf"))
        limit = re.search(r"(?m)^MemoryMax=(\d+)M$", (DEPLOY / "systemd/flowsensor.service").read_text())
        self.assertLess(int(total[1]), int(limit[1]) << 20)


class Installed(unittest.TestCase):
    """One life of the package; the tests go in the order of their names."""

    @classmethod
    def setUpClass(cls):
        root = subprocess.run([REPOSITORY / "tests/packaging/root.sh", *dependencies()], stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
        cls.machine = Machine(root)
        cls.addClassCleanup(cls.machine.close)
        for package in PACKAGES.values():
            shutil.copy(package, cls.machine.packages)
        newer(PACKAGES["flowsensor"], cls.machine.packages)
        (cls.machine.packages / "mix.pcap").write_bytes((CAPTURES / "mix.pcap").read_bytes())
        cls.main = f"/packages/{PACKAGES['flowsensor'].name}"
        cls.machine.wait_until_running()
        cls.before = cls.machine.shell(FILES)
        cls.machine.run("dpkg", "-i", cls.main, f"/packages/{PACKAGES['flowsensor-dev'].name}")

    def configure(self, text):
        self.machine.shell(f"cat >/etc/flowsensor/flowsensor.conf <<'END'\n{text}\nEND")

    def status(self):
        pid = self.machine.property("MainPID")
        return dict(line.split(":\t", 1) for line in self.machine.shell(f"cat /proc/{pid}/status").splitlines() if ":\t" in line)

    def records(self):
        return int(self.machine.shell("cat /var/lib/flowsensor/flows*.jsonl 2>/dev/null | wc -l"))

    def make_traffic(self):
        self.machine.shell("for i in 1 2 3; do echo hello >/dev/udp/127.0.0.1/9 || true; done")

    def test_1_what_is_there(self):
        run = self.machine.run
        self.assertIn("flowsensor 0.1.0", run("flowsensor", "--version").stdout)
        self.assertIn("exported 458", run("flowsensor", "-r", "/packages/mix.pcap", "-w", "/tmp/flows.csv").stderr)
        self.assertIn(".TH FLOWSENSOR 1", self.machine.shell("zcat /usr/share/man/man1/flowsensor.1.gz"))
        run("flowsensor", "-c", "/etc/flowsensor/flowsensor.conf", "--check-config")
        self.assertEqual(run("getcap", "/usr/bin/flowsensor").stdout, "", "every user could capture")
        self.assertEqual(self.machine.shell("stat -c '%a %U' /etc/flowsensor/secrets /var/lib/flowsensor"), "700 root\n750 flowsensor\n")
        self.assertRegex(run("getent", "passwd", "flowsensor").stdout, r":/usr/sbin/nologin$")

    def test_2_service_is_neither_enabled_nor_started(self):
        self.assertEqual(self.machine.run("systemctl", "is-enabled", "flowsensor", check=False).stdout, "disabled\n")
        self.assertEqual(self.machine.property("ActiveState"), "inactive")

    def test_2_unit_is_without_fault(self):
        answer = self.machine.run("systemd-analyze", "verify", "--man=no", "flowsensor.service")
        self.assertEqual(answer.stdout + answer.stderr, "")

    def test_3_wrong_configuration_is_not_tried_again(self):
        self.configure("capture = { interfase = \"lo\"; };")
        self.machine.run("systemctl", "start", "flowsensor", check=False)
        self.machine.wait("failed", lambda: self.machine.property("ActiveState") == "failed")
        self.assertEqual((self.machine.property("ExecMainStatus"), self.machine.property("NRestarts")), ("78", "0"))
        self.machine.run("systemctl", "reset-failed", "flowsensor")

    def test_4_service_runs_in_its_sandbox(self):
        self.configure(CONFIGURATION)
        for line in COMMANDS:
            if "dpkg" not in line:
                self.machine.shell(line)
        self.machine.shell(f"umask 077; echo {'0123456789abcdef' * 4} >/etc/flowsensor/secrets/anonymization")
        self.configure(CONFIGURATION + KEY)
        self.machine.run("systemctl", "restart", "flowsensor", check=False)
        self.machine.wait("active", lambda: self.machine.property("ActiveState") == "active", limit_s=5)
        status = self.status()
        user = self.machine.shell("id -u flowsensor").strip()
        self.assertEqual(set(status["Uid"].split()), {user})
        self.assertEqual((status["NoNewPrivs"], status["Seccomp"]), ("1", "2"))
        self.assertEqual(int(status["CapBnd"], 16) & ~NET_RAW, 0)
        self.assertEqual(int(status["CapPrm"], 16), 0, "it gives the capability up when the capture is open")
        pid = self.machine.property("MainPID")
        for path in ("/usr/x", "/etc/flowsensor/x"):
            answer = self.machine.run("nsenter", "-t", pid, "-m", "touch", path, check=False)
            self.assertIn("Read-only file system", answer.stderr)
        self.make_traffic()
        self.machine.wait("a record", lambda: self.records() > 0)

    def test_5_reload_reads_the_configuration_again(self):
        self.machine.run("systemctl", "reload", "flowsensor")
        self.make_traffic()
        self.machine.wait("word of the reload", lambda: re.search("SIGHUP: the configuration was read again", self.machine.run(
            "journalctl", "--no-pager", "-u", "flowsensor").stdout))
        self.assertEqual(self.machine.property("ActiveState"), "active")

    def test_6_watchdog_ends_a_sensor_that_hangs(self):
        self.machine.shell("mkdir -p /etc/systemd/system/flowsensor.service.d; cat >/etc/systemd/system/flowsensor.service.d/quick.conf <<'END'\n"
                           "[Service]\nWatchdogSec=2s\nTimeoutAbortSec=1s\nRestartSec=100ms\nEND\nsystemctl daemon-reload")
        self.machine.run("systemctl", "restart", "flowsensor")
        pid = self.machine.property("MainPID")
        self.machine.shell("sleep 4")
        self.assertEqual(self.machine.property("MainPID"), pid, "a sensor that works is left alone")
        self.machine.shell(f"kill -STOP {pid}")
        self.machine.wait("a restart", lambda: self.machine.property("NRestarts") == "1" and self.machine.property("ActiveState") == "active")
        self.assertNotEqual(self.machine.property("MainPID"), pid)

    def test_7_stop_is_orderly(self):
        self.make_traffic()
        self.machine.run("systemctl", "stop", "flowsensor")
        self.assertEqual((self.machine.property("Result"), self.machine.property("ExecMainStatus")), ("success", "0"))
        journal = self.machine.run("journalctl", "--no-pager", "-o", "cat", "-u", "flowsensor").stdout
        self.assertRegex(journal.splitlines()[-3] + journal, r"flows: opened \d+ = exported \d+")

    def test_8_upgrade_keeps_configuration_and_goes_on(self):
        self.machine.run("systemctl", "start", "flowsensor")
        pid = self.machine.property("MainPID")
        for line in COMMANDS:
            if "dpkg" in line:
                self.machine.shell(line)
        self.assertIn("cap_net_raw=p", self.machine.run("getcap", "/usr/bin/flowsensor").stdout)
        pid = self.machine.property("MainPID")  # dpkg-reconfigure starts it anew, as an upgrade
        self.machine.run("dpkg", "-i", "/packages/newer.deb")
        self.machine.wait("a restart", lambda: self.machine.property("MainPID") not in ("0", pid) and
                          self.machine.property("ActiveState") == "active")
        self.assertIn('interfaces = [ "lo" ]', self.machine.shell("cat /etc/flowsensor/flowsensor.conf"))
        self.make_traffic()

    def test_8_upgrade_sets_the_capability_for_the_overrides_group(self):
        self.assertEqual(self.machine.run("getcap", "/usr/bin/flowsensor").stdout, "/usr/bin/flowsensor cap_net_raw=p\n")
        group = self.machine.shell("id -g flowsensor").strip()
        capture = "flowsensor -i lo -w /tmp/by-hand.jsonl --set meter.max_nflows=1 --set meter.idle_timeout=1s"
        self.machine.shell("chmod 1777 /tmp; (for i in 1 2 3 4 5 6; do sleep 0.5; echo x >/dev/udp/127.0.0.1/9; done) 2>/dev/null & "
                           f"timeout 20 setpriv --reuid=12345 --regid={group} --clear-groups {capture}; wait; test -s /tmp/by-hand.jsonl")
        self.assertEqual(self.machine.shell("stat -c '%a %G' /usr/bin/flowsensor"), "750 flowsensor\n")
        # The shell between, since setpriv itself still has root's capabilities when it executes a file.
        other = self.machine.run("setpriv", "--reuid=12345", "--regid=12345", "--clear-groups", "sh", "-c", "flowsensor --version",
                                 check=False)
        self.assertIn("Permission denied", other.stderr)

    def test_9_purge_leaves_nothing(self):
        self.machine.run("dpkg-statoverride", "--remove", "/usr/bin/flowsensor")
        self.machine.run("dpkg", "--purge", "flowsensor", "flowsensor-dev")
        self.machine.shell("rm -rf /tmp/flows.csv /tmp/by-hand.jsonl")
        left = set(self.machine.shell(FILES).splitlines()) ^ set(self.before.splitlines())
        # dpkg and the user databases keep the copies that they make before a change.
        self.assertEqual({path for path in left if not re.fullmatch(r"/etc/(passwd|group|shadow|gshadow)-|/etc/\.pwd\.lock", path)}, set())
        self.assertEqual(self.machine.property("LoadState"), "not-found")


if __name__ == "__main__":
    unittest.main()
