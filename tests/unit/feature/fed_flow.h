/* A flow with the state of one feature, which is called by hand with packets of given payload: for features that read bytes. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "feature/value_of.h"
#include "meter/feature.h"
#include "meter/l7.h"
#include "meter/options.h"

enum { UDP = 17, TCP = 6, FED_HEADERS = 40, FED_CLIENT_PORT = 40000 };

struct fed_flow {
    struct flow flow;
    uint64_t state[4];
    struct l7 l7;
    struct flow_shared shared;
    struct l7_label labels[2];
    const struct feature *feature;
    uint8_t protocol;
    uint16_t server_port;
    uint8_t flags; /* of the packets to come: enum packet_flag */
};

/* The flow has the label `name`, as nDPI writes it. */
static inline void fed_open(struct fed_flow *fed, enum feature_index feature, uint8_t protocol,
                            uint16_t server_port, const char *name) {
    const struct meter_options options = {.features_asked = 1u << feature}, without = {0};
    *fed = (struct fed_flow){
        .feature = feature_table[feature], .protocol = protocol, .server_port = server_port};
    memset(fed->state, 0xaa, sizeof fed->state);
    fed->shared.offset[feature] = offsetof(struct fed_flow, state);
    fed->shared.offset[FEATURE_l7] = offsetof(struct fed_flow, l7);
    fed->shared.labels = fed->labels;
    strcpy(fed->labels[1].name, name);
    fed->l7.label = 1;
    fed->flow.shared = &fed->shared;
    assert_in_range(fed->feature->state_size(&options), 1, sizeof fed->state);
    assert_int_equal(fed->feature->state_size(&without), 0);
    fed->feature->on_init(NULL, &fed->flow);
}

/* A packet with this payload, of which `captured` bytes are there: no more can be read. */
static inline void fed_packet_cut(struct fed_flow *fed, bool back, const void *payload, size_t length,
                                  size_t captured) {
    size_t header = fed->protocol == TCP ? FED_HEADERS : 28;
    uint8_t *ip = malloc(header + captured);
    assert_non_null(ip);
    memset(ip, 0, header);
    if (captured > 0)
        memcpy(ip + header, payload, captured);
    struct packet packet = {
        .ip = ip,
        .ip_captured = (uint32_t)(header + captured),
        .size = {(uint32_t)(header + length + 14), (uint32_t)(header + length),
                 (uint32_t)(header + length - 20), (uint32_t)length},
        .source_port = back ? fed->server_port : FED_CLIENT_PORT,
        .destination_port = back ? FED_CLIENT_PORT : fed->server_port,
        .protocol = fed->protocol,
        .ip_version = 4,
        .flags = fed->flags,
    };
    fed->feature->on_update(NULL, &fed->flow, &packet, back ? DST2SRC : SRC2DST, packet.size[ACCOUNT_RAW]);
    free(ip);
}

static inline void fed_packet(struct fed_flow *fed, bool back, const void *payload, size_t length) {
    fed_packet_cut(fed, back, payload, length, length);
}

/* The same bytes as a later fragment, all of whose transport is payload. */
static inline void fed_later_fragment(struct fed_flow *fed, bool back, const void *payload, size_t length) {
    uint8_t *ip = malloc(20 + length);
    assert_non_null(ip);
    memset(ip, 0, 20);
    memcpy(ip + 20, payload, length);
    uint32_t size = (uint32_t)length;
    struct packet packet = {
        .ip = ip,
        .ip_captured = size + 20,
        .size = {size + 34, size + 20, size, size},
        .source_port = back ? fed->server_port : FED_CLIENT_PORT,
        .destination_port = back ? FED_CLIENT_PORT : fed->server_port,
        .protocol = fed->protocol,
        .ip_version = 4,
        .flags = PACKET_FRAGMENT,
    };
    fed->feature->on_update(NULL, &fed->flow, &packet, back ? DST2SRC : SRC2DST, packet.size[ACCOUNT_RAW]);
    free(ip);
}

/* Ends the slice: the flow is the next one then. */
static inline void fed_next_slice(struct fed_flow *fed) {
    struct fed_flow next = *fed;
    memset(next.state, 0x55, sizeof next.state);
    next.flow.slice++;
    next.flow.shared = &next.shared;
    fed->feature->on_init(NULL, &next.flow);
    fed->feature->on_release(NULL, &fed->flow, &next.flow);
    *fed = next;
    fed->flow.shared = &fed->shared;
}

static inline void assert_number(const struct fed_flow *fed, field_getter *get, enum flow_direction direction,
                                 int64_t expected) {
    struct value value = value_of(&fed->flow, get, direction);
    assert_false(value.is_null);
    assert_int_equal(value.integer, expected);
}

static inline void assert_absent(const struct fed_flow *fed, field_getter *get,
                                 enum flow_direction direction) {
    assert_true(value_of(&fed->flow, get, direction).is_null);
}
