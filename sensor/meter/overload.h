/* The overload ladder: what a live meter does without while it can't keep up. It goes up by one step as long as pressure is
 * high, and down by one after each time in which it stayed low. This is the decision alone, without a clock or any output:
 * meter_look_at_load() feeds it, and the meter and its features do what the steps say.
 *
 * Pressure is of two kinds, both in percent. The ring's may take every step. The flow table's takes short_idle alone, and
 * only where that is the first step: the others don't empty a table, and a full one evicts flows of few packets first, which
 * is better than not to meter new ones. So a ladder that begins with another step isn't entered for the table's sake.
 *
 * @thread meter */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/hash.h"

/* One row a step: its name in the option overload.steps, and what happens while it is taken, for the log. */
#define OVERLOAD_STEPS(X)                                                   \
    X(short_idle, "flows end after overload.idle_timeout without a packet") \
    X(no_dissection, "nDPI does not see new flows")                         \
    X(no_splt, "new flows keep no SPLT")                                    \
    X(sampling, "of new flows one in overload.sampling_rate is metered")    \
    X(shedding, "no new flow is metered")

enum overload_step {
#define X(name, does) OVERLOAD_##name,
    OVERLOAD_STEPS(X)
#undef X
        OVERLOAD_STEP_COUNT
};

const char *overload_step_name(enum overload_step step);
const char *overload_step_does(enum overload_step step);

/* The time between two steps up: long enough for one to show its effect, short against the time that a ring takes to fill. */
enum { OVERLOAD_PACE_MICROSECONDS = 100000 };

struct overload_options {
    enum overload_step steps[OVERLOAD_STEP_COUNT]; /* in the order in which they are taken, each once */
    unsigned count;                                /* of them; 0: there is no ladder */
    unsigned enter,
        leave;            /* percent: high is at least `enter`, low is below `leave`, which is not above it */
    int64_t patience;     /* microseconds of low pressure before a step is left */
    int64_t idle_timeout; /* of short_idle: ticks, at most meter_options.idle_timeout */
    uint32_t sampling_rate; /* at least 2 */
    struct hash_key key;    /* of conversations: which of them sampling takes */
};

struct overload_pressure {
    unsigned ring, table; /* percent; ring: 100 also where packets were lost */
};

struct overload {
    const struct overload_options *options; /* borrowed */
    unsigned level;                         /* the first so many of the steps are taken */
    int64_t changed;                        /* when the level did, as the caller's clock has it */
    int64_t low_since;                      /* when the pressure became low, or the last step was left */
    bool is_low;
    int64_t looked;                        /* when the last look was */
    uint64_t time;                         /* microseconds from look to look in which a step was taken */
    uint64_t entered[OVERLOAD_STEP_COUNT]; /* how often each step was taken */
};

void overload_begin(struct overload *overload, const struct overload_options *options);

/* Takes or leaves at most one step. `now`: microseconds of a clock that is never set. True: it did. */
bool overload_look(struct overload *overload, const struct overload_pressure *pressure, int64_t now);

/* The steps that are taken, as bits 1 << enum overload_step. */
unsigned overload_taken(const struct overload *overload);

/* Whether sampling takes the conversation with this hash (meter/conversation.h): its first 64 bits, as a number whose
 * highest byte comes first, are below 2^64 / rate. So one that is taken at a rate is taken at every lower one. */
bool overload_samples(const struct overload_options *options, const struct hash128 *hash);
