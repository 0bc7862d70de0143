/* Sequence of packet lengths and times: direction, size and inter-arrival time of a flow's first N packets. */
#include "meter/feature.h"

#include <string.h>

#include "meter/options.h"
#include "record/field/field_getters.h"

/* What flow_feature(flow, FEATURE_splt) points to. The arrays lie behind it, as narrow as the timeouts allow: 20 packets take
 * 188 bytes natively, where 64-bit intervals would take 268. */
struct splt {
    uint32_t length;   /* packets recorded so far */
    uint16_t capacity; /* options->splt_analysis */
    bool wide;         /* intervals take 64 bits: the idle timeout does not fit in 32 */
    _Alignas(8) unsigned char places
        []; /* intervals (32 or 64 bits), sizes (32 bits), directions (8 bits); capacity of each */
};

static size_t splt_interval_size(const struct splt *splt) {
    return splt->wide ? sizeof(int64_t) : sizeof(uint32_t);
}

/* Ticks since the flow's previous packet; 0 for the first. */
static int64_t splt_interval(const struct splt *splt, uint32_t place) {
    if (splt->wide) {
        int64_t interval;
        memcpy(&interval, splt->places + (size_t)place * sizeof(interval), sizeof(interval));
        return interval;
    }
    uint32_t interval;
    memcpy(&interval, splt->places + (size_t)place * sizeof(interval), sizeof(interval));
    return interval;
}

/* Bytes, by accounting mode. */
static uint32_t splt_size(const struct splt *splt, uint32_t place) {
    const unsigned char *sizes = splt->places + (size_t)splt->capacity * splt_interval_size(splt);
    uint32_t size;
    memcpy(&size, sizes + (size_t)place * sizeof(size), sizeof(size));
    return size;
}

/* 0 src2dst, 1 dst2src. */
static uint8_t splt_direction(const struct splt *splt, uint32_t place) {
    return splt->places[(size_t)splt->capacity * (splt_interval_size(splt) + sizeof(uint32_t)) + place];
}

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
    struct splt *splt = flow_feature(flow, FEATURE_splt);
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
    struct splt *splt = flow_feature(flow, FEATURE_splt);
    uint32_t place = splt->length;
    if (place >= splt->capacity)
        return;
    splt_put_interval(splt, place, flow_packets(flow) > 0 ? packet->time - flow_last_seen(flow) : 0);
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

static const struct splt *splt_of(const struct record_source *source) {
    return flow_feature(source->flow, FEATURE_splt);
}

static int64_t *scratch_integers(const struct record_source *source, size_t count) {
    struct record_scratch *scratch = source->scratch;
    if (count > scratch->integers_capacity - scratch->integers_used)
        return NULL;
    int64_t *integers = scratch->integers + scratch->integers_used;
    scratch->integers_used += count;
    return integers;
}

/* An array of `places` items of which the last ones are -1; NULL items (which can't be: the recorder made room for
 * three arrays of splt_analysis) give an empty array. */
static int64_t *array_value(const struct record_source *source, uint32_t length, uint32_t places,
                            struct value *value) {
    int64_t *items = scratch_integers(source, places);
    value->is_null = false;
    value->integers.items = items;
    value->integers.count = items != NULL ? places : 0;
    for (uint32_t i = length; i < value->integers.count; i++)
        items[i] = -1;
    return items;
}

/* The three arrays differ in what stands at each place. Natively they have their real length, for NFStream they are
 * filled up to what was asked for. */
#define SPLT_GETTERS(name, item)                                                                         \
    static void name##_value(const struct record_source *source, uint32_t places, struct value *value) { \
        const struct splt *splt = splt_of(source);                                                       \
        int64_t *items = array_value(source, splt->length, places, value);                               \
        for (uint32_t place = 0; items != NULL && place < splt->length; place++)                         \
            items[place] = item(splt, place);                                                            \
    }                                                                                                    \
    void get_##name(const struct record_source *source, enum flow_direction direction,                   \
                    struct value *value) {                                                               \
        (void)direction;                                                                                 \
        name##_value(source, splt_of(source)->length, value);                                            \
    }                                                                                                    \
    void get_##name##_padded(const struct record_source *source, enum flow_direction direction,          \
                             struct value *value) {                                                      \
        (void)direction;                                                                                 \
        name##_value(source, splt_of(source)->capacity, value);                                          \
    }

static int64_t bounded_size(const struct splt *splt, uint32_t place) {
    uint32_t size = splt_size(splt, place);
    return size > INT32_MAX ? INT32_MAX : (int64_t)size;
}

SPLT_GETTERS(splt_direction, splt_direction)
SPLT_GETTERS(splt_ps, bounded_size)
SPLT_GETTERS(splt_piat, splt_interval)
