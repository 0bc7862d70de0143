/* How long records took from the hand-over to the acknowledgement: a histogram. Belongs to one thread. */
#pragma once

#include <stdint.h>

enum { DELAYS_BUCKETS = 14 };

/* Upper limits of the buckets, in microseconds. The last one of counts[] has what is above them all. */
extern const int64_t delays_limits[DELAYS_BUCKETS];

struct delays {
    uint64_t counts[DELAYS_BUCKETS + 1]; /* each record once: not cumulative */
    uint64_t sum;                        /* microseconds */
};

void delays_add(struct delays *delays, int64_t microseconds);
