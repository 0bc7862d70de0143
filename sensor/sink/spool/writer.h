/* From the buffer to the segments. All hold the lock when they are called, and let go of it around the disk's calls.
 * @thread the spool's */
#pragma once

#include <stdbool.h>

#include "sink/spool/spool_parts.h"

/* Writes what is in the buffer, into as many segments as it takes. False: the disk failed; that is noted. */
bool writer_write(struct spool_log *log);
/* Syncs what was written. */
bool writer_commit(struct spool_log *log);
/* Closes the segment that is written, which must be synced: the next record begins another. */
void writer_finish(struct spool_log *log);

/* Gives the segment that is written up. Its end is behind what was synced; what came after that is written again, to
 * another. `lost`: nothing of it can be read. */
void writer_abandon(struct spool_log *log, bool lost);
