/* Sizes and durations as people write them: "64MiB", "64 M", "1.5s", "2 min 30 s".
 *
 * A number has digits and perhaps a fraction, and a unit after it, in any letter case, with or without blanks between.
 * Several such parts add up. What can't be told exactly (half a byte, less than a microsecond) is refused, not rounded.
 *
 * Failure: -EINVAL or -ERANGE, and in `reason` (may be NULL) a text without object that says what is wrong and what to
 * write; the value is left alone. */
#pragma once

#include <stdint.h>

#include "base/error.h"

/* Bytes. B, kB, MB, GB, TB are powers of 1000; KiB, MiB, GiB, TiB of 1024, and so are K, M, G, T alone and Ki, Mi, Gi,
 * Ti. A bare number is bytes. */
int units_parse_size(const char *text, uint64_t *bytes, struct error *reason);

/* Microseconds. us, ms, s, m, h, d or their words (sec, seconds, min, hours ...). A bare number has no unit and is
 * refused, except "0". */
int units_parse_duration(const char *text, int64_t *microseconds, struct error *reason);

enum { UNITS_TEXT_SIZE = 32 };

/* The shortest whole number with a unit, as the functions above take it back: "90s", "1536KiB". */
void units_print_size(int64_t bytes, char text[UNITS_TEXT_SIZE]);
/* About as much, to be read by people: "4 KiB", "1.5 GiB". */
void units_print_about(uint64_t bytes, char text[UNITS_TEXT_SIZE]);
void units_print_duration(int64_t microseconds, char text[UNITS_TEXT_SIZE]);
