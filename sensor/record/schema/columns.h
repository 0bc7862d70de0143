/* A schema as the columns of a table: what whoever stores records has to know. Any schema that passes the lint has them, also
 * one with fields that this sensor's catalogue or configuration lacks. Cold code; one thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "record/field/value.h"

struct json_t; /* jansson's */

/* One field. Texts belong to the columns. */
struct schema_column {
    const char *name; /* letters, digits and _, not a digit first */
    const char *doc;  /* any text, several lines too */
    enum value_type type;
    bool nullable;
    size_t members; /* of a nested record: so many of the next columns are its fields */
};

struct schema_columns {
    const char *doc; /* the record's */
    struct schema_column *items;
    size_t count;
    struct json_t *document; /* owns the texts */
};

/* Loads a schema by its embedded name or from a path, and lints it. EX_CONFIG with one line, as schema_load(); then there is
 * nothing to free. */
int schema_columns_load(const char *name, struct schema_columns *columns, struct error *error);
void schema_columns_free(struct schema_columns *columns);
