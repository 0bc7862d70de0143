/* Times within a slice, in ticks: 32 bits are enough for them unless the active timeout is longer. Then the higher halves
 * lie elsewhere in the feature's state. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "meter/options.h"
#include "meter/tcp_end.h"

/* Whether times need their higher halves. The active timeout cuts a flow, or its connection was closed before and its grace is
 * over soon. */
static inline bool slice_is_wide(const struct meter_options *options) {
    return options->active_timeout > (int64_t)UINT32_MAX - TCP_GRACE;
}

/* `high` is NULL where there are no higher halves. */
static inline int64_t slice_time(const uint32_t *low, const uint32_t *high) {
    return (int64_t)(*low | (high != NULL ? (uint64_t)*high << 32 : 0));
}

static inline void slice_time_set(uint32_t *low, uint32_t *high, int64_t time) {
    *low = (uint32_t)time;
    if (high != NULL)
        *high = (uint32_t)((uint64_t)time >> 32);
}
