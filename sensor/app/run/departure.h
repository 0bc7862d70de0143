/* How an output goes while the run goes on (roster.h): as at the end of a run, in a thread of its own. It gets the records
 * that were made for it, then delivery.shutdown_timeout to have them acknowledged, and the rest goes to its spool, where the
 * next output of its name finds it. Its counters stay. */
#pragma once

#include "app/host/failure.h"
#include "app/run/output.h"

/* Takes the next step, if it can be taken, with an output that is OUTPUT_LEAVING or OUTPUT_CLOSING; else does nothing.
 * @thread deliver */
void departure_poll(struct output *output, struct failure *failure);

/* Waits for its end, if it is OUTPUT_CLOSING.
 * @thread deliver, at the end of a run */
void departure_end(struct output *output);
