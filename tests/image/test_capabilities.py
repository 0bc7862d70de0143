"""Which sets of capabilities let the sensor capture: each row that a pod's security context can make."""
import signal
import unittest

import container
import roots

EX_NOPERM = 77
SHELL = ("/tmp/sh", "-c", 'exec "$0" "$@"', f"/{roots.BINARY}")


class Capabilities(container.WiredCase):
    def pod(self, *arguments, capability="cap_net_raw=p", shell=False, **given):
        """The image with another capability on the binary's file (None: none), which may be run through a lent shell."""
        binary = roots.binary_with(capability, self.folder / "flowsensor")
        mounts = [container.bind(binary, f"/{roots.BINARY}")]
        if shell:
            (self.folder / "lent").mkdir()
            (self.folder / "lent" / "sh").write_bytes((roots.builder("amd64") / "usr/bin/dash").read_bytes())
            (self.folder / "lent" / "sh").chmod(0o755)
            mounts.append(container.bind(self.folder / "lent", "/tmp"))
            given["program"] = SHELL
        return container.Container(self.folder, *arguments, network=self.wire.near, mounts=mounts, **given)

    def captures(self, **given):
        """Pings cross the wire and come out as a flow of ICMP."""
        made = self.pod("-i", "near0", "-f", "udp port 7001", "-w", "flows.jsonl", **given)
        running = made.start()
        self.addCleanup(running.close)
        made.wait_for_capture(running)
        status = made.status() if running.process.poll() is None else None
        self.wire.send(7001, 5)
        running.signal(signal.SIGTERM)
        result = running.finish()
        self.assertEqual(result.code, 0, result)
        self.assertEqual(self.ledger(result).packets["metered"], 5, result)
        self.assertEqual(len((made.state / "flows.jsonl").read_text().splitlines()), 1)
        return status

    def refused(self, **given):
        result = self.pod("-i", "near0", "-w", "null:", **given).run()
        self.assertEqual(result.code, EX_NOPERM, result)
        self.assertIn("no permission to capture", result.errors[0])

    def test_permitted_by_the_file(self):
        """What the image and the chart do: NET_RAW alone, cap_net_raw=p, no_new_privs, no root."""
        status = self.captures()
        self.assertEqual([int(status[name], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapAmb")], [0, 0, 0, 0])
        self.assertEqual((status["NoNewPrivs"], status["Seccomp"]), ("1", "2"))
        self.assertEqual(set(status["Uid"].split() + status["Gid"].split()), {"65532"})

    def test_effective_by_the_file(self):
        self.captures(capability="cap_net_raw=ep")

    def test_file_without_capabilities(self):
        self.refused(capability=None)

    def test_effective_through_a_shell(self):
        """The shell drops what it has, and no_new_privs forbids to gain it again."""
        self.refused(capability="cap_net_raw=ep", shell=True)

    def test_effective_through_a_shell_that_may_gain(self):
        self.captures(capability="cap_net_raw=ep", shell=True, no_new_privileges=False)

    def test_nothing_granted_and_effective_by_the_file(self):
        """The kernel doesn't even start it: why the image's file says p and not ep."""
        result = self.pod("--version", capability="cap_net_raw=ep", capabilities=()).run()
        self.assertNotEqual(result.code, 0, result)
        self.assertIn("operation not permitted", "\n".join(result.lines))

    def test_nothing_granted_and_permitted_by_the_file(self):
        """Files are read without any capability; only the socket is refused."""
        self.assertEqual(self.pod("--version", capabilities=()).run().code, 0)
        self.refused(capabilities=())

    def test_root_with_net_raw_alone(self):
        self.captures(capability=None, account=0)


if __name__ == "__main__":
    unittest.main()
