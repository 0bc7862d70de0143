#include "app/host/heap.h"

#include <malloc.h>

enum {
    MAPPED_FROM = 8 << 20, /* larger than the context of zstd's first levels, 3.2 MiB at most */
    KEPT_FREE = 16 << 20,  /* five requests under way and what compresses one */
};

void heap_keep_freed(void) {
#ifdef __GLIBC__
    mallopt(M_MMAP_THRESHOLD, MAPPED_FROM);
    mallopt(M_TRIM_THRESHOLD, KEPT_FREE);
    /* No lists of small free blocks: delivery reports free records in long runs, and each would go through those lists. */
    mallopt(M_MXFAST, 0);
#endif
}
