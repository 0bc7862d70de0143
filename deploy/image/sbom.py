"""The list of what the image is made of, as SPDX 2.3 in JSON: each package and each of its files."""
import hashlib
import json
import time
import urllib.parse

PLACE = "https://github.com/flowsensor/flowsensor"
NOTHING = "NOASSERTION"


def identifier(*words):
    return "SPDXRef-" + "-".join("".join(c if c.isalnum() or c in ".-" else "-" for c in word) for word in words)


def file_entry(root, path):
    data = (root / path).read_bytes()
    return {"SPDXID": identifier("File", str(path)), "fileName": f"./{path}", "licenseConcluded": NOTHING,
            "licenseInfoInFiles": [NOTHING], "copyrightText": NOTHING,
            "checksums": [{"algorithm": "SHA1", "checksumValue": hashlib.sha1(data).hexdigest()},
                          {"algorithm": "SHA256", "checksumValue": hashlib.sha256(data).hexdigest()}]}


def verification_code(files):
    """SPDX 2.3, 7.9: a hash over the hashes of the package's files."""
    hashes = sorted(entry["checksums"][0]["checksumValue"] for entry in files)
    return {"packageVerificationCodeValue": hashlib.sha1("".join(hashes).encode()).hexdigest()}


def package_entry(name, version, licence, files):
    return {"SPDXID": identifier("Package", name), "name": name, "versionInfo": version, "downloadLocation": NOTHING,
            "filesAnalyzed": True, "packageVerificationCode": verification_code(files), "licenseConcluded": NOTHING,
            "licenseInfoFromFiles": [NOTHING], "licenseDeclared": licence or NOTHING, "copyrightText": NOTHING}


def debian_entry(package, licence, files):
    entry = package_entry(package.name, package.version, licence, files)
    entry["supplier"] = "Organization: Debian"
    entry["originator"] = "Organization: " + package.maintainer.split("<")[0].strip()
    entry["sourceInfo"] = f"built from Debian's source package {package.source} {package.source_version}"
    if package.homepage:
        entry["homepage"] = package.homepage
    version = urllib.parse.quote(package.version, safe="")
    entry["externalRefs"] = [{"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator":
                              f"pkg:deb/debian/{package.name}@{version}?arch={package.architecture}&distro=debian-13"}]
    return entry


def document(root, own, contents, version, epoch):
    """The document as text. `own` are flowsensor's files below `root`, `contents` is {Package: its files}."""
    files, packages, relations, references = [], [], [], {}

    def contain(entry, entries):
        packages.append(entry)
        files.extend(entries)
        relations.extend((entry["SPDXID"], "CONTAINS", one["SPDXID"]) for one in entries)

    entries = [file_entry(root, path) for path in sorted(own)]
    contain(package_entry("flowsensor", version, "Apache-2.0", entries), entries)
    sensor = packages[0]["SPDXID"]
    for package, paths in sorted(contents.items(), key=lambda item: item[0].name):
        licence, names = package.licences()
        for reference, name in names:
            references[reference] = {"licenseId": reference, "name": name, "extractedText":
                                     f"{name}, as /usr/share/doc/{package.name}/copyright of the image words it"}
        entries = [file_entry(root, path) for path in sorted(paths)]
        contain(debian_entry(package, licence, entries), entries)
        relations.append((sensor, "DEPENDS_ON", packages[-1]["SPDXID"]))
    digest = hashlib.sha256(json.dumps([packages, files]).encode()).hexdigest()
    return json.dumps({
        "spdxVersion": "SPDX-2.3", "dataLicense": "CC0-1.0", "SPDXID": "SPDXRef-DOCUMENT", "name": f"flowsensor-{version}-image",
        "documentNamespace": f"{PLACE}/sbom/{version}/{digest[:32]}",
        "creationInfo": {"created": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(epoch)), "creators": ["Tool: flowsensor-image"]},
        "documentDescribes": [sensor], "packages": packages, "files": files,
        "hasExtractedLicensingInfos": [references[name] for name in sorted(references)],
        "relationships": [{"spdxElementId": one, "relationshipType": kind, "relatedSpdxElement": other}
                          for one, kind, other in [("SPDXRef-DOCUMENT", "DESCRIBES", sensor), *relations]],
    }, indent=1) + "\n"
