/* Post-mortem statistics (NFStream's statistical_analysis): packet sizes, inter-arrival times, TCP flags. */
#include "meter/feature.h"

#include <math.h>
#include <string.h>

#include "feature/extremes.h"
#include "feature/slice_time.h"
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
    double mean;
    double m2; /* sum of squared differences from the mean */
};

/* While there is no value the least is larger than any. */
struct wide_extremes {
    uint64_t min, max;
};

/* What flow_feature(flow, FEATURE_stats) points to. What follows from the two ways is not kept of both together. */
struct stats {
    struct running sizes[FLOW_DIRECTIONS];     /* bytes per packet */
    struct running intervals[FLOW_DIRECTIONS]; /* ticks between packets */
    struct extremes size_extremes[FLOW_WAYS];
    struct extremes interval_extremes[FLOW_DIRECTIONS]; /* where 32 bits are enough */
    uint32_t flags[FLOW_WAYS][FLAG_COUNTERS];           /* packets with the flag set */
};
_Static_assert(sizeof(struct stats) == 200, "every open flow costs these bytes");

/* Behind the rest where 32 bits are not enough for intervals, of each direction. */
static struct wide_extremes *stats_wide(const struct stats *stats) {
    return (struct wide_extremes *)(stats + 1);
}

/* Sample standard deviation of `count` values; 0 for fewer than two. */
static double running_stddev(const struct running *running, uint64_t count) {
    return count > 1 ? sqrt(running->m2 / (double)(count - 1)) : 0.0;
}

/* `count` values including this one. The order of operations is NFStream's, so that the doubles are. */
static inline void running_add(struct running *running, int64_t value, uint64_t count) {
    double x = (double)value;
    if (count == 1) {
        running->mean = x;
        return;
    }
    double before = running->mean;
    running->mean = before + (x - before) / (double)(int64_t)count;
    running->m2 += (x - before) * (x - running->mean);
}

static void wide_extremes_add(struct wide_extremes *extremes, uint64_t value) {
    extremes->min = value < extremes->min ? value : extremes->min;
    extremes->max = value > extremes->max ? value : extremes->max;
}

/* By enum flag_counter. */
static const uint32_t flag_masks[FLAG_COUNTERS] = {TCP_SYN, TCP_CWR, TCP_ECE, TCP_URG,
                                                   TCP_ACK, TCP_PSH, TCP_RST, TCP_FIN};

/* Written so that the compiler compares and subtracts all eight at once. */
static inline void stats_count_flags(uint32_t flags[FLAG_COUNTERS], uint32_t tcp_flags) {
    for (int i = 0; i < FLAG_COUNTERS; i++)
        flags[i] += (tcp_flags & flag_masks[i]) != 0;
}

static inline void stats_add_interval(struct stats *stats, bool wide, enum flow_direction direction,
                                      int64_t interval, uint64_t count) {
    running_add(&stats->intervals[direction], interval, count);
    if (wide)
        wide_extremes_add(&stats_wide(stats)[direction], (uint64_t)interval);
    else
        extremes_add(&stats->interval_extremes[direction], (uint32_t)interval);
}

static size_t stats_state_size(const struct meter_options *options) {
    if (!options->statistical_analysis)
        return 0;
    return sizeof(struct stats) +
           (slice_is_wide(options) ? FLOW_DIRECTIONS * sizeof(struct wide_extremes) : 0);
}

static void stats_on_init(const struct feature_context *context, struct flow *flow) {
    struct stats *stats = flow_feature(flow, FEATURE_stats);
    memset(stats, 0, sizeof(*stats));
    for (int i = 0; i < FLOW_WAYS; i++)
        stats->size_extremes[i] = EXTREMES_OF_NONE;
    for (int i = 0; i < FLOW_DIRECTIONS; i++)
        stats->interval_extremes[i] = EXTREMES_OF_NONE;
    for (int i = 0; slice_is_wide(context->options) && i < FLOW_DIRECTIONS; i++)
        stats_wide(stats)[i] = (struct wide_extremes){UINT64_MAX, 0};
}

static void stats_on_update(const struct feature_context *context, struct flow *flow,
                            const struct packet *packet, enum flow_direction direction, uint32_t size) {
    struct stats *stats = flow_feature(flow, FEATURE_stats);
    const struct flow_counters *before = &flow->ways[flow_way(direction)];
    uint64_t packets = flow_packets(flow, BIDIRECTIONAL);
    bool wide = slice_is_wide(context->options);
    running_add(&stats->sizes[BIDIRECTIONAL], size, packets + 1);
    running_add(&stats->sizes[direction], size, before->packets + 1);
    extremes_add(&stats->size_extremes[flow_way(direction)], size);
    if (packets > 0)
        stats_add_interval(stats, wide, BIDIRECTIONAL, packet->time - flow_last_seen(flow, BIDIRECTIONAL),
                           packets);
    if (before->packets > 0)
        stats_add_interval(stats, wide, direction, packet->time - before->last_seen, before->packets);
    if (packet->tcp_flags != 0)
        stats_count_flags(stats->flags[flow_way(direction)], packet->tcp_flags);
}

const struct feature feature_stats = {
    .name = "stats",
    .state_size = stats_state_size,
    .on_init = stats_on_init,
    .on_update = stats_on_update,
};

static const struct stats *stats_of(const struct record_source *source) {
    return flow_feature(source->flow, FEATURE_stats);
}

/* Times between n packets are n - 1 values. */
static uint64_t interval_count(const struct record_source *source, enum flow_direction direction) {
    uint64_t packets = flow_packets(source->flow, direction);
    return packets > 0 ? packets - 1 : 0;
}

static struct wide_extremes interval_extremes(const struct record_source *source,
                                              enum flow_direction direction) {
    const struct stats *stats = stats_of(source);
    if (slice_is_wide(source->flow->shared->options))
        return stats_wide(stats)[direction];
    const struct extremes *extremes = &stats->interval_extremes[direction];
    return (struct wide_extremes){extremes->min, extremes->max};
}

static struct extremes size_extremes(const struct record_source *source, enum flow_direction direction) {
    return extremes_of(stats_of(source)->size_extremes, direction);
}

void get_min_ps(const struct record_source *source, enum flow_direction direction, struct value *value) {
    value_size(value, flow_packets(source->flow, direction) > 0 ? size_extremes(source, direction).min : 0);
}

void get_mean_ps(const struct record_source *source, enum flow_direction direction, struct value *value) {
    value_real(value, stats_of(source)->sizes[direction].mean);
}

void get_stddev_ps(const struct record_source *source, enum flow_direction direction, struct value *value) {
    value_real(value,
               running_stddev(&stats_of(source)->sizes[direction], flow_packets(source->flow, direction)));
}

void get_max_ps(const struct record_source *source, enum flow_direction direction, struct value *value) {
    value_size(value, size_extremes(source, direction).max);
}

void get_min_piat(const struct record_source *source, enum flow_direction direction, struct value *value) {
    value_counter(value,
                  interval_count(source, direction) > 0 ? interval_extremes(source, direction).min : 0);
}

void get_mean_piat(const struct record_source *source, enum flow_direction direction, struct value *value) {
    value_real(value, stats_of(source)->intervals[direction].mean);
}

void get_stddev_piat(const struct record_source *source, enum flow_direction direction, struct value *value) {
    value_real(value,
               running_stddev(&stats_of(source)->intervals[direction], interval_count(source, direction)));
}

void get_max_piat(const struct record_source *source, enum flow_direction direction, struct value *value) {
    value_counter(value, interval_extremes(source, direction).max);
}

void get_sizes(const struct record_source *source, enum flow_direction direction, struct value *values) {
    get_min_ps(source, direction, &values[0]);
    get_mean_ps(source, direction, &values[1]);
    get_stddev_ps(source, direction, &values[2]);
    get_max_ps(source, direction, &values[3]);
}

void get_intervals(const struct record_source *source, enum flow_direction direction, struct value *values) {
    get_min_piat(source, direction, &values[0]);
    get_mean_piat(source, direction, &values[1]);
    get_stddev_piat(source, direction, &values[2]);
    get_max_piat(source, direction, &values[3]);
}

static int64_t flag_count(const struct record_source *source, enum flow_direction direction,
                          enum flag_counter counter) {
    const struct stats *stats = stats_of(source);
    if (direction != BIDIRECTIONAL)
        return stats->flags[flow_way(direction)][counter];
    return (int64_t)stats->flags[0][counter] + stats->flags[1][counter];
}

#define FLAG_GETTER(name, counter)                                                               \
    void get_##name##_packets(const struct record_source *source, enum flow_direction direction, \
                              struct value *value) {                                             \
        value_integer(value, flag_count(source, direction, counter));                            \
    }
FLAG_GETTER(syn, FLAG_SYN)
FLAG_GETTER(cwr, FLAG_CWR)
FLAG_GETTER(ece, FLAG_ECE)
FLAG_GETTER(urg, FLAG_URG)
FLAG_GETTER(ack, FLAG_ACK)
FLAG_GETTER(psh, FLAG_PSH)
FLAG_GETTER(rst, FLAG_RST)
FLAG_GETTER(fin, FLAG_FIN)

void get_tcp_flags(const struct record_source *source, enum flow_direction direction, struct value *values) {
    static const uint32_t none[FLAG_COUNTERS];
    const struct stats *stats = stats_of(source);
    const uint32_t *one = stats->flags[direction != BIDIRECTIONAL ? flow_way(direction) : 0];
    const uint32_t *other = direction != BIDIRECTIONAL ? none : stats->flags[1];
    for (int counter = 0; counter < FLAG_COUNTERS; counter++)
        value_integer(&values[counter], (int64_t)one[counter] + other[counter]);
}
