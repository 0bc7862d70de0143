#include "base/ring.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "base/check.h"

enum {
    CACHE_LINE = 64,
    ALIGNMENT = 8,
    CAPACITY_MIN = 4096,
    SLEEP_MICROSECONDS = 50000, /* no wake-up is lost; this bounds what a mistake would cost */
    RING_MAGIC = 0x51bead07,
};

/* What stands before each record. */
struct ring_header {
    uint32_t size;   /* of the record */
    uint32_t length; /* from this header to the next one */
};

/* `size` of a header that only leads to the start of the ring. */
#define SKIP UINT32_MAX

/* head and tail only grow; the place in the ring is their remainder by the capacity. Each thread caches the other's index,
 * and loads it again only when the cached one does not suffice: so the two rarely share a cache line. */
struct ring {
    uint32_t magic;
    unsigned char *bytes;
    size_t capacity;
    struct gate *filled;

    _Alignas(CACHE_LINE) _Atomic size_t head; /* written by the producer: behind the newest record */
    size_t seen_tail;
    size_t reserved; /* behind the record that is being filled */
    _Atomic bool closed;

    _Alignas(CACHE_LINE) _Atomic size_t tail; /* written by the consumer: of the oldest record */
    size_t seen_head;

    _Alignas(CACHE_LINE) struct gate emptied;
};

struct ring *ring_create(size_t capacity, struct gate *filled) {
    CHECK(filled != NULL);
    size_t rounded = CAPACITY_MIN;
    while (rounded < capacity)
        rounded *= 2;
    struct ring *ring = aligned_alloc(CACHE_LINE, sizeof *ring);
    unsigned char *bytes = aligned_alloc(CACHE_LINE, rounded);
    if (ring == NULL || bytes == NULL) {
        free(bytes);
        free(ring);
        return NULL;
    }
    *ring = (struct ring){.magic = RING_MAGIC, .bytes = bytes, .capacity = rounded, .filled = filled};
    return ring;
}

void ring_destroy(struct ring *ring) {
    if (ring == NULL)
        return;
    CHECK(IS_VALID(ring, RING_MAGIC));
    MAGIC_CLEAR(ring);
    free(ring->bytes);
    free(ring);
}

size_t ring_record_max(const struct ring *ring) {
    return ring->capacity / 2 - sizeof(struct ring_header) - ALIGNMENT;
}

static struct ring_header *ring_header_at(const struct ring *ring, size_t position) {
    return (struct ring_header *)(void *)(ring->bytes + (position & (ring->capacity - 1)));
}

/* Whether `length` bytes are free from `position` on. */
static bool ring_has_room(struct ring *ring, size_t position, size_t length) {
    if (position + length - ring->seen_tail <= ring->capacity)
        return true;
    ring->seen_tail = atomic_load(&ring->tail);
    return position + length - ring->seen_tail <= ring->capacity;
}

void *ring_reserve(struct ring *ring, size_t size) {
    DEBUG_CHECK(IS_VALID(ring, RING_MAGIC));
    DEBUG_CHECK(size <= ring_record_max(ring));
    size_t length = (sizeof(struct ring_header) + size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    size_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);
    size_t to_end = ring->capacity - (head & (ring->capacity - 1));
    size_t skipped = length > to_end ? to_end : 0;
    if (!ring_has_room(ring, head, skipped + length))
        return NULL;
    if (skipped > 0)
        *ring_header_at(ring, head) = (struct ring_header){.size = SKIP, .length = (uint32_t)skipped};
    struct ring_header *header = ring_header_at(ring, head + skipped);
    *header = (struct ring_header){.size = (uint32_t)size, .length = (uint32_t)length};
    ring->reserved = head + skipped + length;
    return header + 1;
}

void *ring_wait(struct ring *ring, size_t size) {
    void *record = ring_reserve(ring, size);
    while (record == NULL) {
        uint32_t turn;
        gate_enter(&ring->emptied, &turn);
        record = ring_reserve(ring, size);
        if (record == NULL)
            gate_sleep(&ring->emptied, turn, SLEEP_MICROSECONDS);
        gate_leave(&ring->emptied);
    }
    return record;
}

/* Loads the consumer's tail only when the cached one says that a quarter is filled. */
void ring_commit(struct ring *ring) {
    DEBUG_CHECK(ring->reserved != atomic_load_explicit(&ring->head, memory_order_relaxed));
    atomic_store(&ring->head, ring->reserved);
    if (ring->reserved - ring->seen_tail < ring->capacity / 4)
        return;
    ring->seen_tail = atomic_load(&ring->tail);
    if (ring->reserved - ring->seen_tail >= ring->capacity / 4)
        gate_open(ring->filled);
}

unsigned ring_percent_filled(const struct ring *ring) {
    /* The tail is loaded first: what the consumer takes in between makes the result too high, never negative. */
    size_t tail = atomic_load(&ring->tail);
    size_t filled = atomic_load(&ring->head) - tail;
    return filled < ring->capacity ? (unsigned)(filled * 100 / ring->capacity) : 100;
}

void ring_close(struct ring *ring) {
    atomic_store(&ring->closed, true);
    gate_open(ring->filled);
}

const void *ring_peek(struct ring *ring, size_t *size) {
    for (;;) {
        size_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);
        if (tail == ring->seen_head)
            ring->seen_head = atomic_load(&ring->head);
        if (tail == ring->seen_head)
            return NULL;
        const struct ring_header *header = ring_header_at(ring, tail);
        if (header->size != SKIP) {
            *size = header->size;
            return header + 1;
        }
        ring_release(ring);
    }
}

void ring_release(struct ring *ring) {
    size_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);
    DEBUG_CHECK(tail != ring->seen_head); /* ring_peek() has seen a record */
    tail += ring_header_at(ring, tail)->length;
    atomic_store(&ring->tail, tail);
    if (ring->seen_head - tail <= ring->capacity / 2)
        gate_open(&ring->emptied);
}

bool ring_is_finished(struct ring *ring) {
    size_t size;
    /* `closed` is loaded first, so that a record from before the close is seen. */
    return atomic_load(&ring->closed) && ring_peek(ring, &size) == NULL;
}
