/* How long those that may wait hold back for a slow output. One that takes nothing at all for that long is not slow but
 * away: then nobody holds back until it takes something again, and what finds no room is dropped and counted. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct patience {
    int64_t since; /* there has been no room (monotonic clock); 0: there is */
};

/* Whether to hold back, by whether there is room now. */
bool patience_holds(struct patience *patience, bool has_room);
