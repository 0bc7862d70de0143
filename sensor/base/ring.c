#include "base/ring.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "base/cache_line.h"
#include "base/check.h"

enum {
    ALIGNMENT = 8,
    CAPACITY_MIN = 4096,
    /* A side tells the other how far it is once it has gone on by such a part of the ring: that costs a stall until all
     * its stores are done. */
    STEPS = 256,
    PREFETCH_BYTES = 3 * CACHE_LINE,
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

/* Positions only grow; the place in the ring is their remainder by the capacity. Each thread caches the other's, and loads
 * it again only when the cached one does not suffice: so the two rarely share a cache line. */
struct ring {
    uint32_t magic;
    unsigned char *bytes;
    size_t capacity;
    struct gate *filled;

    _Alignas(
        CACHE_LINE) _Atomic size_t head; /* written by the producer: behind the newest record handed over */
    size_t seen_tail;
    size_t added;    /* behind the newest complete record */
    size_t reserved; /* behind the record that is being filled */
    _Atomic bool closed;

    _Alignas(CACHE_LINE) _Atomic size_t tail; /* written by the consumer: from here on room is not free */
    size_t next;                              /* of the oldest record that is not released */
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
    size_t position = ring->added;
    size_t to_end = ring->capacity - (position & (ring->capacity - 1));
    size_t skipped = length > to_end ? to_end : 0;
    if (!ring_has_room(ring, position, skipped + length))
        return NULL;
    if (skipped > 0)
        *ring_header_at(ring, position) = (struct ring_header){.size = SKIP, .length = (uint32_t)skipped};
    struct ring_header *header = ring_header_at(ring, position + skipped);
    *header = (struct ring_header){.size = (uint32_t)size, .length = (uint32_t)length};
    ring->reserved = position + skipped + length;
    return header + 1;
}

/* Loads the consumer's tail only when the cached one says that a quarter is filled. */
void ring_publish(struct ring *ring) {
    atomic_store(&ring->head, ring->added);
    if (ring->added - ring->seen_tail < ring->capacity / 4)
        return;
    ring->seen_tail = atomic_load(&ring->tail);
    if (ring->added - ring->seen_tail >= ring->capacity / 4)
        gate_open(ring->filled);
}

void ring_add(struct ring *ring) {
    DEBUG_CHECK(ring->reserved != ring->added);
    ring->added = ring->reserved;
    if (ring->added - atomic_load_explicit(&ring->head, memory_order_relaxed) >= ring->capacity / STEPS)
        ring_publish(ring);
}

void ring_commit(struct ring *ring) {
    DEBUG_CHECK(ring->reserved != ring->added);
    ring->added = ring->reserved;
    ring_publish(ring);
}

void *ring_wait(struct ring *ring, size_t size) {
    void *record = ring_reserve(ring, size);
    if (record == NULL)
        ring_publish(ring);
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

bool ring_is_half_full(struct ring *ring) {
    return !ring_has_room(ring, ring->added, ring->capacity / 2);
}

unsigned ring_percent_filled(const struct ring *ring) {
    /* The tail is loaded first: what the consumer takes in between makes the result too high, never negative. */
    size_t tail = atomic_load(&ring->tail);
    size_t filled = atomic_load(&ring->head) - tail;
    return filled < ring->capacity ? (unsigned)(filled * 100 / ring->capacity) : 100;
}

void ring_close(struct ring *ring) {
    atomic_store(&ring->head, ring->added);
    atomic_store(&ring->closed, true);
    gate_open(ring->filled);
}

/* Tells the producer what has become free. */
static void ring_give_back(struct ring *ring) {
    atomic_store(&ring->tail, ring->next);
    if (ring->seen_head - ring->next <= ring->capacity / 2)
        gate_open(&ring->emptied);
}

/* Loads the producer's head when all that was seen of it is read. */
static bool ring_has_record(struct ring *ring) {
    if (ring->next != ring->seen_head)
        return true;
    ring->seen_head = atomic_load(&ring->head);
    if (ring->next != ring->seen_head)
        return true;
    if (ring->next != atomic_load_explicit(&ring->tail, memory_order_relaxed))
        ring_give_back(ring);
    return false;
}

const void *ring_peek(struct ring *ring, size_t *size) {
    while (ring_has_record(ring)) {
        const struct ring_header *header = ring_header_at(ring, ring->next);
        size_t after = ring->next + header->length;
        /* The next one comes from the other thread's cache while this one is worked on. */
        for (size_t byte = 0; after != ring->seen_head && byte < PREFETCH_BYTES; byte += CACHE_LINE)
            __builtin_prefetch((const char *)ring_header_at(ring, after) + byte);
        if (header->size != SKIP) {
            *size = header->size;
            return header + 1;
        }
        ring_release(ring);
    }
    return NULL;
}

void ring_release(struct ring *ring) {
    DEBUG_CHECK(ring->next != ring->seen_head); /* ring_peek() has seen a record */
    ring->next += ring_header_at(ring, ring->next)->length;
    if (ring->next - atomic_load_explicit(&ring->tail, memory_order_relaxed) >= ring->capacity / STEPS)
        ring_give_back(ring);
}

bool ring_is_finished(struct ring *ring) {
    size_t size;
    /* `closed` is loaded first, so that a record from before the close is seen. */
    return atomic_load(&ring->closed) && ring_peek(ring, &size) == NULL;
}
