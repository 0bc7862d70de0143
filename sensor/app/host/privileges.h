/* What a run may do, and for how long: capabilities are raised to open the capture, and given up before the first packet
 * is read. Capabilities belong to threads, and a thread begins with those of the one that started it: so they are given
 * up before other threads are started.
 *
 * Root keeps CAP_DAC_OVERRIDE, and no other: files that the run opens later (rotation, the key after SIGHUP, the
 * registry's cache) may be other users'. Anybody else keeps nothing, and opens what its user and groups may open. */
#pragma once

#include <stdbool.h>

/* The calling thread, before the interface is opened: makes effective what is permitted of that which capturing needs
 * (CAP_NET_RAW, CAP_NET_ADMIN), and, if processes are looked for, of what that needs. What is not permitted stays away;
 * the interface says so. */
void privileges_raise(bool system_visibility);

/* The calling thread, once everything is open: all capabilities go from all sets, and no program that it starts gets any
 * (no_new_privs). A line at level warning if the kernel refuses. */
void privileges_drop(void);

/* The same for the thread that looks for processes, which keeps what it needs for that. */
void privileges_keep_visibility(void);

/* What to do about a capture that was refused for want of permission, after "no permission to capture ...; ". */
const char *privileges_remedy(void);
