/* From the segments to the caller: the thread fills one chunk while the caller reads the other. Holding the lock, which
 * is let go of around the disk's calls.
 * @thread the spool's */
#pragma once

#include "sink/spool/spool_parts.h"

/* The chunk that is to be filled next; NULL: both are full. */
struct chunk *read_ahead_chunk(struct spool_log *log);

/* Fills it from where the reader is, or moves on over what can't be read. */
void read_ahead(struct spool_log *log);
