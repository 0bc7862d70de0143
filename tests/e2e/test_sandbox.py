"""The sandbox of a run: what a plugin tries, as code would that a packet brought in, is refused, counted and said; and what runs need
is not. The other modules run under it too, and look for refusals (harness.py). Run: python3 tests/e2e/run.py test_sandbox
"""
import os
import re
import subprocess
import unittest
import urllib.request

from harness import CAPTURES, NOBODY, Case, is_idle, of_threads, run, wait_until
from test_udps import Installed

CAPTURE = CAPTURES / "dns.pcap"
EPERM, EACCES = 1, 13

# What is tried, and does nothing where it isn't refused: by the filter of system calls, or by Landlock.
FILTERED = {
    "execve": 'execve("/nonexistent", (char *[]){"x", 0}, 0)',
    "execveat": 'syscall(SYS_execveat, AT_FDCWD, "/nonexistent", 0, 0, 0)',
    "fork": "fork_and_end()",
    "ptrace": "ptrace(PTRACE_ATTACH, 0x7fffffff, 0, 0)",
    "process_vm_readv": "syscall(SYS_process_vm_readv, getppid(), 0, 0, 0, 0, 0)",
    "raw": "socket(AF_INET, SOCK_RAW, IPPROTO_ICMP)",
    "raw6": "socket(AF_INET6, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMPV6)",
    "vsock": "socket(AF_VSOCK, SOCK_STREAM, 0)",
    "kill": "kill(getppid(), 0)",
    "tgkill": "syscall(SYS_tgkill, getppid(), getppid(), 0)",
    "unshare": "unshare(CLONE_NEWUSER)",
    "mount": 'mount("none", "/nonexistent", "tmpfs", 0, 0)',
    "bpf": "syscall(SYS_bpf, 0, 0, 0)",
    "io_uring": "syscall(SYS_io_uring_setup, 1, 0)",
    "keyctl": "syscall(SYS_keyctl, 0, 0, 0, 0, 0)",
    "setuid": "setuid(getuid())",
    "chmod": 'chmod("/nonexistent", 0777)',
    "chown": 'chown("/nonexistent", 0, 0)',
    "symlink": 'symlink("/etc/passwd", "/nonexistent/x")',
    "dumpable": "prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)",
    "prlimit": "prlimit(getppid(), RLIMIT_CORE, 0, &(struct rlimit){0})",
}
# The stricter filter of the run, whose refusals aren't counted; and a terminal's input.
UNCOUNTED = {
    "packets": "socket(AF_PACKET, SOCK_RAW, 0)",
    "listen": "listen(socket(AF_INET, SOCK_STREAM, 0), 1)",
    "terminal": 'ioctl(0, TIOCSTI, "x")',
}
WRITTEN = {
    "create": 'open(OUTSIDE "/new", O_WRONLY | O_CREAT, 0600)',
    "write": 'open(OUTSIDE "/there", O_WRONLY)',
    "append": 'open(OUTSIDE "/there", O_WRONLY | O_APPEND)',
    "unlink": 'unlink(OUTSIDE "/there")',
    "rename": 'rename(OUTSIDE "/there", OUTSIDE "/renamed")',
    "mkdir": 'mkdir(OUTSIDE "/folder", 0700)',
    "truncate": 'open(OUTSIDE "/there", O_RDONLY | O_TRUNC)',
    "configuration": 'open(OUTSIDE "/sensor.conf", O_RDWR)',
}
ALLOWED = {
    "thread": "pthread_create(&(pthread_t){0}, 0, idle, 0)",
    "read": 'open(OUTSIDE "/there", O_RDONLY)',
    "resolver": "socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)",
    "news": "socket(AF_NETLINK, SOCK_RAW, 0)",
    "output": 'open(INSIDE "/new", O_WRONLY | O_CREAT, 0600)',
    "rotate": 'rename(INSIDE "/new", INSIDE "/renamed")',
}
HEADERS = """fcntl errno linux/vm_sockets netinet/in pthread sched signal stdio sys/ioctl sys/mman sys/mount sys/prctl sys/ptrace sys/resource
sys/socket sys/stat sys/syscall unistd"""


def source(inside, outside):
    tries = "".join(f'    attempt("{name}", {call} < 0 ? errno : 0);\n' for group in (FILTERED, UNCOUNTED, WRITTEN, ALLOWED) for name, call in group.items())
    return "#define _GNU_SOURCE\n" + "".join(f"#include <{name}.h>\n" for name in HEADERS.split()) + f"""
#include <flowsensor/plugin.h>
#define INSIDE "{inside}"
#define OUTSIDE "{outside}"
static int tried;
static void *idle(void *context) {{ return context; }}
static void attempt(const char *name, int error) {{ fprintf(stderr, "tried %s: %d\\n", name, error); }}
static long fork_and_end(void) {{
    long child = syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
    if (child == 0)
        _exit(0);
    return child;
}}
static enum flowsensor_verdict on_init(void *context, const struct flowsensor_packet *packet, const struct flowsensor_flow *flow, void *state) {{
    (void)context, (void)state, (void)flow, (void)packet;
    if (tried++)
        return FLOWSENSOR_GO_ON;
{tries}    return FLOWSENSOR_GO_ON;
}}
FLOWSENSOR_PLUGIN = {{FLOWSENSOR_PLUGIN_INTERFACE, .name = "attempts", .version = "1", .on_init = on_init}};
"""


class Sandbox(Case):
    def setUp(self):
        super().setUp()
        self.inside, self.outside = self.folder / "state" / "out", self.folder / "outside"
        for folder in (self.inside, self.outside):
            folder.mkdir(parents=True)
        for name in ("there", "sensor.conf"):
            (self.outside / name).write_text("x")

    def attempts(self, *arguments):
        plugin = Installed.get().compile(self.folder, "attempts", source(self.inside, self.outside))
        return ("--set", f"udps.plugins={plugin}", "-w", self.inside / "flows.csv", *arguments)

    def tried(self, result):
        return {name: int(error) for name, error in re.findall(rb"^tried (\w+): (\d+)$", result.raw_error, re.M)}

    def test_what_is_refused(self):
        result = run("-r", CAPTURE, *self.attempts())
        self.assertEqual(result.code, 0, result)
        expected = {**dict.fromkeys([*FILTERED, *UNCOUNTED], EPERM), **dict.fromkeys(WRITTEN, EACCES), **dict.fromkeys(ALLOWED, 0)}
        self.assertEqual(self.tried(result), {name.encode(): error for name, error in expected.items()}, result)
        said = [line for line in result.lines if "a system call was refused" in line]
        for name in ("execve", "ptrace", "socket", "clone", "kill"):
            self.assertEqual(len([line for line in said if re.search(rf"number \d+ {name}\(", line)]), 1, result)
        self.assertEqual((self.outside / "there").read_text(), "x")
        self.assertEqual(sorted(path.name for path in self.outside.iterdir()), ["sensor.conf", "there"])

    @unittest.skipUnless(os.geteuid() == 0, "without root the kernel refuses much by itself")
    def test_without_it_they_are_not(self):
        """What the tests above find is the sandbox's doing."""
        result = run("-r", CAPTURE, *self.attempts("--set", "sandbox=false"))
        tried = self.tried(result)
        # What it has no capability for any more is refused to root too.
        self.assertEqual([name for name in FILTERED if tried[name.encode()] == EPERM], ["raw", "raw6"], tried)
        for name in ("fork", "dumpable", "create", "unlink"):
            self.assertEqual(tried[name.encode()], 0, name)

    def test_refusals_are_counted(self):
        running = self.start("-r", "-", *self.attempts("--set", "monitoring.listen=127.0.0.1:0"), stdin=subprocess.PIPE)
        running.process.stdin.write(CAPTURE.read_bytes())
        running.process.stdin.flush()
        wait_until(lambda: running.said("tried rotate") and is_idle(running.process), what="the attempts")
        url = re.search(rb"monitoring: (http://\S+/metrics)", os.pread(running.errors.fileno(), 1 << 20, 0))[1].decode()
        with urllib.request.urlopen(url, timeout=10) as answer:
            count = int(re.search(rb"^flowsensor_sandbox_refused_calls_total (\d+)$", answer.read(), re.M)[1])
        # The C library's setuid() has the endpoint's thread make the call too.
        self.assertIn(count - len(FILTERED), (0, 1))

    def test_every_thread_has_it(self):
        for prefix, binary in (((), None), (NOBODY, self.public_binary())):
            running = self.start("-r", "-", "-w", "null:", "--set", "monitoring.listen=127.0.0.1:0", stdin=subprocess.PIPE, prefix=prefix, binary=binary)
            wait_until(lambda: running.said("monitoring: ") and is_idle(running.process), what="the run")
            threads = list(of_threads(running.process, "status"))
            self.assertGreater(len(threads), 2)
            for text in threads:
                status = dict(re.findall(r"^(\w+):\s*(\S+)", text, re.M))
                self.assertEqual((status["Seccomp"], status["NoNewPrivs"]), ("2", "1"), status["Name"])
            running.close()

    def test_it_is_said(self):
        result = self.succeeds("-r", CAPTURE, "-w", "null:", "--set", "log.level=debug")
        self.assertRegex("\n".join(result.lines), r"sandbox: system calls are filtered; files are written in .* \(Landlock \d+\)")
        result = self.succeeds("-r", CAPTURE, "-w", "null:", "--set", "log.level=debug", "--set", "sandbox=false")
        self.assertNotIn("sandbox:", "\n".join(result.lines))

    def test_a_folder_that_is_made_again(self):
        """Landlock's rule is of the folder's parent, so an operator may delete the folder and make it anew."""
        running = self.start("-r", "-", "-w", self.inside / "flows.csv", "--set", "outputs.0.rotate_flows=1", stdin=subprocess.PIPE)
        data = CAPTURE.read_bytes()
        wait_until(lambda: any(self.inside.iterdir()), what="the file")
        for path in self.inside.iterdir():
            path.unlink()
        self.inside.rmdir()
        self.inside.mkdir()
        running.process.stdin.write(data)
        running.process.stdin.close()
        running.process.wait(60)
        self.assertEqual(running.process.returncode, 0, os.pread(running.errors.fileno(), 1 << 20, 0))
        # Less a header in each.
        self.assertEqual(sum(len(path.read_text().splitlines()) - 1 for path in self.inside.iterdir()), 22)


if __name__ == "__main__":
    unittest.main()
