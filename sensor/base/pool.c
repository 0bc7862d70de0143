#include "base/pool.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

#include "base/check.h"
#include "base/pool_choice.h"

#if !POOL_SANITIZED

enum {
    ALIGNMENT = 8,
    POOL_MAGIC = 0x3b0071e5,
    SLAB_SIZE = 1 << 20, /* bytes; an object larger than that has a slab of its own */
};

/* The start of each slab; its objects follow. */
struct slab {
    _Alignas(ALIGNMENT) struct slab *next;
    size_t size;
    bool mapped; /* else from malloc */
};

/* What lies in an object while nobody has it. */
struct free_object {
    struct free_object *next;
    uintptr_t mark; /* in builds with FLOWSENSOR_CHECKS: free_mark(), so that a second pool_give() is seen */
};
enum { OBJECT_SIZE_MIN = sizeof(struct free_object) };

struct pool {
    uint32_t magic;
    size_t object_size;
    size_t max_objects;
    size_t slab_objects; /* objects of one slab */
    size_t in_use;
    size_t memory; /* bytes of all slabs */
    struct slab *slabs;
    struct free_object *free_objects; /* given back, the last one first: it is still in the cache */
    char *fresh;                      /* objects of the newest slab that nobody had yet */
    size_t fresh_count;
    char *set_aside;       /* at the start; its memory is the pool's slab */
    size_t set_aside_size; /* bytes that pool_back() prefaults */
};

enum {
    PAGE = 4096,         /* no kernel has smaller ones */
    BACK_SIZE = 4 << 20, /* bytes prefaulted at once: two huge pages, between which *stop is looked at */
    /* malloc's header, and the rest of the page where a slab is a mapping of its own. */
    SLAB_OVERHEAD = PAGE + 16,
};

static size_t slab_size(const struct pool *pool, size_t objects) {
    return sizeof(struct slab) + objects * pool->object_size;
}

/* What is left of the newest slab must be on the free list before. */
static void add_slab(struct pool *pool, struct slab *slab, size_t objects, bool mapped) {
    *slab = (struct slab){.next = pool->slabs, .size = slab_size(pool, objects), .mapped = mapped};
    pool->slabs = slab;
    pool->memory += slab->size;
    pool->fresh = (char *)(slab + 1);
    pool->fresh_count = objects;
}

static int pool_grow(struct pool *pool) {
    struct slab *slab = malloc(slab_size(pool, pool->slab_objects));
    if (slab == NULL)
        return -1;
    add_slab(pool, slab, pool->slab_objects, false);
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

/* Prefaults pages without a change of what is in them, which only the kernel can do. */
static bool populate_pages(char *at, size_t size) {
    return madvise(at, size, MADV_POPULATE_WRITE) == 0;
}

static void touch_pages(char *bytes, size_t size) {
    for (size_t at = 0; at < size; at += PAGE)
        *(volatile char *)(bytes + at) = 0;
}

/* Reserves one slab for all objects. pool_back() prefaults it later; with a kernel before 5.14, which can't, it is
 * touched here. Huge pages, where there are any, make that several times as fast, and later look-ups too. */
static int pool_preallocate(struct pool *pool, size_t objects) {
    size_t size = slab_size(pool, objects);
    if (objects == 0)
        return 0;
    char *bytes = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (bytes == MAP_FAILED)
        return -1;
    madvise(bytes, size, MADV_HUGEPAGE);
    pool->set_aside = bytes;
    if (populate_pages(bytes, PAGE))
        pool->set_aside_size = size;
    else
        touch_pages(bytes, size);
    add_slab(pool, (struct slab *)(void *)bytes, objects, true);
    return 0;
}

void pool_back(const struct pool *pool, const atomic_bool *stop) {
    for (size_t at = 0; at < pool->set_aside_size && !atomic_load(stop); at += BACK_SIZE) {
        size_t left = pool->set_aside_size - at;
        if (!populate_pages(pool->set_aside + at, left < BACK_SIZE ? left : BACK_SIZE))
            return; /* out of memory: pages will be faulted in when they are used */
    }
}

static void lay_out(struct pool *pool, const struct pool_options *options) {
    size_t size = options->object_size > OBJECT_SIZE_MIN ? options->object_size : OBJECT_SIZE_MIN;
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
    pool->magic = POOL_MAGIC;
    lay_out(pool, options);
    size_t wanted = options->preallocate < options->max_objects ? options->preallocate : options->max_objects;
    if (pool_preallocate(pool, wanted) < 0) {
        pool_destroy(pool);
        return NULL;
    }
    return pool;
}

void pool_destroy(struct pool *pool) {
    if (pool == NULL)
        return;
    CHECK(IS_VALID(pool, POOL_MAGIC));
    while (pool->slabs != NULL) {
        struct slab *slab = pool->slabs;
        pool->slabs = slab->next;
        if (slab->mapped)
            munmap(slab, slab->size);
        else
            free(slab);
    }
    MAGIC_CLEAR(pool);
    free(pool);
}

static inline uintptr_t free_mark(const void *object) {
    return (uintptr_t)object ^ POOL_MAGIC;
}

static inline void mark_object(void *object, uintptr_t mark) {
#ifdef FLOWSENSOR_CHECKS
    ((struct free_object *)object)->mark = mark;
#else
    (void)object, (void)mark;
#endif
}

/* Whether the object is one of a slab's: for checks. */
static inline bool pool_has(const struct pool *pool, const void *object) {
    for (const struct slab *slab = pool->slabs; slab != NULL; slab = slab->next) {
        uintptr_t first = (uintptr_t)(slab + 1), at = (uintptr_t)object;
        if (at >= first && at < (uintptr_t)slab + slab->size)
            return (at - first) % pool->object_size == 0;
    }
    return false;
}

void *pool_take(struct pool *pool) {
    DEBUG_CHECK(IS_VALID(pool, POOL_MAGIC));
    if (pool->in_use >= pool->max_objects)
        return NULL;
    void *object = pool->free_objects;
    if (object != NULL)
        pool->free_objects = pool->free_objects->next;
    else if (pool->fresh_count > 0 || pool_grow(pool) == 0)
        object = take_fresh(pool);
    else
        return NULL;
    mark_object(object, 0);
    pool->in_use++;
    return object;
}

void pool_give(struct pool *pool, void *object) {
    if (object == NULL)
        return;
    DEBUG_CHECK(pool->in_use > 0 && pool_has(pool, object));
    DEBUG_CHECK(((const struct free_object *)object)->mark != free_mark(object));
    put_free(pool, object);
    mark_object(object, free_mark(object));
    pool->in_use--;
}

size_t pool_in_use(const struct pool *pool) {
    return pool->in_use;
}

size_t pool_memory(const struct pool *pool) {
    return pool->memory;
}

size_t pool_memory_for(const struct pool_options *options, size_t objects) {
    struct pool pool;
    lay_out(&pool, options);
    size_t first = options->preallocate < options->max_objects ? options->preallocate : options->max_objects;
    size_t later = objects > first ? objects - first : 0;
    size_t slabs = (later + pool.slab_objects - 1) / pool.slab_objects;
    return (first > 0 ? slab_size(&pool, first) + PAGE : 0) +
           slabs * (slab_size(&pool, pool.slab_objects) + SLAB_OVERHEAD);
}

#endif
