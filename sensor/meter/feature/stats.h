/* Post-mortem statistics (NFStream's statistical_analysis): packet sizes, inter-arrival times, TCP flags. */
#pragma once

#include <stdint.h>

#include "meter/flow.h"

/* Order of NFStream's flag columns. */
enum flag_counter {
    FLAG_SYN,
    FLAG_CWR,
    FLAG_ECE,
    FLAG_URG,
    FLAG_ACK,
    FLAG_PSH,
    FLAG_RST,
    FLAG_FIN,
    FLAG_COUNTERS
};

/* Running statistics by Welford's method, so that one pass is enough and doubles equal NFStream's. */
struct running {
    uint64_t min, max;
    double mean;
    double m2; /* sum of squared differences from the mean */
};

struct stats_direction {
    struct running size;           /* bytes per packet */
    struct running interval;       /* ticks between packets */
    uint32_t flags[FLAG_COUNTERS]; /* packets with the flag set */
};

/* What flow->feature[FEATURE_stats] points to. */
struct stats {
    struct stats_direction direction[FLOW_DIRECTIONS];
};

/* Sample standard deviation of `count` values; 0 for fewer than two. */
double running_stddev(const struct running *running, uint64_t count);
