/* What the steps of the overload ladder mean to a meter. A packet of an open flow doesn't come by here. */
#include "meter/conversation.h"
#include "meter/meter_parts.h"

static const int64_t never = INT64_MIN;

static bool is_taken(const struct meter *meter, enum overload_step step) {
    return (meter->context.overload & 1u << step) != 0;
}

static int64_t shorter(int64_t one, int64_t other) {
    return one < other ? one : other;
}

static struct idle_timeouts usual_timeouts(const struct meter *meter) {
    return (struct idle_timeouts){meter->options.idle_timeout, meter->options.udp_answered_timeout};
}

static struct idle_timeouts short_timeouts(const struct meter *meter) {
    struct idle_timeouts usual = usual_timeouts(meter);
    int64_t most = meter->options.overload.idle_timeout;
    return (struct idle_timeouts){shorter(usual.any, most), shorter(usual.answered, most)};
}

/* What went by may be the begin of flows that come later, for as long as a flow may be silent. */
static bool is_recent(const struct meter *meter, int64_t time) {
    return time != never && meter->time - time < meter->options.idle_timeout;
}

/* Puts the steps that are taken now into force. */
static void obey(struct meter *meter) {
    meter->context.overload = overload_taken(&meter->overload);
    meter->timeouts = is_taken(meter, OVERLOAD_short_idle) ? short_timeouts(meter) : usual_timeouts(meter);
    meter->chooses = is_taken(meter, OVERLOAD_sampling) || is_taken(meter, OVERLOAD_shedding) ||
                     is_recent(meter, meter->sampled_out_at) || is_recent(meter, meter->shed_at);
}

void meter_begin_overload(struct meter *meter) {
    const struct overload_options *options = &meter->options.overload;
    CHECK(options->count <= OVERLOAD_STEP_COUNT && options->leave <= options->enter);
    CHECK(options->count == 0 || (meter->native && options->sampling_rate >= 2));
    overload_begin(&meter->overload, options);
    meter->sampled_out_at = meter->shed_at = never;
    obey(meter);
}

void meter_obey_timeouts(struct meter *meter) {
    obey(meter);
}

bool meter_look_at_load(struct meter *meter, unsigned ring, int64_t now, struct meter_load *load) {
    const struct overload *overload = &meter->overload;
    const struct overload_pressure pressure = {
        .ring = ring, .table = (unsigned)(meter->table.count * 100 / meter->options.flow_table_size)};
    unsigned before = overload->level;
    bool has_changed = overload_look(&meter->overload, &pressure, now);
    if (has_changed || meter->chooses)
        obey(meter);
    if (!has_changed)
        return false;
    bool is_taken = overload->level > before;
    unsigned upper = is_taken ? overload->level : before;
    *load = (struct meter_load){.pressure = pressure,
                                .level = overload->level,
                                .levels = overload->options->count,
                                .step = overload->options->steps[upper - 1],
                                .is_taken = is_taken};
    return true;
}

bool meter_admits(struct meter *meter, const struct flow_key *key, const struct packet *packet) {
    const struct overload_options *options = &meter->options.overload;
    if (is_taken(meter, OVERLOAD_shedding)) {
        meter->statistics.packets_shed++;
        meter->shed_at = meter->time;
        return false;
    }
    if (!is_taken(meter, OVERLOAD_sampling))
        return true;
    struct hash128 hash = conversation_hash(&options->key, key, packet->ip_version);
    if (overload_samples(options, &hash))
        return true;
    meter->statistics.packets_sampled_out++;
    meter->sampled_out_at = meter->time;
    return false;
}

/* What sampling takes it took before, too: only shedding can have taken the begin of such a flow. */
void meter_mark_start(const struct meter *meter, struct flow *flow) {
    flow->sampled = is_taken(meter, OVERLOAD_sampling);
    flow->partial_start =
        is_recent(meter, meter->shed_at) || (!flow->sampled && is_recent(meter, meter->sampled_out_at));
}

void meter_mark_end(const struct meter *meter, struct flow *flow) {
    struct idle_timeouts usual = usual_timeouts(meter);
    flow->short_idle = (flow->end_reason == END_IDLE || flow->end_reason == END_ANSWERED) &&
                       !meter_is_idle_by(meter, flow, &usual);
}
