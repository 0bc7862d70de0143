/* What a start would find wrong, found without a network, a packet or a file that is changed: `flowsensor
 * --check-config`. */
#pragma once

#include "app/plan/plan.h"
#include "base/error.h"

/* Of a plan that was made: the filter, each output's place and properties, the registry's address and files, the
 * topics' options. EX_CONFIG, whatever a run would say of the same fault. */
int preflight(const struct plan *plan, struct error *error);
