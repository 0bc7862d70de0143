/* A schema is the contract of an output's records, and it configures the sensor: its fields choose from the catalogue.
 *
 * The schema's text is kept unchanged, since Avro C drops doc, default and custom properties. That text is linted,
 * registered, written into container files and hashed. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "meter/options.h"
#include "record/field/catalogue.h"
#include "record/field/udps_rows.h"

/* A schema's field, bound to the catalogue. */
struct bound_field {
    const char *name;                /* in the schema's order; owned by the schema */
    const struct catalogue_row *row; /* the first one of that name whose type fits */
    const struct catalogue_row
        *nfstream_row; /* the nfstream profile's, where it has a row of its own; else NULL */
    enum flow_direction direction;
    bool nullable;  /* ["null", T] */
    size_t members; /* of a nested record (udps): so many of the next fields belong to it */
};

struct schema {
    char *name; /* as asked for: "flow/v1" or a path */
    char *text; /* the .avsc as shipped */
    size_t text_length;
    char *full_name;      /* "flowsensor.flow.Flow" */
    char sha256[65];      /* of text, hex */
    uint64_t fingerprint; /* CRC-64-AVRO of the parsing canonical form, for single-object encoding */
    struct bound_field *fields;
    size_t field_count;
    enum field_records records;     /* what a record tells of: OF_FLOW, OF_SENSOR or OF_PROTOCOL */
    struct bound_field text_column; /* see schema_text_column(); row NULL: none */
};

/* Loads a schema by its embedded name ("flow/v1", "nfstream/v1", ...) or from a path, lints it and binds each field.
 * EX_CONFIG with one line that names schema, field and remedy (nearest name, right type). Free with schema_free().
 * `rows` (NULL: none) are the user-defined fields that the schema's nested record `udps` may have, borrowed for the
 * schema's life. With `compose` that record is replaced, or added, with all of them. */
int schema_load(const char *name, const struct udps_rows *rows, bool compose, struct schema **schema,
                struct error *error);
void schema_free(struct schema *schema);

/* Names of the embedded schemas, NULL-terminated. */
const char *const *schema_embedded_names(void);
bool schema_is_embedded(const char *name);
/* The newest released schema of the profile's flows. */
const char *schema_default_name(enum meter_profile profile);

/* Checks a schema's text by our rules (duplicate names, defaults, nested unions, types that records don't use, no doc ...):
 * 0, or -EINVAL with the first violation. `name` is only for the message. */
int schema_lint(const char *name, const char *text, size_t length, struct error *error);

/* The row that fills the field in this profile; NULL if there is none. */
const struct catalogue_row *bound_field_row(const struct bound_field *field, enum meter_profile profile);

/* CSV and JSON lines of captures have one more column after the schema's fields: capture_file. NULL: there is none,
 * since the schema has the field itself, its records are not of flows, or the profile has no such row. */
const struct bound_field *schema_text_column(const struct schema *schema, enum meter_profile profile);

/* Whether every field exists in this profile: 0, or EX_CONFIG with the first one that doesn't. */
int schema_check_profile(const struct schema *schema, enum meter_profile profile, struct error *error);

/* Whether its records are the sensor's heartbeats: they are of the sensor itself, and have at least one field that only
 * heartbeats have. */
bool schema_is_of_heartbeats(const struct schema *schema);

/* Groups of which the schema has at least one field, as a bit set of 1 << enum field_group. */
unsigned schema_groups(const struct schema *schema);
