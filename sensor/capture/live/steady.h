/* Converts the kernel's time stamps to steady time (base/clock.h). The stamps are of the wall clock; steady time doesn't
 * follow that clock's steps. When the wall clock is stepped, frames that wait in the kernel's ring have stamps of the old
 * time, and later ones of the new time. A frame's stamp and its place in the ring tell which. The functions read no clock:
 * the caller does. Microseconds. The state belongs to the capture's owner (capture.h). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"

struct steady {
    int64_t offset, last_offset; /* of the wall clock: since its last step, and before that */
    int64_t looked;              /* steady time of the last look */
    int64_t stepped_by; /* that of the look that saw the last step: frames with last_offset are older */
    int64_t latest;     /* steady time of the latest frame */
    int64_t held;       /* the kernel holds a frame back for less (capture_held()); set by the owner */
    uint64_t steps;
};

enum {
    STEADY_STEP_MIN = 1000,  /* less is no step: two reads of the clocks may differ by that */
    STEADY_DISORDER = 10000, /* frames of several processors may be in the ring out of order by so much */
    STEADY_LATE = 1000000,   /* no frame is so far out of order */
};

/* The clocks were read. True: the wall clock was stepped since the last time; *by is how far. */
bool steady_look(struct steady *steady, const struct clock_look *look, int64_t *by);

/* Whether the clocks must be read before this stamp is mapped: it lies after the last look, or far behind the
 * frames. */
static inline bool steady_wants_look(const struct steady *steady, int64_t stamp) {
    int64_t time = stamp - steady->offset;
    return time > steady->looked || time < steady->latest - STEADY_DISORDER;
}

/* Whether a stamp may be of that time or a later one, whichever the clock that made it. */
static inline bool steady_may_be(const struct steady *steady, int64_t stamp, int64_t time) {
    return stamp - steady->offset >= time || (steady->steps > 0 && stamp - steady->last_offset >= time);
}

/* The next frame's steady time. A stamp may fit neither the old nor the new time: a step was taken back between two
 * looks, or the card has a clock of its own. Such a frame gets the present time, so that time goes on with any stamps. */
int64_t steady_time(struct steady *steady, int64_t stamp);

/* The ring has been empty since `time`. */
static inline void steady_silence(struct steady *steady, int64_t time) {
    if (time > steady->latest)
        steady->latest = time;
}
