/* Objects of one size, in slabs: once a slab exists, taking and giving back call no malloc and move nothing. Under
 * AddressSanitizer each object is an allocation of its own, so that a use after it was given back is seen.
 *
 * A pool belongs to one meter, and takes no lock. `@thread meter` is as in meter/meter.h: the meter's thread, or main
 * before that one is started and after it has ended. */
#pragma once

#include <stdatomic.h>
#include <stddef.h>

struct pool;

struct pool_options {
    size_t object_size; /* bytes, at least 16, rounded up to 8, to which objects are aligned */
    size_t max_objects; /* pool_take() returns NULL beyond */
    size_t preallocate; /* objects whose memory is reserved at the start (live capture: all of them) */
};

/* NULL if memory is short. Free with pool_destroy(), which also frees all objects.
 * @thread meter (both) */
struct pool *pool_create(const struct pool_options *options);
void pool_destroy(struct pool *pool);

/* Prefaults the reserved memory, so that taking an object does not wait for page faults. Returns when all of it is
 * prefaulted, or soon after *stop.
 * @thread any, also while the pool's own thread uses the pool */
void pool_back(const struct pool *pool, const atomic_bool *stop);

/* Contents are undefined. NULL if max_objects are out or memory is short.
 * @thread meter (this and the next three) */
void *pool_take(struct pool *pool);
void pool_give(struct pool *pool, void *object);

size_t pool_in_use(const struct pool *pool); /* objects */
size_t pool_memory(const struct pool *pool); /* bytes of all slabs */

/* Bytes that a pool made with these options takes with so many objects; malloc's own share included.
 * @thread any: nothing is shared */
size_t pool_memory_for(const struct pool_options *options, size_t objects);
