/* Sequence of packet lengths and times: direction, size and inter-arrival time of a flow's first N packets. */
#include "meter/feature.h"

#include <endian.h>
#include <string.h>

#include "meter/options.h"
#include "record/field/field_getters.h"

/* What flow_feature(flow, FEATURE_splt) points to. The arrays lie behind it, as narrow as the timeouts allow: 20 packets take
 * 144 bytes natively, where 64-bit intervals would take 224. */
struct splt {
    uint32_t length; /* packets recorded so far; SPLT_NOT_KEPT */
    /* Intervals (32 or 64 bits), then cells; options->splt_analysis of each: see struct splt_arrays. */
    unsigned char places[];
};

/* Longer than any: no packet is recorded. */
#define SPLT_NOT_KEPT UINT32_MAX

/* A little-endian number of size and direction: the lowest bit is the direction. */
struct splt_cell {
    uint8_t low[2], high;
};

/* Bytes. No link carries a larger packet; one that a file claims counts as this. */
static const uint32_t splt_size_max = (1u << 23) - 1;

/* An interval is shorter than the idle timeout, or the flow would have been cut. */
static bool splt_is_wide(const struct meter_options *options) {
    return options->idle_timeout > (int64_t)UINT32_MAX;
}

static size_t splt_interval_size(const struct meter_options *options) {
    return splt_is_wide(options) ? sizeof(int64_t) : sizeof(uint32_t);
}

static size_t splt_state_size(const struct meter_options *options) {
    if (options->splt_analysis == 0)
        return 0;
    return sizeof(struct splt) +
           options->splt_analysis * (splt_interval_size(options) + sizeof(struct splt_cell));
}

/* Where the arrays lie. */
struct splt_arrays {
    bool wide;
    const unsigned char *intervals;
    const struct splt_cell *cells;
};

static inline struct splt_arrays splt_arrays(const struct meter_options *options, const struct splt *splt) {
    return (struct splt_arrays){
        .wide = splt_is_wide(options),
        .intervals = splt->places,
        .cells =
            (const struct splt_cell *)(splt->places + options->splt_analysis * splt_interval_size(options)),
    };
}

/* Ticks since the flow's previous packet; 0 for the first. */
static inline int64_t splt_interval(const struct splt_arrays *arrays, uint32_t place) {
    if (arrays->wide) {
        int64_t interval;
        memcpy(&interval, arrays->intervals + (size_t)place * sizeof(interval), sizeof(interval));
        return interval;
    }
    uint32_t interval;
    memcpy(&interval, arrays->intervals + (size_t)place * sizeof(interval), sizeof(interval));
    return interval;
}

/* Bytes, by accounting mode. */
static inline int64_t splt_size(const struct splt_arrays *arrays, uint32_t place) {
    const struct splt_cell *cell = &arrays->cells[place];
    return (cell->low[0] | (uint32_t)cell->low[1] << 8 | (uint32_t)cell->high << 16) >> 1;
}

/* 0 src2dst, 1 dst2src. */
static inline int64_t splt_direction(const struct splt_arrays *arrays, uint32_t place) {
    return arrays->cells[place].low[0] & 1;
}

static void splt_on_init(const struct feature_context *context, struct flow *flow) {
    struct splt *splt = flow_feature(flow, FEATURE_splt);
    flow->no_splt = (context->overload & 1u << OVERLOAD_no_splt) != 0;
    splt->length = flow->no_splt ? SPLT_NOT_KEPT : 0;
}

static inline void splt_put_cell(unsigned char *cell, uint32_t size, bool is_answer) {
    uint32_t number = (size < splt_size_max ? size : splt_size_max) << 1;
    uint16_t low = htole16((uint16_t)(number | is_answer));
    memcpy(cell, &low, sizeof(low));
    cell[sizeof(low)] = (uint8_t)(number >> 16);
}

static inline void splt_put(const struct meter_options *options, struct splt *splt, int64_t interval,
                            uint32_t size, bool is_answer) {
    uint32_t place = splt->length++, narrow = (uint32_t)interval;
    unsigned char *cells = splt->places;
    if (splt_is_wide(options)) {
        memcpy(cells + place * sizeof(interval), &interval, sizeof(interval));
        cells += options->splt_analysis * sizeof(interval);
    } else {
        memcpy(cells + place * sizeof(narrow), &narrow, sizeof(narrow));
        cells += options->splt_analysis * sizeof(narrow);
    }
    splt_put_cell(cells + place * sizeof(struct splt_cell), size, is_answer);
}

static void splt_on_update(const struct feature_context *context, struct flow *flow,
                           const struct packet *packet, enum flow_direction direction, uint32_t size) {
    struct splt *splt = flow_feature(flow, FEATURE_splt);
    if (splt->length >= context->options->splt_analysis)
        return;
    int64_t interval = splt->length > 0 ? packet->time - flow_last_seen(flow, BIDIRECTIONAL) : 0;
    splt_put(context->options, splt, interval, size, direction == DST2SRC);
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

static uint32_t length_of(const struct splt *splt) {
    return splt->length != SPLT_NOT_KEPT ? splt->length : 0;
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
        const struct splt_arrays arrays = splt_arrays(source->flow->shared->options, splt);              \
        int64_t *items = array_value(source, length_of(splt), places, value);                            \
        for (uint32_t place = 0; items != NULL && place < length_of(splt); place++)                      \
            items[place] = item(&arrays, place);                                                         \
    }                                                                                                    \
    void get_##name(const struct record_source *source, enum flow_direction direction,                   \
                    struct value *value) {                                                               \
        (void)direction;                                                                                 \
        name##_value(source, length_of(splt_of(source)), value);                                         \
    }                                                                                                    \
    void get_##name##_padded(const struct record_source *source, enum flow_direction direction,          \
                             struct value *value) {                                                      \
        (void)direction;                                                                                 \
        name##_value(source, source->flow->shared->options->splt_analysis, value);                       \
    }

SPLT_GETTERS(splt_direction, splt_direction)
SPLT_GETTERS(splt_ps, splt_size)
SPLT_GETTERS(splt_piat, splt_interval)

void get_splt(const struct record_source *source, enum flow_direction direction, struct value *values) {
    get_splt_direction(source, direction, &values[0]);
    get_splt_ps(source, direction, &values[1]);
    get_splt_piat(source, direction, &values[2]);
}
