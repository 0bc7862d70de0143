/* What keeps (flow_uid, slice) unique where flows of one key begin at one time: a flow that began and ended in the
 * present tick is remembered until time goes on, and the next flow of its key takes up its uid with the next slice. The
 * memory is exact and bounded: when it is full it is emptied, and a new series begins, whose number goes into the uids
 * until time goes on.
 * @thread meter */
#pragma once

#include <stdint.h>

#include "meter/flow.h"

struct ended;

struct ended *ended_create(void); /* NULL: no memory */
void ended_destroy(struct ended *ended);
uint64_t ended_memory_for(void); /* bytes */

/* `flow` has ended, at `time`, the latest of the meter's. */
void ended_remember(struct ended *ended, const struct flow *flow, int64_t time);

/* Sets slice and uid_series of a new flow, whose key, hash and uid_time (the latest of the meter's times) are set. */
void ended_number(struct ended *ended, struct flow *flow);

/* As ended_number(), of the flow that follows `last` at once: so nothing needs to be remembered of the commonest
 * case. */
void ended_number_after(struct ended *ended, struct flow *flow, const struct flow *last);

/* Times begin anew, and those of before may come again: they get uids of their own. */
void ended_begin_recording(struct ended *ended);
