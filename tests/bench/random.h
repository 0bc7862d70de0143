// A small deterministic generator (SplitMix64): the same seed gives the same capture on every machine.
#pragma once

#include <stdint.h>

static inline uint64_t random_next(uint64_t *state) {
    uint64_t mixed = *state += 0x9e3779b97f4a7c15;

    mixed = (mixed ^ mixed >> 30) * 0xbf58476d1ce4e5b9;
    mixed = (mixed ^ mixed >> 27) * 0x94d049bb133111eb;
    return mixed ^ mixed >> 31;
}

// Uniform in [0, bound); bound is not 0.
static inline uint32_t random_below(uint64_t *state, uint32_t bound) {
    return (uint32_t)((random_next(state) >> 32) * bound >> 32);
}

// Uniform in [0, 1).
static inline double random_unit(uint64_t *state) {
    return (double)(random_next(state) >> 11) * 0x1p-53;
}
