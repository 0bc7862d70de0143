/* Keeps (flow_uid, slice) unique if several flows of one key begin at the same time. A flow that began and ended in the
 * present tick is remembered until time goes on. The next flow of its key in that tick gets the same uid and the next
 * slice. The memory is bounded: when it is full it is emptied, and a new series begins. The series' number is part of the
 * uids until time goes on.
 * @thread meter */
#pragma once

#include <stdint.h>

#include "meter/flow.h"

struct ended;

struct ended *ended_create(void); /* NULL: no memory */
void ended_destroy(struct ended *ended);
uint64_t ended_memory_for(void); /* bytes */

/* `flow` has ended at `time`, which is the meter's latest time. */
void ended_remember(struct ended *ended, const struct flow *flow, int64_t time);

/* Sets slice and uid_series of a new flow. Its key, hash and uid_time (the meter's latest time) are set before. */
void ended_number(struct ended *ended, struct flow *flow);

/* As ended_number(), for a flow that follows `last` at once. In this most common case nothing needs to be remembered. */
void ended_number_after(struct ended *ended, struct flow *flow, const struct flow *last);

/* Times begin anew, and times of the recording before may come again. Flows of that time get other uids. */
void ended_begin_recording(struct ended *ended);
