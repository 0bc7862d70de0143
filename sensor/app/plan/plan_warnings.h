/* Warnings: what a plan does that may surprise the author of the configuration, though the configuration is not wrong. */
#pragma once

#include "app/plan/plan.h"

/* One log line at level warning for each. To be called once a run is open, so that a start that fails says only why.
 * @thread main */
void plan_warn(const struct plan *plan);
