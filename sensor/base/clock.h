/* Clocks of the host. Packet time is not made here: see decode/decode.h. */
#pragma once

#include <stdint.h>
#include <time.h>

/* Microseconds since an arbitrary start; never goes back. */
static inline int64_t clock_monotonic(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* Microseconds since the epoch. */
static inline int64_t clock_realtime(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}
