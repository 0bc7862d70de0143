#include "meter/dissect_pool.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/pool.h"

struct dissection_pool {
    struct pool *states;
    struct dissection *oldest, *newest;
};

static struct pool_options options_states(size_t most, bool preallocate) {
    return (struct pool_options){
        .object_size = sizeof(struct dissection),
        .max_objects = most,
        .preallocate = preallocate ? most : 0,
    };
}

struct dissection_pool *dissection_pool_create(size_t most, bool preallocate) {
    struct dissection_pool *pool = calloc(1, sizeof(*pool));
    struct pool_options options = options_states(most, preallocate);
    if (pool != NULL && (pool->states = pool_create(&options)) != NULL)
        return pool;
    free(pool);
    return NULL;
}

void dissection_pool_destroy(struct dissection_pool *pool) {
    if (pool == NULL)
        return;
    CHECK(pool->oldest == NULL);
    pool_destroy(pool->states);
    free(pool);
}

struct dissection *dissection_take(struct dissection_pool *pool, struct l7 *owner) {
    struct dissection *dissection = pool_take(pool->states);
    if (dissection == NULL)
        return NULL;
    memset(&dissection->flow, 0, sizeof(dissection->flow));
    dissection->label = (struct shim_label){0};
    dissection->owner = owner;
    dissection->older = pool->newest;
    dissection->newer = NULL;
    if (pool->newest != NULL)
        pool->newest->newer = dissection;
    else
        pool->oldest = dissection;
    pool->newest = dissection;
    return dissection;
}

void dissection_give(struct dissection_pool *pool, struct dissection *dissection) {
    ndpi_free_flow_data(&dissection->flow);
    if (dissection->older != NULL)
        dissection->older->newer = dissection->newer;
    else
        pool->oldest = dissection->newer;
    if (dissection->newer != NULL)
        dissection->newer->older = dissection->older;
    else
        pool->newest = dissection->older;
    pool_give(pool->states, dissection);
}

struct dissection *dissection_oldest(const struct dissection_pool *pool) {
    return pool->oldest;
}

size_t dissection_count(const struct dissection_pool *pool) {
    return pool_in_use(pool->states);
}

size_t dissection_memory(const struct dissection_pool *pool) {
    return pool_memory(pool->states);
}

size_t dissection_memory_for(size_t most, bool preallocate) {
    struct pool_options options = options_states(most, preallocate);
    return pool_memory_for(&options, most);
}

void dissection_back_memory(const struct dissection_pool *pool, const atomic_bool *stop) {
    pool_back(pool->states, stop);
}
