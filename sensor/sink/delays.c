#include "sink/delays.h"

const int64_t delays_limits[DELAYS_BUCKETS] = {5000,     10000,    25000,    50000,    100000,
                                               250000,   500000,   1000000,  2500000,  5000000,
                                               10000000, 30000000, 60000000, 300000000};

void delays_add(struct delays *delays, int64_t microseconds) {
    int bucket = 0;
    while (bucket < DELAYS_BUCKETS && microseconds > delays_limits[bucket])
        bucket++;
    delays->counts[bucket]++;
    delays->sum += (uint64_t)microseconds;
}
