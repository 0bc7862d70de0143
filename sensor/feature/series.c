/* Shape of a flow's series of packets: skewness and kurtosis of the times between packets, and how sizes and times go up and
 * down (NetTiSA's features). */
#include "meter/feature.h"

#include <math.h>
#include <string.h>

#include "feature/moments.h"
#include "meter/options.h"
#include "record/field/field_getters.h"

/* What flow_feature(flow, FEATURE_series) points to. Means follow from the counters and from payload_bytes. */
struct series {
    struct moments intervals[FLOW_DIRECTIONS]; /* ticks between packets */
    uint64_t offsets;                          /* sum of the ticks from the first packet to each */
    uint64_t payload_bytes;
    double payload_dispersion, interval_dispersion; /* sums, see the getters' rows */
    uint32_t last_size, size_changes;               /* on the wire */
};
_Static_assert(sizeof(struct series) == 112, "every open flow costs these bytes");

static size_t series_state_size(const struct meter_options *options) {
    return meter_asks_for(options, FEATURE_series) ? sizeof(struct series) : 0;
}

static void series_on_init(const struct feature_context *context, struct flow *flow) {
    (void)context;
    memset(flow_feature(flow, FEATURE_series), 0, sizeof(struct series));
}

/* The time from a direction's latest packet, of which there is one, to this one. */
static inline void series_add_interval(struct moments *moments, int64_t first, int64_t last, uint64_t packets,
                                       int64_t time) {
    double mean = packets > 1 ? (double)(last - first) / (double)(int64_t)(packets - 1) : 0.0;
    moments_add(moments, mean, (double)(time - last), packets);
}

static inline void series_add_intervals(struct series *series, const struct flow *flow, unsigned direction,
                                        int64_t first, int64_t last, int64_t time) {
    const struct flow_counters *way = &flow->ways[flow_way((enum flow_direction)direction)];
    if (way->packets > 0)
        series_add_interval(&series->intervals[direction], way->first_seen, way->last_seen, way->packets,
                            time);
    series_add_interval(&series->intervals[BIDIRECTIONAL], first, last, flow_packets(flow, BIDIRECTIONAL),
                        time);
}

/* How far each payload is from the mean of those before it, which is 0 at first. */
static inline void series_add_payload(struct series *series, uint32_t payload, uint64_t before) {
    double mean = before > 0 ? (double)(int64_t)series->payload_bytes / (double)(int64_t)before : 0.0;
    series->payload_dispersion += fabs(payload - mean);
    series->payload_bytes += payload;
}

static void series_on_update(const struct feature_context *context, struct flow *flow,
                             const struct packet *packet, enum flow_direction direction, uint32_t size) {
    (void)context, (void)size;
    struct series *series = flow_feature(flow, FEATURE_series);
    uint64_t before = flow_packets(flow, BIDIRECTIONAL);
    series_add_payload(series, packet->size[ACCOUNT_PAYLOAD], before);
    if (before > 0) {
        int64_t first = flow_first_seen(flow, BIDIRECTIONAL), last = flow_last_seen(flow, BIDIRECTIONAL);
        int64_t offset = packet->time - first;
        series_add_intervals(series, flow, direction, first, last, packet->time);
        series->offsets += (uint64_t)offset;
        series->interval_dispersion +=
            fabs((double)offset / (double)(int64_t)(before + 1) - (double)(packet->time - last));
        series->size_changes += packet->size[ACCOUNT_RAW] != series->last_size;
    }
    series->last_size = packet->size[ACCOUNT_RAW];
}

const struct feature feature_series = {
    .name = "series",
    .state_size = series_state_size,
    .on_init = series_on_init,
    .on_update = series_on_update,
};

static const struct series *series_of(const struct record_source *source) {
    return flow_feature(source->flow, FEATURE_series);
}

/* Null where all intervals are equal, or there is none. */
#define SHAPE_GETTER(name)                                                                    \
    void get_##name##_piat(const struct record_source *source, enum flow_direction direction, \
                           struct value *value) {                                             \
        const struct moments *moments = &series_of(source)->intervals[direction];             \
        uint64_t packets = flow_packets(source->flow, direction);                             \
        if (moments_have_shape(moments))                                                      \
            value_real(value, moments_##name(moments, packets - 1));                          \
        else                                                                                  \
            value_null(value);                                                                \
    }
SHAPE_GETTER(skewness)
SHAPE_GETTER(kurtosis)

static double series_packets(const struct record_source *source) {
    return (double)flow_packets(source->flow, BIDIRECTIONAL);
}

void get_mean_offset(const struct record_source *source, enum flow_direction direction, struct value *value) {
    (void)direction;
    value_real(value, (double)series_of(source)->offsets / series_packets(source));
}

void get_dispersion_payload_ps(const struct record_source *source, enum flow_direction direction,
                               struct value *value) {
    (void)direction;
    value_real(value, series_of(source)->payload_dispersion / series_packets(source));
}

void get_dispersion_piat(const struct record_source *source, enum flow_direction direction,
                         struct value *value) {
    (void)direction;
    double intervals = series_packets(source) - 1;
    if (intervals > 0)
        value_real(value, series_of(source)->interval_dispersion / intervals);
    else
        value_null(value);
}

void get_size_changes(const struct record_source *source, enum flow_direction direction,
                      struct value *value) {
    (void)direction;
    value_counter(value, series_of(source)->size_changes);
}
