/* What is said of a meter that takes or leaves a step of its overload ladder: one line each. The ladder bounds how often. */
#pragma once

#include "meter/meter.h"

/* @thread meter */
void load_log(unsigned meter, const struct meter_load *load);
