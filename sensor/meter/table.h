/* The table of open flows: keys to flows, by open addressing with linear probing. It owns its slots, not the flows.
 * Backward-shift deletion: there are no tombstones, and a search ends at the first empty slot. A meter's thread alone uses
 * its table. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "meter/flow.h"

/* From the highest bit: 12 bits of the flow's hash, how far the slot is from the one where its search begins, and the flow's
 * address. So searching and deleting need not read the flows of other slots. 0: empty. */
struct table_slot {
    uint64_t word;
};
_Static_assert(sizeof(struct table_slot) == 8, "eight slots lie in a cache line");

struct table {
    struct table_slot *slots;
    size_t capacity; /* a power of two, at most 2^32 */
    size_t count;
    size_t touched; /* bytes of a flow's block up to the end of what a packet touches */
};

/* Has room for `flows` flows without growing. `touched` is the size of a flow's block, which a search fetches into the
 * cache. 0 or -ENOMEM. */
int table_create(struct table *table, size_t flows, size_t touched);
void table_destroy(struct table *table);

/* Prefetches a flow, except the part that only its first packet and its export touch. It asks for all cache lines at once.
 * Without this each line would be fetched when it is used, and each would wait for memory. */
static inline void table_fetch(const struct table *table, const struct flow *flow) {
    for (size_t offset = 0; offset < FLOW_HOT_SIZE; offset += FLOW_CACHE_LINE)
        __builtin_prefetch((const char *)flow + offset, 1);
    for (size_t offset = sizeof(*flow); offset < table->touched; offset += FLOW_CACHE_LINE)
        __builtin_prefetch((const char *)flow + offset, 1);
}

struct flow *table_find(const struct table *table, uint32_t hash, const struct flow_key *key);

/* Makes room for one more flow; doubles the slots if need be. False: the table is full, and there is no memory. */
bool table_reserve(struct table *table);

/* Puts in a flow whose key is not in the table; room must be reserved. It is found by flow->hash and flow->key. */
void table_insert(struct table *table, struct flow *flow);

/* The flow must be in the table; `next` must have its key and hash. */
void table_remove(struct table *table, const struct flow *flow);
void table_replace(struct table *table, const struct flow *flow, struct flow *next);

size_t table_memory(const struct table *table); /* bytes */
size_t table_memory_for(size_t flows);          /* of one that has room for so many */
