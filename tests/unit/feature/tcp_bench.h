/* TCP packets with bytes, and what a record of their flow says, for tests of the group tcp_more. */
#pragma once

#include "meter/meter_fixture.h"

#include "feature/value_of.h"
#include "meter/feature.h"

enum {
    BENCH_SECOND = 1000000,
    BENCH_IP_HEADER = 20,
    BENCH_TCP_HEADER = 20,
    BENCH_BYTES = 80,
    BENCH_ABSENT = -1
};

/* One direction of a packet, and the parts of its header that matter. */
struct bench_segment {
    bool back; /* from destination to source */
    uint8_t flags;
    uint32_t sequence, acknowledgment;
    uint32_t payload;
    uint16_t window;
    const uint8_t *options;
    size_t options_length; /* a multiple of 4 */
    uint32_t missing;      /* bytes at the end of its header that were not captured */
    bool is_later_fragment;
};

/* What is checked at each export. */
struct tcp_bench {
    struct meter *meter;
    int64_t time;
    void (*check)(struct tcp_bench *bench, const struct flow *flow);
    void *context;
    unsigned exports;
    uint8_t bytes[BENCH_BYTES];
};

static inline bool bench_export(void *context, const struct flow *flow) {
    struct tcp_bench *bench = context;
    bench->check(bench, flow);
    bench->exports++;
    return true;
}

/* Each slice lasts up to 100 s. */
static inline void bench_open(struct tcp_bench *bench, enum feature_index feature,
                              void (*check)(struct tcp_bench *bench, const struct flow *flow),
                              void *context) {
    const struct meter_options options = {
        .profile = PROFILE_NATIVE,
        .idle_timeout = INT64_C(120) * BENCH_SECOND,
        .active_timeout = INT64_C(100) * BENCH_SECOND,
        .features_asked = 1u << feature,
        .flow_table_size = 1024,
    };
    struct error error;
    *bench = (struct tcp_bench){.time = BENCH_SECOND, .check = check, .context = context};
    assert_int_equal(meter_create(&options, bench_export, bench, &bench->meter, &error), 0);
}

static inline void bench_close(struct tcp_bench *bench, unsigned exports) {
    meter_finish(bench->meter, END_OF_INPUT);
    meter_destroy(bench->meter);
    assert_int_equal(bench->exports, exports);
}

static inline void bench_put_header(uint8_t *header, const struct bench_segment *segment) {
    header[12] = (uint8_t)((BENCH_TCP_HEADER + segment->options_length) / 4 << 4);
    header[13] = segment->flags;
    header[14] = (uint8_t)(segment->window >> 8);
    header[15] = (uint8_t)segment->window;
    if (segment->options_length > 0)
        memcpy(header + BENCH_TCP_HEADER, segment->options, segment->options_length);
}

static inline struct packet bench_packet(struct tcp_bench *bench, const struct bench_segment *segment) {
    struct packet packet = segment->back ? made_packet(bench->time, 2, 80, 1, 4000, TCP)
                                         : made_packet(bench->time, 1, 4000, 2, 80, TCP);
    uint32_t header = segment->is_later_fragment ? 0 : BENCH_TCP_HEADER + (uint32_t)segment->options_length;
    bench_put_header(bench->bytes + BENCH_IP_HEADER, segment);
    packet.ip = bench->bytes;
    packet.ip_captured =
        BENCH_IP_HEADER + BENCH_TCP_HEADER + (uint32_t)segment->options_length - segment->missing;
    packet.size[ACCOUNT_PAYLOAD] = segment->payload;
    packet.size[ACCOUNT_TRANSPORT] = segment->payload + header;
    packet.size[ACCOUNT_IP] = segment->payload + header + BENCH_IP_HEADER;
    packet.size[ACCOUNT_RAW] = packet.size[ACCOUNT_IP] + 14;
    packet.flags = segment->is_later_fragment ? PACKET_FRAGMENT : 0;
    if (segment->is_later_fragment)
        return packet;
    packet.tcp_flags = segment->flags;
    packet.tcp_sequence = segment->sequence;
    packet.tcp_acknowledgment = segment->acknowledgment;
    return packet;
}

/* Each packet comes a microsecond after the one before it. */
static inline void bench_send(struct tcp_bench *bench, struct bench_segment segment) {
    struct packet packet = bench_packet(bench, &segment);
    meter_packet(bench->meter, &packet);
    bench->time++;
}

/* BENCH_ABSENT of null. */
static inline int64_t bench_number(const struct flow *flow, field_getter *get,
                                   enum flow_direction direction) {
    struct value value = value_of(flow, get, direction);
    return value.is_null ? BENCH_ABSENT : value.integer;
}

/* Of another protocol each value is null. */
static inline void bench_send_udp(struct tcp_bench *bench) {
    struct packet packet = made_packet(bench->time, 1, 4000, 2, 80, UDP);
    meter_packet(bench->meter, &packet);
    bench->time++;
}
