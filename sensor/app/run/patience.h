/* How long records that may wait are held back for a slow output: five seconds at most. An output that takes nothing for
 * that long is away, not slow. From then on nothing is held back until it takes something again, and a record that finds
 * no room is dropped and counted. Each belongs to one thread: a lane's to its meter's, an output's to the
 * one that delivers. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct patience {
    int64_t since; /* when the room ran out (monotonic clock); 0: there is room */
};

/* Whether to hold back now; `has_room`: whether there is room now. */
bool patience_holds(struct patience *patience, bool has_room);
