/* The order in which flows expire or are evicted: doubly linked lists through flow->older and flow->newer, one for each
 * eviction class. The caller decides the order within a list: by last use natively, by creation in the nfstream profile.
 * A meter's thread alone uses its lists. */
#pragma once

#include "meter/flow.h"

enum eviction_class {
    EVICT_UNANSWERED,  /* one packet so far, or TCP without an answer: typical of scans and floods */
    EVICT_ANSWERED,    /* UDP with one packet each way (meter.udp_answered_timeout) */
    EVICT_ESTABLISHED, /* everything else; in the nfstream profile everything */
    EVICT_CLOSED,      /* its TCP connection is over (meter/tcp_end.h): in the order in which they closed */
    EVICTION_CLASSES
};

struct expiry_list {
    struct flow *oldest, *newest;
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

/* The flow to evict when the table is full: the oldest of the first class that has flows. */
struct flow *expiry_victim(const struct expiry *expiry);
