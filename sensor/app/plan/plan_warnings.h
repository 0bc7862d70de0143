/* Warnings: what a plan does that may surprise who wrote the configuration, though it is no fault of it. */
#pragma once

#include "app/plan/plan.h"

/* One log line at level warning for each. Once a run is open, so that a start that fails says only why. */
void plan_warn(const struct plan *plan);
