/* What the spool's thread does about a disk that fails: it notes the failure, says so once, and tries again later. */
#pragma once

#include <stdbool.h>

#include "sink/spool/spool_parts.h"

/* A call for that job failed: `what` ("write to"), `name` of the file, -errno. Holding the lock, which is let go of while
 * the line is logged.
 * @thread the spool's */
void disk_failure_note(struct spool_log *log, enum spool_job job, const char *what, const char *name,
                       int result);
/* That job was done. Holding the lock, which may be let go of.
 * @thread the spool's */
void failure_end(struct spool_log *log, enum spool_job job);
