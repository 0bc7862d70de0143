/* A meter with an overload ladder, for the tests of its steps: entered and left by the ring's pressure. */
#pragma once

#include "meter/meter_case.h"

enum { SHORT_MS = 100, PATIENCE = 1000000, RATE = 8 };

static const struct hash_key key = {{3, 4}};

/* A meter with a ladder of these steps, and its clock, which is not that of the packets. */
struct bench {
    struct fixture fixture;
    struct meter_options options;
    int64_t now;
};

#define STEPS(...)                             \
    (const enum overload_step[]){__VA_ARGS__}, \
        sizeof((enum overload_step[]){__VA_ARGS__}) / sizeof(enum overload_step)

static inline void plan(struct bench *bench, const enum overload_step *steps, size_t count) {
    *bench = (struct bench){.options = options_of(PROFILE_NATIVE), .now = 1};
    struct overload_options *overload = &bench->options.overload;
    for (size_t i = 0; i < count; i++)
        overload->steps[overload->count++] = steps[i];
    overload->enter = 75;
    overload->leave = 25;
    overload->patience = PATIENCE;
    overload->idle_timeout = SHORT_MS * 1000;
    overload->sampling_rate = RATE;
    overload->key = key;
}

static inline void start(struct bench *bench) {
    fixture_open(&bench->fixture, &bench->options);
}

static inline void begin(struct bench *bench, const enum overload_step *steps, size_t count) {
    plan(bench, steps, count);
    start(bench);
}

static inline bool look(struct bench *bench, unsigned ring, int64_t after) {
    struct meter_load load;
    bench->now += after;
    return meter_look_at_load(bench->fixture.meter, ring, bench->now, &load);
}

static inline void enter(struct bench *bench) {
    assert_true(look(bench, 100, OVERLOAD_PACE_MICROSECONDS));
}

static inline void leave(struct bench *bench) {
    look(bench, 0, 1);
    assert_true(look(bench, 0, PATIENCE));
}

static inline void take(struct bench *bench, int64_t ms, uint32_t number, bool back) {
    feed(&bench->fixture, at(PROFILE_NATIVE, ms, number, back));
}

static inline void tick(struct bench *bench, int64_t ms) {
    while (meter_tick(bench->fixture.meter, (START_MS + ms) * 1000)) {
    }
}

static inline struct meter_statistics statistics_of(const struct bench *bench) {
    struct meter_statistics statistics;
    meter_statistics(bench->fixture.meter, &statistics);
    return statistics;
}

/* Every packet is in a flow, or counted as one that is in none. */
static inline void finish(struct bench *bench) {
    meter_finish(bench->fixture.meter, END_OF_INPUT);
    struct meter_statistics statistics = statistics_of(bench);
    uint64_t packets = statistics.packets_sampled_out + statistics.packets_shed;
    for (size_t i = 0; i < bench->fixture.count; i++)
        packets += flow_packets(&bench->fixture.exported[i].flow, BIDIRECTIONAL);
    assert_int_equal(statistics.packets, packets);
    fixture_close(&bench->fixture);
}

static inline const struct flow *ended(const struct bench *bench, size_t index, enum end_reason reason) {
    assert_true(index < bench->fixture.count);
    assert_int_equal(bench->fixture.exported[index].flow.end_reason, reason);
    return &bench->fixture.exported[index].flow;
}
