"""The image as a pod runs it: what it may write, how soon it captures, whom it trusts."""
import shutil
import signal
import ssl
import statistics
import subprocess
import threading
import time
import unittest

import container
import roots
from harness import Running, wait_until
from namespaces import NEAR

EX_CANTCREAT = 73
TIMES, LIMIT_S = 11, 0.3
CONFIGURATION = """
capture = {{ interfaces = [ "near0" ]; }};
outputs = ( {{ topic = "flows"; kafka = [ "bootstrap.servers={broker}" {more} ]; columns_to_anonymize = [ "all=keep" ]; }} );
delivery = {{ shutdown_timeout = "100ms"; }};
"""


class Pods(container.WiredCase):
    def configured(self, *arguments, broker="127.0.0.1:1", more="", mounts=(), **given):
        """With the entry point's own arguments and a mounted configuration, as the chart does."""
        folder = self.folder / "etc"
        folder.mkdir(exist_ok=True)
        (folder / "flowsensor.conf").write_text(CONFIGURATION.format(broker=broker, more=more))
        return container.Container(self.folder, "-c", "/etc/flowsensor/flowsensor.conf", *arguments, network=self.wire.near,
                                   mounts=[container.bind(folder, "/etc/flowsensor"), *mounts], **given)


class Written(Pods):
    def test_only_the_state_folder(self):
        """Everything else is mounted read-only, and it runs all the same."""
        made = self.configured("-w", "/var/lib/flowsensor/flows.avro")
        running = made.start()
        self.addCleanup(running.close)
        made.wait_for_capture(running)
        self.wire.send(7001)
        running.signal(signal.SIGTERM)
        result = running.finish()
        self.assertEqual(result.code, 0, result)
        self.assertEqual([path.name for path in made.state.iterdir()], ["flows.avro"])

    def test_elsewhere_is_refused(self):
        for folder in ("/etc/flowsensor", "/usr/bin", "/tmp"):
            with self.subTest(folder=folder):
                result = self.configured("-w", f"{folder}/flows.avro").run()
                self.assertEqual(result.code, EX_CANTCREAT, result)
                self.assertIn(folder, result.errors[0])


class StartTime(Pods):
    """Of the program in its root file system, entered by chroot: what runc does before is the runtime's time."""

    LIVE = ("-i", "near0", "--set", "outputs.0.topic=flows", "--set", "outputs.0.kafka=bootstrap.servers=127.0.0.1:1", "--set",
            "outputs.0.columns_to_anonymize=all=keep", "--set", "delivery.shutdown_timeout=100ms")

    def start(self, *arguments):
        return Running(roots.root(), f"/{roots.BINARY}", *arguments, prefix=self.wire.prefix, binary=shutil.which("chroot", path="/usr/sbin:/usr/bin"))

    def median(self, what, once):
        times = [once() for _ in range(TIMES)]
        print(f"\nimage: {what}: median {1000 * statistics.median(times):.0f} ms of {TIMES}, limit {1000 * LIMIT_S:.0f}")
        self.assertLess(statistics.median(times), LIMIT_S)

    def finished(self, *arguments):
        result = self.start(*arguments).finish()
        self.assertEqual(result.code, 0, result)
        return result.seconds

    def test_version(self):
        self.median("--version", lambda: self.finished("--version"))

    def test_check_of_a_configuration(self):
        self.median("--check-config", lambda: self.finished(*self.LIVE, "--check-config"))

    def test_capture(self):
        """Until the kernel puts packets into the ring, with an output to a broker that is away."""
        def once():
            running = self.start(*self.LIVE)
            self.addCleanup(running.close)
            wait_until(lambda: container.has_socket(running.process.pid), what="the capture's socket", pause=0.001)
            seconds = time.monotonic() - running.start
            running.close()
            return seconds
        self.median("until it captures", once)


class Trusted(Pods):
    """Without ssl.ca.location a broker is judged by the image's certificates, and a name is looked up."""

    SUBJECT = "broker.example"

    def certificate(self):
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                        "-keyout", self.folder / "key.pem", "-out", self.folder / "certificate.pem", "-subj", f"/CN={self.SUBJECT}",
                        "-addext", f"subjectAltName=DNS:{self.SUBJECT}"], check=True, stderr=subprocess.DEVNULL)
        (self.folder / "certificate.pem").chmod(0o644)
        (self.folder / "hosts").write_text(f"{NEAR} {self.SUBJECT}\n")

    def handshake(self, mounts):
        """How the TLS handshake with a listener that has our certificate ends: "" or the client's reason."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.folder / "certificate.pem", self.folder / "key.pem")
        ended = []
        with self.wire.listener(NEAR) as listener:
            def answer():
                accepted, _ = listener.accept()
                try:
                    with context.wrap_socket(accepted, server_side=True) as secured:
                        ended.append("" if secured.recv(1) else "closed")
                except ssl.SSLError as error:
                    ended.append(error.reason)
            thread = threading.Thread(target=answer, daemon=True)
            thread.start()
            made = self.configured(broker=f"{self.SUBJECT}:{listener.getsockname()[1]}", more=', "security.protocol=SSL"',
                                   mounts=[container.bind(self.folder / "hosts", "/etc/hosts"), *mounts])
            running = made.start()
            thread.join(20)
            running.signal(signal.SIGTERM)
            running.finish()
        return ended[0] if ended else "no connection"

    def test_kafka_by_the_bundle(self):
        self.certificate()
        bundle = container.bind(self.folder / "certificate.pem", "/etc/ssl/certs/ca-certificates.crt")
        self.assertEqual(self.handshake([bundle]), "")
        self.assertRegex(self.handshake([]), "UNKNOWN_CA|CERTIFICATE")


if __name__ == "__main__":
    unittest.main()
