/* Whether a run was killed in the middle of a write: how the file that it left ends. Any thread; opens and closes the file. */
#pragma once

#include <stdbool.h>

/* An Avro container that doesn't end with its marker, or CSV or JSON lines (by the path's ending, uncompressed) that don't
 * end with a line. False for all others, and for what can't be read. */
bool file_tail_is_torn(const char *path);
