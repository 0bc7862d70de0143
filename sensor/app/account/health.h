/* The health of a run: whether its loops move and its outputs can go on. The loops store these values. Probes and metrics
 * load them, in the HTTP thread (`monitor`). Nobody waits: no value depends on another, so relaxed order is enough. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "app/account/heartbeat.h"
#include "app/plan/plan.h"

/* One output's. The delivering thread stores all of it. */
struct output_health {
    const struct output_plan *_Atomic plan; /* what the output is; NULL: there is none (yet) */
    _Atomic bool gone;                      /* it was closed while the run goes on */
    _Atomic bool failed;         /* the sink can't go on; records are counted, and encoded no more */
    _Atomic bool unopened;       /* SIGHUP changed it, and it can't be opened yet; its records wait */
    _Atomic bool mismatch;       /* the registry has another id: records wait, or, of captures, go nowhere */
    _Atomic bool schema_cached;  /* the schema's id is from the cache; the registry has not answered yet */
    _Atomic bool schema_unknown; /* records wait until the registry tells the schema's id */
    /* Since when records have waited for the receiver (monotonic clock), at the last look; 0: they flow. No reason to be
     * unready. */
    _Atomic int64_t waiting_since;
    _Atomic uint64_t spooled; /* records in the spool, at the last look */
};

/* What the output is; NULL: there is none, or it is gone. */
static inline const struct output_plan *health_of_output(const struct output_health *health) {
    return atomic_load_explicit(&health->gone, memory_order_relaxed)
               ? NULL
               : atomic_load_explicit(&health->plan, memory_order_acquire);
}

/* Where the parts are. All are borrowed from the run. */
struct health {
    const struct heartbeat *captures[PLAN_METERS_MAX]; /* files: one; live: of each meter */
    size_t capture_count;
    const struct heartbeat *delivery;
    const struct output_health *outputs[CONFIG_OUTPUTS_MAX];
    size_t output_count;
};
