#include "meter/feature/stats.h"

#include "record/field/field_getters.h"

static const struct stats_direction *stats_of(const struct record_source *source,
                                              enum flow_direction direction) {
    const struct stats *stats = source->flow->feature[FEATURE_stats];
    return &stats->direction[direction];
}

/* Times between n packets are n - 1 values. */
static uint64_t interval_count(const struct record_source *source, enum flow_direction direction) {
    uint64_t packets = source->flow->counters[direction].packets;
    return packets > 0 ? packets - 1 : 0;
}

void get_min_ps(const struct record_source *source, enum flow_direction direction, struct value *value) {
    value_size(value, stats_of(source, direction)->size.min);
}

void get_mean_ps(const struct record_source *source, enum flow_direction direction, struct value *value) {
    value_real(value, stats_of(source, direction)->size.mean);
}

void get_stddev_ps(const struct record_source *source, enum flow_direction direction, struct value *value) {
    value_real(value,
               running_stddev(&stats_of(source, direction)->size, source->flow->counters[direction].packets));
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
