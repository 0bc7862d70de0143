/* The age of the oldest record in flight, in constant memory: one entry for each second in which such records were
 * handed over.
 *
 * Exact to a second while the records are of at most AGES_ENTRIES different seconds (more than an hour). Beyond that
 * the older half of the entries is joined in pairs. The age of such a record may then be too high, by the time between
 * the two entries of its pair. Belongs to one thread. Times are microseconds of the monotonic clock. */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum { AGES_ENTRIES = 4096 };

struct ages {
    struct {
        int64_t time; /* of the entry's first record */
        uint64_t records;
    } entries[AGES_ENTRIES];
    size_t first, end; /* entries[first] has a record unless first == end */
};

/* A record was handed over; times never go back. */
void ages_add(struct ages *ages, int64_t time);

/* The record that was handed over then is no longer in flight. */
void ages_remove(struct ages *ages, int64_t time);

/* 0: nothing is in flight. */
int64_t ages_oldest(const struct ages *ages, int64_t now);
