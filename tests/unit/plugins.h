/* User-defined fields for tests: counters by expression, and the probe (tests/unit/plugin), as it should be or with a
 * defect. */
#pragma once

#include <stdio.h>
#include <stdlib.h>

#include "meter/udps.h"

/* "PATH parameters" of the probe with this defect ("none"). Valid until the next call. */
static inline const char *plugin_entry(const char *defect, const char *parameters) {
    static char entry[4096];
    snprintf(entry, sizeof entry, "%s/%s.so %s", getenv("PLUGIN_FOLDER"), defect, parameters);
    return entry;
}

/* One counter of packets, one of bytes, one plugin; NULL: none of the kind. */
static inline int load_udps(const char *packets, const char *bytes, const char *plugin, struct udps **udps,
                            struct error *error) {
    struct udps_options options = {
        .packets = {&packets, packets != NULL},
        .bytes = {&bytes, bytes != NULL},
        .plugins = {&plugin, plugin != NULL},
    };
    return udps_load(&options, udps, error);
}
