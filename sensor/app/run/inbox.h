/* Packets on their way from the thread that reads files to the threads that meter: copies, in a ring. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/ring.h"
#include "decode/walk/packet.h"

/* The reader's side; both wait for room. A packet's captured bytes are copied from the IP header on. */
void inbox_put(struct ring *ring, const struct packet *packet);
/* What follows is a recording of its own. */
void inbox_put_begin(struct ring *ring);
/* Time went on to `time` (ticks). */
void inbox_put_time(struct ring *ring, int64_t time);

enum inbox_content { INBOX_EMPTY, INBOX_PACKET, INBOX_TIME, INBOX_BEGIN };

/* The meter's side: looks at the oldest entry; *packet borrows its bytes, and of INBOX_TIME only packet->time is set.
 * ring_release() ends the loan. */
enum inbox_content inbox_peek(struct ring *ring, struct packet *packet);
