/* The cursor, and the end of segments. Holding the lock, which is let go of around the disk's calls.
 * @thread the spool's */
#pragma once

#include <stdbool.h>

#include "sink/spool/spool_parts.h"

/* Writes what is released, as far as records up to there are on disk. */
void upkeep_cursor(struct spool_log *log);

/* Whether a segment may go: the cursor on disk says that all of it is done. Else a later run would count as damaged what
 * was done or dropped in this one. A dropped segment goes also where the cursor finds no room on the disk. */
bool upkeep_is_due(const struct spool_log *log);
/* Deletes the first such segment; a damaged one is set aside. */
void upkeep_delete(struct spool_log *log);

/* Renames NAME.spool to NAME.damaged, and deletes the oldest of these if there are too many. 0 or -errno. No lock. */
int upkeep_set_aside(const struct spool_disk *disk, const struct folder *folder, uint64_t first);

/* Makes the folder again if it was deleted; segments in it are lost then. */
void upkeep_folder(struct spool_log *log);
