/* Records that are not on disk for sure: a ring of them as they are written, allocated once. They stay until they are
 * synced, since a failed sync may lose what was written before it.
 *
 * Belongs to the log's lock, but for the bytes between `written` and `appended` at the time when the spool's thread saw
 * them: only that thread looks at these until it moves `written`. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pending {
    uint8_t *data;
    size_t size;
    /* Bytes since the start; modulo size they are places in data. */
    uint64_t appended, written, synced;
    /* The positions behind the records there. */
    uint64_t end, written_end, synced_end;
    uint64_t unwritten, unsynced;            /* bytes of records; unsynced: those that are written */
    int64_t unwritten_since, unsynced_since; /* monotonic clock */
    uint64_t *settled; /* a bit for each position from synced_end to end: it is not waiting */
    uint64_t settled_size;
};

/* `first`: the position of the first record. 0 or -ENOMEM. */
int pending_create(struct pending *pending, size_t size, uint64_t first);
void pending_free(struct pending *pending);

/* The largest record that surely fits once all others are gone. */
size_t pending_record_max(const struct pending *pending);

/* Where a record of that size is to be put; NULL: no room. */
uint8_t *pending_reserve(struct pending *pending, size_t size);
/* It was put there; it gets the position `end`. */
void pending_append(struct pending *pending, size_t size, bool settled, int64_t now);

/* The record at that place (a count of bytes since the start), or the first one behind it; moves *at there. NULL: there
 * is none before `to`. */
uint8_t *pending_record(const struct pending *pending, uint64_t *at, uint64_t to);

/* Records up to that place and that position, `bytes` of them, were written. */
void pending_written(struct pending *pending, uint64_t to, uint64_t position, uint64_t bytes, int64_t now);
/* All that was written was synced. */
void pending_synced(struct pending *pending, int64_t now);
/* What was written and not synced is to be written again. */
void pending_rewind(struct pending *pending);

/* Records before that position, of which none is written, are taken out. */
void pending_forget(struct pending *pending, uint64_t position);

/* The position is not below synced_end. */
void pending_settle(struct pending *pending, uint64_t position);
uint64_t pending_count_settled(const struct pending *pending, uint64_t from, uint64_t to);
