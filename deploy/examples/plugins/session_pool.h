/* What few flows need, kept beside the flows: a state of some hundred bytes in every flow would cost a large sensor
 * gigabytes. A pool is made in configure, so that the packet path allocates nothing; its sessions are numbered from 1,
 * and a flow's state holds the number (0: none). */
#pragma once

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct session_pool {
    size_t size; /* of a session */
    uint32_t count, free_count;
    uint32_t *free_numbers;
    char *sessions;
};

static inline void session_pool_close(struct session_pool *pool) {
    free(pool->free_numbers);
    free(pool->sessions);
}

/* 0, or 1: no memory. */
static inline int session_pool_open(struct session_pool *pool, uint32_t count, size_t size) {
    *pool = (struct session_pool){.size = size, .count = count, .free_count = count};
    pool->free_numbers = calloc(count, sizeof *pool->free_numbers);
    pool->sessions = calloc(count, size);
    if (pool->free_numbers == NULL || pool->sessions == NULL) {
        session_pool_close(pool);
        return 1;
    }
    for (uint32_t i = 0; i < count; i++)
        pool->free_numbers[i] = count - i;
    return 0;
}

static inline void *session_pool_get(const struct session_pool *pool, uint32_t number) {
    return pool->sessions + (number - 1) * pool->size;
}

/* The number of a zeroed session; 0: all are taken. */
static inline uint32_t session_pool_take(struct session_pool *pool) {
    if (pool->free_count == 0)
        return 0;
    uint32_t number = pool->free_numbers[--pool->free_count];
    memset(session_pool_get(pool, number), 0, pool->size);
    return number;
}

static inline void session_pool_give(struct session_pool *pool, uint32_t number) {
    if (number != 0)
        pool->free_numbers[pool->free_count++] = number;
}
