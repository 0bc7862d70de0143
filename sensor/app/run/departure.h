/* How an output goes while the run goes on (roster.h): as at the end of a run, in a thread of its own. It gets the records
 * that were made for it, then delivery.shutdown_timeout to have them acknowledged, and the rest goes to its spool, where the
 * next output of its name finds it. Its counters stay.
 *
 * One that becomes another (output_change.h) goes likewise, and what it becomes is opened by the same thread. If that can't be
 * opened, that is tried again, first after a second, then less and less often, each minute at least. The log says why once,
 * and again when the reason is another one. */
#pragma once

#include "app/host/failure.h"
#include "app/run/output.h"

/* Nobody makes records of it any more. Else than in a change, it goes for good.
 * @thread deliver, which has the output */
void departure_begin(struct output *output);

/* Takes the next step, if it can be taken, with an output that is OUTPUT_LEAVING, OUTPUT_CLOSING or OUTPUT_WAITING; else does
 * nothing.
 * @thread deliver */
void departure_poll(struct output *output, struct failure *failure);

/* What can't be opened is tried at once, and then as often as at first: the configuration was read again.
 * @thread deliver */
void departure_try_now(struct output *output);

/* Waits for its end, if it is OUTPUT_CLOSING. A change is completed, if it can be, and what waited is handed over or counted.
 * @thread deliver, or who has the output, at the end of a run */
void departure_end(struct output *output, struct failure *failure);
