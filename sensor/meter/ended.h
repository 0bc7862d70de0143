/* Flows that a plugin ended a moment ago. A packet of the same key and the same tick begins a flow with the same uid; it
 * is then the next slice of that uid, so that (uid, slice) stays unique. Of two such keys in one place the later one is
 * kept. Belongs to the meter's thread. */
#pragma once

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "meter/flow.h"
#include "meter/key.h"

enum { ENDED_PLACES = 1024 };

struct ended {
    struct flow_key key;
    int64_t uid_time;
    uint32_t slice;
};

/* NULL: no memory. free() it. */
static inline struct ended *ended_create(void) {
    return calloc(ENDED_PLACES, sizeof(struct ended));
}

static inline void ended_remember(struct ended *ended, const struct flow *flow) {
    ended[flow->hash % ENDED_PLACES] = (struct ended){flow->key, flow->uid_time, flow->slice};
}

/* The slice that a new flow begins with; its key, hash and uid_time are set. */
static inline uint32_t ended_next_slice(const struct ended *ended, const struct flow *flow) {
    const struct ended *last = &ended[flow->hash % ENDED_PLACES];
    return last->uid_time == flow->uid_time && key_equal(&last->key, &flow->key) ? last->slice + 1 : 0;
}
