/* What an earlier run left in the folder. */
#pragma once

#include "base/error.h"
#include "sink/spool/spool_parts.h"

/* Reads the cursor, the headers and the newest segment, cuts what a crash tore, and begins the counters. `log` has its
 * folder, and no thread yet. 0, or -errno: no memory, or the folder can't be listed.
 * @thread main */
int recovery_read(struct spool_log *log, struct error *error);
