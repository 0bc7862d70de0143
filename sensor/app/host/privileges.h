/* What a run may do, and for how long: capabilities are raised to open the capture, and given up before the first packet
 * is read. Capabilities belong to threads, and a thread begins with those of the one that started it: so they are given
 * up before other threads are started.
 *
 * Root keeps CAP_DAC_OVERRIDE, and no other: files that the run opens later (rotation, the key after SIGHUP, the
 * registry's cache) may be other users'. Anybody else keeps nothing, and opens what its user and groups may open. */
#pragma once

#include <stdbool.h>

/* Raises capabilities of the calling thread from permitted to effective, before the interface is opened: those that
 * capturing needs (CAP_NET_RAW, CAP_NET_ADMIN), and if processes are looked for, those that this needs. One that is not
 * permitted stays off; opening the interface then fails and says so.
 * @thread main, before the others are started */
void privileges_raise(bool system_visibility);

/* Drops all capabilities of the calling thread from all sets, once everything is open. No program that it starts gets any
 * (no_new_privs). A line at level warning if the kernel refuses.
 * @thread main, and at their start those that are there before: each its own */
void privileges_drop(void);

/* The same for the thread that looks for processes, which keeps what it needs for that.
 * @thread the service's of system visibility, at its start */
void privileges_keep_visibility(void);

/* What to do about a capture that was refused for want of permission, after "no permission to capture ...; ".
 * @thread main */
const char *privileges_remedy(void);
