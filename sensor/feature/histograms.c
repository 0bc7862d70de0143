/* Histograms of packet sizes and of the times between data packets, of each way. */
#include "meter/feature.h"

#include <string.h>

#include "meter/options.h"
#include "record/field/field_getters.h"

/* Least values of the bins from the second one on; the first one begins at 0, or for payloads at 1. */
static const uint32_t ip_edges[] = {129, 257, 512, 513, 1024, 1025, 1515};
static const uint32_t payload_edges[] = {16, 32, 64, 128, 256, 512, 1024};
static const uint32_t interval_edges[] = {1, 16, 32, 64, 128, 256, 512, 1024, 8192}; /* milliseconds */

#define EDGES(edges) (sizeof(edges) / sizeof *(edges))
enum {
    IP_BINS = EDGES(ip_edges) + 1,
    PAYLOAD_BINS = EDGES(payload_edges) + 1,
    INTERVAL_BINS = EDGES(interval_edges) + 1,
};

/* Of one way. */
struct way_histograms {
    int64_t
        last_data; /* of the latest data packet, in milliseconds of wall clock time; valid once there is one */
    uint32_t ip[IP_BINS], payload[PAYLOAD_BINS],
        interval[INTERVAL_BINS]; /* packets; they stay at their most */
};

/* What flow_feature(flow, FEATURE_histograms) points to. */
struct histograms {
    struct way_histograms ways[FLOW_WAYS];
};
_Static_assert(sizeof(struct histograms) == 224, "every open flow costs these bytes");
_Static_assert(2 * (IP_BINS + PAYLOAD_BINS + INTERVAL_BINS) <= RECORD_FIXED_INTEGERS,
               "a record has room for all");

static size_t histograms_state_size(const struct meter_options *options) {
    return meter_asks_for(options, FEATURE_histograms) ? sizeof(struct histograms) : 0;
}

static void histograms_on_init(const struct feature_context *context, struct flow *flow) {
    (void)context;
    memset(flow_feature(flow, FEATURE_histograms), 0, sizeof(struct histograms));
}

/* Written so that the compiler compares several edges at once. */
static inline void histogram_add(uint32_t *bins, const uint32_t *edges, unsigned count, uint32_t value) {
    uint32_t bin = 0;
    for (unsigned i = 0; i < count; i++)
        bin += value >= edges[i];
    bins[bin] += bins[bin] != UINT32_MAX;
}

/* Whether a data packet came before: each is in one bin of the payloads. */
static bool had_data(const struct way_histograms *way) {
    uint32_t any = 0;
    for (unsigned i = 0; i < PAYLOAD_BINS; i++)
        any |= way->payload[i];
    return any != 0;
}

/* Both times are cut to milliseconds before one is taken from the other, as CESNET's probe does. */
static inline void histograms_add_data(struct way_histograms *way, uint32_t payload, int64_t time) {
    int64_t milliseconds = time / 1000;
    if (had_data(way)) {
        int64_t interval = milliseconds - way->last_data;
        histogram_add(way->interval, interval_edges, EDGES(interval_edges),
                      interval < UINT32_MAX ? (uint32_t)interval : UINT32_MAX);
    }
    histogram_add(way->payload, payload_edges, EDGES(payload_edges), payload);
    way->last_data = milliseconds;
}

static void histograms_on_update(const struct feature_context *context, struct flow *flow,
                                 const struct packet *packet, enum flow_direction direction, uint32_t size) {
    (void)context, (void)size;
    struct histograms *histograms = flow_feature(flow, FEATURE_histograms);
    struct way_histograms *way = &histograms->ways[flow_way(direction)];
    uint32_t payload = packet->size[ACCOUNT_PAYLOAD];
    histogram_add(way->ip, ip_edges, EDGES(ip_edges), packet->size[ACCOUNT_IP]);
    if (payload > 0)
        histograms_add_data(way, payload, flow_wall_time(flow, packet->time));
}

const struct feature feature_histograms = {
    .name = "histograms",
    .state_size = histograms_state_size,
    .on_init = histograms_on_init,
    .on_update = histograms_on_update,
};

static const struct way_histograms *way_histograms(const struct record_source *source,
                                                   enum flow_direction direction) {
    const struct histograms *histograms = flow_feature(source->flow, FEATURE_histograms);
    return &histograms->ways[flow_way(direction)];
}

static void bins_value(const struct record_source *source, const uint32_t *bins, size_t count,
                       struct value *value) {
    int64_t *items = scratch_integers(source, count);
    value->is_null = false;
    value->integers.items = items;
    value->integers.count = items != NULL ? count : 0;
    for (size_t i = 0; i < value->integers.count; i++)
        items[i] = bins[i];
}

#define BINS_GETTER(name, member, bins)                                                       \
    void get_##name##_hist(const struct record_source *source, enum flow_direction direction, \
                           struct value *value) {                                             \
        bins_value(source, way_histograms(source, direction)->member, bins, value);           \
    }
BINS_GETTER(ip_ps, ip, IP_BINS)
BINS_GETTER(payload_ps, payload, PAYLOAD_BINS)
BINS_GETTER(payload_piat, interval, INTERVAL_BINS)
