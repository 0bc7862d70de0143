#include "meter/feature/splt.h"

#include "record/field/field_getters.h"

static const struct splt *splt_of(const struct record_source *source) {
    return source->flow->feature[FEATURE_splt];
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
