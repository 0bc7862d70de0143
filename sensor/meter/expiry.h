/* The order in which flows expire or are evicted: doubly linked lists through flow->older and flow->newer, one for each
 * eviction class. The caller decides the order within a list: by last use natively, by creation in the nfstream profile.
 * A meter's thread alone uses its lists.
 *
 * A class is what the eviction of its flows loses: the fewer packets a flow has had, the sooner it goes. A flood of new
 * flows, answered or not, so evicts its own; to reach flows of many packets it must send as many itself. But each class
 * keeps a share of the table: were newcomers always first, then in a table full of long flows none would live until its
 * next packet, and each packet would make a record. */
#pragma once

#include "meter/flow.h"

enum eviction_class {
    EVICT_UNANSWERED, /* one packet so far, or two of TCP one way: typical of scans and floods */
    EVICT_ANSWERED,   /* UDP with one packet each way (meter.udp_answered_timeout) */
    EVICT_BRIEF,      /* two packets */
    EVICT_SHORT,      /* from EXPIRY_SHORT packets on, one-way or not */
    EVICT_MEDIUM,     /* from EXPIRY_MEDIUM packets on */
    EVICT_LONG,       /* from EXPIRY_LONG packets on; in the nfstream profile everything */
    EVICT_CLOSED,     /* its TCP connection is over (meter/tcp_end.h): in the order in which they closed */
    EVICTION_CLASSES
};

/* A flow of one packet a second is in a class with 3 packets where a flood of answered flows isn't. Farther up, a flood of
 * so many packets per flow turns a table over more slowly: at 8 it needs four times the packets that it needs at 2. */
enum { EXPIRY_SHORT = 3, EXPIRY_MEDIUM = 8, EXPIRY_LONG = 32 };

enum { EXPIRY_SHARE = 16 }; /* each class keeps the table's flows divided by this */
_Static_assert((int)EVICTION_CLASSES <= (int)EXPIRY_SHARE,
               "a class has more than its share whenever there are flows");

struct expiry_list {
    struct flow *oldest, *newest;
    size_t count;
};

struct expiry {
    struct expiry_list lists[EVICTION_CLASSES];
};

/* Puts the flow at the newest end of the list of flow->eviction_class. It must be in no list. */
void expiry_append(struct expiry *expiry, struct flow *flow);
/* The flow must be in its list. */
void expiry_remove(struct expiry *expiry, struct flow *flow);

/* The flow was used: moves it to the newest end of the list of this class. */
void expiry_touch(struct expiry *expiry, struct flow *flow, enum eviction_class eviction_class);

/* Of the flows that aren't closed, the one whose last packet is the oldest. NULL: there is none. */
struct flow *expiry_oldest(const struct expiry *expiry);

/* The oldest of a class's list: of closed flows the one that closed first. NULL: there is none. */
static inline struct flow *expiry_first(const struct expiry *expiry, enum eviction_class eviction_class) {
    return expiry->lists[eviction_class].oldest;
}

/* The flow to evict when the table is full: the oldest of the first class that has more than its share of the `flows` in
 * all lists. NULL: there is none. */
struct flow *expiry_victim(const struct expiry *expiry, size_t flows);
