#include "meter/table.h"

#include <errno.h>
#include <stdlib.h>

#include "base/check.h"
#include "meter/key.h"

enum { CAPACITY_MIN = 2048 };

/* How full the table may become before it grows. At three quarters a search that fails looks at 8.5 slots on average, which
 * is two cache lines. */
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

int table_create(struct table *table, size_t flows, size_t touched) {
    size_t capacity = table_capacity_for(flows);
    if (capacity == 0)
        return -ENOMEM;
    table->slots = calloc(capacity, sizeof(*table->slots));
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
    for (size_t i = hash & (table->capacity - 1); slots[i].flow != NULL; i = table_next_slot(table, i)) {
        if (slots[i].hash != hash)
            continue;
        table_fetch(table, slots[i].flow);
        if (key_equal(&slots[i].flow->key, key))
            return slots[i].flow;
    }
    return NULL;
}

/* Compares no keys: the caller knows that this one is new. */
static void table_put(struct table *table, struct table_slot slot) {
    size_t i = slot.hash & (table->capacity - 1);
    while (table->slots[i].flow != NULL)
        i = table_next_slot(table, i);
    table->slots[i] = slot;
}

static bool table_grow(struct table *table) {
    struct table larger = *table;
    larger.capacity *= 2;
    larger.slots = calloc(larger.capacity, sizeof(*larger.slots));
    if (larger.slots == NULL)
        return false;
    for (size_t i = 0; i < table->capacity; i++)
        if (table->slots[i].flow != NULL)
            table_put(&larger, table->slots[i]);
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
    table_put(table, (struct table_slot){.flow = flow, .hash = flow->hash});
    table->count++;
}

static size_t table_slot_of(const struct table *table, const struct flow *flow) {
    size_t i = flow->hash & (table->capacity - 1);
    while (table->slots[i].flow != flow) {
        DEBUG_CHECK(table->slots[i].flow != NULL); /* the flow is not in the table, or was taken out before */
        i = table_next_slot(table, i);
    }
    return i;
}

/* By backward-shift deletion. */
void table_remove(struct table *table, const struct flow *flow) {
    struct table_slot *slots = table->slots;
    size_t mask = table->capacity - 1;
    size_t hole = table_slot_of(table, flow);
    for (size_t i = table_next_slot(table, hole); slots[i].flow != NULL; i = table_next_slot(table, i)) {
        /* A slot may move to the hole, unless its home (the first slot of its search) comes after the hole, cyclically. */
        size_t distance_home = (i - slots[i].hash) & mask;
        size_t distance_hole = (i - hole) & mask;
        if (distance_home < distance_hole)
            continue;
        slots[hole] = slots[i];
        hole = i;
    }
    slots[hole].flow = NULL;
    table->count--;
}

void table_replace(struct table *table, const struct flow *flow, struct flow *next) {
    DEBUG_CHECK(next->hash == flow->hash && key_equal(&next->key, &flow->key));
    table->slots[table_slot_of(table, flow)].flow = next;
}

size_t table_memory(const struct table *table) {
    return table->capacity * sizeof(*table->slots);
}

size_t table_memory_for(size_t flows) {
    return table_capacity_for(flows) * sizeof(struct table_slot);
}
