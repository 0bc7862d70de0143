"""What is in the image: nothing but the binary, what it needs, and the papers; and the list of it."""
import hashlib
import json
import os
import re
import stat
import subprocess
import unittest
from pathlib import Path

import roots
from spdx_tools.spdx.parser.parse_anything import parse_file
from spdx_tools.spdx.validation.document_validator import validate_full_spdx_document

LIMIT = 60_000_000
ROOTS_FOLDERS = {"dev", "etc", "lib", "lib64", "proc", "sys", "tmp", "usr", "var"}
SBOM = "usr/share/doc/flowsensor/sbom.spdx.json"
EPOCH = 1_700_000_000


def files(root):
    """{path: status} of everything below `root`."""
    return {str(path.relative_to(root)): path.lstat() for path in root.rglob("*")}


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def capability(path):
    try:
        return os.getxattr(path, "security.capability", follow_symlinks=False)
    except OSError:
        return b""


def described(root):
    """All that an image keeps of each file."""
    return {name: (status.st_mode, status.st_uid, status.st_gid, status.st_mtime, capability(root / name),
                   digest(root / name) if stat.S_ISREG(status.st_mode) else stat.S_ISLNK(status.st_mode) and os.readlink(root / name))
            for name, status in files(root).items()}


def loaded(program, folder):
    """Names of the libraries that the loader maps, by the loader itself: an independent way to the closure."""
    loader = "/lib64/ld-linux-x86-64.so.2"
    done = subprocess.run(["chroot", str(folder), loader, "--list", f"/{program}"], stdout=subprocess.PIPE, text=True, check=True)
    return {Path(path).name for path in re.findall(r"(?:=> |^\s+)(/\S+) \(", done.stdout, re.M)}, done.stdout


class Files(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.root = roots.root()
        cls.files = files(cls.root)
        cls.sbom = json.loads((cls.root / SBOM).read_text())

    def test_folders(self):
        self.assertEqual({path.name for path in self.root.iterdir()}, ROOTS_FOLDERS)
        modes = {name: (stat.S_IMODE(self.files[name].st_mode), self.files[name].st_uid, self.files[name].st_gid)
                 for name in ("tmp", "etc/flowsensor", "var/lib/flowsensor")}
        self.assertEqual(modes, {"tmp": (0o1777, 0, 0), "etc/flowsensor": (0o755, 0, 0), "var/lib/flowsensor": (0o750, 65532, 65532)})

    def test_one_program(self):
        """No shell, no tool: the binary and the loader are all that can be executed, and nobody but root can change them."""
        programs = {name for name, status in self.files.items()
                    if stat.S_ISREG(status.st_mode) and status.st_mode & 0o111 and ".so." not in name}
        self.assertEqual(programs, {roots.BINARY})
        for name, status in self.files.items():
            if not name.startswith("var/lib/flowsensor"):
                self.assertEqual(status.st_uid, 0, name)
            if stat.S_ISREG(status.st_mode):
                self.assertEqual(status.st_mode & 0o7022, 0, name)

    def test_capability(self):
        done = subprocess.run(["getcap", "-r", str(self.root)], stdout=subprocess.PIPE, text=True, check=True)
        self.assertEqual(done.stdout, f"{self.root / roots.BINARY} cap_net_raw=p\n")

    def test_account(self):
        self.assertIn("flowsensor:x:65532:65532:", (self.root / "etc/passwd").read_text())
        self.assertIn("flowsensor:x:65532:\n", (self.root / "etc/group").read_text())

    def test_certificates(self):
        bundle = self.root / "etc/ssl/certs/ca-certificates.crt"
        self.assertGreater(bundle.read_text().count("BEGIN CERTIFICATE"), 100)
        self.assertEqual(os.readlink(self.root / "usr/lib/ssl/cert.pem"), "/etc/ssl/certs/ca-certificates.crt")

    def test_size(self):
        total = sum(status.st_size for status in self.files.values() if stat.S_ISREG(status.st_mode))
        print(f"\nimage: {total / 1e6:.1f} MB uncompressed, limit {LIMIT / 1e6:.0f}")
        self.assertLess(total, LIMIT)

    def test_libraries_are_those_of_the_loader(self):
        names, text = loaded(roots.BINARY, self.root)
        self.assertNotIn("not found", text)
        self.assertGreater(len(names), 20)
        collected = {Path(name).name for name in self.files if re.search(r"\.so\.\d", name)}
        # libgcc_s is loaded by name when a thread ends; here others need it too.
        self.assertEqual(collected, names | {"libgcc_s.so.1"})

    def test_list_has_every_file(self):
        """Each library, the binary and the certificates, by their hashes; only what the packaging wrote itself is not in it."""
        listed = {entry["fileName"].removeprefix("./"): {one["algorithm"]: one["checksumValue"] for one in entry["checksums"]}["SHA256"]
                  for entry in self.sbom["files"]}
        self.assertEqual({name: digest(self.root / name) for name in listed}, listed)
        unlisted = {name for name, status in self.files.items() if stat.S_ISREG(status.st_mode)} - set(listed)
        own = {"etc/passwd", "etc/group", "etc/nsswitch.conf", SBOM}
        self.assertEqual({name for name in unlisted if not name.startswith("var/lib/dpkg/status.d/")}, own)

    def test_list_names_each_package(self):
        """Name and version as dpkg's list for scanners has them, which dpkg wrote; and where dpkg tells it, a licence."""
        packages = {entry["name"]: entry for entry in self.sbom["packages"]}
        self.assertEqual(packages.pop("flowsensor")["versionInfo"], roots.version())
        status = {}
        for path in (self.root / "var/lib/dpkg/status.d").iterdir():
            status[path.name] = re.search(r"^Version: (\S+)$", path.read_text(), re.M)[1]
        self.assertEqual({name: entry["versionInfo"] for name, entry in packages.items()}, status)
        for name in packages:
            self.assertTrue((self.root / f"usr/share/doc/{name}/copyright").stat().st_size, name)
        self.assertEqual(packages["librdkafka1"]["supplier"], "Organization: Debian")
        self.assertEqual(packages["libssl3t64"]["licenseDeclared"].split(" AND ")[0], "Apache-2.0")
        known = sum(entry["licenseDeclared"] != "NOASSERTION" for entry in packages.values())
        self.assertGreater(known / len(packages), 0.7)

    def test_list_is_valid(self):
        document = parse_file(str(self.root / SBOM))
        self.assertEqual([message.validation_message for message in validate_full_spdx_document(document)], [])


@unittest.skipUnless(os.environ.get("LONG") == "yes", "builds everything anew; test_dockerfile does that by default (--long)")
class Again(unittest.TestCase):
    def test_same_bytes_from_another_folder(self):
        """Objects built anew elsewhere, in another time zone: the same files, modes, times and capability."""
        kept = roots.build("amd64", roots.folder() / "kept", SOURCE_DATE_EPOCH=str(EPOCH))[0]
        anew = roots.build("amd64", roots.folder() / "anew", SOURCE_DATE_EPOCH=str(EPOCH), TZ="Asia/Tokyo",
                           FLOWSENSOR_IMAGE_BUILD=str(roots.folder() / "build"))[0]
        self.assertEqual(described(anew), described(kept))
        self.assertEqual({status.st_mtime for status in files(anew).values()}, {float(EPOCH)})


if __name__ == "__main__":
    unittest.main()
