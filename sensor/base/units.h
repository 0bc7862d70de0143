/* Sizes and durations as people write them in a configuration: "64MiB", "5s". */
#pragma once

#include <stdint.h>

/* "0", "1500", "64KiB", "1MiB", "2GiB", "1kB", "1MB", "1GB" (and a B alone) to bytes. -EINVAL: not of this
 * form; -ERANGE: too large. */
int units_parse_size(const char *text, uint64_t *bytes);

/* "250us", "10ms", "5s", "2m", "1h", "1d" to microseconds; a bare number has no unit and is refused, except
 * "0". */
int units_parse_duration(const char *text, int64_t *microseconds);
