#!/usr/bin/env python3
"""Threads are made by base/thread.c alone, which blocks signals; no wait is timed by a clock that may be set.

Usage: python3 tests/house/threads.py [ROOT]
"""
import re

from common import Finding, Lines, code_only, run, sources

MAKER = "base/thread.c"
MAKES = re.compile(r"\b(?:pthread_create|thrd_create|clone3?|timer_create)\s*\(")
# These take a moment of the wall clock, and nothing else.
WAITS = re.compile(r"\b(?:pthread_(?:cond_timedwait|mutex_timedlock|rwlock_timed(?:rd|wr)lock|timedjoin_np)|sem_timedwait"
                   r"|cnd_timedwait|mtx_timedlock|mq_timed(?:send|receive)|thrd_sleep)\s*\(")
# These take a clock.
CLOCKED = re.compile(r"\b(?:pthread_cond_clockwait|pthread_mutex_clocklock|pthread_rwlock_clock(?:rd|wr)lock|pthread_clockjoin_np"
                     r"|pthread_condattr_setclock|sem_clockwait|clock_nanosleep|timerfd_create)\s*\([^;]*?\bCLOCK_(?:REALTIME|TAI)\w*"
                     r"|\bFUTEX_CLOCK_REALTIME\b")


def judge(source):
    text = code_only(source.text)
    lines = Lines(text)
    if source.inner != MAKER:
        for hit in MAKES.finditer(text):
            yield Finding(source.path, lines.of(hit.start()), f"{hit[0].rstrip('(').strip()} makes a thread here",
                          "it would take signals that another thread waits for", "call thread_start() of base/thread.h")
    for pattern in (WAITS, CLOCKED):
        for hit in pattern.finditer(text):
            name = re.match(r"\w+", hit[0])[0]
            yield Finding(source.path, lines.of(hit.start()), f"{name} waits by the wall clock",
                          "a step of that clock makes the wait endless, or none",
                          "wait by CLOCK_MONOTONIC, as pthread_cond_clockwait() and gate_sleep() of base/gate.h can")


def check(root, _arguments):
    files = sources(root)
    return [finding for source in files for finding in judge(source)], f"{len(files)} files"


if __name__ == "__main__":
    run(check, __doc__)
