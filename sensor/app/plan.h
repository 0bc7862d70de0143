/* What the configuration and the schemas together ask for: decided once, before anything is opened. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "app/config.h"
#include "base/error.h"
#include "capture/capture.h"
#include "decode/decode.h"
#include "meter/meter.h"
#include "record/encoding/encoding.h"
#include "record/schema.h"
#include "record/source.h"
#include "sink/sink.h"

struct output_plan {
    const struct output_config *config;
    const char *name;
    const struct sink_type *sink;
    struct schema *schema;
    const struct encoding *encoding;
    const char *framing; /* kafka */
};

struct plan {
    const struct config *config; /* borrowed */
    bool live;
    struct capture_options capture;
    struct decode_options decode;
    struct meter_options meter;
    bool system_visibility; /* meter.visibility is set by who runs the plan */
    struct identity identity;
    unsigned groups; /* that are computed: bit set of 1 << enum field_group */
    struct output_plan outputs[CONFIG_OUTPUTS_MAX];
    size_t output_count;
};

/* Loads and binds the schemas, resolves the switches and the identity. EX_CONFIG and others with one line.
 * The plan borrows the configuration; plan_release() frees the rest, also after a failure. */
int plan_make(const struct config *config, struct plan *plan, struct error *error);
void plan_release(struct plan *plan);
