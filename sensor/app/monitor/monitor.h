/* The health and metrics endpoint: /livez, /readyz, /startupz and /metrics by HTTP, in a thread of its own.
 *
 * It opens before anything else, so that it tells that the process is starting. The numbers come from a snapshot that the
 * delivering thread makes at its housekeeping when one was asked for; nothing is done while nobody asks. All calls take
 * NULL, which is a run without the endpoint, and are for the thread that opened it. */
#pragma once

#include <stdbool.h>

#include "app/monitor/monitored.h"
#include "app/plan/plan.h"
#include "base/error.h"

struct monitor;

/* NULL in *monitor if monitoring.listen is not set. EX_UNAVAILABLE or EX_NOPERM if it can't listen there. */
int monitor_open(const struct plan *plan, struct monitor **monitor, struct error *error);
void monitor_close(struct monitor *monitor);

/* The run is open. */
void monitor_start(struct monitor *monitor, const struct monitored *monitored);

/* The source has ended; what is under way is being delivered. */
void monitor_stop(struct monitor *monitor);
