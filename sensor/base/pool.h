/* Objects of one size, in slabs: taking and giving back neither calls malloc nor moves anything once a slab
 * exists. Not thread-safe: a pool belongs to one meter. Under AddressSanitizer each object is its own
 * allocation, so that a use after it was given back is seen. */
#pragma once

#include <stdatomic.h>
#include <stddef.h>

struct pool;

struct pool_options {
    size_t object_size; /* bytes, rounded up to 16 */
    size_t max_objects; /* pool_take() returns NULL beyond */
    size_t preallocate; /* objects whose memory is reserved at the start (live capture: all of them) */
};

/* NULL if memory is short. Free with pool_destroy(), which also frees all objects. */
struct pool *pool_create(const struct pool_options *options);
void pool_destroy(struct pool *pool);

/* Prefaults the reserved memory, so that taking an object does not wait for page faults. Returns when all of it is
 * prefaulted, or soon after *stop.
 * @thread any, also while the pool's own thread uses the pool */
void pool_back(const struct pool *pool, const atomic_bool *stop);

/* Contents are undefined. NULL if max_objects are out or memory is short. */
void *pool_take(struct pool *pool);
void pool_give(struct pool *pool, void *object);

size_t pool_in_use(const struct pool *pool); /* objects */
size_t pool_memory(const struct pool *pool); /* bytes of all slabs */

/* Bytes that a pool made with these options takes with so many objects; malloc's own share included. */
size_t pool_memory_for(const struct pool_options *options, size_t objects);
