/* A lock-free SPSC ring: records of any size on their way from one thread (the producer) to another (the consumer). They
 * share no lock, and nothing is copied in between. A record lies in one piece and is aligned to 8 bytes.
 *
 * Producer: ring_reserve(), fill, ring_commit(). Consumer: ring_peek(), use, ring_release(). The producer publishes a record
 * by storing the head, the consumer frees its room by storing the tail; both are sequentially consistent, as the gates
 * (eventcounts) need it. Which threads these are is the owner's to say: of an inbox `read` produces and `meter` consumes,
 * of an outbox `meter` produces and `deliver` consumes.
 *
 * A side that sleeps is not woken for each record, which would cost more than the record: the consumer when a quarter of
 * the ring is filled, the producer when half of it is empty. So a consumer that finds the ring empty should sleep for some
 * milliseconds at most, and look again. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/gate.h"

struct ring;

/* `capacity` in bytes, rounded up to a power of two. `filled` (not NULL, borrowed) is opened when a quarter is
 * filled and when the ring is closed: a consumer can sleep at one gate for several rings. NULL: no memory.
 * @thread any, before both sides begin */
struct ring *ring_create(size_t capacity, struct gate *filled);
/* @thread any, after both sides have ended */
void ring_destroy(struct ring *ring);

/* Largest record that fits for certain: half the capacity, less a few bytes.
 * @thread any */
size_t ring_record_max(const struct ring *ring);

/* Room for a record of `size` bytes, or NULL while there is none. A size above ring_record_max() is a programmer's error.
 * @thread the producer */
void *ring_reserve(struct ring *ring, size_t size);
/* The same, but sleeps until there is room: only with a consumer that never stops.
 * @thread the producer */
void *ring_wait(struct ring *ring, size_t size);
/* What was reserved is complete. It is handed over with others, which costs less: once a 256th of the ring is to be handed
 * over, or with ring_publish(), ring_commit(), ring_close() or a ring_wait() that sleeps.
 * @thread the producer */
void ring_add(struct ring *ring);
/* Hands over all that was added.
 * @thread the producer */
void ring_publish(struct ring *ring);
/* Both at once.
 * @thread the producer */
void ring_commit(struct ring *ring);
/* Whether half of it is filled. It costs less than ring_percent_filled(), for it mostly needs no look at the consumer's tail.
 * @thread the producer */
bool ring_is_half_full(struct ring *ring);
/* How much is filled, in percent. It may be out of date when it returns.
 * @thread any */
unsigned ring_percent_filled(const struct ring *ring);
/* No more records come.
 * @thread the producer */
void ring_close(struct ring *ring);

/* The oldest record, or NULL while there is none.
 * @thread the consumer */
const void *ring_peek(struct ring *ring, size_t *size);
/* Gives back what ring_peek() returned. The producer learns of it once a 256th of the ring is free, or ring_peek() finds
 * nothing: so a consumer must go on to peek.
 * @thread the consumer */
void ring_release(struct ring *ring);
/* Whether the producer has closed the ring and all is read.
 * @thread the consumer */
bool ring_is_finished(struct ring *ring);
