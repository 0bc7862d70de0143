#!/usr/bin/env -S python3 -B
"""Makes the root file system of the image from a binary, in the Debian 13 that built it: the binary, the loader and the
libraries that it needs, certificates, the account 65532, and the papers (licences, the SPDX list, dpkg's list for
scanners). Run as root by deploy/Dockerfile and deploy/rootfs.sh alike.

Usage: collect.py BINARY SOURCE OUT       environment: SOURCE_DATE_EPOCH, the time of every file (default 0)
"""
import os
import re
import stat
import subprocess
import sys
from pathlib import Path

import debian
import elf
import sbom

ACCOUNT, ID = "flowsensor", 65532
PROGRAM = "usr/bin/flowsensor"
PAPERS = "usr/share/doc/flowsensor"
BUNDLE = "etc/ssl/certs/ca-certificates.crt"
TEXTS = {
    "etc/passwd": f"root:x:0:0:root:/:/nonexistent\n{ACCOUNT}:x:{ID}:{ID}:{ACCOUNT}:/var/lib/{ACCOUNT}:/nonexistent\n",
    "etc/group": f"root:x:0:\n{ACCOUNT}:x:{ID}:\n",
    "etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
}
# OpenSSL, which librdkafka leaves the choice to, looks for the certificates at a path of its own.
LINKS = {"lib": "usr/lib", "lib64": "usr/lib64", "etc/os-release": "../usr/lib/os-release",
         "usr/lib/ssl/cert.pem": f"/{BUNDLE}"}
# The folders where things are mounted, and their modes and owners.
FOLDERS = {"proc": (0o755, 0), "sys": (0o755, 0), "dev": (0o755, 0), "tmp": (0o1777, 0), "etc/flowsensor": (0o755, 0),
           "var/lib/flowsensor": (0o750, ID)}
# The loader asks for it by name when a thread ends; no file names it as needed.
BY_NAME = ("libgcc_s.so.1",)


class Collection:
    """Files below `root`, each with the package that it came from."""

    def __init__(self, root):
        self.root, self.own, self.contents = root, [], {}
        self.packages = {}

    def put(self, target, data, mode=0o644):
        path = self.root / target
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        path.chmod(mode)

    def of_package(self, owner):
        if owner not in self.packages:
            self.packages[owner] = debian.Package(owner)
            self.contents[self.packages[owner]] = set()
        return self.packages[owner]

    def put_own(self, target, data, mode=0o644):
        self.put(target, data, mode)
        self.own.append(Path(target))

    def put_debian(self, target, source, mode=0o644, owner=None):
        """A file of Debian's, whatever links lead to it, under the name `target`."""
        real = Path(source).resolve()
        package = self.of_package(owner or debian.owner(real))
        self.put(target, real.read_bytes(), mode)
        self.contents[package].add(Path(target))

    def put_papers(self):
        for package in self.packages.values():
            self.put_debian(debian.COPYRIGHT.format(package.name), package.copyright, owner=package.qualified)
            self.put(f"var/lib/dpkg/status.d/{package.name}", package.status().encode())


def version_of(source):
    return re.search(r"project\(flowsensor VERSION (\S+)", (source / "CMakeLists.txt").read_text())[1]


def collect(binary, source, out, epoch):
    for name in ("usr/bin", "usr/lib", "usr/lib64"):
        (out / name).mkdir(parents=True)
    collection = Collection(out)
    triplet, loader = elf.triplet(binary), elf.loader(binary)
    loaded = elf.libraries(binary)
    folder = Path("usr/lib") / triplet
    for name in BY_NAME:
        loaded[name] = Path("/") / folder / name
    for name, path in sorted(loaded.items()):
        if name != Path(loader).name:
            collection.put_debian(folder / name, path)
    collection.put_debian(f"usr{loader}", loader, 0o755)
    collection.put_debian(BUNDLE, f"/{BUNDLE}", owner="ca-certificates")
    collection.put_debian("usr/lib/os-release", "/usr/lib/os-release")
    for link, target in LINKS.items():
        (out / link).parent.mkdir(parents=True, exist_ok=True)
        (out / link).symlink_to(target)
    for target, text in TEXTS.items():
        collection.put(target, text.encode())
    for target, (mode, owner) in FOLDERS.items():
        (out / target).mkdir(parents=True, exist_ok=True)
        os.chown(out / target, owner, owner)
        (out / target).chmod(mode)
    collection.put_own(PROGRAM, binary.read_bytes(), 0o755)
    collection.put_own(f"{PAPERS}/LICENSE", (source / "LICENSE").read_bytes())
    collection.put_papers()
    text = sbom.document(out, collection.own, collection.contents, version_of(source), epoch)
    collection.put(f"{PAPERS}/sbom.spdx.json", text.encode())
    # In the permitted set only: the program raises it, and starts where it is not granted.
    subprocess.run(["setcap", "cap_net_raw=p", str(out / PROGRAM)], check=True)


def date(out, epoch):
    """Folders last: what is put into them changes their times."""
    for folder, _, files in os.walk(out, topdown=False):
        for path in [*(Path(folder) / name for name in files), Path(folder)]:
            os.utime(path, (epoch, epoch), follow_symlinks=False)
        for link in (entry for entry in Path(folder).iterdir() if entry.is_symlink()):
            os.utime(link, (epoch, epoch), follow_symlinks=False)
        os.utime(folder, (epoch, epoch))


def size(out):
    """Bytes of the regular files: the uncompressed image."""
    return sum(path.lstat().st_size for path in out.rglob("*") if stat.S_ISREG(path.lstat().st_mode))


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    binary, source, out = (Path(word) for word in sys.argv[1:])
    epoch = int(os.environ.get("SOURCE_DATE_EPOCH") or 0)
    os.umask(0o022)
    out.mkdir(parents=True, exist_ok=True)
    if any(out.iterdir()):
        sys.exit(f"{out} is not empty: what lies there would get into the image; empty it")
    collect(binary, source, out, epoch)
    date(out, epoch)
    print(f"{out}: {size(out)} bytes")


if __name__ == "__main__":
    main()
