/* What the linked nDPI takes, which differs from version to version: measured, not written down. In the main thread,
 * before other threads allocate, since it looks at the heap of the whole process; the first call takes as long as a
 * module's start. */
#pragma once

#include <stdint.h>

struct dissect_sizes {
    uint64_t module; /* bytes of a module after its start */
    uint64_t inner;  /* bytes that nDPI allocates for a TCP flow that it doesn't know yet */
};

/* What Debian's nDPI takes where malloc can't tell (AddressSanitizer's) or there is no memory to measure with. */
struct dissect_sizes dissect_sizes(void);
