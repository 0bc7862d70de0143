/* How unit tests wait: for a condition, never for a time in which it will surely have come true. */
#pragma once

#include <unistd.h>

#include "base/clock.h"

/* Polls until the condition is true; fails the test after so many seconds. */
#define wait_until(condition, seconds, what)                               \
    do {                                                                   \
        int64_t wait_end = clock_monotonic() + (int64_t)(seconds)*1000000; \
        while (!(condition)) {                                             \
            if (clock_monotonic() > wait_end)                              \
                fail_msg("not within %d s: %s", (int)(seconds), what);     \
            usleep(1000);                                                  \
        }                                                                  \
    } while (0)
