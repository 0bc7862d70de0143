/* The name a person probably meant, for "unknown X; did you mean Y?". */
#pragma once

#include <stddef.h>

/* Of `count` names the one with the least edit distance to `given` (letter case ignored, swapped neighbours
 * count once); NULL if none is near (more than a third of the letters differ). `names` is read with a stride
 * of `stride` bytes, so that a column of a table can be passed. */
const char *nearest_name(const char *given, const char *const *names, size_t count, size_t stride);
