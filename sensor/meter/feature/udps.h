/* User-defined fields of a flow: what the configured counters and plugins keep. */
#pragma once

#include <stdint.h>

#include "meter/flow.h"
#include "meter/udps.h"

struct udps_counts {
    uint64_t source, destination; /* who sent the packets */
};

/* What flow->feature[FEATURE_udps] points to. The plugins' states lie behind it, at their state_offset. */
struct udps_state {
    struct udps_instance *instance; /* the meter's */
    struct udps_counts counts[];    /* by counter */
};

/* Asks for the field's value of a flow that is being exported. *value is valid until the next call in this thread. */
void udps_value(const struct flow *flow, const struct udps_field *field, struct flowsensor_value *value);
