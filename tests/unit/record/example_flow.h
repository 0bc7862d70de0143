/* A flow as the meter hands it over, built by hand: all features on, or with the parts that a test takes off. */
#pragma once

#include <arpa/inet.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "feature/states.h"
#include "meter/dissect_text.h"
#include "meter/l7.h"
#include "meter/flow.h"
#include "meter/meter.h"
#include "record/field/catalogue.h"
#include "record/field/record_source.h"

enum {
    EXAMPLE_SPLT_PLACES = 20,
    EXAMPLE_TEXT_ROOM = 65000,
    EXAMPLE_BLANK = 512,
    EXAMPLE_ALL_GROUPS = (1 << GROUP_COUNT) - 1
};

/* Everything that a record of one flow needs; the pointers in it point into it, so it is not copied. */
struct example {
    struct meter_options meter;
    struct identity identity;
    struct flow_shared shared;
    struct flow flow;
    struct stats stats;
    struct l7_label labels[2];
    struct l7 l7;
    struct process process;
    struct process_feature process_feature;
    struct tcp_gaps tcp_gaps;
    struct ip_facts ip;
    struct sizes sizes;
    struct series series;
    struct histograms histograms;
    _Alignas(8) unsigned char blank[EXAMPLE_BLANK]; /* of features that no test plants */
    _Alignas(8) unsigned char splt[sizeof(struct splt) +
                                   EXAMPLE_SPLT_PLACES * (sizeof(int64_t) + sizeof(struct splt_cell)) +
                                   sizeof(struct splt_more) +
                                   EXAMPLE_SPLT_PLACES * (sizeof(uint32_t) + sizeof(uint64_t))];
    _Alignas(8) unsigned char texts[sizeof(struct text_block) + 2 * L7_TEXTS + EXAMPLE_TEXT_ROOM];
};

/* Lays the texts out as the dissector does; NULL or "" is left out. */
static inline void example_set_texts(struct example *example, const char *const texts[L7_TEXTS]) {
    struct text_block *block = (struct text_block *)example->texts;
    size_t used = sizeof *block + 2 * L7_TEXTS, count = 0;
    block->present = 0;
    for (int i = 0; i < L7_TEXTS; i++) {
        if (texts[i] == NULL || texts[i][0] == '\0')
            continue;
        size_t size = strlen(texts[i]) + 1;
        memcpy(example->texts + used, texts[i], size);
        block->present = (uint16_t)(block->present | 1u << i);
        block->offsets[count++] = (uint16_t)used;
        used += size;
    }
    example->l7.texts = block;
}

/* Places of splt are filled by position: direction, size and interval of packet i are given by formulas. */
static inline void example_set_splt(struct example *example, uint32_t length) {
    struct splt *splt = (struct splt *)example->splt;
    splt->length = 0;
    for (uint32_t i = 0; i < length; i++) {
        splt_put(&example->meter, splt, i == 0 ? 0 : (int64_t)i * 1000003, 60 + 97 * i, i % 2 == 1);
    }
}

static inline void example_set_stats(struct example *example) {
    for (int d = 0; d < FLOW_DIRECTIONS; d++) {
        example->stats.sizes[d] = (struct running){325.2857142857144 - d, 6754045.714285715};
        example->stats.intervals[d] = (struct running){247037.037037037, 2730151481.0};
        example->stats.interval_extremes[d] = (struct extremes){0, 995123};
    }
    for (int way = 0; way < FLOW_WAYS; way++) {
        example->stats.size_extremes[way] = (struct extremes){54, 1484};
        for (int i = 0; i < FLAG_COUNTERS; i++)
            example->stats.flags[way][i] = (uint32_t)(10 * (way + 1) + i);
    }
}

static inline void example_set_sizes(struct example *example) {
    for (unsigned way = 0; way < FLOW_WAYS; way++) {
        example->sizes.payload[way] = (struct payload_sizes){77.5 + way, {210.25, -90.5, 8100.125}};
        example->sizes.payload_extremes[way] = (struct extremes){way, 1000 + way};
        example->sizes.bytes[way][ACCOUNT_PAYLOAD] = 1240 + way;
    }
}

static inline void example_set_identity(struct example *example, enum meter_profile profile, int64_t second) {
    example->meter = (struct meter_options){
        .profile = profile,
        .idle_timeout = 120 * second,
        .active_timeout = 1800 * second,
        .n_dissections = 20,
        .statistical_analysis = true,
        .splt_analysis = EXAMPLE_SPLT_PLACES,
        .splt_more = true,
        .flow_table_size = 1024,
    };
    strcpy(example->identity.sensor_id, "sensor-1");
    strcpy(example->identity.boot_id, "6fa459ea-ee8a-4ca4-894e-db77e160355e");
    example->identity.key = (struct hash_key){{1, 2}};
    example->identity.ndpi_version = "4.2.0";
    example->identity.meter = &example->meter;
    example->identity.decode_tunnels = true;
    example->identity.tunnel_keys = "all";
    example->identity.tunnel_ports = "vxlan=4789,8472";
}

static inline void example_set_packets(struct flow *flow, int64_t second) {
    int64_t start = 1434443394 * second;
    flow->ways[0] = (struct flow_counters){start, start + 6 * second + 67, 16, 1512};
    flow->ways[1] = (struct flow_counters){start + 34, start + 6 * second + 4, 12, 7596};
    inet_pton(AF_INET, "172.31.3.224", flow->key.address_a);
    inet_pton(AF_INET, "216.58.212.100", flow->key.address_b);
    memcpy(flow->source_mac, "\x80\xc6\xca\x00\x9e\x9f", 6);
    memcpy(flow->destination_mac, "\x00\x0e\x8e\x4d\xb4\xa8", 6);
    flow->key.port_a = 42835;
    flow->key.port_b = 443;
    flow->key.protocol = 6;
    flow->key.ip_version = flow->ip_version = 4;
    flow->key.vlan_id = 7;
    flow->first_flags = flow->seen_flags = PACKET_HAS_MAC;
    flow->first_tcp_flags = TCP_SYN;
    flow->end_reason = END_OF_INPUT;
    flow->uid_time = start;
}

static inline void example_set_l7(struct example *example) {
    example->labels[1] =
        (struct l7_label){.name = "TLS.Google", .category_name = "Web", .breed = "Acceptable"};
    example->l7.label = 1;
    example->l7.confidence = L7_CONFIDENCE_DPI;
    const char *const texts[L7_TEXTS] = {
        [L7_SERVER_NAME] = "www.google.com",
        [L7_JA3_CLIENT] = "bc6c386f480ee97b9d9e52d472b772d8",
        [L7_JA3_SERVER] = "67619a80665d7ab92d1041b1d11f9164",
    };
    example_set_texts(example, texts);
}

static inline void example_set_process(struct example *example) {
    example->process = (struct process){
        .pid = 4711,
        .user_id = 1000,
        .name = "curl",
        .executable = "/usr/bin/curl",
        .cgroup = "/kubepods/pod1/0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
        .container_id = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
    };
    example->process_feature = (struct process_feature){.process = &example->process, .end = END_SOURCE};
}

/* A TLS flow over Ethernet with packets in both directions. */
static inline void example_init(struct example *example, enum meter_profile profile) {
    memset(example, 0, sizeof *example);
    int64_t second = profile == PROFILE_NFSTREAM ? 1000 : 1000000;
    struct flow *flow = &example->flow;
    example_set_identity(example, profile, second);
    example_set_packets(flow, second);
    example_set_stats(example);
    example_set_sizes(example);
    example_set_splt(example, 3);
    example_set_l7(example);
    example_set_process(example);
#define PLACE(member) offsetof(struct example, member) - offsetof(struct example, flow)
    example->shared = (struct flow_shared){
        .offset = {[FEATURE_process] = PLACE(process_feature),
                   [FEATURE_stats] = PLACE(stats),
                   [FEATURE_splt] = PLACE(splt),
                   [FEATURE_l7] = PLACE(l7),
                   [FEATURE_tcp_gaps] = PLACE(tcp_gaps),
                   [FEATURE_ip] = PLACE(ip),
                   [FEATURE_sizes] = PLACE(sizes),
                   [FEATURE_series] = PLACE(series),
                   [FEATURE_histograms] = PLACE(histograms),
                   [FEATURE_tcp_window] = PLACE(blank),
                   [FEATURE_tcp_handshake] = PLACE(blank),
                   [FEATURE_tcp_retransmission] = PLACE(blank),
                   [FEATURE_activity] = PLACE(blank),
                   [FEATURE_bulk] = PLACE(blank),
                   [FEATURE_bursts] = PLACE(blank)},
        .options = &example->meter,
        .labels = example->labels,
    };
#undef PLACE
    flow->shared = &example->shared;
}
