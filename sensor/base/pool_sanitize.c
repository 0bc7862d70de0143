/* The pool under AddressSanitizer: each object is its own allocation, so that a use after it was given back,
 * or of a byte behind it, is seen. The memory that it reports is what the objects alone take. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/pool.h"
#include "base/pool_choice.h"

#if POOL_SANITIZED

enum { ALIGNMENT = 16, POOL_MAGIC = 0x3b0071e5 };

/* Before each object: the list by which pool_destroy() finds what was not given back. */
struct object_header {
    _Alignas(ALIGNMENT) struct object_header *next;
    struct object_header *previous;
};

struct pool {
    uint32_t magic;
    size_t object_size;
    size_t max_objects;
    size_t in_use;
    struct object_header list; /* the ring of objects in use; only its links are used */
};

struct pool *pool_create(const struct pool_options *options) {
    struct pool *pool = calloc(1, sizeof *pool);
    if (pool == NULL || options->object_size > SIZE_MAX / 4) {
        free(pool);
        return NULL;
    }
    pool->magic = POOL_MAGIC;
    pool->object_size = options->object_size;
    pool->max_objects = options->max_objects;
    pool->list.next = pool->list.previous = &pool->list;
    return pool;
}

void pool_destroy(struct pool *pool) {
    if (pool == NULL)
        return;
    CHECK(IS_VALID(pool, POOL_MAGIC));
    while (pool->list.next != &pool->list)
        pool_give(pool, pool->list.next + 1);
    MAGIC_CLEAR(pool);
    free(pool);
}

void *pool_take(struct pool *pool) {
    DEBUG_CHECK(IS_VALID(pool, POOL_MAGIC));
    if (pool->in_use >= pool->max_objects)
        return NULL;
    struct object_header *header = malloc(sizeof *header + pool->object_size);
    if (header == NULL)
        return NULL;
    header->previous = &pool->list;
    header->next = pool->list.next;
    header->next->previous = header;
    pool->list.next = header;
    pool->in_use++;
    return header + 1;
}

void pool_give(struct pool *pool, void *object) {
    if (object == NULL)
        return;
    DEBUG_CHECK(pool->in_use > 0);
    struct object_header *header = (struct object_header *)object - 1;
    header->next->previous = header->previous;
    header->previous->next = header->next;
    free(header);
    pool->in_use--;
}

size_t pool_in_use(const struct pool *pool) {
    return pool->in_use;
}

size_t pool_memory(const struct pool *pool) {
    return pool->in_use * pool->object_size;
}

void pool_back(const struct pool *pool, const atomic_bool *stop) {
    (void)pool, (void)stop;
}

size_t pool_memory_for(const struct pool_options *options, size_t objects) {
    return objects * options->object_size;
}

#endif
