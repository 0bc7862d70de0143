#include "sink/spool/pending.h"

#include <errno.h>
#include <stdlib.h>

#include "base/bytes.h"
#include "base/check.h"
#include "sink/spool/segment.h"

enum { LENGTH_SIZE = 4, WORD_BITS = 64 };

/* In place of a record's length: the rest up to the ring's end is empty. */
static const uint32_t empty_rest = UINT32_MAX;

int pending_create(struct pending *pending, size_t size, uint64_t first) {
    *pending = (struct pending){
        .size = size,
        .end = first,
        .written_end = first,
        .synced_end = first,
        .settled_size = (size / SEGMENT_RECORD_MIN / WORD_BITS + 1) * WORD_BITS,
    };
    pending->data = malloc(size);
    pending->settled = calloc(pending->settled_size / WORD_BITS, sizeof *pending->settled);
    if (pending->data && pending->settled)
        return 0;
    pending_free(pending);
    return -ENOMEM;
}

void pending_free(struct pending *pending) {
    free(pending->data);
    free(pending->settled);
    pending->data = NULL;
    pending->settled = NULL;
}

size_t pending_record_max(const struct pending *pending) {
    return pending->size / 2;
}

uint8_t *pending_reserve(struct pending *pending, size_t size) {
    size_t place = pending->appended % pending->size;
    size_t rest = pending->size - place;
    size_t skipped = size <= rest ? 0 : rest;
    if (pending->appended - pending->synced + skipped + size > pending->size)
        return NULL;
    if (skipped > 0) {
        if (rest >= LENGTH_SIZE)
            bytes_put_little_u32(pending->data + place, empty_rest);
        pending->appended += skipped;
    }
    return pending->data + pending->appended % pending->size;
}

static void put_settled(struct pending *pending, uint64_t position, bool settled) {
    uint64_t bit = position % pending->settled_size;
    uint64_t mask = UINT64_C(1) << bit % WORD_BITS;
    if (settled)
        pending->settled[bit / WORD_BITS] |= mask;
    else
        pending->settled[bit / WORD_BITS] &= ~mask;
}

void pending_append(struct pending *pending, size_t size, bool settled, int64_t now) {
    put_settled(pending, pending->end, settled);
    if (pending->unwritten == 0)
        pending->unwritten_since = now;
    if (pending->unwritten == 0 && pending->unsynced == 0)
        pending->unsynced_since = now;
    pending->end++;
    pending->appended += size;
    pending->unwritten += size;
}

uint8_t *pending_record(const struct pending *pending, uint64_t *at, uint64_t to) {
    size_t place = *at % pending->size;
    size_t rest = pending->size - place;
    if (*at < to && (rest < LENGTH_SIZE || bytes_little_u32(pending->data + place) == empty_rest))
        *at += rest;
    return *at < to ? pending->data + *at % pending->size : NULL;
}

void pending_written(struct pending *pending, uint64_t to, uint64_t position, uint64_t bytes, int64_t now) {
    DEBUG_CHECK(bytes <= pending->unwritten && to <= pending->appended);
    pending->written = to;
    pending->written_end = position;
    pending->unwritten -= bytes;
    pending->unwritten_since = now; /* what is left came while that was written */
    pending->unsynced += bytes;
}

static void free_written(struct pending *pending) {
    pending->synced = pending->written;
    pending->synced_end = pending->written_end;
    if (pending->synced == pending->appended) /* from the start again: its memory is in the cache */
        pending->synced = pending->written = pending->appended = 0;
}

void pending_synced(struct pending *pending, int64_t now) {
    pending->unsynced = 0;
    pending->unsynced_since = pending->unwritten > 0 ? pending->unwritten_since : now;
    free_written(pending);
}

void pending_forget(struct pending *pending, uint64_t position) {
    DEBUG_CHECK(pending->unsynced == 0 && position <= pending->end);
    while (pending->written_end < position) {
        size_t size =
            segment_record_whole_size(pending_record(pending, &pending->written, pending->appended));
        pending->written += size;
        pending->unwritten -= size;
        pending->written_end++;
    }
    free_written(pending);
}

void pending_rewind(struct pending *pending) {
    pending->written = pending->synced;
    pending->written_end = pending->synced_end;
    pending->unwritten += pending->unsynced;
    pending->unsynced = 0;
    pending->unwritten_since = pending->unsynced_since;
}

void pending_settle(struct pending *pending, uint64_t position) {
    put_settled(pending, position, true);
}

uint64_t pending_count_settled(const struct pending *pending, uint64_t from, uint64_t to) {
    uint64_t count = 0;
    for (; from < to; from++) {
        uint64_t bit = from % pending->settled_size;
        count += pending->settled[bit / WORD_BITS] >> bit % WORD_BITS & 1;
    }
    return count;
}
