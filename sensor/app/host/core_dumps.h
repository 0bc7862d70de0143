/* Core dumps: there are none, since this process has packets, keys and passwords in memory. */
#pragma once

#include "base/error.h"

/* From here on this process leaves no core dump, also where dumps go to a program (kernel.core_pattern), and no other process
 * of the same user reads its memory or its environment. EX_OSERR with one line if the kernel refuses.
 * @thread main, before anything secret is read */
int core_dumps_forbid(struct error *error);
