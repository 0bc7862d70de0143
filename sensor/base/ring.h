/* Records of any size on their way from one thread to another: a ring of bytes with one producer and one consumer, who
 * share no lock and copy nothing in between. A record lies in one piece and is aligned to 8 bytes.
 *
 * Producer: ring_reserve(), fill, ring_commit(). Consumer: ring_peek(), use, ring_release().
 *
 * A side that sleeps is not woken for each record, which would cost more than the record: the consumer when a quarter of
 * the ring is filled, the producer when half of it is empty. So who finds the ring empty sleeps for a moment only (some
 * milliseconds), and looks again. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/gate.h"

struct ring;

/* `capacity` in bytes, rounded up to a power of two. `filled` (not NULL, borrowed) is opened when a quarter is
 * filled and when the ring is closed: a consumer can sleep at one gate for several rings. NULL: no memory. */
struct ring *ring_create(size_t capacity, struct gate *filled);
void ring_destroy(struct ring *ring);

/* Largest record that fits for certain: half the capacity, less a few bytes. */
size_t ring_record_max(const struct ring *ring);

/* Producer. Room for a record of `size` bytes (at most ring_record_max()), or NULL while there is none. */
void *ring_reserve(struct ring *ring, size_t size);
/* The same, but sleeps until there is room: only with a consumer that never stops. */
void *ring_wait(struct ring *ring, size_t size);
/* Hands over what was reserved. */
void ring_commit(struct ring *ring);
/* Either side: how much is filled, in percent. */
unsigned ring_percent_filled(const struct ring *ring);
/* No more records come. */
void ring_close(struct ring *ring);

/* Consumer. The oldest record, or NULL while there is none. */
const void *ring_peek(struct ring *ring, size_t *size);
/* Gives back what ring_peek() returned. */
void ring_release(struct ring *ring);
/* Whether the producer has closed the ring and all is read. */
bool ring_is_finished(struct ring *ring);
