/* What switches say, against what the outputs' schemas ask for: groups of which some schema has a field, as a set of
 * 1 << enum field_group. Each call here takes that set as `asked`. @thread main */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "app/config/config.h"
#include "base/error.h"
#include "meter/overload.h"
#include "record/field/catalogue.h"

struct udps; /* meter/udps.h */

static inline bool asked_group(unsigned asked, enum field_group group) {
    return (asked & (1u << group)) != 0;
}

/* What is on though no schema asks for its fields is a mistake: EX_CONFIG with one line. The key of conversations also chooses
 * which ones are sampled. `udps` is NULL where none is configured. */
int asked_check(const struct config *config, const struct udps *udps, const struct overload_options *overload,
                unsigned asked, struct error *error);

/* Features that no option switches: the schemas alone decide. */
struct asked_features {
    uint32_t features; /* meter_options.features_asked */
    unsigned groups;   /* whose fields have values then */
    unsigned l7_parts; /* meter_options.l7_parts */
};
struct asked_features asked_features(unsigned asked);
