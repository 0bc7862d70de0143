/* What a record of a flow would have as a value, for tests of features. */
#pragma once

#include "record/field/field_getters.h"

static inline struct value value_of(const struct flow *flow, field_getter *get,
                                    enum flow_direction direction) {
    const struct record_source source = {.flow = flow};
    struct value value;
    get(&source, direction, &value);
    return value;
}
