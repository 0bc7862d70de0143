/* What different threads write must not share a cache line, or each write makes the other thread wait. A struct of which each
 * thread has one begins with a member that is _Alignas(CACHE_LINE), and an array of them is allocated here. */
#pragma once

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum { CACHE_LINE = 64 };

/* As calloc(), but aligned to a cache line, of which `size` is a multiple. To be freed by free().
 * @thread any */
static inline void *cache_line_calloc(size_t count, size_t size) {
    void *memory = aligned_alloc(CACHE_LINE, count * size);
    return memory != NULL ? memset(memory, 0, count * size) : NULL;
}
