// The three captures' composition. Shares are of flows, not of bytes.

#include "traffic.h"

#include <string.h>

static const struct traffic_scenario scenarios[] = {
    {
        .name = "mix",
        .flows = 250000,
        .packets_per_flow = 16,
        .arrival_us = 2400,
        .pace_us = 400,
        .ack_every = 2,
        .has_heavy_tail = true,
        .ipv6_percent = 25,
        .shares =
            {
                [TRAFFIC_DNS] = 300,
                [TRAFFIC_NTP] = 20,
                [TRAFFIC_PING] = 10,
                [TRAFFIC_SCAN] = 60,
                [TRAFFIC_TLS] = 340,
                [TRAFFIC_HTTP] = 80,
                [TRAFFIC_QUIC] = 100,
                [TRAFFIC_SSH] = 10,
                [TRAFFIC_OPAQUE_TCP] = 30,
                [TRAFFIC_OPAQUE_UDP] = 50,
            },
    },
    {
        .name = "small",
        .flows = 1000000,
        .packets_per_flow = 2,
        .arrival_us = 300,
        .pace_us = 400,
        .ipv6_percent = 25,
        .shares =
            {
                [TRAFFIC_DNS] = 620,
                [TRAFFIC_NTP] = 70,
                [TRAFFIC_PING] = 60,
                [TRAFFIC_SCAN] = 210,
                [TRAFFIC_OPAQUE_UDP] = 40,
            },
    },
    {
        .name = "large",
        .flows = 20,
        .packets_per_flow = 60000,
        .arrival_us = 50000,
        .pace_us = 2000,
        .ipv6_percent = 25,
        .shares =
            {
                [TRAFFIC_TLS] = 500,
                [TRAFFIC_HTTP] = 200,
                [TRAFFIC_QUIC] = 200,
                [TRAFFIC_OPAQUE_UDP] = 100,
            },
    },
};

const struct traffic_scenario *traffic_scenario_at(size_t number) {
    return number < sizeof scenarios / sizeof scenarios[0] ? &scenarios[number] : NULL;
}

const struct traffic_scenario *traffic_scenario_find(const char *name) {
    for (size_t i = 0; traffic_scenario_at(i) != NULL; i++) {
        if (strcmp(scenarios[i].name, name) == 0)
            return &scenarios[i];
    }
    return NULL;
}
