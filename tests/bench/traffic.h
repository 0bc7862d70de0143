// Flows of a synthetic network: which application, how long, and what each of its packets is.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "frame.h"

enum traffic_kind {
    TRAFFIC_DNS,
    TRAFFIC_NTP,
    TRAFFIC_PING,
    TRAFFIC_SCAN, // A SYN and, mostly, its RST.
    TRAFFIC_TLS,
    TRAFFIC_HTTP,
    TRAFFIC_QUIC,
    TRAFFIC_SSH,
    TRAFFIC_OPAQUE_TCP, // No known protocol: dissection gives up only after all its packets.
    TRAFFIC_OPAQUE_UDP,
    TRAFFIC_KINDS,
};

struct traffic_scenario {
    const char *name;
    uint32_t flows;
    uint32_t packets_per_flow;      // The mean if lengths have a heavy tail, else the exact number.
    uint32_t arrival_us;            // Mean time between the starts of two flows.
    uint32_t pace_us;               // Mean time between two packets of bulk data.
    uint8_t ack_every;              // Packets of bulk data that one bare acknowledgement follows; 0: none.
    bool has_heavy_tail;            // Lengths follow a bounded Pareto law, with pauses for thought.
    uint16_t shares[TRAFFIC_KINDS]; // Of each kind among the flows; relative.
    uint8_t ipv6_percent;
};

// The scenario of that name, or NULL.
const struct traffic_scenario *traffic_scenario_find(const char *name);
// By number from 0; NULL after the last.
const struct traffic_scenario *traffic_scenario_at(size_t number);

struct flow {
    const struct traffic_scenario *scenario;
    uint64_t random;
    uint64_t time_us; // Of the next packet, since the capture's start.
    struct endpoint client;
    struct endpoint server;
    enum traffic_kind kind;
    uint32_t packets;
    uint32_t sent;
    uint32_t round_trip_us;
    uint32_t client_sequence;
    uint32_t server_sequence;
    uint16_t identifier;
    bool is_ipv6;
    bool is_tls13;
    char host[64];
};

// How many packets flow number `index` has. `stretch` scales the heavy tail.
uint32_t traffic_flow_length(const struct traffic_scenario *scenario, uint32_t index, double stretch);

// Sets up flow number `index` of `count`. No two flows of a scenario have the same 5-tuple.
void traffic_flow_start(struct flow *flow, const struct traffic_scenario *scenario, uint32_t index,
                        uint32_t count, double stretch);

// Writes the flow's next packet and sets the time of the one after it. `frame` has FRAME_MAXIMUM bytes; returns the
// frame's length. Not to be called once flow->sent == flow->packets.
size_t traffic_flow_next(struct flow *flow, uint8_t *frame);
