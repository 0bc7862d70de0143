"""A signal ends every wait, in every phase: for a name server, a registry or a broker that says nothing, for the first byte, for who
opens a FIFO's other end. Needs root and iproute2 for some. Run: python3 tests/e2e/run.py test_waits
"""
import concurrent.futures
import contextlib
import ctypes
import os
import shutil
import signal
import socket
import subprocess
import time
import unittest
from pathlib import Path

import test_live
from harness import CAPTURES, Case, is_idle, wait_until
from namespaces import CLONE_NEWNET, FAR, Wire
from servers import FaultyRegistry, SilentServer, answers, closed_port

MEASURES = "the time to an end"

LIMIT_S = 1.0
LIVE = ("-i", "lo", "-f", "udp port 1")  # of which nothing comes
SOURCES = (("-r", CAPTURES / "dns.pcap"), LIVE)[:2 if test_live.ABLE else 1]
KAFKA = ("--set", "outputs.0.topic=flows", "--set", "outputs.0.columns_to_anonymize=all=keep")


class Waits(Case):
    def starts(self, *arguments, prefix=(), stdin=subprocess.DEVNULL, waits_for=0.3):
        running = self.start(*arguments, "--set", "delivery.shutdown_timeout=1s", prefix=prefix, stdin=stdin)
        wait_until(lambda: running.process.poll() is not None or is_idle(running.process), what="a wait")
        time.sleep(waits_for)  # only time shows that it goes on waiting
        self.assertIsNone(running.process.poll(), "it ended by itself")
        return running

    def ends(self, running, codes=(0,), limit=LIMIT_S):
        told = time.monotonic()
        running.signal(signal.SIGTERM)
        result = running.finish()
        seconds = time.monotonic() - told
        self.assertIn(result.code, codes, result)
        self.assertLess(seconds, limit, result)
        return result

    def test_first_byte(self):
        reading, writing = os.pipe()
        self.addCleanup(os.close, writing)
        for meters in (1, 3):
            self.ends(self.starts("-r", "-", "-w", "null:", "--set", f"meter.n_meters={meters}", stdin=reading))
        os.close(reading)

    def test_capture_that_nobody_writes(self):
        fifo = self.folder / "capture"
        os.mkfifo(fifo)
        self.ends(self.starts("-r", fifo, "-w", "null:"), codes=(0, -signal.SIGTERM))

    def test_output_that_nobody_reads(self):
        fifo = self.folder / "flows.jsonl"
        os.mkfifo(fifo)
        for source in SOURCES:
            self.ends(self.starts(*source, "-w", fifo))

    def test_configuration_that_nobody_writes(self):
        fifo = self.folder / "fifo"
        os.mkfifo(fifo)
        self.ends(self.starts("-r", CAPTURES / "dns.pcap", "-c", fifo), codes=(0, -signal.SIGTERM))

    def test_keys_that_nobody_writes(self):
        """They are waited for as long as a second, without a signal."""
        fifo = self.folder / "fifo"
        os.mkfifo(fifo, 0o600)
        for option, more in (("identity.key_file", ()), ("anonymization.key_file", ("--set", "outputs.0.columns_to_anonymize=address=hash"))):
            with self.subTest(option):
                began = time.monotonic()
                result = self.start("-r", CAPTURES / "dns.pcap", "-w", "null:", "--set", f"{option}={fifo}", *more).finish()
                self.assertGreater(time.monotonic() - began, 0.9)
                self.assertLess(time.monotonic() - began, 1 + LIMIT_S, result)
                self.assertEqual(result.code, os.EX_NOINPUT, result)
                self.assertIn(f"{option} {fifo}: nothing was written into this pipe in time", " ".join(result.errors))

    def test_key_from_a_pipe(self):
        """As of a process substitution, whose program may be slower than the sensor."""
        reading, writing = os.pipe()
        running = self.start("-r", CAPTURES / "dns.pcap", "-w", "null:", "--set", "identity.key_file=/dev/stdin", stdin=reading)
        os.close(reading)
        os.write(writing, b"0123456789abcdef" * 2 + b"\n")
        os.close(writing)
        self.assertEqual(running.finish().code, 0)

    def test_password_that_nobody_writes(self):
        fifo = self.folder / "fifo"
        os.mkfifo(fifo)
        self.ends(self.starts("-r", CAPTURES / "dns.pcap", *KAFKA, "--set", f"outputs.0.kafka=bootstrap.servers=127.0.0.1:{closed_port()}",
                              "--set", "registry.url=http://127.0.0.1:1", "--set", "registry.username=u", "--set", f"registry.password_file={fifo}"))

    def test_password_that_comes_late(self):
        fifo = self.folder / "fifo"
        os.mkfifo(fifo)
        seen = []

        def answer(request):
            seen.append(request.headers.get("Authorization"))
            answers(200, '{"id": 7}')(request)
        with FaultyRegistry(answer) as registry:
            running = self.start("-r", CAPTURES / "dns.pcap", *KAFKA, "--set", f"outputs.0.kafka=bootstrap.servers=127.0.0.1:{closed_port()}",
                                 "--set", "delivery.timeout=1s", "--set", f"registry.url={registry.url}", "--set", "registry.username=u",
                                 "--set", f"registry.password_file={fifo}")
            wait_until(lambda: is_idle(running.process), what="the wait for the password")
            fifo.write_text("secret\nnothing\n")
            running.finish()
        self.assertEqual(seen[:1], ["Basic dTpzZWNyZXQ="])

    def registry_arguments(self, url, outputs, *more):
        config = self.write("sensor.conf", f"""
registry = {{ url = "{url}"; timeout = "3s"; cache_directory = "{self.folder}/cache"; }};
delivery = {{ shutdown_timeout = "1s"; timeout = "1s"; }};
outputs = ( {", ".join(f'{{ topic = "t{i}"; columns_to_anonymize = [ "all=keep" ]; kafka = [ "bootstrap.servers=127.0.0.1:{closed_port()}" ]; }}'
                       for i in range(outputs))} );
""")
        return "-c", config, *more

    def test_registry_that_says_nothing(self):
        with SilentServer() as server:
            for source in SOURCES:
                # Live it captures by then.
                self.ends(self.starts(*self.registry_arguments(f"http://127.0.0.1:{server.port}", 1, *source)), limit=2 * LIMIT_S)

    def test_registry_that_says_nothing_holds_no_start(self):
        """All outputs ask it at once, and capture doesn't wait; a signal then ends the requests that are under way."""
        if not test_live.ABLE:
            self.skipTest("capturing needs root")
        (self.folder / "cache").mkdir()
        with FaultyRegistry(answers(200, '{"id": 7}')) as registry:
            url = registry.url
            self.start(*self.registry_arguments(url, 3, "-r", CAPTURES / "dns.pcap")).finish()
            self.assertEqual(len(set(registry.requests)), 3)
        # Now somebody else listens there.
        with socket.create_server(("127.0.0.1", int(url.rpartition(":")[2])), backlog=64) as listener:
            listener.setblocking(False)
            asking = []

            def accepted():
                with contextlib.suppress(BlockingIOError):
                    asking.append(listener.accept()[0])
                return len(asking)

            began = time.monotonic()
            running = self.start(*self.registry_arguments(url, 3, *LIVE))
            test_live.wait_for_capture(running)
            self.assertLess(time.monotonic() - began, 2.5)  # the registry has three seconds
            wait_until(lambda: accepted() == 3, limit=30, what="a question of each output")
            self.ends(running, codes=(0, os.EX_UNAVAILABLE), limit=1 + 2 * LIMIT_S)

    def test_broker_that_says_nothing(self):
        with SilentServer() as server:
            bootstrap = ("--set", f"outputs.0.kafka=bootstrap.servers=127.0.0.1:{server.port}")
            self.ends(self.starts("-r", CAPTURES / "dns.pcap", *KAFKA, *bootstrap), codes=(0, os.EX_UNAVAILABLE), limit=1 + LIMIT_S)

    def test_commands(self):
        """Both signals end each at once."""
        with SilentServer() as server:
            config = self.write("sensor.conf", f"""
registry = {{ url = "http://127.0.0.1:{server.port}"; timeout = "60s"; }};
delivery = {{ timeout = "60s"; }};
outputs = ( {{ topic = "flows"; columns_to_anonymize = [ "all=keep" ]; kafka = [ "bootstrap.servers=127.0.0.1:{server.port}" ]; }} );
""")
            for command in (("verify",), ("topics", "check"), ("topics", "create"), ("schema", "check"), ("schema", "register")):
                for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                    with self.subTest(command, number=number):
                        running = self.start(*command, "-c", config)
                        wait_until(lambda: running.process.poll() is not None or is_idle(running.process), what="a wait")
                        self.assertIsNone(running.process.poll(), "it ended by itself")
                        told = time.monotonic()
                        running.signal(number)
                        self.assertEqual(running.finish().code, -number)
                        self.assertLess(time.monotonic() - told, LIMIT_S)


@unittest.skipUnless(test_live.ABLE, "network namespaces need root and iproute2")
class Names(Waits):
    """A name server that never answers."""

    def setUp(self):
        super().setUp()
        self.wire = Wire()
        self.addCleanup(self.wire.remove)
        folder = Path("/etc/netns") / self.wire.near
        folder.mkdir(parents=True)
        self.addCleanup(shutil.rmtree, folder)
        (folder / "resolv.conf").write_text(f"nameserver {FAR}\noptions timeout:20\n")
        with concurrent.futures.ThreadPoolExecutor(1) as thread:
            name_server = thread.submit(self.listen).result()
        self.addCleanup(name_server.close)

    def listen(self):
        with open(f"/run/netns/{self.wire.far}", "rb") as namespace:
            if ctypes.CDLL(None, use_errno=True).setns(namespace.fileno(), CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), "setns")
        server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        server.bind((FAR, 53))
        return server

    def test_name_of_the_broker(self):
        for source in SOURCES:
            self.ends(self.starts(*source, *KAFKA, "--set", "outputs.0.kafka=bootstrap.servers=broker.example:9092", prefix=self.wire.prefix),
                      codes=(0, os.EX_UNAVAILABLE), limit=1 + LIMIT_S)

    def test_name_of_the_registry(self):
        for source in SOURCES:
            self.ends(self.starts(*self.registry_arguments("http://registry.example:8081", 1, *source), "--set", "registry.timeout=60s",
                                  prefix=self.wire.prefix))


# What it shares with its base is tested there.
for name in [name for name in dir(Waits) if name.startswith("test_")]:
    setattr(Names, name, None)


if __name__ == "__main__":
    unittest.main()
