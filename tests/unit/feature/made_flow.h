/* One flow of random packets, and what each of its records says: for tests of features against a naive computation over the
 * packets that the record is of. */
#pragma once

#include "meter/meter_fixture.h"

#include <math.h>

#include "feature/value_of.h"
#include "meter/feature.h"

enum { MADE_PACKETS = 400, MADE_HEADER = 40, MADE_FLOWS = 60 };

struct made_flow {
    uint32_t random;
    uint8_t protocol, ip_version;
    struct packet packets[MADE_PACKETS];
    bool back[MADE_PACKETS]; /* from destination to source */
    uint8_t headers[MADE_PACKETS][MADE_HEADER];
    size_t count;
};

/* Packets of a slice that a record is of, in one direction: their places in the flow. */
struct made_series {
    const struct made_flow *made;
    size_t places[MADE_PACKETS];
    size_t count;
};

static inline const struct packet *made_at(const struct made_series *series, size_t i) {
    return &series->made->packets[series->places[i]];
}

/* The record of a flow against its packets. */
typedef void made_check(const struct flow *flow, enum flow_direction direction,
                        const struct made_series *series);

struct made_run {
    const struct made_flow *made;
    made_check *check;
    size_t begin; /* the slice's first packet */
    size_t records, slices;
};

static inline bool made_export(void *context, const struct flow *flow) {
    struct made_run *run = context;
    size_t count = flow_packets(flow, BIDIRECTIONAL);
    for (int d = 0; d < FLOW_DIRECTIONS; d++) {
        struct made_series series = {.made = run->made};
        for (size_t i = run->begin; i < run->begin + count; i++)
            if (d == BIDIRECTIONAL || run->made->back[i] == (d == DST2SRC))
                series.places[series.count++] = i;
        run->check(flow, (enum flow_direction)d, &series);
    }
    run->records++;
    if (flow->record_kind == RECORD_FINAL) {
        run->begin += count;
        run->slices++;
    }
    return true;
}

static inline uint32_t made_payload(struct made_flow *made) {
    static const uint32_t limits[] = {1, 1, 2, 20, 600, 1461, 9000, 65536};
    uint32_t limit = limits[made_random(&made->random, sizeof limits / sizeof *limits)];
    return made_random(&made->random, limit) + (limit == 65536 ? made_random(&made->random, 1000) : 0);
}

static inline int64_t made_pause(struct made_flow *made) {
    static const int64_t units[] = {0, 1, 17, 1000, 1000};
    return units[made_random(&made->random, sizeof units / sizeof *units)] * made_random(&made->random, 1000);
}

static inline void made_add(struct made_flow *made, int64_t time) {
    size_t at = made->count++;
    bool back = at > 0 && made_random(&made->random, 3) == 0;
    struct packet packet = back ? made_packet(time, 2, 80, 1, 4000, made->protocol)
                                : made_packet(time, 1, 4000, 2, 80, made->protocol);
    uint32_t payload = made_payload(made), header = 8 + 4 * made_random(&made->random, 14);
    uint32_t ip_header = made->ip_version == 4 ? 20 : 40;
    if (made_random(&made->random, 20) == 0) {
        packet.flags = PACKET_FRAGMENT; /* a later one */
        header = 0;
    }
    packet.ip_version = made->ip_version;
    packet.size[ACCOUNT_PAYLOAD] = payload;
    packet.size[ACCOUNT_TRANSPORT] = payload + header;
    packet.size[ACCOUNT_IP] = payload + header + ip_header;
    packet.size[ACCOUNT_RAW] = packet.size[ACCOUNT_IP] + 14 + made_random(&made->random, 2) * 4;
    for (size_t i = 0; i < MADE_HEADER; i++)
        made->headers[at][i] = (uint8_t)made_random(&made->random, 256);
    packet.ip = made->headers[at];
    made->packets[at] = packet;
    made->back[at] = back;
}

static inline void made_fill(struct made_flow *made, uint32_t seed) {
    static const uint8_t protocols[] = {TCP, UDP, ICMP};
    made->random = seed;
    made->protocol = protocols[made_random(&made->random, 3)];
    made->ip_version = made_random(&made->random, 2) == 0 ? 4 : 6;
    made->count = 0;
    int64_t time = INT64_C(1700000000000000) + made_random(&made->random, 1000);
    size_t count = 1 + made_random(&made->random, made_random(&made->random, 2) == 0 ? 8 : MADE_PACKETS);
    while (made->count < count) {
        made_add(made, time);
        time += made_pause(made);
    }
}

/* Meters the flow with these options: each of its records, early ones too, and all slices go to `check`. */
static inline struct made_run made_meter_with(const struct made_flow *made,
                                              const struct meter_options *options, made_check *check) {
    struct made_run run = {.made = made, .check = check};
    struct meter *meter = NULL;
    struct error error;
    assert_int_equal(meter_create(options, made_export, &run, &meter, &error), 0);
    for (size_t i = 0; i < made->count; i++)
        meter_packet(meter, &made->packets[i]);
    meter_finish(meter, END_OF_INPUT);
    meter_destroy(meter);
    return run;
}

/* The same with the feature on. */
static inline struct made_run made_meter(const struct made_flow *made, enum feature_index feature,
                                         made_check *check) {
    const struct meter_options options = {
        .profile = PROFILE_NATIVE,
        .idle_timeout = 120000000,
        .active_timeout = 20000000,
        .flow_table_size = 1024,
        .features_asked = 1u << feature,
        .publish = {.early_packets = {1, 2, 3, 5, 50}, .early_packet_count = 5},
    };
    struct made_run run = made_meter_with(made, &options, check);
    assert_int_equal(run.begin, made->count);
    return run;
}

/* Random flows; among them are some of several slices. */
static inline void made_check_flows(enum feature_index feature, made_check *check) {
    static struct made_flow made;
    size_t slices = 0;
    for (uint32_t seed = 1; seed <= MADE_FLOWS; seed++) {
        made_fill(&made, seed);
        slices += made_meter(&made, feature, check).slices;
    }
    assert_in_range(slices, MADE_FLOWS + 10, SIZE_MAX);
}

/* The state's size as long as the feature is asked for, 0 without. */
static inline void made_check_state(enum feature_index feature, size_t bytes) {
    struct meter_options options = {.features_asked = 1u << feature};
    assert_int_equal(feature_table[feature]->state_size(&options), bytes);
    options.features_asked = ~(1u << feature);
    assert_int_equal(feature_table[feature]->state_size(&options), 0);
}

static inline void assert_number(const struct flow *flow, field_getter *get, enum flow_direction direction,
                                 int64_t expected) {
    struct value value = value_of(flow, get, direction);
    assert_false(value.is_null);
    assert_int_equal(value.integer, expected);
}

static inline void assert_near(const struct flow *flow, field_getter *get, enum flow_direction direction,
                               double expected) {
    struct value value = value_of(flow, get, direction);
    assert_false(value.is_null);
    assert_true(fabs(value.real - expected) <= 1e-9 * (1 + fabs(expected)));
}

static inline void assert_absent(const struct flow *flow, field_getter *get, enum flow_direction direction) {
    assert_true(value_of(flow, get, direction).is_null);
}
