/* What one thread writes must not share a cache line with what another one uses, or each write makes the other thread wait.
 * The C library's heap puts small blocks of all threads side by side. So what a thread uses for each packet or record is
 * allocated here; a struct of which each thread has one in an array begins with a member that is _Alignas(CACHE_LINE). */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { CACHE_LINE = 64 };

/* As calloc(), but in cache lines that hold nothing else. To be freed by free().
 * @thread any */
static inline void *cache_line_calloc(size_t count, size_t size) {
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes) || bytes > SIZE_MAX - CACHE_LINE)
        return NULL;
    bytes = (bytes + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE;
    void *memory = aligned_alloc(CACHE_LINE, bytes);
    return memory != NULL ? memset(memory, 0, bytes) : NULL;
}
