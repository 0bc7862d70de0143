/* Finds what Avro C accepts, but readers in other languages refuse: duplicate names, wrong defaults, nested unions. Besides
 * Avro's rules we have our own: flat records of few types, each field with a doc. */
#include "record/schema/schema_json.h"

#include <avro.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/name.h"

/* Where the lint is; every message names it. */
struct lint_place {
    const char *schema;
    const char *parent; /* "udps." within the nested record; else "" */
    const char *field;  /* NULL: the record itself */
    struct error *error;
};

static int lint_refuse(const struct lint_place *place, const char *what, const char *remedy) {
    if (place->field == NULL)
        return error_set(place->error, EINVAL, EX_CONFIG, "schema %s: %s; %s", place->schema, what, remedy);
    return error_set(place->error, EINVAL, EX_CONFIG, "schema %s: field %s%s: %s; %s", place->schema,
                     place->parent, place->field, what, remedy);
}

/* As lint_refuse(), with the offending piece of JSON in the message. */
static int lint_refuse_json(const struct lint_place *place, const char *what, const json_t *piece,
                            const char *remedy) {
    char *dump = json_dumps(piece, JSON_ENCODE_ANY | JSON_COMPACT);
    char text[256];
    snprintf(text, sizeof text, "%s %.120s", what, dump != NULL ? dump : "?");
    free(dump);
    return lint_refuse(place, text, remedy);
}

/* Names joined by dots. */
static bool is_dotted_name(const char *text) {
    for (;;) {
        size_t length = strcspn(text, ".");
        if (!name_is_valid(text, length, SCHEMA_NAME_MAX))
            return false;
        if (text[length] == '\0')
            return true;
        text += length + 1;
    }
}

/* Numbered as in Avro's own list of primitive types; false for bytes, float and null, which records don't use. */
static bool primitive_type(const char *name, enum value_type *type) {
    static const enum value_type primitives[] = {VALUE_BOOLEAN, VALUE_INT, VALUE_LONG, VALUE_DOUBLE,
                                                 VALUE_STRING};
    for (size_t i = 0; i < sizeof primitives / sizeof primitives[0]; i++) {
        if (strcmp(name, value_type_name(primitives[i])) == 0) {
            *type = primitives[i];
            return true;
        }
    }
    return false;
}

static bool array_type(const json_t *items, enum value_type *type) {
    enum value_type item;
    if (!json_is_string(items) || !primitive_type(json_string_value(items), &item))
        return false;
    if (item != VALUE_INT && item != VALUE_LONG && item != VALUE_STRING)
        return false;
    *type = item == VALUE_INT ? VALUE_INT_ARRAY : item == VALUE_LONG ? VALUE_LONG_ARRAY : VALUE_STRING_ARRAY;
    return true;
}

/* A type that is no union: a name, or an object with "type". */
static bool plain_type(const json_t *node, enum value_type *type) {
    if (json_is_string(node))
        return primitive_type(json_string_value(node), type);
    const json_t *name = json_object_get(node, "type"), *logical = json_object_get(node, "logicalType");
    if (!json_is_string(name))
        return false;
    if (strcmp(json_string_value(name), "array") == 0)
        return logical == NULL && array_type(json_object_get(node, "items"), type);
    if (strcmp(json_string_value(name), "record") == 0) {
        *type = VALUE_RECORD;
        return true;
    }
    if (!primitive_type(json_string_value(name), type))
        return false;
    if (logical == NULL)
        return true;
    if (*type != VALUE_LONG || !json_is_string(logical) ||
        strcmp(json_string_value(logical), value_type_name(VALUE_TIMESTAMP)) != 0)
        return false;
    *type = VALUE_TIMESTAMP;
    return true;
}

bool schema_field_type(const json_t *type, struct field_type *result) {
    result->nullable = json_is_array(type);
    if (!result->nullable)
        return plain_type(type, &result->type);
    const json_t *first = json_array_get(type, 0);
    return json_array_size(type) == 2 && json_is_string(first) &&
           strcmp(json_string_value(first), "null") == 0 &&
           plain_type(json_array_get(type, 1), &result->type);
}

const json_t *schema_nested_record(const json_t *type) {
    struct field_type parsed;
    return json_is_array(type) && schema_field_type(type, &parsed) && parsed.type == VALUE_RECORD
               ? json_array_get(type, 1)
               : NULL;
}

/* Only one nested record is allowed. */
static bool may_be_record(const struct lint_place *place) {
    return place->parent[0] == '\0' && strcmp(place->field, "udps") == 0;
}

static int lint_union(const struct lint_place *place, const json_t *type) {
    if (json_array_size(type) == 2) {
        const json_t *second = json_array_get(type, 1);
        if (json_is_string(second) && strcmp(json_string_value(second), "null") == 0)
            return lint_refuse(place, "null is not the first of the union",
                               "write [\"null\", T], so that null can be the default");
        if (json_is_array(second) || json_is_array(json_array_get(type, 0)))
            return lint_refuse(place, "a union within a union", "write [\"null\", T]");
    }
    struct field_type parsed;
    if (!schema_field_type(type, &parsed) || (parsed.type == VALUE_RECORD && !may_be_record(place)))
        return lint_refuse_json(place, "unsupported union", type,
                                "records know only [\"null\", T] with a supported type T");
    return 0;
}

static int lint_type(const struct lint_place *place, const json_t *type) {
    struct field_type parsed;
    if (type == NULL)
        return lint_refuse(place, "no \"type\"", "add it");
    if (json_is_array(type))
        return lint_union(place, type);
    if (schema_field_type(type, &parsed) && parsed.type != VALUE_RECORD)
        return 0;
    return lint_refuse_json(
        place, "unsupported type", type,
        "use boolean, int, long, double, string, timestamp-micros on long, or an array of int, long or string");
}

static bool default_fits(const json_t *value, enum value_type type) {
    switch (type) {
    case VALUE_BOOLEAN: return json_is_boolean(value);
    case VALUE_INT:
        return json_is_integer(value) && json_integer_value(value) >= INT32_MIN &&
               json_integer_value(value) <= INT32_MAX;
    case VALUE_LONG:
    case VALUE_TIMESTAMP: return json_is_integer(value);
    case VALUE_DOUBLE: return json_is_number(value);
    case VALUE_STRING: return json_is_string(value);
    case VALUE_INT_ARRAY:
    case VALUE_LONG_ARRAY:
    case VALUE_STRING_ARRAY: break;
    case VALUE_RECORD:
    case VALUE_TYPES: return false;
    }
    enum value_type item = type == VALUE_INT_ARRAY    ? VALUE_INT
                           : type == VALUE_LONG_ARRAY ? VALUE_LONG
                                                      : VALUE_STRING;
    size_t index;
    const json_t *element;
    json_array_foreach(value, index, element) {
        if (!default_fits(element, item))
            return false;
    }
    return json_is_array(value);
}

static int lint_default(const struct lint_place *place, const json_t *field) {
    const json_t *value = json_object_get(field, "default");
    struct field_type parsed = {VALUE_TYPES, false};
    schema_field_type(json_object_get(field, "type"), &parsed);
    if (place->parent[0] != '\0' && !parsed.nullable)
        return lint_refuse(place, "can't be null",
                           "write [\"null\", T] with default null: a plugin may have no value");
    if (parsed.nullable) {
        if (value == NULL)
            return lint_refuse(place, "may be null but has no default", "add \"default\": null");
        if (!json_is_null(value))
            return lint_refuse_json(place, "wrong default", value,
                                    "the default must be of the union's first type: null");
        return 0;
    }
    if (value != NULL && !default_fits(value, parsed.type))
        return lint_refuse_json(place, "wrong default", value,
                                "the default must be of the field's type, or left out");
    return 0;
}

static int lint_doc(const struct lint_place *place, const json_t *object) {
    const char *doc = json_string_value(json_object_get(object, "doc"));
    if (doc == NULL || doc[strspn(doc, " \t\n")] == '\0')
        return lint_refuse(place, "no \"doc\"", "add one that says what it means and in which unit");
    return 0;
}

/* Takes one name into the set of those that are in use. */
static int lint_unique(const struct lint_place *place, json_t *names, const char *name, const char *what) {
    if (json_object_get(names, name) != NULL)
        return lint_refuse(place, what, "each field's name and alias may stand there once");
    if (json_object_set_new(names, name, json_true()) != 0)
        return error_set(place->error, ENOMEM, EX_OSERR, "schema %s: no memory", place->schema);
    return 0;
}

static int lint_aliases(const struct lint_place *place, const json_t *field, json_t *names) {
    const json_t *aliases = json_object_get(field, "aliases");
    if (aliases == NULL)
        return 0;
    if (!json_is_array(aliases))
        return lint_refuse(place, "\"aliases\" is not an array", "write a list of names");
    size_t index;
    const json_t *alias;
    json_array_foreach(aliases, index, alias) {
        const char *name = json_string_value(alias);
        if (name == NULL || !name_is_valid(name, strlen(name), SCHEMA_NAME_MAX))
            return lint_refuse_json(place, "invalid alias", alias,
                                    "use letters, digits and _, not a digit first");
        int status = lint_unique(place, names, name, "an alias that is another field's name or alias");
        if (status < 0)
            return status;
    }
    return 0;
}

static int lint_record_fields(const struct lint_place *place, const json_t *record);

/* The record within the type ["null", {record}] of the field `udps`. */
static int lint_nested(const struct lint_place *place, const json_t *record) {
    const char *name = json_string_value(json_object_get(record, "name"));
    if (name == NULL || !is_dotted_name(name))
        return lint_refuse(place, "its record has no valid \"name\"", "call it Udps");
    const struct lint_place nested = {place->schema, "udps.", NULL, place->error};
    int status = lint_doc(place, record);
    return status == 0 ? lint_record_fields(&nested, record) : status;
}

/* A field without its aliases: these can be checked only once all names are known. */
static int lint_field(struct lint_place *place, const json_t *field, json_t *names) {
    if (!json_is_object(field))
        return lint_refuse_json(place, "a field that is not an object:", field,
                                "write {\"name\": ..., \"type\": ..., \"doc\": ...}");
    const json_t *name = json_object_get(field, "name");
    if (!json_is_string(name))
        return lint_refuse_json(place, "a field without name:", field, "add \"name\"");
    if (!name_is_valid(json_string_value(name), json_string_length(name), SCHEMA_NAME_MAX))
        return lint_refuse_json(place, "invalid field name", name,
                                "use letters, digits and _, not a digit first");
    place->field = json_string_value(name);
    int status = lint_unique(place, names, place->field, "a second field of this name");
    if (status == 0)
        status = lint_type(place, json_object_get(field, "type"));
    if (status == 0)
        status = lint_default(place, field);
    if (status == 0)
        status = lint_doc(place, field);
    const json_t *nested = schema_nested_record(json_object_get(field, "type"));
    return status == 0 && nested != NULL ? lint_nested(place, nested) : status;
}

static int lint_fields(const struct lint_place *record, const json_t *fields) {
    json_t *names = json_object();
    int status = names != NULL
                     ? 0
                     : error_set(record->error, ENOMEM, EX_OSERR, "schema %s: no memory", record->schema);
    for (size_t i = 0; status == 0 && i < json_array_size(fields); i++) {
        struct lint_place place = *record;
        status = lint_field(&place, json_array_get(fields, i), names);
    }
    for (size_t i = 0; status == 0 && i < json_array_size(fields); i++) {
        const json_t *field = json_array_get(fields, i);
        struct lint_place place = *record;
        place.field = json_string_value(json_object_get(field, "name"));
        status = lint_aliases(&place, field, names);
    }
    json_decref(names);
    return status;
}

static int lint_names(const struct lint_place *place, const json_t *root) {
    const json_t *name = json_object_get(root, "name"), *space = json_object_get(root, "namespace");
    if (!json_is_string(name) || !is_dotted_name(json_string_value(name)))
        return lint_refuse(place, "no valid \"name\"", "name the record with letters, digits and _");
    if (space != NULL && (!json_is_string(space) || !is_dotted_name(json_string_value(space))))
        return lint_refuse_json(place, "invalid namespace", space, "use names joined by dots");
    if (space == NULL && strchr(json_string_value(name), '.') == NULL)
        return lint_refuse(place, "no \"namespace\"",
                           "add one, so that the record's name is unique in the registry");
    return 0;
}

static int lint_record(const struct lint_place *place, const json_t *root) {
    const char *type = json_string_value(json_object_get(root, "type"));
    if (type == NULL || strcmp(type, "record") != 0)
        return lint_refuse(place, "not a record", "the schema must be an object with \"type\": \"record\"");
    int status = lint_names(place, root);
    if (status == 0)
        status = lint_doc(place, root);
    if (status < 0)
        return status;
    return lint_record_fields(place, root);
}

static int lint_record_fields(const struct lint_place *place, const json_t *root) {
    const json_t *fields = json_object_get(root, "fields");
    if (json_array_size(fields) == 0)
        return lint_refuse(place, "no fields", "add at least one to \"fields\"");
    if (json_array_size(fields) > SCHEMA_FIELDS_MAX)
        return lint_refuse(place, "more than 4096 fields", "choose fewer");
    return lint_fields(place, fields);
}

/* Last, Avro C must accept the schema, since other programs read our records with it. */
static int lint_by_avro(const struct lint_place *place, const char *text, size_t length) {
    avro_schema_t schema;
    if (avro_schema_from_json_length(text, length, &schema) != 0)
        return lint_refuse(place, avro_strerror(), "Avro C refuses the schema with these words");
    avro_schema_decref(schema);
    return 0;
}

json_t *schema_lint_parse(const char *name, const char *text, size_t length, struct error *error) {
    const struct lint_place place = {name, "", NULL, error};
    if (length > SCHEMA_TEXT_MAX) {
        lint_refuse(&place, "larger than 1 MiB", "choose fewer fields");
        return NULL;
    }
    json_error_t where;
    json_t *root = json_loadb(text, length, JSON_REJECT_DUPLICATES, &where);
    if (root == NULL) {
        error_set(error, EINVAL, EX_CONFIG,
                  "schema %s: line %d, column %d: %s; a schema is one JSON document", name, where.line,
                  where.column, where.text);
        return NULL;
    }
    if (lint_record(&place, root) < 0 || lint_by_avro(&place, text, length) < 0) {
        json_decref(root);
        return NULL;
    }
    return root;
}

int schema_lint(const char *name, const char *text, size_t length, struct error *error) {
    json_t *root = schema_lint_parse(name, text, length, error);
    if (root == NULL)
        return -EINVAL;
    json_decref(root);
    return 0;
}
