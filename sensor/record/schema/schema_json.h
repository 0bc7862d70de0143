/* What the parts of schema_load() share: a schema as a JSON document. Within this folder only. */
#pragma once

#include <jansson.h>

#include "base/buffer.h"
#include "base/error.h"
#include "record/schema/schema.h"

/* Limits of a schema's text and fields, far above any use. */
enum { SCHEMA_TEXT_MAX = 1 << 20, SCHEMA_FIELDS_MAX = 4096, SCHEMA_NAME_MAX = 256 };

/* What a field's "type" says. */
struct field_type {
    enum value_type type;
    bool nullable;
};

/* Reads the text of an embedded schema or a file, of that size at most, into schema->text, which the caller frees; `compose`
 * as schema_compose() takes it, or NULL. */
int schema_read_text(const char *name, const struct udps_rows *compose, struct schema *schema,
                     struct error *error);

/* Parses (size limit, duplicate keys refused) and lints. NULL with the first violation; else a new reference. */
json_t *schema_lint_parse(const char *name, const char *text, size_t length, struct error *error);

/* False if it is none of the types that records use. */
bool schema_field_type(const json_t *type, struct field_type *result);

/* Namespace and name of a linted schema, joined by a dot; malloc'd, NULL: no memory. */
char *schema_full_name(const json_t *root);

/* CRC-64-AVRO of the parsing canonical form of a linted schema; -ENOMEM. */
int schema_fingerprint(const json_t *root, uint64_t *fingerprint);
/* That form itself; malloc'd, NULL: no memory. */
char *schema_canonical_form(const json_t *root);

/* Fills schema->fields from a linted schema. */
int schema_bind(struct schema *schema, const json_t *root, const struct udps_rows *rows, struct error *error);

/* The record in a field's type ["null", {record}]; NULL for all other types. */
const json_t *schema_nested_record(const json_t *type);

/* Adds the field `udps` to a schema's text, or replaces it. A schema of the sensor's own records is left as it is. */
int schema_compose(const char *name, struct buffer *text, const struct udps_rows *rows, struct error *error);
