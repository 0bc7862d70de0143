/* The health and metrics endpoint: /livez, /readyz, /startupz and /metrics by HTTP, in a thread of its own.
 *
 * It opens before anything else, so that it tells that the process is starting. The numbers come from a snapshot that the
 * delivering thread makes at its housekeeping when one was asked for; nothing is done while nobody asks. All calls take
 * NULL, which is a run without the endpoint, and are for the thread that opened it. */
#pragma once

#include <stdbool.h>

#include "app/account/snapshot.h"
#include "app/plan/plan.h"
#include "base/error.h"

struct monitor;
struct pipeline;

/* NULL in *monitor if monitoring.listen is not set. EX_UNAVAILABLE or EX_NOPERM if it can't listen there. */
int monitor_open(const struct plan *plan, struct monitor **monitor, struct error *error);
void monitor_close(struct monitor *monitor);

/* The pipeline is open and stays so until monitor_close(). -ENOMEM with the line. */
int monitor_start(struct monitor *monitor, const struct pipeline *pipeline, struct error *error);

/* The source has ended; what is under way is being delivered. */
void monitor_stop(struct monitor *monitor);

/* Whether a snapshot is asked for: then monitor_room() is to be filled and given. Cheap. */
bool monitor_is_asked(const struct monitor *monitor);
struct snapshot *monitor_room(struct monitor *monitor);
void monitor_give(struct monitor *monitor);
