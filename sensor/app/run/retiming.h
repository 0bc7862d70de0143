/* A change of meter.idle_timeout and active_timeout while the sensor runs (SIGHUP). Each meter's thread takes them at its
 * housekeeping, between two packets, and with them the hashes that its records carry from then on; the delivering thread
 * takes the hashes of the records that it makes itself. A record so has the hashes of the timeouts by which its flow ended,
 * also where the flow began under others.
 *
 * The header feature_hash of Kafka messages is the start's, so where it is sent the timeouts need a restart. So do they
 * where states of flows have no room for longer intervals. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "app/plan/plan.h"
#include "app/run/handout.h"
#include "app/run/output.h"
#include "base/error.h"

struct retiming {
    int64_t idle_timeout, active_timeout; /* ticks */
    struct handout handout;               /* to the meters and the delivering thread */
};

/* What is under way of one change. */
struct retiming_change {
    struct output *outputs; /* of the run; borrowed, as the next */
    size_t count;
    const struct plan *plan;
    bool is_new; /* the timeouts are other ones */
    int64_t idle_timeout, active_timeout;
};

/* Checks, and prepares in every output, what `next` asks of a run whose timeouts are now those of `now`. Fails with one line;
 * nothing is to be undone then.
 * @thread reload */
int retiming_prepare(struct retiming_change *change, const struct config *now, const struct plan *next,
                     struct error *error);

/* Hands out what was prepared, and waits until every thread has taken it, or *given_up.
 * @thread reload */
void retiming_run(const struct retiming_change *change, struct retiming *retiming,
                  const atomic_bool *given_up);
