/* Random flows whose packets pause around the limits of 1 s and 5 s, for tests of features that part flows by time. */
#pragma once

#include "feature/made_flow.h"

enum { PAUSED_FLOWS = 300, PAUSED_SLICE = 20000000, PAUSED_HOUR = 3600 };

/* Of all packets, a fifth wait. */
static inline int64_t paused_time(struct made_flow *made) {
    static const int64_t pauses[] = {0,       1,       999999,  1000000, 1000001,
                                     1999999, 4999999, 5000000, 5000001, 7000000};
    if (made_random(&made->random, 5) > 0)
        return made_random(&made->random, 3) == 0 ? 0 : made_random(&made->random, 60000);
    return pauses[made_random(&made->random, sizeof pauses / sizeof *pauses)];
}

/* `scale` makes all pauses longer. */
static inline void paused_fill(struct made_flow *made, uint32_t seed, int64_t scale) {
    made->random = seed;
    made->protocol = made_random(&made->random, 2) == 0 ? UDP : TCP;
    made->ip_version = 4;
    made->count = 0;
    int64_t time = INT64_C(1700000000000000);
    size_t count = 1 + made_random(&made->random, made_random(&made->random, 2) == 0 ? 12 : MADE_PACKETS);
    while (made->count < count) {
        made_add(made, time);
        time += paused_time(made) * scale;
    }
}

/* Meters one flow, of one slice as long as hours: times need more than 32 bits. */
static inline void paused_meter_long(const struct made_flow *made, enum feature_index feature,
                                     made_check *check) {
    const struct meter_options options = {
        .profile = PROFILE_NATIVE,
        .idle_timeout = INT64_MAX / 4,
        .active_timeout = INT64_MAX / 4,
        .flow_table_size = 1024,
        .features_asked = 1u << feature,
    };
    assert_int_equal(made_meter_with(made, &options, check).slices, 1);
}

/* Flows whose early records and slices are checked, and ones of many hours. */
static inline void paused_check_flows(enum feature_index feature, made_check *check) {
    static struct made_flow made;
    size_t slices = 0;
    for (uint32_t seed = 1; seed <= PAUSED_FLOWS; seed++) {
        paused_fill(&made, seed, 1);
        slices += made_meter(&made, feature, check).slices;
        if (seed % 10 == 0) {
            paused_fill(&made, seed, PAUSED_HOUR);
            paused_meter_long(&made, feature, check);
        }
    }
    assert_in_range(slices, 2 * PAUSED_FLOWS, SIZE_MAX);
}

/* The same sizes with and without what times need beyond 32 bits. */
static inline void paused_check_state(enum feature_index feature, size_t bytes, size_t bytes_more) {
    struct meter_options options = {.active_timeout = PAUSED_SLICE, .features_asked = 1u << feature};
    assert_int_equal(feature_table[feature]->state_size(&options), bytes);
    options.active_timeout = INT64_MAX;
    assert_int_equal(feature_table[feature]->state_size(&options), bytes + bytes_more);
    options.features_asked = ~options.features_asked;
    assert_int_equal(feature_table[feature]->state_size(&options), 0);
}
