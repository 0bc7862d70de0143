/* Packets on their way from the thread that reads files to a worker: copies, in an SPSC ring (base/ring.h). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/ring.h"
#include "decode/walk/packet.h"

/* Each of these waits for room. A packet's captured bytes are copied from the IP header on. Packets are handed over some at
 * a time, at the latest with the next of the others.
 * @thread read */
void inbox_put(struct ring *ring, const struct packet *packet);
/* What follows is a recording of its own.
 * @thread read */
void inbox_put_begin(struct ring *ring);
/* Time went on to `time` (ticks).
 * @thread read */
void inbox_put_time(struct ring *ring, int64_t time);

enum inbox_content { INBOX_EMPTY, INBOX_PACKET, INBOX_TIME, INBOX_BEGIN };

/* Looks at the oldest entry. *packet is borrowed until ring_release(); of INBOX_TIME only its time is set. NULL with
 * INBOX_EMPTY.
 * @thread meter */
enum inbox_content inbox_peek(struct ring *ring, const struct packet **packet);
