/* Every value that the sensor can report. A schema chooses from this list by name; nothing else can be in a record.
 * The rows stand in catalogue.def, their getters in getters_GROUP.c, those of features in
 * feature/NAME.c. Constant data: any thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "meter/flow.h"
#include "meter/options.h"
#include "record/field/value.h"

/* The fields of a group are switched on and off together. A group is computed only if some schema has a field of it. */
enum field_group {
    GROUP_IDENTITY,
    GROUP_QUALITY,
    GROUP_CORE,
    GROUP_REPORT,
    GROUP_HEARTBEAT,
    GROUP_TUNNEL,
    GROUP_STATS,
    GROUP_SPLT,
    GROUP_L7,
    GROUP_RISKS, /* nDPI's */
    GROUP_TLS,
    GROUP_HTTP,
    GROUP_QUIC,
    GROUP_DNS,
    GROUP_FTP,
    GROUP_ENTROPY,
    GROUP_PROCESS,
    GROUP_TCP,
    GROUP_SIZES,
    GROUP_SERIES,
    GROUP_HISTOGRAMS,
    GROUP_IP,
    GROUP_TCP_MORE,
    GROUP_ACTIVITY,
    GROUP_BURSTS,
    GROUP_SPLT_MORE,
    GROUP_CONVERSATION,
    GROUP_UDPS, /* user-defined: counters and plugins */
    GROUP_COUNT
};

/* Sets of groups. */
enum {
    /* What nDPI says, or what has a value only under a label of nDPI's. */
    GROUPS_OF_NDPI = 1 << GROUP_L7 | 1 << GROUP_RISKS | 1 << GROUP_TLS | 1 << GROUP_HTTP | 1 << GROUP_QUIC,
    /* What is read of payload, of which a short capture has less. */
    GROUPS_OF_PAYLOAD = GROUPS_OF_NDPI | 1 << GROUP_DNS | 1 << GROUP_FTP | 1 << GROUP_ENTROPY,
};

/* What a value may tell about a person. This decides which methods of anonymization apply. */
enum pii_class { PII_NONE, PII_ADDRESS, PII_MAC, PII_NAME, PII_AGENT, PII_FINGERPRINT, PII_USER, PII_COUNT };

/* The profiles in which a row exists, since its unit or padding may be right in one only. A name may have one row for each
 * profile. */
enum field_profiles { IN_NATIVE = 1, IN_NFSTREAM = 2, IN_BOTH = 3 };

/* The records in which a row exists: a record is of a flow, of the sensor itself (record/field/report.h), or of one of nDPI's
 * protocols (meter/l7.h). */
enum field_records {
    OF_FLOW = 1,
    OF_SENSOR = 2,
    OF_EITHER = OF_FLOW | OF_SENSOR,
    OF_PROTOCOL = 4,
    OF_LABEL = OF_FLOW | OF_PROTOCOL, /* what both are joined by */
};

/* The names under which a row exists: a set of 1 << enum flow_direction, or its own name alone. */
enum field_directions {
    FIELD_ONCE = 0,
    FIELD_TOGETHER = 1 << BIDIRECTIONAL,             /* bidirectional_NAME */
    FIELD_BY_WAY = 1 << SRC2DST | 1 << DST2SRC,      /* src2dst_NAME, dst2src_NAME */
    FIELD_ALL_THREE = FIELD_TOGETHER | FIELD_BY_WAY, /* all of these */
};

/* Whether a value may be absent although its group is on. */
enum field_absence {
    FIELD_REQUIRED,
    FIELD_OPTIONAL,        /* of a row with directions not the bidirectional_ field */
    FIELD_OPTIONAL_IN_ALL, /* that one too */
};

struct udps_field; /* meter/udps.h */

struct
    record_source; /* record/field/record_source.h: the flow or report and everything else a getter may read */

/* Fills *value; `direction` is BIDIRECTIONAL for rows without a direction. Called when a flow ends or a report is
 * due: allocates nothing. A row whose group is off is not called (its value is null). */
typedef void field_getter(const struct record_source *source, enum flow_direction direction,
                          struct value *value);

struct catalogue_row {
    const char *
        name; /* full name; for a row with directions what follows "bidirectional_", "src2dst_", "dst2src_" */
    enum field_records records;
    enum field_directions directions;
    enum value_type type;
    enum field_group group;
    enum pii_class pii;
    enum field_profiles profiles;
    enum field_absence absence;
    int version;      /* of the definition; part of feature_hash */
    const char *unit; /* "bytes", "microseconds", ... or "" */
    const char *help; /* definition, with its source: IPFIX element, RFC, NFStream column */
    field_getter *get;
    const struct udps_field *udps; /* of a row udps.NAME (record/field/udps_rows.h); else NULL */
};

extern const struct catalogue_row catalogue[];
extern const size_t catalogue_size;

/* Longest field name with its NUL. */
enum { CATALOGUE_NAME_SIZE = 64 };

const char *field_group_name(enum field_group group);
const char *pii_class_name(enum pii_class pii);

/* The profile of rows that belongs to a meter's profile. */
enum field_profiles field_profile(enum meter_profile profile);

/* The row for a field's name in a schema, of the first profile that has it; sets *direction. NULL if there is none. */
const struct catalogue_row *catalogue_find(const char *name, enum flow_direction *direction);

/* The same, but only rows that exist in (one of) `profiles`. */
const struct catalogue_row *catalogue_find_in(const char *name, enum field_profiles profiles,
                                              enum flow_direction *direction);

/* Whether the field may be null although its group is on; a schema must then allow null. */
bool catalogue_nullable(const struct catalogue_row *row, enum flow_direction direction);

/* Definition of one field, as in a schema's `doc`; for a row with directions it includes the direction. Returns its length; cut
 * to `size`. */
size_t catalogue_doc(const struct catalogue_row *row, enum flow_direction direction, char *doc, size_t size);

/* The nearest existing name, for an error message; NULL if none is near. Valid until the next call in this thread. */
const char *catalogue_nearest(const char *name);

/* Calls `visit` for every field name that a schema may use (rows with directions several times), in catalogue order; a name
 * with a row for each profile is visited twice. `name` is valid for the call. */
void catalogue_visit(void (*visit)(const char *name, const struct catalogue_row *row,
                                   enum flow_direction direction, void *context),
                     void *context);
