/* When the open slices of a meter began: how many did in each stretch of time. So the oldest one's beginning is known to
 * within a stretch, though flows are kept by their last use. Each slice costs an addition at its begin and one at its end.
 * @thread meter */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct open_slices;

/* `stretch` in ticks. NULL: no memory. */
struct open_slices *open_slices_create(int64_t stretch);
void open_slices_destroy(struct open_slices *slices); /* NULL is fine */
uint64_t open_slices_memory(void);                    /* bytes */

/* A slice whose first packet has this time is open now, or no more. */
void open_slices_begin(struct open_slices *slices, int64_t first_seen);
void open_slices_end(struct open_slices *slices, int64_t first_seen);

/* No open slice began before *time, and one began less than a stretch after it; if that is further back than the stretches
 * reach (OPEN_SLICES_REACH of them), it may have ended since. False: none is open. */
bool open_slices_oldest(const struct open_slices *slices, int64_t *time);

enum { OPEN_SLICES_REACH = 4096 };
