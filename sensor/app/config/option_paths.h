/* Looking up option rows by path; shared by the readers of the configuration. */
#pragma once

#include "app/config/option.h"

/* "meter.idle_timeout" or, for any output, "outputs.topic"; NULL if there is none. */
const struct option_row *config_find_row(const char *path);

/* The path that was probably meant; NULL if none is similar. */
const char *config_nearest_path(const char *path);
