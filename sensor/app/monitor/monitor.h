/* The health and metrics endpoint: /livez, /readyz, /startupz and /metrics by HTTP, in a thread of its own.
 *
 * It opens before anything else, so that it can say that the process is starting. The numbers come from a snapshot, which
 * the delivering thread makes at its housekeeping if one was asked for; nothing is done while nobody asks. NULL is fine
 * for all calls: a run without the endpoint. */
#pragma once

#include <stdbool.h>

#include "app/monitor/monitored.h"
#include "app/plan/plan.h"
#include "base/error.h"

struct monitor;

/* NULL in *monitor if monitoring.listen is not set. EX_UNAVAILABLE or EX_NOPERM if it can't listen there.
 * @thread main (both) */
int monitor_open(const struct plan *plan, struct monitor **monitor, struct error *error);
void monitor_close(struct monitor *monitor);

/* The run is open. From here on the HTTP thread reads *monitored: a release store of the stage shows it.
 * @thread main */
void monitor_start(struct monitor *monitor, const struct monitored *monitored);

/* The source has ended; what is under way is being delivered.
 * @thread main: one release store */
void monitor_stop(struct monitor *monitor);
