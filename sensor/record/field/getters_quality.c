#include "record/field/quality.h"

#include "meter/l7.h"
#include "meter/options.h"
#include "record/field/field_getters.h"

static const struct {
    struct text name;
    const char *meaning;
} flags[QUALITY_COUNT] = {
#define X(name, meaning) {{#name, sizeof #name - 1}, meaning},
    QUALITY_FLAGS(X)
#undef X
};

enum { PROTOCOL_TCP = 6 };

const char *quality_flag_name(enum quality_flag flag) {
    return flags[flag].name.bytes;
}

const char *quality_flag_meaning(enum quality_flag flag) {
    return flags[flag].meaning;
}

void get_quality_flags(const struct record_source *source, enum flow_direction direction,
                       struct value *value) {
    (void)direction;
    static const struct l7 none;
    const struct flow *flow = source->flow;
    const struct l7 *l7 = flow_has(flow, FEATURE_l7) ? flow_feature(flow, FEATURE_l7) : &none;
    const bool is_set[QUALITY_COUNT] = {
        [QUALITY_midstream] =
            flow->key.protocol == PROTOCOL_TCP && (flow->first_tcp_flags & (TCP_SYN | TCP_ACK)) != TCP_SYN,
        [QUALITY_truncated] = (flow->seen_flags & PACKET_TRUNCATED) != 0,
        [QUALITY_time_raised] = (flow->seen_flags & PACKET_TIME_RAISED) != 0,
        [QUALITY_loss_window] = source->loss_window,
        [QUALITY_guessed_label] = l7->guessed,
        [QUALITY_undissected] = l7->undissected,
        [QUALITY_evicted] = flow->end_reason == END_EVICTED,
        [QUALITY_offload] = (flow->seen_flags & PACKET_OFFLOAD) != 0,
        [QUALITY_fragment] = (flow->seen_flags & PACKET_FRAGMENT) != 0,
        [QUALITY_short_idle] = flow->short_idle,
        [QUALITY_no_splt] = flow->no_splt,
        [QUALITY_sampled] = flow->sampled,
        [QUALITY_partial_start] = flow->partial_start,
        [QUALITY_verify] = source->verify,
        [QUALITY_synthetic] = source->verify,
    };
    size_t count = 0;
    for (int flag = 0; flag < QUALITY_COUNT; flag++) {
        if (is_set[flag])
            source->scratch->flags[count++] = flags[flag].name;
    }
    value->is_null = false;
    value->texts.items = source->scratch->flags;
    value->texts.count = count;
}

void get_sampling_rate(const struct record_source *source, enum flow_direction direction,
                       struct value *value) {
    (void)direction;
    const struct flow *flow = source->flow;
    value_integer(value, flow->sampled ? flow->shared->options->overload.sampling_rate : 1);
}
