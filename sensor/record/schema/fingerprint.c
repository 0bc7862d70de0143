/* Parsing canonical form and CRC-64-AVRO (Avro specification, "Transforming into Parsing Canonical Form" and "Schema
 * Fingerprints"), of the schemas that the lint accepts. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "record/schema/schema_json.h"

/* `inherited` (may be NULL) is the namespace of the record around this one. */
static char *full_name(const json_t *record, const char *inherited) {
    const char *name = json_string_value(json_object_get(record, "name"));
    const char *space = json_string_value(json_object_get(record, "namespace"));
    if (space == NULL)
        space = inherited;
    /* A name with a dot is a full name already; the namespace is ignored then. */
    if (space == NULL || strchr(name, '.') != NULL)
        return strdup(name);
    size_t size = strlen(space) + 1 + strlen(name) + 1;
    char *full = malloc(size);
    if (full != NULL)
        snprintf(full, size, "%s.%s", space, name);
    return full;
}

char *schema_full_name(const json_t *root) {
    return full_name(root, NULL);
}

static void form_append(struct buffer *form, const char *text) {
    buffer_append(form, text, strlen(text));
}

static void append_quoted(struct buffer *form, const char *name) {
    form_append(form, "\"");
    form_append(form, name);
    form_append(form, "\"");
}

/* Primitives become their names only, without logicalType and custom properties. */
static void append_plain_type(struct buffer *form, enum value_type type) {
    switch (type) {
    case VALUE_TIMESTAMP: append_quoted(form, "long"); return;
    case VALUE_INT_ARRAY: form_append(form, "{\"type\":\"array\",\"items\":\"int\"}"); return;
    case VALUE_LONG_ARRAY: form_append(form, "{\"type\":\"array\",\"items\":\"long\"}"); return;
    case VALUE_STRING_ARRAY: form_append(form, "{\"type\":\"array\",\"items\":\"string\"}"); return;
    default: append_quoted(form, value_type_name(type));
    }
}

static void append_record(struct buffer *form, const json_t *record, const char *inherited);

static void append_field(struct buffer *form, const json_t *field, const char *space) {
    const json_t *nested = schema_nested_record(json_object_get(field, "type"));
    struct field_type type = {VALUE_STRING, false};
    schema_field_type(json_object_get(field, "type"), &type);
    form_append(form, "{\"name\":");
    append_quoted(form, json_string_value(json_object_get(field, "name")));
    form_append(form, type.nullable ? ",\"type\":[\"null\"," : ",\"type\":");
    if (nested != NULL)
        append_record(form, nested, space);
    else
        append_plain_type(form, type.type);
    form_append(form, type.nullable ? "]}" : "}");
}

static void append_record(struct buffer *form, const json_t *record, const char *inherited) {
    char *name = full_name(record, inherited);
    if (name == NULL) {
        form->failed = true;
        return;
    }
    form_append(form, "{\"name\":");
    append_quoted(form, name);
    form_append(form, ",\"type\":\"record\",\"fields\":[");
    char *dot = strrchr(name, '.');
    if (dot != NULL)
        *dot = '\0';
    size_t index;
    const json_t *field;
    json_array_foreach(json_object_get(record, "fields"), index, field) {
        if (index > 0)
            form_append(form, ",");
        append_field(form, field, dot != NULL ? name : NULL);
    }
    form_append(form, "]}");
    free(name);
}

char *schema_canonical_form(const json_t *root) {
    struct buffer form = {0};
    append_record(&form, root, NULL);
    buffer_append(&form, "", 1);
    if (form.failed)
        buffer_free(&form);
    return (char *)form.data;
}

static uint64_t crc64_avro(const char *text) {
    const uint64_t empty = UINT64_C(0xc15d213aa4d7a795);
    uint64_t crc = empty;
    for (; *text != '\0'; text++) {
        crc ^= (unsigned char)*text;
        for (int bit = 0; bit < 8; bit++)
            crc = (crc >> 1) ^ (empty & (0 - (crc & 1)));
    }
    return crc;
}

int schema_fingerprint(const json_t *root, uint64_t *fingerprint) {
    char *form = schema_canonical_form(root);
    if (form == NULL)
        return -ENOMEM;
    *fingerprint = crc64_avro(form);
    free(form);
    return 0;
}
