/* A schema with the nested record `udps`: written anew, one field a line, so that equal configurations give equal
 * texts. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "record/schema/schema_json.h"

static const char field_doc[] =
    "User-defined values: the configured counters (udps.packets, udps.bytes) and plugins (udps.plugins); "
    "made by `flowsensor schema compose`.";
static const char record_doc[] = "User-defined values of a flow, sorted by name.";

/* The fields of a flow's process come after udps, as in NFStream. */
static const char process_prefix[] = "system_";

static void compose_append(struct buffer *out, const char *text) {
    buffer_append(out, text, strlen(text));
}

/* Spaces as in the shipped schemas; takes the reference. */
static void append_json(struct buffer *out, json_t *node) {
    char *text = node != NULL ? json_dumps(node, JSON_ENCODE_ANY) : NULL;
    if (text == NULL)
        out->failed = true;
    else
        compose_append(out, text);
    free(text);
    json_decref(node);
}

/* {"type": "array", "items": "int"}, or the name of a primitive type. */
static json_t *compose_type_of(enum value_type type) {
    switch (type) {
    case VALUE_INT_ARRAY: return json_pack("{s:s, s:s}", "type", "array", "items", "int");
    case VALUE_LONG_ARRAY: return json_pack("{s:s, s:s}", "type", "array", "items", "long");
    case VALUE_STRING_ARRAY: return json_pack("{s:s, s:s}", "type", "array", "items", "string");
    case VALUE_TIMESTAMP: return json_pack("{s:s, s:s}", "type", "long", "logicalType", "timestamp-micros");
    default: return json_string(value_type_name(type));
    }
}

static json_t *member_of(const struct catalogue_row *row) {
    json_t *member = json_pack("{s:s, s:[s, o], s:n}", "name", strchr(row->name, '.') + 1, "type", "null",
                               compose_type_of(row->type), "default");
    if (row->unit[0] != '\0')
        json_object_set_new(member, "unit", json_string(row->unit));
    if (row->pii != PII_NONE) {
        json_object_set_new(member, "pii", json_string(pii_class_name(row->pii)));
        json_object_set_new(member, "confluent:tags", json_pack("[s]", "PII"));
    }
    /* jansson gives NULL for a text that is not valid UTF-8. */
    json_object_set_new(member, "doc", json_string(row->help));
    return member;
}

static void append_udps(struct buffer *out, const struct udps_rows *rows) {
    compose_append(
        out,
        "    {\"name\": \"udps\", \"type\": [\"null\", {\"type\": \"record\", \"name\": \"Udps\", \"doc\": ");
    append_json(out, json_string(record_doc));
    compose_append(out, ", \"fields\": [\n");
    for (size_t i = 0; i < rows->count; i++) {
        compose_append(out, "      ");
        append_json(out, member_of(&rows->rows[i]));
        compose_append(out, i + 1 < rows->count ? ",\n" : "\n    ]}], \"default\": null,\n     \"doc\": ");
    }
    append_json(out, json_string(field_doc));
    compose_append(out, "}");
}

static void append_fields(struct buffer *out, const json_t *fields, const struct udps_rows *rows) {
    bool placed = false;
    size_t index;
    const json_t *field;
    compose_append(out, "  \"fields\": [\n");
    json_array_foreach(fields, index, field) {
        const char *name = json_string_value(json_object_get(field, "name"));
        if (strcmp(name, "udps") == 0)
            continue;
        if (!placed && strncmp(name, process_prefix, sizeof process_prefix - 1) == 0) {
            append_udps(out, rows);
            compose_append(out, ",\n");
            placed = true;
        }
        compose_append(out, "    ");
        append_json(out, json_incref((json_t *)field));
        compose_append(out, ",\n");
    }
    if (!placed)
        append_udps(out, rows);
    else
        out->length -= sizeof ",\n" - 1;
    compose_append(out, "\n  ]");
}

/* Only records of flows have user-defined values. */
static bool is_of_flows(const json_t *root) {
    size_t index;
    const json_t *field;
    json_array_foreach(json_object_get(root, "fields"), index, field) {
        enum flow_direction direction;
        const struct catalogue_row *row =
            catalogue_find(json_string_value(json_object_get(field, "name")), &direction);
        if (row != NULL && (row->records & OF_FLOW) == 0)
            return false;
    }
    return true;
}

int schema_compose(const char *name, struct buffer *text, const struct udps_rows *rows, struct error *error) {
    struct buffer out = {0};
    json_t *root = schema_lint_parse(name, (const char *)text->data, text->length, error);
    if (root == NULL)
        return -EINVAL;
    if (!is_of_flows(root)) {
        json_decref(root);
        return 0;
    }
    const char *key;
    json_t *value;
    compose_append(&out, "{\n");
    json_object_foreach(root, key, value) {
        if (out.length > 2)
            compose_append(&out, ",\n");
        if (strcmp(key, "fields") == 0) {
            append_fields(&out, value, rows);
            continue;
        }
        compose_append(&out, "  ");
        append_json(&out, json_string(key));
        compose_append(&out, ": ");
        append_json(&out, json_incref(value));
    }
    compose_append(&out, "\n}\n");
    json_decref(root);
    if (out.failed) {
        buffer_free(&out);
        return error_set(
            error, EINVAL, EX_CONFIG,
            "schema %s: no memory for the field udps, or a plugin's doc or unit is not valid UTF-8", name);
    }
    buffer_free(text);
    *text = out;
    return 0;
}
