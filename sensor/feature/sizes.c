/* Sizes of packets at all layers, whatever the accounting mode counts, and the shape of the payloads' sizes. */
#include "meter/feature.h"

#include <netinet/in.h>
#include <string.h>

#include "feature/extremes.h"
#include "feature/moments.h"
#include "meter/options.h"
#include "record/field/field_getters.h"

/* Payloads of all packets of a way, empty ones too. */
struct payload_sizes {
    double mean;
    struct moments moments;
};

/* What flow_feature(flow, FEATURE_sizes) points to; each by flow_way(). */
struct sizes {
    uint64_t bytes[FLOW_WAYS][ACCOUNT_MODES];
    struct payload_sizes payload[FLOW_WAYS];
    struct extremes ip_extremes[FLOW_WAYS], payload_extremes[FLOW_WAYS];
    uint32_t data_packets[FLOW_WAYS];
    uint32_t first_payload;        /* of the slice's first packet */
    uint8_t min_header[FLOW_WAYS]; /* transport header of TCP and UDP; UINT8_MAX: none yet */
};
_Static_assert(sizeof(struct sizes) == 176, "every open flow costs these bytes");

static size_t sizes_state_size(const struct meter_options *options) {
    return meter_asks_for(options, FEATURE_sizes) ? sizeof(struct sizes) : 0;
}

static void sizes_on_init(const struct feature_context *context, struct flow *flow) {
    (void)context;
    struct sizes *sizes = flow_feature(flow, FEATURE_sizes);
    memset(sizes, 0, sizeof *sizes);
    for (int way = 0; way < FLOW_WAYS; way++) {
        sizes->ip_extremes[way] = sizes->payload_extremes[way] = EXTREMES_OF_NONE;
        sizes->min_header[way] = UINT8_MAX;
    }
}

/* A later fragment has no transport header. One of TCP has 60 bytes at most. */
static inline void sizes_add_header(uint8_t *least, const uint32_t size[ACCOUNT_MODES]) {
    uint32_t header = size[ACCOUNT_TRANSPORT] - size[ACCOUNT_PAYLOAD];
    if (header > 0 && header < *least)
        *least = (uint8_t)header;
}

static void sizes_on_update(const struct feature_context *context, struct flow *flow,
                            const struct packet *packet, enum flow_direction direction, uint32_t size) {
    (void)context, (void)size;
    struct sizes *sizes = flow_feature(flow, FEATURE_sizes);
    unsigned way = flow_way(direction);
    uint32_t payload = packet->size[ACCOUNT_PAYLOAD];
    struct payload_sizes *payloads = &sizes->payload[way];
    if (flow_packets(flow, BIDIRECTIONAL) == 0)
        sizes->first_payload = payload;
    for (int mode = 0; mode < ACCOUNT_MODES; mode++)
        sizes->bytes[way][mode] += packet->size[mode];
    payloads->mean = moments_add(&payloads->moments, payloads->mean, payload, flow->ways[way].packets + 1);
    extremes_add(&sizes->ip_extremes[way], packet->size[ACCOUNT_IP]);
    extremes_add(&sizes->payload_extremes[way], payload);
    sizes->data_packets[way] += payload > 0;
    sizes_add_header(&sizes->min_header[way], packet->size);
}

const struct feature feature_sizes = {
    .name = "sizes",
    .state_size = sizes_state_size,
    .on_init = sizes_on_init,
    .on_update = sizes_on_update,
};

static const struct sizes *sizes_of(const struct record_source *source) {
    return flow_feature(source->flow, FEATURE_sizes);
}

static uint64_t sizes_bytes(const struct record_source *source, enum flow_direction direction,
                            enum accounting_mode mode) {
    const struct sizes *sizes = sizes_of(source);
    return direction != BIDIRECTIONAL ? sizes->bytes[flow_way(direction)][mode]
                                      : sizes->bytes[0][mode] + sizes->bytes[1][mode];
}

#define BYTES_GETTER(name, mode)                                                       \
    void get_##name(const struct record_source *source, enum flow_direction direction, \
                    struct value *value) {                                             \
        value_counter(value, sizes_bytes(source, direction, mode));                    \
    }
BYTES_GETTER(raw_bytes, ACCOUNT_RAW)
BYTES_GETTER(ip_bytes, ACCOUNT_IP)
BYTES_GETTER(transport_bytes, ACCOUNT_TRANSPORT)
BYTES_GETTER(payload_bytes, ACCOUNT_PAYLOAD)

void get_payload_packets(const struct record_source *source, enum flow_direction direction,
                         struct value *value) {
    const uint32_t *ways = sizes_of(source)->data_packets;
    value_counter(value,
                  direction != BIDIRECTIONAL ? ways[flow_way(direction)] : (uint64_t)ways[0] + ways[1]);
}

/* 0 without packets. */
static void value_least(const struct record_source *source, enum flow_direction direction,
                        const struct extremes ways[FLOW_WAYS], struct value *value) {
    value_size(value, flow_packets(source->flow, direction) > 0 ? extremes_of(ways, direction).min : 0);
}

void get_min_ip_ps(const struct record_source *source, enum flow_direction direction, struct value *value) {
    value_least(source, direction, sizes_of(source)->ip_extremes, value);
}

void get_max_ip_ps(const struct record_source *source, enum flow_direction direction, struct value *value) {
    value_size(value, extremes_of(sizes_of(source)->ip_extremes, direction).max);
}

void get_min_payload_ps(const struct record_source *source, enum flow_direction direction,
                        struct value *value) {
    value_least(source, direction, sizes_of(source)->payload_extremes, value);
}

void get_max_payload_ps(const struct record_source *source, enum flow_direction direction,
                        struct value *value) {
    value_size(value, extremes_of(sizes_of(source)->payload_extremes, direction).max);
}

static double mean_payload(const struct record_source *source, enum flow_direction direction) {
    uint64_t packets = flow_packets(source->flow, direction);
    return packets > 0 ? (double)sizes_bytes(source, direction, ACCOUNT_PAYLOAD) / (double)packets : 0.0;
}

static struct moments_part payload_part(const struct record_source *source, unsigned way) {
    const struct payload_sizes *payload = &sizes_of(source)->payload[way];
    return (struct moments_part){payload->moments, payload->mean, (double)source->flow->ways[way].packets};
}

static struct moments payload_moments(const struct record_source *source, enum flow_direction direction) {
    if (direction != BIDIRECTIONAL)
        return sizes_of(source)->payload[flow_way(direction)].moments;
    const struct moments_part one = payload_part(source, 0), other = payload_part(source, 1);
    return moments_merge(&one, &other);
}

static void stddev_value(const struct moments *moments, uint64_t count, struct value *value) {
    value_real(value, moments_stddev(moments, count));
}

static void skewness_value(const struct moments *moments, uint64_t count, struct value *value) {
    if (moments_have_shape(moments))
        value_real(value, moments_skewness(moments, count));
    else
        value_null(value);
}

static void kurtosis_value(const struct moments *moments, uint64_t count, struct value *value) {
    if (moments_have_shape(moments))
        value_real(value, moments_kurtosis(moments, count));
    else
        value_null(value);
}

void get_mean_payload_ps(const struct record_source *source, enum flow_direction direction,
                         struct value *value) {
    value_real(value, mean_payload(source, direction));
}

#define MOMENTS_GETTER(name)                                                                        \
    void get_##name##_payload_ps(const struct record_source *source, enum flow_direction direction, \
                                 struct value *value) {                                             \
        const struct moments moments = payload_moments(source, direction);                          \
        name##_value(&moments, flow_packets(source->flow, direction), value);                       \
    }
MOMENTS_GETTER(stddev)
MOMENTS_GETTER(skewness)
MOMENTS_GETTER(kurtosis)

/* In the order of the schemas. */
void get_payload_sizes(const struct record_source *source, enum flow_direction direction,
                       struct value *values) {
    uint64_t packets = flow_packets(source->flow, direction);
    const struct moments moments = payload_moments(source, direction);
    get_min_payload_ps(source, direction, &values[0]);
    get_mean_payload_ps(source, direction, &values[1]);
    stddev_value(&moments, packets, &values[2]);
    get_max_payload_ps(source, direction, &values[3]);
    skewness_value(&moments, packets, &values[4]);
    kurtosis_value(&moments, packets, &values[5]);
}

void get_min_header_bytes(const struct record_source *source, enum flow_direction direction,
                          struct value *value) {
    uint8_t protocol = source->flow->key.protocol;
    const uint8_t *ways = sizes_of(source)->min_header;
    uint8_t least = ways[0] < ways[1] ? ways[0] : ways[1];
    if (direction != BIDIRECTIONAL)
        least = ways[flow_way(direction)];
    if (protocol == IPPROTO_TCP || protocol == IPPROTO_UDP)
        value_integer(value, least != UINT8_MAX ? least : 0);
    else
        value_null(value);
}

void get_first_payload_ps(const struct record_source *source, enum flow_direction direction,
                          struct value *value) {
    (void)direction;
    value_size(value, sizes_of(source)->first_payload);
}
