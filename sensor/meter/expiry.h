/* The order in which flows expire or are evicted: doubly linked lists through flow->older and flow->newer, one for each
 * eviction class. The user decides the order within a list: by last use natively, by creation in the nfstream profile. */
#pragma once

#include "meter/flow.h"

enum eviction_class {
    EVICT_UNANSWERED,  /* one packet so far, or TCP with no answer: what scans and floods consist of */
    EVICT_ESTABLISHED, /* everything else; in the nfstream profile everything */
    EVICTION_CLASSES
};

struct expiry_list {
    struct flow *oldest, *newest;
};

struct expiry {
    struct expiry_list lists[EVICTION_CLASSES];
};

/* At the newest end of the list of flow->eviction_class. The flow must be in no list. */
void expiry_append(struct expiry *expiry, struct flow *flow);
/* The flow must be in its list. */
void expiry_remove(struct expiry *expiry, struct flow *flow);

/* The flow was used: to the newest end of the list of this class. */
void expiry_touch(struct expiry *expiry, struct flow *flow, enum eviction_class eviction_class);

/* The one of the lists' oldest flows whose last packet is the oldest. NULL: no flow is open. */
struct flow *expiry_oldest(const struct expiry *expiry);

/* Whom to evict when the table is full: the oldest of the first class that has flows. */
struct flow *expiry_victim(const struct expiry *expiry);
