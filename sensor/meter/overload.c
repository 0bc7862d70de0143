#include "meter/overload.h"

#include <endian.h>
#include <string.h>

static const struct {
    const char *name, *does;
} steps[OVERLOAD_STEP_COUNT] = {
#define X(name, does) {#name, does},
    OVERLOAD_STEPS(X)
#undef X
};

const char *overload_step_name(enum overload_step step) {
    return steps[step].name;
}

const char *overload_step_does(enum overload_step step) {
    return steps[step].does;
}

void overload_begin(struct overload *overload, const struct overload_options *options) {
    *overload = (struct overload){.options = options, .changed = INT64_MIN / 2};
}

/* How far the table's pressure goes up. */
static unsigned table_levels(const struct overload_options *options) {
    return options->count > 0 && options->steps[0] == OVERLOAD_short_idle ? 1 : 0;
}

static bool is_high(const struct overload *overload, const struct overload_pressure *pressure) {
    const struct overload_options *options = overload->options;
    return pressure->ring >= options->enter ||
           (pressure->table >= options->enter && overload->level < table_levels(options));
}

/* Of the pressures that the last step was taken for, or could have been. */
static bool is_low(const struct overload *overload, const struct overload_pressure *pressure) {
    const struct overload_options *options = overload->options;
    return pressure->ring < options->leave &&
           (pressure->table < options->leave || overload->level > table_levels(options));
}

static void change_level(struct overload *overload, unsigned level, int64_t now) {
    overload->level = level;
    overload->changed = now;
    overload->low_since = now;
}

static bool go_up(struct overload *overload, int64_t now) {
    if (overload->level == overload->options->count || now - overload->changed < OVERLOAD_PACE_MICROSECONDS)
        return false;
    overload->entered[overload->options->steps[overload->level]]++;
    change_level(overload, overload->level + 1, now);
    return true;
}

static bool go_down(struct overload *overload, int64_t now) {
    if (overload->level == 0 || now - overload->low_since < overload->options->patience)
        return false;
    change_level(overload, overload->level - 1, now);
    return true;
}

static void count_time(struct overload *overload, int64_t now) {
    if (overload->level > 0)
        overload->time += (uint64_t)(now - overload->looked);
    overload->looked = now;
}

bool overload_look(struct overload *overload, const struct overload_pressure *pressure, int64_t now) {
    count_time(overload, now);
    bool was_low = overload->is_low;
    overload->is_low = is_low(overload, pressure);
    if (is_high(overload, pressure))
        return go_up(overload, now);
    if (!overload->is_low)
        return false;
    if (!was_low)
        overload->low_since = now;
    return go_down(overload, now);
}

unsigned overload_taken(const struct overload *overload) {
    unsigned taken = 0;
    for (unsigned i = 0; i < overload->level; i++)
        taken |= 1u << overload->options->steps[i];
    return taken;
}

bool overload_samples(const struct overload_options *options, const struct hash128 *hash) {
    uint64_t number;
    memcpy(&number, hash->bytes, sizeof number);
    return be64toh(number) <= UINT64_MAX / options->sampling_rate;
}
