#include "record/field/catalogue.h"

#include <stdio.h>
#include <string.h>

#include "base/nearest.h"
#include "record/field/field_getters.h"

#define ROW(name, records, directions, type, group, pii, profiles, null, version, unit, getter, help) \
    {#name,         records,       FIELD_##directions,                                                \
     VALUE_##type,  GROUP_##group, PII_##pii,                                                         \
     IN_##profiles, FIELD_##null,  version,                                                           \
     unit,          help,          get_##getter,                                                      \
     NULL},
#define FIELD(name, ...)       ROW(name, OF_FLOW, ONCE, __VA_ARGS__)
#define DIRECTIONAL(name, ...) ROW(name, OF_FLOW, ALL_THREE, __VA_ARGS__)
#define TOGETHER(name, ...)    ROW(name, OF_FLOW, TOGETHER, __VA_ARGS__)
#define WAYS(name, ...)        ROW(name, OF_FLOW, BY_WAY, __VA_ARGS__)
#define SENSOR(name, ...)      ROW(name, OF_SENSOR, ONCE, __VA_ARGS__)
#define COMMON(name, ...)      ROW(name, OF_EITHER, ONCE, __VA_ARGS__)
#define PROTOCOL(name, ...)    ROW(name, OF_PROTOCOL, ONCE, __VA_ARGS__)
#define LABEL(name, ...)       ROW(name, OF_LABEL, ONCE, __VA_ARGS__)
const struct catalogue_row catalogue[] = {
#include "record/field/catalogue.def"
};
#undef LABEL
#undef PROTOCOL
#undef COMMON
#undef SENSOR
#undef WAYS
#undef TOGETHER
#undef DIRECTIONAL
#undef FIELD

const size_t catalogue_size = sizeof catalogue / sizeof catalogue[0];

/* Every name that a schema may use, one per row and direction: at most three times the rows. */
enum { NAMES_MAX = 3 * sizeof catalogue / sizeof catalogue[0] };

static const char *const direction_prefix[FLOW_DIRECTIONS] = {"bidirectional_", "src2dst_", "dst2src_"};
static const char *const direction_text[FLOW_DIRECTIONS] = {"Both directions", "Source to destination",
                                                            "Destination to source"};

const char *field_group_name(enum field_group group) {
    static const char *const names[GROUP_COUNT] = {
        "identity", "quality",  "core",     "report", "heartbeat", "tunnel",       "stats",
        "splt",     "l7",       "risks",    "tls",    "http",      "quic",         "dns",
        "ftp",      "entropy",  "process",  "tcp",    "sizes",     "series",       "histograms",
        "ip",       "tcp_more", "activity", "bursts", "splt_more", "conversation", "udps"};
    return names[group];
}

const char *pii_class_name(enum pii_class pii) {
    static const char *const names[PII_COUNT] = {"none",  "address",     "mac", "name",
                                                 "agent", "fingerprint", "user"};
    return names[pii];
}

enum field_profiles field_profile(enum meter_profile profile) {
    return profile == PROFILE_NFSTREAM ? IN_NFSTREAM : IN_NATIVE;
}

bool catalogue_nullable(const struct catalogue_row *row, enum flow_direction direction) {
    bool in_all = row->directions == FIELD_ONCE || row->absence == FIELD_OPTIONAL_IN_ALL;
    return row->absence != FIELD_REQUIRED && (in_all || direction != BIDIRECTIONAL);
}

/* Removes a direction's prefix from the name; BIDIRECTIONAL and the name itself if there is none. */
static const char *split_direction(const char *name, enum flow_direction *direction) {
    for (int i = 0; i < FLOW_DIRECTIONS; i++) {
        size_t length = strlen(direction_prefix[i]);
        if (strncmp(name, direction_prefix[i], length) == 0) {
            *direction = (enum flow_direction)i;
            return name + length;
        }
    }
    *direction = BIDIRECTIONAL;
    return name;
}

/* Whether the row has a field of the direction; `prefixed`: its name says which. */
static bool has_direction(const struct catalogue_row *row, bool prefixed, enum flow_direction direction) {
    return prefixed ? (row->directions & 1u << direction) != 0 : row->directions == FIELD_ONCE;
}

const struct catalogue_row *catalogue_find_in(const char *name, enum field_profiles profiles,
                                              enum flow_direction *direction) {
    const char *rest = split_direction(name, direction);
    for (size_t i = 0; i < catalogue_size; i++) {
        const struct catalogue_row *row = &catalogue[i];
        if (has_direction(row, rest != name, *direction) && (row->profiles & profiles) != 0 &&
            strcmp(row->name, rest) == 0)
            return row;
    }
    return NULL;
}

const struct catalogue_row *catalogue_find(const char *name, enum flow_direction *direction) {
    return catalogue_find_in(name, IN_BOTH, direction);
}

size_t catalogue_doc(const struct catalogue_row *row, enum flow_direction direction, char *doc, size_t size) {
    int length = row->directions == FIELD_ONCE
                     ? snprintf(doc, size, "%s", row->help)
                     : snprintf(doc, size, "%s: %s", direction_text[direction], row->help);
    return length < 0 ? 0 : (size_t)length;
}

void catalogue_visit(void (*visit)(const char *name, const struct catalogue_row *row,
                                   enum flow_direction direction, void *context),
                     void *context) {
    for (size_t i = 0; i < catalogue_size; i++) {
        const struct catalogue_row *row = &catalogue[i];
        if (row->directions == FIELD_ONCE) {
            visit(row->name, row, BIDIRECTIONAL, context);
            continue;
        }
        for (int direction = 0; direction < FLOW_DIRECTIONS; direction++) {
            char name[CATALOGUE_NAME_SIZE];
            if (!has_direction(row, true, (enum flow_direction)direction))
                continue;
            snprintf(name, sizeof name, "%s%s", direction_prefix[direction], row->name);
            visit(name, row, (enum flow_direction)direction, context);
        }
    }
}

struct names {
    char text[NAMES_MAX][CATALOGUE_NAME_SIZE];
    const char *pointer[NAMES_MAX];
    size_t count;
};

static void collect_name(const char *name, const struct catalogue_row *row, enum flow_direction direction,
                         void *context) {
    (void)row;
    (void)direction;
    struct names *names = context;
    snprintf(names->text[names->count], CATALOGUE_NAME_SIZE, "%s", name);
    names->pointer[names->count] = names->text[names->count];
    names->count++;
}

const char *catalogue_nearest(const char *name) {
    static _Thread_local struct names names;
    names.count = 0;
    catalogue_visit(collect_name, &names);
    return nearest_name(name, names.pointer, names.count, sizeof names.pointer[0]);
}
