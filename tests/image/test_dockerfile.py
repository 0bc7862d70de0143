"""The Dockerfile, built by buildah: a real image, whose files are rootfs.sh's, byte for byte. Its base is not fetched from a
registry: it is the Debian 13 of rootfs.sh's cache, which has the packages that the Dockerfile installs."""
import contextlib
import fcntl
import json
import subprocess
import sys
import unittest
from pathlib import Path

import roots
from test_files import described

BASE = "docker.io/library/debian:trixie-slim"
DOCKERFILE = roots.REPOSITORY / "deploy" / "Dockerfile"


class Store:
    """buildah's images, kept beside the builder that the base is made of."""

    def __init__(self, builder):
        self.builder, self.folder = builder, builder.with_name(builder.name + "-store")

    def __call__(self, *arguments):
        done = subprocess.run(["buildah", "--root", self.folder / "images", "--runroot", self.folder / "run", "--storage-driver", "overlay",
                               *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"buildah {arguments[0]} failed with {done.returncode}:\n{done.stderr[-4000:]}")
        return done.stdout.strip()

    def has(self, name):
        return any(name in image["names"] for image in json.loads(self("images", "--json") or "null") or [] if image.get("names"))

    def import_base(self):
        if self.has(BASE):
            return
        context = roots.folder() / "base"
        context.mkdir()
        subprocess.run(["tar", "-C", self.builder, "--exclude=./source", "--exclude=./build", "--exclude=./rootfs", "--exclude=./complete",
                        "-cf", context / "base.tar", "."], check=True)
        (context / "Dockerfile").write_text("FROM scratch\nADD base.tar /\n")
        self("bud", "--isolation", "chroot", "--tag", BASE, str(context))
        (context / "base.tar").unlink()

    @contextlib.contextmanager
    def built(self, name, *options):
        """The Dockerfile's image: (its configuration, the folder where its files are)."""
        self("bud", "--isolation", "chroot", "--pull-never", "--no-cache", "--file", str(DOCKERFILE), "--tag", name, *options,
             str(roots.REPOSITORY))
        working = self("from", "--pull-never", f"localhost/{name}")
        try:
            yield json.loads(self("inspect", "--type", "image", name))["OCIv1"]["config"], Path(self("mount", working))
        finally:
            self("rm", working)
            self("rmi", name)
            self("rmi", "--prune")


class Dockerfile(unittest.TestCase):
    def test_hadolint(self):
        done = subprocess.run([Path(sys.executable).with_name("hadolint"), DOCKERFILE], stdout=subprocess.PIPE, text=True, check=False)
        self.assertEqual((done.returncode, done.stdout), (0, ""))

    def test_image(self):
        expected, _ = roots.build("amd64", roots.folder() / "expected", SOURCE_DATE_EPOCH="0")
        store = Store(roots.builder("amd64"))
        store.folder.mkdir(exist_ok=True)
        with open(store.folder / "lock", "w", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            store.import_base()
            with store.built("flowsensor:test", "--build-arg", "TARGETARCH=amd64", "--build-arg", "REVISION=abc") as (config, mounted):
                self.assertEqual(described(mounted), described(expected))
        self.assertEqual(config["User"], "65532:65532")
        self.assertEqual(config["Entrypoint"], [f"/{roots.BINARY}"])
        self.assertEqual(config["Cmd"], ["-c", "/etc/flowsensor/flowsensor.conf"])
        labels = {name.removeprefix("org.opencontainers.image."): text for name, text in config["Labels"].items()}
        self.assertEqual((labels["version"], labels["revision"], labels["licenses"]), (roots.version(), "abc", "Apache-2.0"))
        self.assertLessEqual({"title", "description", "source", "documentation", "vendor", "base.name"}, set(labels))


if __name__ == "__main__":
    unittest.main()
