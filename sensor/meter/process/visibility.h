/* Which process of this host is at an end of a flow (NFStream's system visibility). One thread of its own looks at the
 * sockets of all network namespaces, at intervals and when a flow begins; meters ask it and collect the answer later. It
 * needs Linux, the host's process namespace, SYS_PTRACE for processes of other users and SYS_ADMIN for other network
 * namespaces; without these it knows less and says so once.
 *
 * A wrong process is worse than none: what may have been another's socket has no answer. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "meter/process/process_record.h"
#include "meter/process/question.h"

struct visibility;

struct visibility_options {
    int64_t poll_interval; /* microseconds; longer where a poll would cost more than a twentieth of a core */
    void (*enter)(void);   /* what its thread does first; NULL: nothing */
};

/* What became of the questions: asked = found + foreign + ambiguous + unknown + open. */
struct visibility_statistics {
    uint64_t asked;
    uint64_t found;
    uint64_t foreign;   /* neither end is an address of this host */
    uint64_t ambiguous; /* could be one of several namespaces or processes */
    uint64_t unknown;   /* no socket was seen, or who holds it can't be found out */
    uint64_t open;      /* not answered yet */
    uint64_t unasked;   /* there was no room for the question; not in `asked` */
    uint64_t polls;
};

/* Returns when the first look is done, so that what is open before the first packet is known. The caller's
 * network namespace is taken as the captured one. 0 or -errno with the error set.
 * @thread any */
int visibility_start(const struct visibility_options *options, struct visibility **visibility,
                     struct error *error);
/* NULL is fine.
 * @thread any, after all clients have left */
void visibility_stop(struct visibility *visibility);

/* @thread any, takes the service's mutex and so may wait for a look at the sockets */
void visibility_statistics(struct visibility *visibility, struct visibility_statistics *statistics);

/* A client for a meter with so many flows at once, NULL: no memory.
 * @thread any, takes the service's mutex */
struct visibility_client *visibility_join(struct visibility *visibility, size_t flows);
/* Gives back all tickets. NULL is fine.
 * @thread any, after the client's meter has ended; takes the service's mutex */
void visibility_leave(struct visibility_client *client);
