/* A schema's fields find their rows in the catalogue. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "record/schema/schema_json.h"

static const char *profile_name(enum field_profiles profiles) {
    return profiles == IN_NFSTREAM ? "nfstream" : "native";
}

static bool fits(const struct catalogue_row *row, enum flow_direction direction, struct field_type type) {
    return row != NULL && row->type == type.type && (type.nullable || !catalogue_nullable(row, direction));
}

static int refuse_unknown(const struct schema *schema, const char *name, struct error *error) {
    const char *nearest = catalogue_nearest(name);
    if (nearest == NULL)
        return error_set(
            error, EINVAL, EX_CONFIG,
            "schema %s: field %s: the sensor has no such value; take it off, or take a name of the field reference",
            schema->name, name);
    return error_set(error, EINVAL, EX_CONFIG,
                     "schema %s: field %s: the sensor has no such value; did you mean %s?", schema->name,
                     name, nearest);
}

static int refuse_type(const struct schema *schema, const char *name, const struct catalogue_row *row,
                       struct field_type found, struct error *error) {
    if (row->type == found.type)
        return error_set(
            error, EINVAL, EX_CONFIG,
            "schema %s: field %s: the value can be null; its type must be [\"null\", %s] with default null",
            schema->name, name, value_type_name(row->type));
    return error_set(error, EINVAL, EX_CONFIG,
                     "schema %s: field %s: type %s found, %s expected; change the schema's type",
                     schema->name, name, value_type_name(found.type), value_type_name(row->type));
}

/* The error for a user-defined field that the configuration doesn't define. */
static int refuse_unknown_udps(const struct schema *schema, const struct udps_rows *rows, const char *name,
                               struct error *error) {
    const char *nearest = udps_rows_nearest(rows, name);
    if (nearest != NULL)
        return error_set(
            error, EINVAL, EX_CONFIG,
            "schema %s: field udps.%s: no counter or plugin gives it; did you mean %s? `flowsensor schema compose` makes the schema anew",
            schema->name, name, nearest);
    return error_set(
        error, EINVAL, EX_CONFIG,
        "schema %s: field udps.%s: no counter or plugin gives it; configure it under udps, or make the schema anew with `flowsensor schema compose`",
        schema->name, name);
}

/* A field of the nested record. */
static int bind_member(const struct schema *schema, const json_t *node, const struct udps_rows *rows,
                       struct bound_field *field, struct error *error) {
    const char *name = json_string_value(json_object_get(node, "name"));
    struct field_type type = {VALUE_STRING, false};
    schema_field_type(json_object_get(node, "type"), &type);
    field->row = udps_rows_find(rows, name);
    if (field->row == NULL)
        return refuse_unknown_udps(schema, rows, name, error);
    if (!fits(field->row, BIDIRECTIONAL, type))
        return refuse_type(schema, field->row->name, field->row, type, error);
    field->direction = BIDIRECTIONAL;
    field->nullable = type.nullable;
    field->name = strdup(field->row->name);
    return field->name != NULL ? 0 : error_set(error, ENOMEM, EX_OSERR, "schema %s: no memory", schema->name);
}

static int bind_field(const struct schema *schema, const json_t *node, struct bound_field *field,
                      struct error *error) {
    const char *name = json_string_value(json_object_get(node, "name"));
    struct field_type type = {VALUE_STRING, false};
    schema_field_type(json_object_get(node, "type"), &type);
    const struct catalogue_row *row = catalogue_find(name, &field->direction);
    if (row == NULL)
        return refuse_unknown(schema, name, error);
    const struct catalogue_row *native = catalogue_find_in(name, IN_NATIVE, &field->direction);
    const struct catalogue_row *nfstream = catalogue_find_in(name, IN_NFSTREAM, &field->direction);
    bool native_fits = fits(native, field->direction, type),
         nfstream_fits = fits(nfstream, field->direction, type);
    if (!native_fits && !nfstream_fits)
        return refuse_type(schema, name, row, type, error);
    field->row = native_fits ? native : nfstream;
    field->nfstream_row = nfstream_fits && nfstream != native ? nfstream : NULL;
    field->nullable = type.nullable;
    field->name = strdup(name);
    return field->name != NULL ? 0 : error_set(error, ENOMEM, EX_OSERR, "schema %s: no memory", schema->name);
}

static enum field_profiles field_profiles_of(const struct bound_field *field) {
    return (enum field_profiles)(field->row->profiles | (field->nfstream_row != NULL ? IN_NFSTREAM : 0));
}

/* A record is made in one profile: fields that exist only in different ones can't be in one schema. */
static int check_profiles(const struct schema *schema, struct error *error) {
    const struct bound_field *only = NULL;
    for (size_t i = 0; i < schema->field_count; i++) {
        const struct bound_field *field = &schema->fields[i];
        enum field_profiles profiles = field_profiles_of(field);
        if (profiles == IN_BOTH)
            continue;
        if (only == NULL)
            only = field;
        if (profiles != field_profiles_of(only))
            return error_set(
                error, EINVAL, EX_CONFIG,
                "schema %s: field %s: exists only in the profile %s, but field %s only in %s; take one of them off",
                schema->name, field->name, profile_name(profiles), only->name,
                profile_name(field_profiles_of(only)));
    }
    return 0;
}

static const char *records_name(enum field_records records) {
    switch (records) {
    case OF_FLOW: return "flows";
    case OF_SENSOR: return "the sensor itself";
    case OF_EITHER: return "flows or the sensor itself";
    case OF_PROTOCOL: return "nDPI's protocols";
    case OF_LABEL: return "flows or nDPI's protocols";
    }
    return "";
}

/* A record tells of a flow, of the sensor or of a protocol: fields that exist only in different ones can't be in one schema. */
static int check_records(struct schema *schema, struct error *error) {
    const struct bound_field *narrower = NULL; /* the last one that left fewer kinds of records */
    unsigned left = OF_FLOW | OF_SENSOR | OF_PROTOCOL;
    for (size_t i = 0; i < schema->field_count; i++) {
        const struct bound_field *field = &schema->fields[i];
        unsigned both = left & field->row->records;
        if (both == 0 && narrower != NULL)
            return error_set(
                error, EINVAL, EX_CONFIG,
                "schema %s: field %s: exists only in records of %s, but field %s only in those of %s; take one of them off",
                schema->name, field->name, records_name(field->row->records), narrower->name,
                records_name(narrower->row->records));
        if (both != left)
            narrower = field;
        left = both;
    }
    schema->records = (left & OF_FLOW) != 0 ? OF_FLOW : (left & OF_SENSOR) != 0 ? OF_SENSOR : OF_PROTOCOL;
    return 0;
}

/* The fields of the nested record, if this field is one. */
static const json_t *members_of(const json_t *node) {
    return json_object_get(schema_nested_record(json_object_get(node, "type")), "fields");
}

/* A field, and behind it the fields of its record. */
static int bind_with_members(struct schema *schema, const json_t *node, const struct udps_rows *rows,
                             struct error *error) {
    struct bound_field *field = &schema->fields[schema->field_count++];
    int status = bind_field(schema, node, field, error);
    field->members = json_array_size(members_of(node));
    size_t index;
    const json_t *member;
    json_array_foreach(members_of(node), index, member) {
        if (status == 0)
            status = bind_member(schema, member, rows, &schema->fields[schema->field_count++], error);
    }
    return status;
}

static void bind_text_column(struct schema *schema) {
    struct bound_field column = {.name = "capture_file", .nullable = true};
    for (size_t i = 0; i < schema->field_count; i++)
        if (strcmp(schema->fields[i].name, column.name) == 0)
            return;
    if (schema->records != OF_FLOW)
        return;
    column.row = catalogue_find(column.name, &column.direction);
    schema->text_column = column;
}

int schema_bind(struct schema *schema, const json_t *root, const struct udps_rows *rows,
                struct error *error) {
    const json_t *fields = json_object_get(root, "fields");
    size_t count = json_array_size(fields), index;
    const json_t *node;
    json_array_foreach(fields, index, node) count += json_array_size(members_of(node));
    schema->fields = calloc(count, sizeof *schema->fields);
    if (schema->fields == NULL)
        return error_set(error, ENOMEM, EX_OSERR, "schema %s: no memory", schema->name);
    int status = 0;
    schema->field_count = 0;
    json_array_foreach(fields, index, node) {
        if (status == 0)
            status = bind_with_members(schema, node, rows, error);
    }
    if (status == 0)
        status = check_records(schema, error);
    if (status == 0)
        bind_text_column(schema);
    return status == 0 ? check_profiles(schema, error) : status;
}

const struct catalogue_row *bound_field_row(const struct bound_field *field, enum meter_profile profile) {
    if (profile == PROFILE_NFSTREAM && field->nfstream_row != NULL)
        return field->nfstream_row;
    return (field->row->profiles & field_profile(profile)) != 0 ? field->row : NULL;
}

const struct bound_field *schema_text_column(const struct schema *schema, enum meter_profile profile) {
    const struct bound_field *column = &schema->text_column;
    return column->row != NULL && bound_field_row(column, profile) != NULL ? column : NULL;
}

int schema_check_profile(const struct schema *schema, enum meter_profile profile, struct error *error) {
    for (size_t i = 0; i < schema->field_count; i++) {
        const struct bound_field *field = &schema->fields[i];
        if (bound_field_row(field, profile) != NULL)
            continue;
        const char *right = profile_name(field->row->profiles);
        return error_set(
            error, EINVAL, EX_CONFIG,
            "schema %s: field %s: exists only in the profile %s; set profile = \"%s\", or take another schema (%s)",
            schema->name, field->name, right, right, schema_default_name(profile));
    }
    return 0;
}

bool schema_is_of_heartbeats(const struct schema *schema) {
    return schema->records == OF_SENSOR && (schema_groups(schema) & 1u << GROUP_HEARTBEAT) != 0;
}

unsigned schema_groups(const struct schema *schema) {
    unsigned groups = 0;
    for (size_t i = 0; i < schema->field_count; i++)
        groups |= 1u << schema->fields[i].row->group;
    return groups;
}
