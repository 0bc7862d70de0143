/* nDPI's states of a meter's undecided flows: so many at once, in the order in which they were taken. The meter's thread
 * alone uses a pool; it owns the states and what nDPI allocates for them. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "meter/dissect_shim.h"
#include "meter/l7.h"

/* What nDPI knows of an undecided flow. */
struct dissection {
    struct dissection *older, *newer; /* the pool's */
    struct l7 *owner;
    struct shim_label label; /* so far */
    struct ndpi_flow_struct flow;
};

struct dissection_pool;

/* `most`: states at once; `preallocate`: their memory is set aside at the start. NULL: no memory. */
struct dissection_pool *dissection_pool_create(size_t most, bool preallocate);
/* All states must have been given back. */
void dissection_pool_destroy(struct dissection_pool *pool);

/* A state without anything in it. NULL: all are taken, or there is no memory. */
struct dissection *dissection_take(struct dissection_pool *pool, struct l7 *owner);
/* Frees what nDPI allocated for it, too. */
void dissection_give(struct dissection_pool *pool, struct dissection *dissection);

/* The one that was taken first. NULL: none is taken. */
struct dissection *dissection_oldest(const struct dissection_pool *pool);

size_t dissection_count(const struct dissection_pool *pool);  /* taken */
size_t dissection_memory(const struct dissection_pool *pool); /* bytes, without what nDPI allocates */
size_t dissection_memory_for(size_t most, bool preallocate);  /* of a pool whose states are all taken */
/* pool_back()
 * @thread any, also beside the meter's */
void dissection_back_memory(const struct dissection_pool *pool, const atomic_bool *stop);
