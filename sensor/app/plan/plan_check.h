#pragma once

#include "app/plan/plan.h"
#include "base/error.h"

/* What only a run asks of a plan, and not a command that prints schemas: performance reports need a live source, and
 * outputs for them or for heartbeats that these are on (EX_CONFIG), labels the nDPI that this was built with (EX_OSFILE). */
int plan_check_run(const struct plan *plan, struct error *error);

/* What of an output's sink can be wrong, as far as that is seen without opening it. Fails as opening it would. */
int plan_check_output(const struct plan *plan, const struct output_plan *output, struct error *error);

/* The plan of a run: the configuration judged, the schemas bound, and what a run asks. Fails as these do; plan_release()
 * follows also then. */
int plan_make_run(const struct config *config, struct plan *plan, struct error *error);
