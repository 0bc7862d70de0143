#include "base/pool.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/pool_sanitize.h"

#if !POOL_SANITIZED

enum {
    ALIGNMENT = 16,
    SLAB_SIZE = 1 << 20, /* bytes; an object larger than that has a slab of its own */
};

/* The start of each slab; its objects follow. */
struct slab {
    _Alignas(ALIGNMENT) struct slab *next;
};

/* What lies in an object while nobody has it. */
struct free_object {
    struct free_object *next;
};

struct pool {
    size_t object_size;
    size_t max_objects;
    size_t slab_objects; /* objects of one slab */
    size_t in_use;
    size_t slabs_count;
    struct slab *slabs;
    struct free_object *free_objects; /* given back, the last one first: it is still in the cache */
    char *fresh;                      /* objects of the newest slab that nobody had yet */
    size_t fresh_count;
};

/* malloc's header, and the rest of the page where a slab is a mapping of its own. */
enum { SLAB_OVERHEAD = 4096 + 16 };

static size_t slab_size(const struct pool *pool) {
    return sizeof(struct slab) + pool->slab_objects * pool->object_size;
}

/* What is left of the newest slab must be on the free list before. */
static int add_slab(struct pool *pool) {
    struct slab *slab = malloc(slab_size(pool));
    if (slab == NULL)
        return -1;
    slab->next = pool->slabs;
    pool->slabs = slab;
    pool->slabs_count++;
    pool->fresh = (char *)(slab + 1);
    pool->fresh_count = pool->slab_objects;
    return 0;
}

static void *take_fresh(struct pool *pool) {
    void *object = pool->fresh;
    pool->fresh += pool->object_size;
    pool->fresh_count--;
    return object;
}

static void put_free(struct pool *pool, void *object) {
    struct free_object *free_object = object;
    free_object->next = pool->free_objects;
    pool->free_objects = free_object;
}

/* Writes to every object, so that the kernel backs the memory now and not while packets wait. */
static int preallocate(struct pool *pool, size_t objects) {
    for (size_t i = 0; i < objects; i++) {
        if (pool->fresh_count == 0 && add_slab(pool) < 0)
            return -1;
        put_free(pool, memset(take_fresh(pool), 0, pool->object_size));
    }
    return 0;
}

static void lay_out(struct pool *pool, const struct pool_options *options) {
    size_t size = options->object_size > 0 ? options->object_size : 1;
    pool->object_size = (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    pool->max_objects = options->max_objects;
    pool->slab_objects = (SLAB_SIZE - sizeof(struct slab)) / pool->object_size;
    if (pool->slab_objects > pool->max_objects)
        pool->slab_objects = pool->max_objects;
    if (pool->slab_objects == 0)
        pool->slab_objects = 1;
}

struct pool *pool_create(const struct pool_options *options) {
    if (options->object_size > SIZE_MAX / 4)
        return NULL;
    struct pool *pool = calloc(1, sizeof *pool);
    if (pool == NULL)
        return NULL;
    lay_out(pool, options);
    size_t wanted = options->preallocate < options->max_objects ? options->preallocate : options->max_objects;
    if (preallocate(pool, wanted) < 0) {
        pool_destroy(pool);
        return NULL;
    }
    return pool;
}

void pool_destroy(struct pool *pool) {
    if (pool == NULL)
        return;
    while (pool->slabs != NULL) {
        struct slab *slab = pool->slabs;
        pool->slabs = slab->next;
        free(slab);
    }
    free(pool);
}

void *pool_take(struct pool *pool) {
    if (pool->in_use >= pool->max_objects)
        return NULL;
    void *object = pool->free_objects;
    if (object != NULL)
        pool->free_objects = pool->free_objects->next;
    else if (pool->fresh_count > 0 || add_slab(pool) == 0)
        object = take_fresh(pool);
    else
        return NULL;
    pool->in_use++;
    return object;
}

void pool_give(struct pool *pool, void *object) {
    if (object == NULL)
        return;
    put_free(pool, object);
    pool->in_use--;
}

size_t pool_in_use(const struct pool *pool) {
    return pool->in_use;
}

size_t pool_memory(const struct pool *pool) {
    return pool->slabs_count * slab_size(pool);
}

size_t pool_memory_for(const struct pool_options *options, size_t objects) {
    struct pool pool;
    lay_out(&pool, options);
    size_t slabs = (objects + pool.slab_objects - 1) / pool.slab_objects;
    return slabs * (slab_size(&pool) + SLAB_OVERHEAD);
}

#endif
