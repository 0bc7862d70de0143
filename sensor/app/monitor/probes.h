/* What /livez, /readyz and /startupz say: one line for each thing that has to hold. These run in the HTTP thread
 * (`monitor`). They load the health's atomics, and ask the loops for nothing. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "app/account/health.h"
#include "app/plan/plan.h"

/* Where the process is in its life. */
enum stage { STAGE_STARTING, STAGE_RUNNING, STAGE_STOPPING };

/* How long a loop may stand still, in microseconds. Live it moves ten times a second. */
enum { PROBES_LIMIT = 10 * 1000000 };

/* Each writes its lines and tells whether all is well (200, else 503). The health is looked at from STAGE_RUNNING on.
 * `now`: monotonic clock. */

/* Every loop moved within the limit. While the run starts or stops this is assumed: start and stop have limits of their
 * own. */
bool probe_live(const struct health *health, enum stage stage, int64_t now, FILE *stream);

/* Capturing: every loop moved within the limit. What an output lacks is no reason, be it a broker that is away, a full disk, a
 * schema that the registry contradicts, or that it failed for good. It is told: "delivery degraded", why or since when, and how
 * many records are in the spool. */
bool probe_ready(const struct health *health, enum stage stage, int64_t now, FILE *stream);

/* Everything is open. */
bool probe_started(enum stage stage, FILE *stream);
