/* Records are sorted by the hour, and within it flows of one kind stand together, which compresses well. Behind that is the
 * key: of records that have all of it in common one is kept, since Kafka may bring a record twice. */
#include "record/ddl/clickhouse_columns.h"

#include <string.h>

#include "record/field/catalogue.h"

static const char *const types[VALUE_TYPES] = {
    [VALUE_BOOLEAN] = "Bool",
    [VALUE_INT] = "Int32",
    [VALUE_LONG] = "Int64",
    [VALUE_TIMESTAMP] = "DateTime64(6, 'UTC')",
    [VALUE_DOUBLE] = "Float64",
    [VALUE_STRING] = "String",
    [VALUE_INT_ARRAY] = "Array(Int32)",
    [VALUE_LONG_ARRAY] = "Array(Int64)",
    [VALUE_STRING_ARRAY] = "Array(LowCardinality(String))",
};

static bool is_array(enum value_type type) {
    return type == VALUE_INT_ARRAY || type == VALUE_LONG_ARRAY || type == VALUE_STRING_ARRAY;
}

/* Whether many records share a text: of the sensor's own fields all but the flow's identifier and what tells of persons. Of
 * other fields nothing is known. */
static bool has_few_values(const struct schema_column *column) {
    enum flow_direction direction;
    const struct catalogue_row *row = catalogue_find(column->name, &direction);
    return column->type == VALUE_STRING && row != NULL && row->type == VALUE_STRING && row->pii == PII_NONE &&
           strcmp(column->name, "flow_uid") != 0;
}

/* Arrays can't be null: a null is an empty one. */
static void write_simple_type(const struct schema_column *column, FILE *stream) {
    bool nullable = column->nullable && !is_array(column->type), few = has_few_values(column);
    fprintf(stream, "%s%s%s%s%s", few ? "LowCardinality(" : "", nullable ? "Nullable(" : "",
            types[column->type], nullable ? ")" : "", few ? ")" : "");
}

/* A record can't be null either: then all its members are. */
static void write_record(const struct schema_column *column, FILE *stream) {
    fputs("Tuple(", stream);
    for (size_t i = 1; i <= column->members; i++) {
        fprintf(stream, "%s`%s` ", i > 1 ? ", " : "", column[i].name);
        write_simple_type(&column[i], stream);
    }
    fputc(')', stream);
}

void clickhouse_write_type(const struct schema_column *column, FILE *stream) {
    if (column->type == VALUE_RECORD)
        write_record(column, stream);
    else
        write_simple_type(column, stream);
}

/* A digest is as good as random: what tries harder only takes longer, and finds less. */
const char *clickhouse_codec(const struct schema_column *column) {
    switch (column->type) {
    case VALUE_INT:
    case VALUE_LONG:
    case VALUE_TIMESTAMP: return "T64, ZSTD";
    case VALUE_INT_ARRAY:
    case VALUE_LONG_ARRAY: return "T64, ZSTD(9)";
    case VALUE_DOUBLE: return "ZSTD(3)";
    case VALUE_STRING: return strcmp(column->name, "flow_uid") == 0 ? "ZSTD" : "ZSTD(3)";
    default: return "ZSTD";
    }
}

/* Whether it has a time as ClickHouse has them. */
static bool has_hours(const struct ddl_table *table) {
    return table->time != NULL && table->time->type == VALUE_TIMESTAMP;
}

/* What flows of one kind have in common. */
static const char *const alike[] = {"dst_port", "bidirectional_packets", "bidirectional_bytes"};

static void write_order(const struct ddl_table *table, FILE *stream) {
    const char *before = "";
    fputs("\nORDER BY (", stream);
    if (has_hours(table)) {
        fprintf(stream, "toStartOfHour(`%s`)", table->time->name);
        before = ", ";
        for (size_t i = 0; i < sizeof alike / sizeof *alike; i++)
            if (ddl_find(table, alike[i]) != NULL)
                fprintf(stream, ", `%s`", alike[i]);
    }
    if (table->time != NULL) {
        fprintf(stream, "%s`%s`", before, table->time->name);
        before = ", ";
    }
    fputs(table->key.count > 0 ? before : "", stream);
    ddl_write_key(&table->key, '`', stream);
    fputc(')', stream);
}

void clickhouse_write_storage(const struct ddl_table *table, FILE *stream) {
    fprintf(stream, "\nENGINE = %s", table->key.count > 0 ? "ReplacingMergeTree" : "MergeTree");
    if (has_hours(table))
        fprintf(stream, "\nPARTITION BY toYYYYMM(`%s`)", table->time->name);
    write_order(table, stream);
}
