#include "meter/table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/check.h"
#include "meter/key.h"

enum {
    CAPACITY_MIN = 2048,
    HUGE_PAGE = 2 << 20, /* bytes; a power of two, as the table's size is */
    /* Of a slot's word. Flows are aligned to 8 bytes, and no system gives programs addresses of more than 48 bits unasked. */
    FLOW_ALIGNMENT_BITS = 3,
    FLOW_BITS = 45,
    AWAY_BITS = 7,
    AWAY_MAX = (1 << AWAY_BITS) - 1, /* and more: then the flow's hash tells */
    TAG_SHIFT = 20, /* the highest 12 bits of the hash; where a search begins is by the lowest */
};

static const uint64_t flow_mask = (UINT64_C(1) << FLOW_BITS) - 1;

static struct flow *slot_flow(struct table_slot slot) {
    /* NOLINTNEXTLINE(performance-no-int-to-ptr): the address shares its word with the rest of the slot. */
    return (struct flow *)(uintptr_t)((slot.word & flow_mask) << FLOW_ALIGNMENT_BITS);
}

static uint64_t flow_word(const struct flow *flow) {
    DEBUG_CHECK((uintptr_t)flow % (1 << FLOW_ALIGNMENT_BITS) == 0 &&
                (uint64_t)(uintptr_t)flow >> FLOW_ALIGNMENT_BITS <= flow_mask);
    return (uint64_t)(uintptr_t)flow >> FLOW_ALIGNMENT_BITS;
}

/* What stands above the flow's address if the slot is where the search begins. */
static uint64_t mark_at_home(uint32_t hash) {
    return (uint64_t)(hash >> TAG_SHIFT) << AWAY_BITS;
}

/* The same one slot farther. */
static uint64_t mark_next(uint64_t mark) {
    return mark + ((mark & AWAY_MAX) != AWAY_MAX);
}

/* How full the table may become before it grows. At three quarters a search that fails looks at 8.5 slots on average, which
 * is one or two cache lines. */
static size_t table_comfort(size_t capacity) {
    return capacity / 4 * 3;
}

/* The least capacity for so many flows; 0: there is none. */
static size_t table_capacity_for(size_t flows) {
    size_t capacity = CAPACITY_MIN;
    while (table_comfort(capacity) < flows) {
        if (capacity > SIZE_MAX / 2 / sizeof(struct table_slot))
            return 0;
        capacity *= 2;
    }
    return capacity;
}

/* All empty. Nearly each look-up is of a slot that is not in the cache. In huge pages, where the kernel has any, it at least
 * doesn't miss the TLB too. The blocks of flows lie better in small pages (tests/bench/README.md). */
static struct table_slot *slots_create(size_t capacity) {
    size_t size = capacity * sizeof(struct table_slot);
    if (size < HUGE_PAGE)
        return calloc(1, size);
    struct table_slot *slots = aligned_alloc(HUGE_PAGE, size);
    if (slots == NULL)
        return NULL;
    madvise(slots, size, MADV_HUGEPAGE);
    return memset(slots, 0, size);
}

int table_create(struct table *table, size_t flows, size_t touched) {
    size_t capacity = table_capacity_for(flows);
    if (capacity == 0)
        return -ENOMEM;
    table->slots = slots_create(capacity);
    if (table->slots == NULL)
        return -ENOMEM;
    table->capacity = capacity;
    table->count = 0;
    table->touched = touched;
    return 0;
}

void table_destroy(struct table *table) {
    free(table->slots);
    *table = (struct table){0};
}

static size_t table_next_slot(const struct table *table, size_t index) {
    return (index + 1) & (table->capacity - 1);
}

struct flow *table_find(const struct table *table, uint32_t hash, const struct flow_key *key) {
    const struct table_slot *slots = table->slots;
    uint64_t mark = mark_at_home(hash);
    for (size_t i = hash & (table->capacity - 1); slots[i].word != 0; i = table_next_slot(table, i)) {
        if (slots[i].word >> FLOW_BITS == mark) {
            struct flow *flow = slot_flow(slots[i]);
            table_fetch(table, flow);
            if (key_equal(&flow->key, key))
                return flow;
        }
        mark = mark_next(mark);
    }
    return NULL;
}

/* Compares no keys: the caller knows that this one is new. */
static void table_put(struct table *table, const struct flow *flow) {
    uint64_t mark = mark_at_home(flow->hash);
    size_t i = flow->hash & (table->capacity - 1);
    while (table->slots[i].word != 0) {
        i = table_next_slot(table, i);
        mark = mark_next(mark);
    }
    table->slots[i].word = mark << FLOW_BITS | flow_word(flow);
}

static bool table_grow(struct table *table) {
    struct table larger = *table;
    larger.capacity *= 2;
    larger.slots = slots_create(larger.capacity);
    if (larger.slots == NULL)
        return false;
    for (size_t i = 0; i < table->capacity; i++)
        if (table->slots[i].word != 0)
            table_put(&larger, slot_flow(table->slots[i]));
    free(table->slots);
    *table = larger;
    return true;
}

bool table_reserve(struct table *table) {
    if (table->count < table_comfort(table->capacity))
        return true;
    /* Without memory for more slots, the table is filled up to seven eighths: slower searches are better than lost flows. */
    return table_grow(table) || table->count < table->capacity / 8 * 7;
}

void table_insert(struct table *table, struct flow *flow) {
    DEBUG_CHECK(table->count + 1 < table->capacity); /* an empty slot must be left, where searches end */
    DEBUG_CHECK(table_find(table, flow->hash, &flow->key) == NULL);
    table_put(table, flow);
    table->count++;
}

static size_t table_slot_of(const struct table *table, const struct flow *flow) {
    uint64_t word = flow_word(flow);
    size_t i = flow->hash & (table->capacity - 1);
    while ((table->slots[i].word & flow_mask) != word) {
        DEBUG_CHECK(table->slots[i].word != 0); /* the flow is not in the table, or was taken out before */
        i = table_next_slot(table, i);
    }
    return i;
}

/* How far the slot `index` is from the first slot of its flow's search. */
static size_t slot_away(const struct table *table, size_t index) {
    struct table_slot slot = table->slots[index];
    size_t away = slot.word >> FLOW_BITS & AWAY_MAX;
    return away < AWAY_MAX ? away : (index - slot_flow(slot)->hash) & (table->capacity - 1);
}

static struct table_slot slot_moved_to(struct table_slot slot, size_t away) {
    uint64_t field = away < AWAY_MAX ? away : AWAY_MAX;
    slot.word = (slot.word & ~((uint64_t)AWAY_MAX << FLOW_BITS)) | field << FLOW_BITS;
    return slot;
}

/* By backward-shift deletion. */
void table_remove(struct table *table, const struct flow *flow) {
    struct table_slot *slots = table->slots;
    size_t mask = table->capacity - 1;
    size_t hole = table_slot_of(table, flow);
    for (size_t i = table_next_slot(table, hole); slots[i].word != 0; i = table_next_slot(table, i)) {
        /* A slot may move to the hole, unless its home (the first slot of its search) comes after the hole, cyclically. */
        size_t away = slot_away(table, i);
        size_t distance_hole = (i - hole) & mask;
        if (away < distance_hole)
            continue;
        slots[hole] = slot_moved_to(slots[i], away - distance_hole);
        hole = i;
    }
    slots[hole].word = 0;
    table->count--;
}

void table_replace(struct table *table, const struct flow *flow, struct flow *next) {
    DEBUG_CHECK(next->hash == flow->hash && key_equal(&next->key, &flow->key));
    struct table_slot *slot = &table->slots[table_slot_of(table, flow)];
    slot->word = (slot->word & ~flow_mask) | flow_word(next);
}

size_t table_memory(const struct table *table) {
    return table->capacity * sizeof(*table->slots);
}

size_t table_memory_for(size_t flows) {
    return table_capacity_for(flows) * sizeof(struct table_slot);
}
