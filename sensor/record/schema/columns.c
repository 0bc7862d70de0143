#include "record/schema/columns.h"

#include <errno.h>
#include <stdlib.h>

#include "record/schema/schema_json.h"

static const json_t *columns_of_record(const json_t *field) {
    return json_object_get(schema_nested_record(json_object_get(field, "type")), "fields");
}

static void add_column(struct schema_columns *columns, const json_t *field) {
    struct field_type type = {VALUE_STRING, false};
    schema_field_type(json_object_get(field, "type"), &type);
    columns->items[columns->count++] = (struct schema_column){
        .name = json_string_value(json_object_get(field, "name")),
        .doc = json_string_value(json_object_get(field, "doc")),
        .type = type.type,
        .nullable = type.nullable,
        .members = json_array_size(columns_of_record(field)),
    };
}

/* A linted document. */
static int fill_columns(const char *name, struct schema_columns *columns, struct error *error) {
    const json_t *fields = json_object_get(columns->document, "fields"), *field, *member;
    size_t count = json_array_size(fields), index, place;
    json_array_foreach(fields, index, field) count += json_array_size(columns_of_record(field));
    columns->doc = json_string_value(json_object_get(columns->document, "doc"));
    columns->items = calloc(count, sizeof *columns->items);
    if (columns->items == NULL)
        return error_set(error, ENOMEM, EX_OSERR, "schema %s: no memory", name);
    json_array_foreach(fields, index, field) {
        add_column(columns, field);
        json_array_foreach(columns_of_record(field), place, member) add_column(columns, member);
    }
    return 0;
}

int schema_columns_load(const char *name, struct schema_columns *columns, struct error *error) {
    struct schema source = {0};
    *columns = (struct schema_columns){0};
    int status = schema_read_text(name, NULL, &source, error);
    if (status < 0)
        return status;
    columns->document = schema_lint_parse(name, source.text, source.text_length, error);
    free(source.text);
    if (columns->document == NULL)
        return -EINVAL;
    status = fill_columns(name, columns, error);
    if (status < 0)
        schema_columns_free(columns);
    return status;
}

void schema_columns_free(struct schema_columns *columns) {
    free(columns->items);
    json_decref(columns->document);
    *columns = (struct schema_columns){0};
}
