#include "meter/feature/stats.h"

#include <math.h>
#include <string.h>

#include "meter/feature.h"
#include "meter/options.h"

double running_stddev(const struct running *running, uint64_t count) {
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
    memset(flow->feature[FEATURE_stats], 0, sizeof(struct stats));
}

static void stats_on_update(const struct feature_context *context, struct flow *flow,
                            const struct packet *packet, enum flow_direction direction, uint32_t size) {
    (void)context;
    struct stats *stats = flow->feature[FEATURE_stats];
    stats_add_packet(&stats->direction[BIDIRECTIONAL], &flow->counters[BIDIRECTIONAL], packet, size);
    stats_add_packet(&stats->direction[direction], &flow->counters[direction], packet, size);
}

const struct feature feature_stats = {
    .name = "stats",
    .state_size = stats_state_size,
    .on_init = stats_on_init,
    .on_update = stats_on_update,
};
