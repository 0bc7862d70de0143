#include "sink/spool/segment_list.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_CAPACITY = 16 };

struct segment *segment_list_add(struct segment_list *list, uint64_t first, uint64_t bytes_max) {
    if (list->count == list->capacity) {
        size_t capacity = list->capacity > 0 ? 2 * list->capacity : FIRST_CAPACITY;
        struct segment *segments = realloc(list->segments, capacity * sizeof *segments);
        if (!segments)
            return NULL;
        list->segments = segments;
        list->capacity = capacity;
    }
    struct segment *segment = &list->segments[list->count++];
    *segment = (struct segment){
        .first = first,
        .end = first,
        .counted_from = first,
        .damaged_from = UINT64_MAX,
        .memory = -1,
        .mark_bytes = bytes_max / SEGMENT_MARKS,
    };
    return segment;
}

void segment_list_remove(struct segment_list *list, size_t index) {
    struct segment *segment = &list->segments[index];
    memmove(segment, segment + 1, (list->count - index - 1) * sizeof *segment);
    list->count--;
    if (index < list->gone)
        list->gone--;
}

void segment_list_free(struct segment_list *list) {
    free(list->segments);
    *list = (struct segment_list){0};
}

struct segment *segment_list_find(const struct segment_list *list, uint64_t position) {
    size_t low = list->gone, high = list->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (list->segments[middle].end > position)
            high = middle;
        else
            low = middle + 1;
    }
    return low < list->count ? &list->segments[low] : NULL;
}

struct segment *segment_list_last(const struct segment_list *list) {
    return list->count > list->gone ? &list->segments[list->count - 1] : NULL;
}

uint64_t segment_waiting(const struct segment *segment) {
    uint64_t from = segment->counted_from > segment->first ? segment->counted_from : segment->first;
    uint64_t records = segment->end > from ? segment->end - from : 0;
    return records > segment->settled ? records - segment->settled : 0;
}

void segment_mark(struct segment *segment, uint64_t offset, uint64_t position, int64_t time) {
    if (segment->marks == SEGMENT_MARKS || offset < segment->marks * segment->mark_bytes ||
        (segment->marks > 0 && position <= segment->mark[segment->marks - 1].position))
        return;
    segment->mark[segment->marks].position = position;
    segment->mark[segment->marks++].time = time;
}

int64_t segment_time(const struct segment *segment, uint64_t position) {
    int64_t time = 0;
    for (size_t i = 0; i < segment->marks && segment->mark[i].position <= position; i++)
        time = segment->mark[i].time;
    return time;
}
