"""What dpkg knows of the files that are collected: package, version, licences as Debian's copyright files list them."""
import re
import subprocess
from pathlib import Path

# Debian's short names of licences and the SPDX list's.
SPDX_NAMES = {
    "expat": "MIT", "mit": "MIT", "isc": "ISC", "zlib": "Zlib", "curl": "curl", "openldap": "OLDAP-2.8",
    "apache-2.0": "Apache-2.0", "apache-2": "Apache-2.0", "bsd-2-clause": "BSD-2-Clause", "bsd-3-clause": "BSD-3-Clause",
    "bsd-4-clause": "BSD-4-Clause", "gpl-1": "GPL-1.0-only", "gpl-1+": "GPL-1.0-or-later", "gpl-2": "GPL-2.0-only",
    "gpl-2.0": "GPL-2.0-only", "gpl-2+": "GPL-2.0-or-later", "gpl-2.0+": "GPL-2.0-or-later", "gpl-3": "GPL-3.0-only",
    "gpl-3.0": "GPL-3.0-only", "gpl-3+": "GPL-3.0-or-later", "gpl-3.0+": "GPL-3.0-or-later", "lgpl-2": "LGPL-2.0-only",
    "lgpl-2+": "LGPL-2.0-or-later", "lgpl-2.0+": "LGPL-2.0-or-later", "lgpl-2.1": "LGPL-2.1-only",
    "lgpl-2.1+": "LGPL-2.1-or-later", "lgpl-3": "LGPL-3.0-only", "lgpl-3+": "LGPL-3.0-or-later",
    "lgpl-3.0+": "LGPL-3.0-or-later", "mpl-2.0": "MPL-2.0", "gfdl-1.3+": "GFDL-1.3-or-later", "fsfap": "FSFAP",
    "fsfullr": "FSFULLR", "fsful": "FSFUL", "cc0-1.0": "CC0-1.0", "cc0": "CC0-1.0", "0bsd": "0BSD", "afl-2.1": "AFL-2.1",
    "unicode-dfs-2016": "Unicode-DFS-2016", "artistic": "Artistic-1.0-Perl", "beerware": "Beerware",
}
COPYRIGHT = "usr/share/doc/{}/copyright"


def query(*arguments):
    return subprocess.run(["dpkg-query", *arguments], check=True, stdout=subprocess.PIPE, text=True).stdout


class Package:
    """An installed package, by the name that dpkg prints (NAME or NAME:ARCHITECTURE)."""

    def __init__(self, name):
        self.qualified = name
        fields = query("--showformat", "${Package}\t${Version}\t${Architecture}\t${source:Package}\t${source:Version}\t"
                       "${Maintainer}\t${Homepage}", "--show", name).split("\t")
        self.name, self.version, self.architecture, self.source, self.source_version, self.maintainer, self.homepage = fields
        self.copyright = Path("/", COPYRIGHT.format(self.name))

    def status(self):
        """Its paragraph of dpkg's list, by which scanners know what an image is made of."""
        return query("--status", self.qualified)

    def licences(self):
        """(SPDX expression or None, names that are Debian's alone): all that the source package's files are under."""
        text = self.copyright.read_text("utf-8", "replace")
        if not re.match(r"\s*Format(-Specification)?:", text):
            return None, set()
        names = set()
        for paragraph in re.split(r"\n\s*\n", text):
            # Only paragraphs of files: a licence's own paragraph repeats the name, a header's is the summary.
            if re.search(r"^Files:", paragraph, re.M) and (found := re.search(r"^License:[ \t]*(\S.*)$", paragraph, re.M)):
                names.add(found[1].strip())
        own = set()
        terms = sorted({expression(name, own) for name in names})
        return " AND ".join(f"({term})" if " " in term and len(terms) > 1 else term for term in terms) or None, own


def expression(text, own):
    """Debian's `GPL-2+ or Expat` in SPDX's words; names that SPDX has not become references, and go into `own`."""
    words = []
    for word in re.split(r",?\s+(and|or)\s+|,\s*", text):
        if word in ("and", "or"):
            words.append(word.upper())
        elif word:
            name = SPDX_NAMES.get(word.strip().lower())
            if not name:
                name = "LicenseRef-Debian-" + re.sub(r"[^A-Za-z0-9.]+", "-", word.strip()).strip("-")
                own.add((name, word.strip()))
            if words and words[-1] not in ("AND", "OR"):
                words.append("AND")
            words.append(name)
    return " ".join(words)


def owner(path):
    """Name of the package that brought the file."""
    path = str(path)
    for candidate in (path, path.removeprefix("/usr")):
        done = subprocess.run(["dpkg-query", "--search", candidate], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False)
        if done.returncode == 0:
            return done.stdout.splitlines()[0].rsplit(": ", 1)[0]
    raise SystemExit(f"{path}: no package owns it")
