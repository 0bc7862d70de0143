/* While the disk takes nothing: records that are only in the buffer are read from there, and those that are done need not
 * be written any more, so that what a receiver takes makes room for others. Holding the lock.
 * @thread the spool's */
#pragma once

#include <stdbool.h>

#include "sink/spool/spool_parts.h"

/* The reader is behind all that is on disk, and the disk takes no more. */
bool from_buffer_is_due(const struct spool_log *log);
/* Fills the next chunk. */
void from_buffer_read(struct spool_log *log);

/* The first records in the buffer are done. */
bool from_buffer_has_done(const struct spool_log *log);
/* Takes these out. The next segment begins behind them, so the cursor that says so has to be on disk before it. */
void from_buffer_forget(struct spool_log *log);
bool from_buffer_needs_cursor(const struct spool_log *log);
