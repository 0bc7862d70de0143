#include "capture/live/steady.h"

#include <stdlib.h>

bool steady_look(struct steady *steady, const struct clock_look *look, int64_t *by) {
    int64_t step = look->offset - steady->offset;
    steady->looked = look->steady;
    if (llabs(step) < STEADY_STEP_MIN + look->doubt)
        return false;
    *by = step;
    steady->last_offset = steady->offset;
    steady->offset = look->offset;
    steady->stepped_by = look->steady;
    steady->steps++;
    return true;
}

/* Whether the stamp is of the time before the step. A stamp may mean two times: one by the clock's offset before the step,
 * one by the offset after it. Frames are in the ring in the order of their arrival, so a time before that of earlier
 * frames is wrong. If both are possible, the earlier one is right. A time by the old offset can't be after the look that
 * saw the step. */
static bool is_from_before(const struct steady *steady, int64_t before, int64_t after) {
    int64_t earliest = steady->latest - STEADY_DISORDER;
    return before <= steady->stepped_by && before >= earliest && (before < after || after < earliest);
}

/* The present time, but not later than that of frames that the kernel still holds. */
static int64_t just_now(const struct steady *steady) {
    int64_t time = steady->looked - steady->held;
    return time > steady->latest ? time : steady->latest;
}

int64_t steady_time(struct steady *steady, int64_t stamp) {
    int64_t time = stamp - steady->offset;
    if (steady->steps > 0 && is_from_before(steady, stamp - steady->last_offset, time))
        time = stamp - steady->last_offset;
    if (time > steady->looked + STEADY_STEP_MIN || time < steady->latest - STEADY_LATE)
        time = just_now(steady);
    if (time > steady->latest)
        steady->latest = time;
    return time;
}
