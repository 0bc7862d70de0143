/* The kernel's filter of system calls, as a program of classic BPF. Private to app/host/seccomp*.c.
 *
 * @thread any: nothing is shared */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sock_filter;

enum { SECCOMP_PROGRAM_MAX = 1024 }; /* instructions */

/* Both write a program of at most SECCOMP_PROGRAM_MAX, and give its instructions; 0: none is known for this architecture. `otherwise`: what becomes of a call
 * that isn't allowed (SECCOMP_RET_...).
 *
 * The start's has all that is allowed at all; `live`: sockets of packets, `looks`: calls of LOOK too. The run's stands on the
 * other one, and refuses what only the start needs. Where two filters differ the kernel takes the stricter word. */
size_t seccomp_filter_start(bool live, bool looks, uint32_t otherwise, struct sock_filter *program);
size_t seccomp_filter_run(uint32_t otherwise, struct sock_filter *program);

/* The call's name; "" if the table doesn't have it. */
const char *seccomp_call_name(int number);
