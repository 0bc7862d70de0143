/* Whether a loop moves: it stamps the time at its housekeeping, and other threads look how long ago that was. */
#pragma once

#include <stdatomic.h>
#include <stdint.h>

struct heartbeat {
    /* Microseconds of the monotonic clock; 0: not begun; INT64_MAX: the loop has ended. */
    _Atomic int64_t time;
};

/* @thread read, deliver: the loop's own; one relaxed store */
static inline void heartbeat_beat(struct heartbeat *heartbeat, int64_t now) {
    atomic_store_explicit(&heartbeat->time, now, memory_order_relaxed);
}

/* The loop came to its end, and nobody waits for it any more.
 * @thread read, as heartbeat_beat() */
static inline void heartbeat_end(struct heartbeat *heartbeat) {
    heartbeat_beat(heartbeat, INT64_MAX);
}

/* Microseconds since the last beat; 0 for a loop that has not begun or has ended.
 * @thread any (monitor, and deliver for the service manager): one relaxed load */
static inline int64_t heartbeat_age(const struct heartbeat *heartbeat, int64_t now) {
    int64_t time = atomic_load_explicit(&heartbeat->time, memory_order_relaxed);
    return time == 0 || time > now ? 0 : now - time;
}
