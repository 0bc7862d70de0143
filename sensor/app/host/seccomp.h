/* The kernel's filter of system calls: a run makes those that seccomp_calls.def lists, and no others, whatever a packet, an
 * answer or a file makes of it. In a release a refused call fails with EPERM and is counted, and each one's first refusal is
 * logged; builds with checks end there.
 *
 * A filter can't be taken back. Packets cost nothing: the kernel knows by itself which calls always pass. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct seccomp_guard {
    int listener; /* the kernel's reports of refused calls; -1: none come, and none are counted */
    int event;    /* wakes the thread */
    atomic_bool ends;
    pthread_t thread;
};

/* From here on the filter of the start is in force, for all threads that there are and will be. `live`: interfaces are
 * captured, and `looks`: processes are looked for, which takes more calls. 0, or -errno: there is no filter.
 * @thread main */
int seccomp_guard_open(struct seccomp_guard *guard, bool live, bool looks);

/* All is open: from here on also what only the start needs is refused, which isn't counted. 0 or -errno.
 * @thread main */
int seccomp_guard_tighten(const struct seccomp_guard *guard);

/* Ends the thread; the filter stays.
 * @thread main */
void seccomp_guard_close(struct seccomp_guard *guard);

/* Calls that were refused so far.
 * @thread any: an atomic counter */
uint64_t seccomp_refused(void);
