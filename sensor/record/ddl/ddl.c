#include "record/ddl/ddl.h"

#include <ctype.h>
#include <string.h>

#include "base/check.h"
#include "record/ddl/ddl_parts.h"
#include "record/schema/schema.h"

static const struct {
    const char *name;
    const struct ddl_dialect *dialect;
} dialects[] = {
#define DIALECT(name) {#name, &ddl_##name},
#include "record/ddl/dialects.def"
#undef DIALECT
};

/* What identifies a record, the first of which a schema has all (schemas/README.md, "Identify a record"). */
static const struct ddl_key keys[] = {
    {{"flow_uid", "slice", "revision"}, 3},
    {{"sensor_id", "boot_id", "output", "seq"}, 4},
    {{"ndpi_version", "protocol_id"}, 2},
};

/* Times by which records are asked for. That of a flow's beginning is the same in all records of a slice. */
static const char *const times[] = {"bidirectional_first_seen", "bidirectional_first_seen_ms", "report_time",
                                    "heartbeat_time"};

static const struct ddl_dialect *find_dialect(const char *name) {
    for (size_t i = 0; i < sizeof dialects / sizeof *dialects; i++)
        if (strcmp(dialects[i].name, name) == 0)
            return dialects[i].dialect;
    return NULL;
}

const struct schema_column *ddl_next(const struct ddl_table *table, const struct schema_column *column) {
    column += 1 + column->members;
    return column < table->columns->items + table->columns->count ? column : NULL;
}

void ddl_begin_table(const struct ddl_table *table, char quote, ddl_column_writer *write_column,
                     FILE *stream) {
    const char *before = "";
    fprintf(stream, "CREATE TABLE %c%s%c (", quote, table->name, quote);
    for (const struct schema_column *column = table->columns->items; column != NULL;
         column = ddl_next(table, column)) {
        fprintf(stream, "%s\n    %c%s%c ", before, quote, column->name, quote);
        write_column(column, stream);
        before = ",";
    }
}

const struct schema_column *ddl_find(const struct ddl_table *table, const char *name) {
    const struct schema_column *column = table->columns->items;
    while (column != NULL && (column->nullable || strcmp(column->name, name) != 0))
        column = ddl_next(table, column);
    return column;
}

static bool has_key(const struct ddl_table *table, const struct ddl_key *key) {
    for (size_t i = 0; i < key->count; i++)
        if (ddl_find(table, key->columns[i]) == NULL)
            return false;
    return true;
}

/* "flow/v1" is flow_v1, and /path/mine.avsc is mine. */
static void name_table(const char *schema, char name[DDL_NAME_SIZE]) {
    static const char extension[] = ".avsc";
    const char *base = strrchr(schema, '/');
    if (base == NULL || schema_is_embedded(schema))
        base = schema;
    else
        base++;
    size_t length = strlen(base);
    if (length >= sizeof extension && strcmp(base + length - (sizeof extension - 1), extension) == 0)
        length -= sizeof extension - 1;
    if (length >= DDL_NAME_SIZE)
        length = DDL_NAME_SIZE - 1;
    for (size_t i = 0; i < length; i++)
        name[i] = (char)(isalnum((unsigned char)base[i]) ? base[i] : '_');
    name[length] = '\0';
}

static void describe_table(const char *schema, const struct schema_columns *columns,
                           struct ddl_table *table) {
    *table = (struct ddl_table){.columns = columns};
    name_table(schema, table->name);
    for (size_t i = 0; table->key.count == 0 && i < sizeof keys / sizeof *keys; i++)
        if (has_key(table, &keys[i]))
            table->key = keys[i];
    for (size_t i = 0; table->time == NULL && i < sizeof times / sizeof *times; i++)
        table->time = ddl_find(table, times[i]);
}

int ddl_write(const char *dialect, const char *schema, FILE *stream, struct error *error) {
    const struct ddl_dialect *found = find_dialect(dialect);
    struct schema_columns columns;
    struct ddl_table table;
    CHECK(found != NULL);
    int result = schema_columns_load(schema, &columns, error);
    if (result < 0)
        return result;
    describe_table(schema, &columns, &table);
    fprintf(stream, "-- Made by `flowsensor schema ddl %s`. What is in it and why: deploy/tables.md\n",
            dialect);
    found->write(&table, stream);
    schema_columns_free(&columns);
    return 0;
}
