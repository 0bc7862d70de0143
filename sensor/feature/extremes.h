/* The least and the largest of some numbers, kept of each way of a flow. Without a lock: the meter's thread, or who exports. */
#pragma once

#include "meter/flow.h"

/* While there is no number the least is larger than any. */
struct extremes {
    uint32_t min, max;
};

#define EXTREMES_OF_NONE ((struct extremes){UINT32_MAX, 0})

static inline void extremes_add(struct extremes *extremes, uint32_t value) {
    extremes->min = value < extremes->min ? value : extremes->min;
    extremes->max = value > extremes->max ? value : extremes->max;
}

/* Of a direction: of one way, or of both together. */
static inline struct extremes extremes_of(const struct extremes ways[FLOW_WAYS],
                                          enum flow_direction direction) {
    if (direction != BIDIRECTIONAL)
        return ways[flow_way(direction)];
    return (struct extremes){ways[0].min < ways[1].min ? ways[0].min : ways[1].min,
                             ways[0].max > ways[1].max ? ways[0].max : ways[1].max};
}
