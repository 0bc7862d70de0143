/* A meter with made-up packets, and a list of what it exported. */
#pragma once

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "meter/l7.h"
#include "meter/meter.h"

enum { UDP = 17, TCP = 6, ICMP = 1 };

/* What remains of a flow after its export. */
struct exported {
    struct flow flow; /* its pointers are stale */
    char application[64], category[64], server_name[128], ja3_client[64];
    uint8_t confidence;
    bool guessed, undissected;
    int64_t record_time;
    uint64_t open_at_export; /* flows in the meter while it was exported, this one not counted */
};

struct fixture {
    struct meter *meter;
    struct exported *exported;
    size_t count, capacity;
    size_t room;  /* for so many flows, if the meter asks (fixture_has_room) */
    size_t limit; /* the export call takes no more than this; 0: any number */
};

static inline bool fixture_export(void *context, const struct flow *flow) {
    struct fixture *fixture = context;
    if (fixture->limit > 0 && fixture->count == fixture->limit)
        return false;
    if (fixture->count == fixture->capacity) {
        fixture->capacity = fixture->capacity * 2 + 64;
        fixture->exported = realloc(fixture->exported, fixture->capacity * sizeof(*fixture->exported));
        assert_non_null(fixture->exported);
    }
    struct exported *item = &fixture->exported[fixture->count++];
    memset(item, 0, sizeof(*item));
    item->flow = *flow;
    struct meter_statistics statistics;
    meter_statistics(fixture->meter, &statistics);
    item->record_time = flow->shared->record_time;
    item->open_at_export = statistics.flows_open;
    if (!flow_has(flow, FEATURE_l7))
        return true;
    const struct l7 *l7 = flow_feature(flow, FEATURE_l7);
    snprintf(item->application, sizeof(item->application), "%s", l7_label(flow)->name);
    snprintf(item->category, sizeof(item->category), "%s", l7_label(flow)->category_name);
    assert_int_equal(l7_label(flow)->name_clean, strlen(item->application));
    assert_int_equal(l7_label(flow)->category_clean, strlen(item->category));
    snprintf(item->server_name, sizeof(item->server_name), "%s", l7_text(l7, L7_SERVER_NAME));
    snprintf(item->ja3_client, sizeof(item->ja3_client), "%s", l7_text(l7, L7_JA3_CLIENT));
    item->confidence = l7->confidence;
    item->guessed = l7->guessed;
    item->undissected = l7->undissected;
    return true;
}

static inline bool fixture_has_room(void *context) {
    const struct fixture *fixture = context;
    return fixture->count < fixture->room;
}

/* Ticks in a millisecond of each profile. */
static inline int64_t fixture_millisecond(enum meter_profile profile) {
    return profile == PROFILE_NATIVE ? 1000 : 1;
}

static inline void fixture_open(struct fixture *fixture, const struct meter_options *options) {
    struct error error;
    *fixture = (struct fixture){0};
    assert_int_equal(meter_create(options, fixture_export, fixture, &fixture->meter, &error), 0);
}

/* opened = exported + discarded + open must hold at any time. */
static inline void fixture_check_ledger(const struct fixture *fixture) {
    struct meter_statistics statistics;
    meter_statistics(fixture->meter, &statistics);
    uint64_t exported = 0;
    for (int i = 0; i < END_REASON_COUNT; i++)
        exported += statistics.flows_exported[i];
    assert_int_equal(exported, fixture->count);
    assert_int_equal(statistics.flows_opened, exported + statistics.flows_discarded +
                                                  statistics.flows_elsewhere + statistics.flows_open);
    assert_int_equal(statistics.packets_without_memory, 0);
}

static inline void fixture_close(struct fixture *fixture) {
    fixture_check_ledger(fixture);
    meter_destroy(fixture->meter);
    free(fixture->exported);
}

/* A packet from host `source` (10.x.x.x) to host `destination`. */
static inline struct packet made_packet(int64_t time, uint32_t source, uint16_t source_port,
                                        uint32_t destination, uint16_t destination_port, uint8_t protocol) {
    struct packet packet = {
        .time = time,
        .size = {[ACCOUNT_RAW] = 100, [ACCOUNT_IP] = 86, [ACCOUNT_TRANSPORT] = 66, [ACCOUNT_PAYLOAD] = 46},
        .source = {10, (uint8_t)(source >> 16), (uint8_t)(source >> 8), (uint8_t)source},
        .destination = {10, (uint8_t)(destination >> 16), (uint8_t)(destination >> 8), (uint8_t)destination},
        .source_port = source_port,
        .destination_port = destination_port,
        .ip_version = 4,
        .protocol = protocol,
    };
    return packet;
}

/* The same numbers in every run, below `limit` (at most 65536). */
static inline uint32_t made_random(uint32_t *random, uint32_t limit) {
    *random = *random * 1664525u + 1013904223u;
    return (*random >> 16) * limit >> 16;
}

static inline void feed(struct fixture *fixture, struct packet packet) {
    meter_packet(fixture->meter, &packet);
}
