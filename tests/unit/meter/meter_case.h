/* Meters of both profiles and packets of numbered connections, for the tests of the meter itself. */
#pragma once

#include "meter/meter_fixture.h"

enum { IDLE_MS = 1000, ACTIVE_MS = 5000, START_MS = 1700000, MAX_FLOWS = 1024 };

static inline struct meter_options options_of(enum meter_profile profile) {
    int64_t ms = fixture_millisecond(profile);
    return (struct meter_options){
        .profile = profile,
        .idle_timeout = IDLE_MS * ms,
        .active_timeout = ACTIVE_MS * ms,
        .flow_table_size = MAX_FLOWS,
    };
}

static inline void open_profile(struct fixture *fixture, enum meter_profile profile) {
    struct meter_options options = options_of(profile);
    fixture_open(fixture, &options);
}

/* A packet of connection `number`, `ms` after the start (in the native profile plus `us`). */
static inline struct packet at(enum meter_profile profile, int64_t ms, uint32_t number, bool back) {
    int64_t time = (START_MS + ms) * fixture_millisecond(profile);
    return back ? made_packet(time, 1, 80, 1000 + number, 4000, UDP)
                : made_packet(time, 1000 + number, 4000, 1, 80, UDP);
}

static inline void check_export(const struct fixture *fixture, size_t index, uint32_t number,
                                enum end_reason reason) {
    assert_true(index < fixture->count);
    const struct flow *flow = &fixture->exported[index].flow;
    uint32_t host = 1000 + number;
    bool is_source = flow_source(flow)[2] == (uint8_t)(host >> 8) && flow_source(flow)[3] == (uint8_t)host;
    bool is_destination =
        flow_destination(flow)[2] == (uint8_t)(host >> 8) && flow_destination(flow)[3] == (uint8_t)host;
    assert_true(is_source || is_destination);
    assert_int_equal(flow->end_reason, reason);
}

static inline const struct flow *one_flow(struct fixture *fixture) {
    meter_finish(fixture->meter, END_OF_INPUT);
    assert_int_equal(fixture->count, 1);
    return &fixture->exported[0].flow;
}
