/* Packets that network cards dropped, as the kernel counts them for each interface (rx_missed_errors and rx_fifo_errors of
 * /sys/class/net/NAME/statistics). Virtual interfaces have none and are not asked. */
#pragma once

#include <stdint.h>

#include "capture/capture.h"
#include "capture/live/interface_table.h"

struct card_drops;

/* NULL: no memory.
 * @thread any: it becomes the owner */
struct card_drops *card_drops_create(void);
void card_drops_destroy(struct card_drops *drops); /* NULL is fine */

/* From now on its drops count; nothing happens for one that is virtual, or known.
 * @thread the owner */
void card_drops_add(struct card_drops *drops, const struct interface *interface);
/* What it had dropped by the last look stays in the sum.
 * @thread the owner */
void card_drops_remove(struct card_drops *drops, uint32_t index);
/* Reads the counters: two small files for each card.
 * @thread the owner */
void card_drops_look(struct card_drops *drops);

/* Of all cards since each was added, by the last look.
 * @thread any */
uint64_t card_drops_sum(struct card_drops *drops);
/* Tells each card that is there, under a lock: the call must be short.
 * @thread any */
void card_drops_tell(struct card_drops *drops, capture_card_visit *visit, void *context);
