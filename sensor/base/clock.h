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

/* Microseconds since the epoch. May be set to any other time at any moment. */
static inline int64_t clock_realtime(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* The time line of live capture: microseconds since the epoch by what the wall clock said when the process first asked,
 * and from then on without its steps; time asleep counts. What the kernel stamps by the wall clock is brought onto it
 * by capture/live/steady.h. Any thread. */
int64_t clock_steady(void);

/* Both clocks at one moment. */
struct clock_look {
    int64_t steady;
    int64_t offset; /* how far the wall clock is ahead of the steady one */
    int64_t doubt;  /* most that the offset may be wrong by */
};
struct clock_look clock_look(void);
