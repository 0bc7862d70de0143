/* What times a meter's records can still have: the promise that heartbeats carry. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Microseconds of wall clock time, as in records. What a meter says of a moment holds for every record that it makes after
 * that moment, of whatever kind, within a recording (meter_begin_recording()) and while the host's clock is not set back.
 *
 * Why it holds. A packet that comes later has the meter's time or a later one; if it was held (decode/held.h), one that is
 * earlier by the lateness at most. So a flow that is not open yet begins, and has its last packet, no earlier than
 * `clock` = time - lateness. A flow that is open keeps its first packet, and its last packet's time only grows: so it is
 * enough to take the least of what the open flows have now. The lists of meter/expiry.h have that at their heads, and
 * meter/open_slices.h counts the beginnings. Where a step of the host's clock lies between two open flows, the lower one
 * of its positions is taken for all. */
struct meter_bounds {
    bool known;          /* else nothing is: no packet has come yet in this recording */
    bool has_open;       /* a flow is open */
    int64_t record_time; /* no record has a lower record_time */
    int64_t last_seen;   /* nor a last packet before this */
    int64_t first_seen;  /* nor a first packet before this: that of the oldest open slice, or `clock` */
};

/* Makes *sum hold for the records of both. `sum` must hold for something already. */
static inline void meter_bounds_add(struct meter_bounds *sum, const struct meter_bounds *part) {
    sum->known = sum->known && part->known;
    sum->has_open = sum->has_open || part->has_open;
    if (part->record_time < sum->record_time)
        sum->record_time = part->record_time;
    if (part->last_seen < sum->last_seen)
        sum->last_seen = part->last_seen;
    if (part->first_seen < sum->first_seen)
        sum->first_seen = part->first_seen;
}
