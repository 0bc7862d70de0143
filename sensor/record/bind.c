/* A schema's fields find their rows in the catalogue. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "record/schema_json.h"

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

int schema_bind(struct schema *schema, const json_t *root, struct error *error) {
    const json_t *fields = json_object_get(root, "fields");
    size_t count = json_array_size(fields);
    schema->fields = calloc(count, sizeof *schema->fields);
    if (schema->fields == NULL)
        return error_set(error, ENOMEM, EX_OSERR, "schema %s: no memory", schema->name);
    schema->field_count = count;
    for (size_t i = 0; i < count; i++) {
        int status = bind_field(schema, json_array_get(fields, i), &schema->fields[i], error);
        if (status < 0)
            return status;
    }
    return check_profiles(schema, error);
}

const struct catalogue_row *bound_field_row(const struct bound_field *field, enum meter_profile profile) {
    if (profile == PROFILE_NFSTREAM && field->nfstream_row != NULL)
        return field->nfstream_row;
    return (field->row->profiles & field_profile(profile)) != 0 ? field->row : NULL;
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
            schema->name, field->name, right, right, profile == PROFILE_NFSTREAM ? "nfstream/v1" : "flow/v1");
    }
    return 0;
}

unsigned schema_groups(const struct schema *schema) {
    unsigned groups = 0;
    for (size_t i = 0; i < schema->field_count; i++)
        groups |= 1u << schema->fields[i].row->group;
    return groups;
}
