"""The seccomp profile that runtimes give to a container that asks for RuntimeDefault, for the capabilities that it has.

Debian's golang-github-containers-common brings it, in the form that Docker, containerd and CRI-O share.
"""
import json
from pathlib import Path

PROFILE = Path("/usr/share/containers/seccomp.json")


def runtime_default(capabilities):
    """The profile as the runtime's specification words it."""
    profile = json.loads(PROFILE.read_text())

    def applies(rule):
        included, excluded = rule.get("includes") or {}, rule.get("excludes") or {}
        arches, needed = included.get("arches"), included.get("caps") or []
        return ((not arches or "amd64" in arches) and all(name in capabilities for name in needed) and
                not any(name in capabilities for name in excluded.get("caps") or []))

    def worded(rule):
        kept = {"names": rule["names"], "action": rule["action"]}
        if rule.get("errnoRet") is not None:
            kept["errnoRet"] = rule["errnoRet"]
        if rule.get("args"):
            kept["args"] = rule["args"]
        return kept

    return {"defaultAction": profile["defaultAction"], "defaultErrnoRet": profile["defaultErrnoRet"],
            "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"],
            "syscalls": [worded(rule) for rule in profile["syscalls"] if applies(rule)]}
