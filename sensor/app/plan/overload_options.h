/* The overload ladder (meter/overload.h) as the configuration describes it. */
#pragma once

#include <stdbool.h>

#include "app/config/config.h"
#include "base/error.h"
#include "meter/overload.h"

/* All but the key. `applies`: the run is live and in the native profile; else the options are checked, and there are no steps.
 * EX_CONFIG: a step is unknown or named twice, or a step would be left at more than it is taken at. */
int overload_options_make(const struct config *config, bool applies, struct overload_options *options,
                          struct error *error);

/* Whether one of the steps samples. */
bool overload_options_sample(const struct overload_options *options);
