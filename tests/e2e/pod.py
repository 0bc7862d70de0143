#!/usr/bin/env python3
"""Becomes what a container runtime makes of a pod's process, then executes a command.

Usage: pod.py UID CAPABILITIES COMMAND ...

CAPABILITIES are numbers or names of NUMBERS, separated by commas, or "none": the bounding, permitted and effective set; nothing is
inheritable. A "+" after UID leaves no_new_privs off (allowPrivilegeEscalation: true).
"""
import ctypes
import os
import sys

NUMBERS = {"dac_override": 1, "net_raw": 13, "sys_ptrace": 19, "sys_admin": 21}
LAST = 63
PR_SET_KEEPCAPS, PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS = 8, 24, 38
VERSION_3 = 0x20080522


def mask_of(names):
    return sum(1 << NUMBERS.get(name, -1) for name in names.split(",") if name != "none")


def become(user, mask, no_new_privs):
    libc = ctypes.CDLL(None, use_errno=True)
    for capability in range(LAST + 1):
        if not mask >> capability & 1:
            libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)
    libc.prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0)
    os.setgroups([])
    os.setresgid(user, user, user)
    os.setresuid(user, user, user)
    halves = [mask & 0xffffffff, mask >> 32]
    header = (ctypes.c_uint32 * 2)(VERSION_3, 0)
    data = (ctypes.c_uint32 * 6)(halves[0], halves[0], 0, halves[1], halves[1], 0)
    if libc.capset(header, data) != 0:
        raise OSError(ctypes.get_errno(), "capset")
    if no_new_privs:
        libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)


if __name__ == "__main__":
    become(int(sys.argv[1].rstrip("+")), mask_of(sys.argv[2]), not sys.argv[1].endswith("+"))
    try:
        os.execv(sys.argv[3], sys.argv[3:])
    except PermissionError as error:
        sys.exit(f"execve: {error.strerror}")
