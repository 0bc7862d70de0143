/* Which sockets were seen when: from this a flow's process is decided. A look at a socket is a moment. Looks at all
 * sockets, and the kernel's events of destroyed ones, give each sighting two spans of time: the one in which the socket
 * certainly existed, and the wider one in which it may have existed. Only the service's thread uses these.
 *
 * Times are microseconds of the steady clock, as packets' are. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "meter/process/diag.h"
#include "meter/process/process_record.h"

#define NEVER INT64_MAX

struct sighting {
    struct socket_report report;
    uint32_t namespace_number;
    int64_t absent_before;         /* it was not there at this time: it is younger */
    int64_t first_seen, last_seen; /* NEVER and 0: heard of only when it was destroyed */
    int64_t gone_at;               /* it was not there any more at this time; NEVER: it is there */
    struct process *process;       /* NULL: not resolved; a counted reference */
    uint8_t attempts;              /* to find who holds it */
    bool asked_for;                /* a flow may be its */
    struct sighting *next, *next_by_cookie;
};

struct sockets {
    struct sighting **buckets;   /* by connection without its local address */
    struct sighting **by_cookie; /* the same ones */
    size_t bucket_count;         /* power of two */
    size_t count;
    size_t unresolved; /* whose holder is still to be found */
    size_t near;       /* of these, for whom the processes of their namespace are to be looked through */
    size_t urgent;     /* of these, for whom a flow waits */
};

int sockets_create(struct sockets *sockets);
void sockets_destroy(struct sockets *sockets);

/* The moments around a look at sockets. */
struct look {
    int64_t before, after;
    /* Begin of the last look at all sockets of the namespace and protocol before this one. */
    int64_t checked_at;
};

/* A socket was there at a look. False: no room. */
bool sockets_seen(struct sockets *sockets, uint32_t namespace_number, const struct socket_report *report,
                  const struct look *look);

/* A socket was destroyed just before `now`. Its report may have lost the remote end (a TCP socket that was closed with a
 * reset). False: no room. */
bool sockets_destroyed(struct sockets *sockets, uint32_t namespace_number, const struct socket_report *report,
                       int64_t now);

/* All sockets of the namespace and protocol were looked at from `started` to `now`; 0 as protocol: the namespace is
 * gone. */
void sockets_checked(struct sockets *sockets, uint32_t namespace_number, uint8_t protocol, int64_t started,
                     int64_t now);

/* Forgets what was gone before `limit`. */
void sockets_expire(struct sockets *sockets, int64_t limit);

/* Calls for each sighting whose holder is still to be found. */
void sockets_visit_unresolved(struct sockets *sockets,
                              void (*visit)(struct sighting *sighting, void *context), void *context);
/* See the counts of struct sockets. */
bool sighting_is_near(const struct sighting *sighting);
bool sighting_is_urgent(const struct sighting *sighting);
void sockets_resolve(struct sockets *sockets, struct sighting *sighting, struct process *process);
void sockets_attempted(struct sockets *sockets, struct sighting *sighting);

struct socket_question {
    uint32_t namespace_number;
    struct connection connection;
    int64_t earliest, latest; /* when the flow's first packet passed, as precisely as is known */
    bool opening;             /* that packet is the local end's TCP SYN */
    /* A socket that was first seen after this did not exist at a look after the packet; NEVER: no such look. */
    int64_t no_younger;
    int64_t complete_since, checked_at; /* of the namespace */
};

enum socket_verdict {
    SOCKET_UNKNOWN,    /* none was seen */
    SOCKET_AMBIGUOUS,  /* may be one of several processes */
    SOCKET_UNRESOLVED, /* who holds it, or all of those that it may be, is not known, yet or at all */
    SOCKET_FOUND,
};

/* Notes that the flow waits for the holders of the sockets that fit. Returns whether one of them was there before the
 * packet and still is: then asking the kernel would tell nothing new. */
bool sockets_ask(struct sockets *sockets, const struct socket_question *question);

/* Finds the process whose socket sent or got the packet. It is an answer only if no other process can be meant. */
enum socket_verdict sockets_decide(const struct sockets *sockets, const struct socket_question *question,
                                   struct process **process);
