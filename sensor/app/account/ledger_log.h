/* The ledger as log lines, at the end of a run. */
#pragma once

#include "app/account/snapshot.h"

/* Packets, flows, then each output; `seconds` that the run took.
 * @thread main, after the others have ended */
void ledger_log(const struct snapshot *snapshot, double seconds);
