/* Sequence of packet lengths and times: direction, size and inter-arrival time of a flow's first N packets.
 *
 * Read through the calls below, with place < length: the arrays lie behind the struct, as narrow as the timeouts allow
 * (20 packets take 188 bytes natively, where 64-bit intervals would take 268). */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "meter/flow.h"

/* What flow->feature[FEATURE_splt] points to. */
struct splt {
    uint32_t length;   /* packets recorded so far */
    uint16_t capacity; /* options->splt_analysis */
    bool wide;         /* intervals take 64 bits: the idle timeout does not fit in 32 */
    _Alignas(8) unsigned char places
        []; /* intervals (32 or 64 bits), sizes (32 bits), directions (8 bits); capacity of each */
};

static inline size_t splt_interval_size(const struct splt *splt) {
    return splt->wide ? sizeof(int64_t) : sizeof(uint32_t);
}

/* Ticks since the flow's previous packet; 0 for the first. */
static inline int64_t splt_interval(const struct splt *splt, uint32_t place) {
    if (splt->wide) {
        int64_t interval;
        memcpy(&interval, splt->places + (size_t)place * sizeof(interval), sizeof(interval));
        return interval;
    }
    uint32_t interval;
    memcpy(&interval, splt->places + (size_t)place * sizeof(interval), sizeof(interval));
    return interval;
}

/* Bytes, by accounting mode. */
static inline uint32_t splt_size(const struct splt *splt, uint32_t place) {
    const unsigned char *sizes = splt->places + (size_t)splt->capacity * splt_interval_size(splt);
    uint32_t size;
    memcpy(&size, sizes + (size_t)place * sizeof(size), sizeof(size));
    return size;
}

/* 0 src2dst, 1 dst2src. */
static inline uint8_t splt_direction(const struct splt *splt, uint32_t place) {
    return splt->places[(size_t)splt->capacity * (splt_interval_size(splt) + sizeof(uint32_t)) + place];
}
