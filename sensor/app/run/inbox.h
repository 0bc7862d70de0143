/* Packets on their way from the worker that reads files to the one that meters them, which may be the same: an SPSC ring
 * (base/ring.h) of decoded packets. Their bytes stay in the capture's window (capture/window.h), which the inbox holds until
 * the meter is past them; bytes that lie elsewhere are copied. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/cache_line.h"
#include "base/ring.h"
#include "capture/window.h"
#include "decode/walk/packet.h"

struct inbox {
    _Alignas(CACHE_LINE) struct ring *ring;
    struct gate *filled;                         /* borrowed */
    struct window *put;                          /* read: the window of the newest entry */
    _Alignas(CACHE_LINE) struct window *reached; /* meter: the window of the entry that was looked at last */
};

/* `filled` is opened as ring_create() says. NULL: no memory.
 * @thread any, before both sides begin */
struct inbox *inbox_create(size_t bytes, struct gate *filled);
/* NULL is fine.
 * @thread any, after both sides have ended */
void inbox_destroy(struct inbox *inbox);

/* Each of these waits for room. In its own inbox a worker would wait for itself: so who reads makes sure of room before.
 * Packets are handed over some at a time, at the latest with the next of the others.
 * `hash`: shard_hash(). `window`: where the frame's bytes lie; NULL: they don't stay.
 * @thread read */
void inbox_put(struct inbox *inbox, const struct packet *packet, uint32_t hash, struct window *window);
/* What follows is a recording of its own.
 * @thread read */
void inbox_put_begin(struct inbox *inbox);
/* Time went on to `time` (ticks); the worker is woken. Once it has this entry, the inbox holds no window: so an inbox that gets
 * no packets must get a time now and then.
 * @thread read */
void inbox_put_time(struct inbox *inbox, int64_t time);

/* Hands over the packets so far, and wakes the worker.
 * @thread read */
void inbox_hand_over(struct inbox *inbox);

enum inbox_content { INBOX_EMPTY, INBOX_PACKET, INBOX_TIME, INBOX_BEGIN };

/* Looks at the oldest entry. *packet is borrowed until ring_release(); of INBOX_TIME only its time is set. NULL with
 * INBOX_EMPTY.
 * @thread meter */
enum inbox_content inbox_peek(struct inbox *inbox, const struct packet **packet);
/* What was put with a packet that inbox_peek() gave.
 * @thread meter */
uint32_t inbox_hash(const struct packet *packet);
