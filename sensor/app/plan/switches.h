/* What is computed of each flow: the groups that the outputs' schemas ask for, as far as the switches let them. */
#pragma once

#include "app/plan/plan.h"
#include "base/error.h"

/* Sets what of plan->meter, plan->identity and plan->decode switches decide, and plan->groups. `asked`: groups of which some
 * output's schema has a field, 1 << enum field_group of each. A switch that is not set follows them. EX_CONFIG with one
 * line: something is switched on that no schema asks for.
 * @thread main */
int switches_make(struct plan *plan, unsigned asked, struct error *error);
