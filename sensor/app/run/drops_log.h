/* What is said of records that are dropped: at most one line a minute for each account, with what came since the line
 * before. A drop is never older than that when it is told. Live only: a run over files ends with one line about them.
 *
 * An account is what one thread counts of an output: the delivering thread, or a meter. It belongs to that thread. */
#pragma once

#include <stdint.h>

#include "app/account/records.h"

struct drops_log {
    int64_t said; /* monotonic clock: the last line, or the first look; 0: none yet */
    uint64_t told[OUTPUT_DROP_COUNT], sink_told[SINK_DROP_COUNT];
};

/* Looks at the counts, and says what is new once a minute has passed. `sink`: SINK_DROP_COUNT counts; NULL: there are none.
 * `now`: monotonic clock.
 * @thread deliver, meter */
void drops_log_look(struct drops_log *log, const char *output, const uint64_t dropped[OUTPUT_DROP_COUNT],
                    const uint64_t *sink, int64_t now);
