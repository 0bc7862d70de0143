/* What is known of the segments, oldest first, and of the records in them. Belongs to the log's lock. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SEGMENT_MARKS = 32 };

struct segment {
    uint64_t first, end;   /* positions; end: behind what is written */
    uint64_t counted_from; /* records below were done before this run: no counter has them */
    uint64_t settled;      /* of the others: neither waiting nor going to be */
    uint64_t bytes;        /* of the file */
    uint64_t damaged_from; /* the position that can't be read; UINT64_MAX: none is known */
    bool damage_passed;    /* the reader went over it, and it is counted */
    int memory;            /* the descriptor in the in-memory form; else -1 */
    /* When some of its records were appended, about evenly over the file. */
    uint64_t mark_bytes; /* how far apart */
    size_t marks;
    struct {
        uint64_t position;
        int64_t time;
    } mark[SEGMENT_MARKS];
};

struct segment_list {
    struct segment *segments;
    size_t count, capacity;
    size_t gone; /* so many from the start were dropped, and are yet to be deleted */
};

/* At the end; NULL: no memory. The pointer is good until the next call that changes the list. */
struct segment *segment_list_add(struct segment_list *list, uint64_t first, uint64_t bytes_max);
void segment_list_remove(struct segment_list *list, size_t index);
void segment_list_free(struct segment_list *list);

/* The first one that is there and ends behind this position; NULL: none does. */
struct segment *segment_list_find(const struct segment_list *list, uint64_t position);
/* The newest one; NULL: there is none. */
struct segment *segment_list_last(const struct segment_list *list);

uint64_t segment_waiting(const struct segment *segment);

/* A record at this place of the file was appended then: kept if it is far enough from the one before. */
void segment_mark(struct segment *segment, uint64_t offset, uint64_t position, int64_t time);
/* When the record of that position was appended, or one not long before it; 0: not known. */
int64_t segment_time(const struct segment *segment, uint64_t position);
