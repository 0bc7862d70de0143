#include "meter/feature/splt.h"

#include "meter/feature.h"
#include "meter/options.h"

/* An interval is shorter than the idle timeout, or the flow would have been cut. */
static bool splt_is_wide(const struct meter_options *options) {
    return options->idle_timeout > (int64_t)UINT32_MAX;
}

static size_t splt_state_size(const struct meter_options *options) {
    if (options->splt_analysis == 0)
        return 0;
    size_t place =
        (splt_is_wide(options) ? sizeof(int64_t) : sizeof(uint32_t)) + sizeof(uint32_t) + sizeof(uint8_t);
    return sizeof(struct splt) + options->splt_analysis * place;
}

static void splt_on_init(const struct feature_context *context, struct flow *flow) {
    struct splt *splt = flow->feature[FEATURE_splt];
    splt->length = 0;
    splt->capacity = (uint16_t)context->options->splt_analysis;
    splt->wide = splt_is_wide(context->options);
}

static void splt_put_interval(struct splt *splt, uint32_t place, int64_t interval) {
    if (splt->wide) {
        memcpy(splt->places + place * sizeof(interval), &interval, sizeof(interval));
        return;
    }
    uint32_t narrow = (uint32_t)interval;
    memcpy(splt->places + place * sizeof(narrow), &narrow, sizeof(narrow));
}

static void splt_on_update(const struct feature_context *context, struct flow *flow,
                           const struct packet *packet, enum flow_direction direction, uint32_t size) {
    (void)context;
    struct splt *splt = flow->feature[FEATURE_splt];
    uint32_t place = splt->length;
    if (place >= splt->capacity)
        return;
    const struct flow_counters *before = &flow->counters[BIDIRECTIONAL];
    splt_put_interval(splt, place, before->packets > 0 ? packet->time - before->last_seen : 0);
    unsigned char *sizes = splt->places + splt->capacity * splt_interval_size(splt);
    memcpy(sizes + place * sizeof(size), &size, sizeof(size));
    sizes[splt->capacity * sizeof(size) + place] = direction == DST2SRC;
    splt->length = place + 1;
}

const struct feature feature_splt = {
    .name = "splt",
    .state_size = splt_state_size,
    .on_init = splt_on_init,
    .on_update = splt_on_update,
};
