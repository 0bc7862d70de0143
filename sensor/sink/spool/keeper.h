/* The spool's thread: what it does next, and when. */
#pragma once

#include "sink/spool/spool_parts.h"

/* The thread's function; `context` is the log. It ends once `stopping` is set and there is nothing left that the disk
 * takes.
 * @thread the spool's */
void *keeper_run(void *context);
