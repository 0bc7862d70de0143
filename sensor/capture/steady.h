/* From the kernel's time stamps, which are of the wall clock, to steady time (base/clock.h), which no step of that
 * clock touches. Where the clock is stepped, frames from before wait in the kernel's ring and carry its old time, and
 * those after them the new one; a frame's stamp and its place in the ring tell which it is. Pure: whoever uses it looks
 * at the clocks. Microseconds. Belongs to one thread. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"

struct steady {
    int64_t offset, last_offset; /* of the wall clock: since its last step, and before that */
    int64_t looked;              /* steady time of the last look */
    int64_t stepped_by; /* that of the look that saw the last step: frames with the last offset are older */
    int64_t latest;     /* steady time of the latest frame */
    uint64_t steps;
};

enum {
    STEADY_STEP_MIN = 1000,  /* less is no step: it is what two reads of clocks may differ by */
    STEADY_DISORDER = 10000, /* frames of several processors may lie in the ring so far behind each other */
    STEADY_LATE = 1000000,   /* none is so far behind the others */
    STEADY_BLOCK = 200000,   /* the kernel keeps a frame back for less, see BLOCK_MILLISECONDS in live.c */
};

/* The clocks were read. True: the wall clock was stepped since the last time; *by is how far. */
bool steady_look(struct steady *steady, const struct clock_look *look, int64_t *by);

/* Whether the clocks must be read before this stamp is mapped: it lies after the last look, or far behind the
 * frames. */
static inline bool steady_wants_look(const struct steady *steady, int64_t stamp) {
    int64_t time = stamp - steady->offset;
    return time > steady->looked || time < steady->latest - STEADY_DISORDER;
}

/* The next frame's steady time. A stamp that fits neither clock, be it of a step that was taken back between two
 * looks or of a card with a clock of its own, is taken for one of just now, so that time goes on whatever stamps
 * there are. */
int64_t steady_time(struct steady *steady, int64_t stamp);

/* The ring is empty, and has been since `time`. */
static inline void steady_silence(struct steady *steady, int64_t time) {
    if (time > steady->latest)
        steady->latest = time;
}
