/* A sender of TCP whose packets get lost, doubled, cut otherwise and out of order; its places begin with 200 or more. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "meter/meter_fixture.h"

/* Where its next segment begins; `next` is behind the last one in order, which counts once it has begun. */
static inline uint32_t lossy_place(uint32_t *random, bool has_begun, uint32_t next, uint32_t loss_percent) {
    uint32_t chance = made_random(random, 100);
    if (!has_begun)
        return 200 + made_random(random, 400);
    if (chance < loss_percent)
        return next + made_random(random, 80);
    if (chance < 2 * loss_percent)
        return made_random(random, next);
    if (chance < 3 * loss_percent && next > 150)
        return next - made_random(random, 150);
    return next;
}
