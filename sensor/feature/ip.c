/* What the metered IP headers say beside addresses and sizes: TTL, DSCP, ECN. */
#include "meter/feature.h"

#include <string.h>

#include "meter/options.h"
#include "record/field/field_getters.h"

enum { DSCP_SHIFT = 2, ECN_MASK = 3, ECN_CE = 3 };

/* What flow_feature(flow, FEATURE_ip) points to; each by flow_way(). */
struct ip_facts {
    uint32_t ce_packets[FLOW_WAYS];
    uint8_t min_ttl[FLOW_WAYS]; /* above max_ttl while the way has no packet */
    uint8_t max_ttl[FLOW_WAYS];
    uint8_t first_class[FLOW_WAYS]; /* packet_traffic_class() of the way's first packet */
};
_Static_assert(sizeof(struct ip_facts) == 16, "every open flow costs these bytes");

static size_t ip_state_size(const struct meter_options *options) {
    return meter_asks_for(options, FEATURE_ip) ? sizeof(struct ip_facts) : 0;
}

static void ip_on_init(const struct feature_context *context, struct flow *flow) {
    (void)context;
    *(struct ip_facts *)flow_feature(flow, FEATURE_ip) = (struct ip_facts){.min_ttl = {UINT8_MAX, UINT8_MAX}};
}

static void ip_on_update(const struct feature_context *context, struct flow *flow,
                         const struct packet *packet, enum flow_direction direction, uint32_t size) {
    (void)context, (void)size;
    struct ip_facts *ip = flow_feature(flow, FEATURE_ip);
    unsigned way = flow_way(direction);
    uint8_t ttl = packet_ttl(packet), class = packet_traffic_class(packet);
    if (flow->ways[way].packets == 0)
        ip->first_class[way] = class;
    ip->min_ttl[way] = ttl < ip->min_ttl[way] ? ttl : ip->min_ttl[way];
    ip->max_ttl[way] = ttl > ip->max_ttl[way] ? ttl : ip->max_ttl[way];
    ip->ce_packets[way] += (class & ECN_MASK) == ECN_CE;
}

const struct feature feature_ip = {
    .name = "ip",
    .state_size = ip_state_size,
    .on_init = ip_on_init,
    .on_update = ip_on_update,
};

static const struct ip_facts *ip_of(const struct record_source *source) {
    return flow_feature(source->flow, FEATURE_ip);
}

/* Null where the direction has no packet. */
static void value_of_packets(const struct record_source *source, enum flow_direction direction,
                             struct value *value, int64_t integer) {
    if (flow_packets(source->flow, direction) > 0)
        value_integer(value, integer);
    else
        value_null(value);
}

void get_min_ttl(const struct record_source *source, enum flow_direction direction, struct value *value) {
    const uint8_t *ways = ip_of(source)->min_ttl;
    uint8_t least = ways[0] < ways[1] ? ways[0] : ways[1];
    value_of_packets(source, direction, value,
                     direction != BIDIRECTIONAL ? ways[flow_way(direction)] : least);
}

void get_max_ttl(const struct record_source *source, enum flow_direction direction, struct value *value) {
    const uint8_t *ways = ip_of(source)->max_ttl;
    uint8_t most = ways[0] > ways[1] ? ways[0] : ways[1];
    value_of_packets(source, direction, value, direction != BIDIRECTIONAL ? ways[flow_way(direction)] : most);
}

void get_dscp(const struct record_source *source, enum flow_direction direction, struct value *value) {
    value_of_packets(source, direction, value, ip_of(source)->first_class[flow_way(direction)] >> DSCP_SHIFT);
}

void get_ecn(const struct record_source *source, enum flow_direction direction, struct value *value) {
    value_of_packets(source, direction, value, ip_of(source)->first_class[flow_way(direction)] & ECN_MASK);
}

void get_ce_packets(const struct record_source *source, enum flow_direction direction, struct value *value) {
    const uint32_t *ways = ip_of(source)->ce_packets;
    value_counter(value,
                  direction != BIDIRECTIONAL ? ways[flow_way(direction)] : (uint64_t)ways[0] + ways[1]);
}
