/* Core dumps of a process that has in memory what it must not show. */
#pragma once

#include "base/error.h"

/* From here on this process leaves no core dump, and no other process of the same user reads its memory. EX_OSERR with one
 * line if the kernel refuses.
 * @thread main */
int core_dumps_forbid(struct error *error);
