/* Post-mortem statistics (NFStream's statistical_analysis): packet sizes, inter-arrival times, TCP flags. */
#include "meter/feature.h"

#include <math.h>
#include <string.h>

#include "meter/options.h"
#include "record/field/field_getters.h"

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

/* What flow_feature(flow, FEATURE_stats) points to. */
struct stats {
    struct stats_direction direction[FLOW_DIRECTIONS];
};

/* Sample standard deviation of `count` values; 0 for fewer than two. */
static double running_stddev(const struct running *running, uint64_t count) {
    return count > 1 ? sqrt(running->m2 / (double)(count - 1)) : 0.0;
}

/* `count` values including this one. The order of operations is NFStream's, so that the doubles are. */
static inline void running_add(struct running *running, uint64_t value, uint64_t count) {
    double x = (double)(int64_t)value;
    if (count == 1) {
        running->min = running->max = value;
        running->mean = x;
        return;
    }
    running->min = value < running->min ? value : running->min;
    running->max = value > running->max ? value : running->max;
    double before = running->mean;
    running->mean = before + (x - before) / (double)(int64_t)count;
    running->m2 += (x - before) * (x - running->mean);
}

/* By enum flag_counter. */
static const uint32_t flag_masks[FLAG_COUNTERS] = {TCP_SYN, TCP_CWR, TCP_ECE, TCP_URG,
                                                   TCP_ACK, TCP_PSH, TCP_RST, TCP_FIN};

/* Written so that the compiler compares and subtracts all eight at once. */
static inline void stats_count_flags(uint32_t flags[FLAG_COUNTERS], uint32_t tcp_flags) {
    for (int i = 0; i < FLAG_COUNTERS; i++)
        flags[i] += (tcp_flags & flag_masks[i]) != 0;
}

static inline void stats_add_packet(struct stats_direction *stats, const struct flow_counters *before,
                                    const struct packet *packet, uint32_t size) {
    running_add(&stats->size, size, before->packets + 1);
    if (before->packets > 0)
        running_add(&stats->interval, (uint64_t)(packet->time - before->last_seen), before->packets);
    if (packet->tcp_flags != 0)
        stats_count_flags(stats->flags, packet->tcp_flags);
}

static size_t stats_state_size(const struct meter_options *options) {
    return options->statistical_analysis ? sizeof(struct stats) : 0;
}

static void stats_on_init(const struct feature_context *context, struct flow *flow) {
    (void)context;
    memset(flow_feature(flow, FEATURE_stats), 0, sizeof(struct stats));
}

static void stats_on_update(const struct feature_context *context, struct flow *flow,
                            const struct packet *packet, enum flow_direction direction, uint32_t size) {
    (void)context;
    struct stats *stats = flow_feature(flow, FEATURE_stats);
    const struct flow_counters both = {.last_seen = flow_last_seen(flow), .packets = flow_packets(flow)};
    stats_add_packet(&stats->direction[BIDIRECTIONAL], &both, packet, size);
    stats_add_packet(&stats->direction[direction], &flow->ways[flow_way(direction)], packet, size);
}

const struct feature feature_stats = {
    .name = "stats",
    .state_size = stats_state_size,
    .on_init = stats_on_init,
    .on_update = stats_on_update,
};

static const struct stats_direction *stats_of(const struct record_source *source,
                                              enum flow_direction direction) {
    const struct stats *stats = flow_feature(source->flow, FEATURE_stats);
    return &stats->direction[direction];
}

/* Times between n packets are n - 1 values. */
static uint64_t interval_count(const struct record_source *source, enum flow_direction direction) {
    uint64_t packets = flow_counters(source->flow, direction).packets;
    return packets > 0 ? packets - 1 : 0;
}

void get_min_ps(const struct record_source *source, enum flow_direction direction, struct value *value) {
    value_size(value, stats_of(source, direction)->size.min);
}

void get_mean_ps(const struct record_source *source, enum flow_direction direction, struct value *value) {
    value_real(value, stats_of(source, direction)->size.mean);
}

void get_stddev_ps(const struct record_source *source, enum flow_direction direction, struct value *value) {
    value_real(value, running_stddev(&stats_of(source, direction)->size,
                                     flow_counters(source->flow, direction).packets));
}

void get_max_ps(const struct record_source *source, enum flow_direction direction, struct value *value) {
    value_size(value, stats_of(source, direction)->size.max);
}

void get_min_piat(const struct record_source *source, enum flow_direction direction, struct value *value) {
    value_counter(value, stats_of(source, direction)->interval.min);
}

void get_mean_piat(const struct record_source *source, enum flow_direction direction, struct value *value) {
    value_real(value, stats_of(source, direction)->interval.mean);
}

void get_stddev_piat(const struct record_source *source, enum flow_direction direction, struct value *value) {
    value_real(value,
               running_stddev(&stats_of(source, direction)->interval, interval_count(source, direction)));
}

void get_max_piat(const struct record_source *source, enum flow_direction direction, struct value *value) {
    value_counter(value, stats_of(source, direction)->interval.max);
}

#define FLAG_GETTER(name, counter)                                                               \
    void get_##name##_packets(const struct record_source *source, enum flow_direction direction, \
                              struct value *value) {                                             \
        value_integer(value, stats_of(source, direction)->flags[counter]);                       \
    }
FLAG_GETTER(syn, FLAG_SYN)
FLAG_GETTER(cwr, FLAG_CWR)
FLAG_GETTER(ece, FLAG_ECE)
FLAG_GETTER(urg, FLAG_URG)
FLAG_GETTER(ack, FLAG_ACK)
FLAG_GETTER(psh, FLAG_PSH)
FLAG_GETTER(rst, FLAG_RST)
FLAG_GETTER(fin, FLAG_FIN)
