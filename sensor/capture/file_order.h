/* The order in which captures are read. */
#pragma once

#include <stddef.h>

#include "base/error.h"
#include "capture/reader.h"

/* Sorts captures by the time of their first packets; those without a packet, and those that can't be read, come first.
 * Equal ones keep their order. `reader` is used, and closed again. EX_USAGE: one of several captures can be
 * read only once (a pipe). */
int file_order(const char **names, size_t count, struct reader *reader, struct error *error);
