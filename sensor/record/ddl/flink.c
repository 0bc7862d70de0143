/* Flink, records in Kafka by way of a registry. Its Avro format takes timestamp-micros only as BIGINT: as TIMESTAMP(3) the
 * number is taken for milliseconds, and silently so. Each such column has a computed one beside it, which is a time. There is
 * no primary key, since the format refuses one: it can't know whether a record is the key's last. */
#include <string.h>

#include "record/ddl/ddl_parts.h"

static const char *const types[VALUE_TYPES] = {
    [VALUE_BOOLEAN] = "BOOLEAN",
    [VALUE_INT] = "INT",
    [VALUE_LONG] = "BIGINT",
    [VALUE_TIMESTAMP] = "BIGINT",
    [VALUE_DOUBLE] = "DOUBLE",
    [VALUE_STRING] = "STRING",
    [VALUE_INT_ARRAY] = "ARRAY<INT NOT NULL>",
    [VALUE_LONG_ARRAY] = "ARRAY<BIGINT NOT NULL>",
    [VALUE_STRING_ARRAY] = "ARRAY<STRING NOT NULL>",
};

static const char options[] = " WITH (\n"
                              "    'connector' = 'kafka',\n"
                              "    'topic' = 'TOPIC',\n"
                              "    'properties.bootstrap.servers' = 'HOST:9092',\n"
                              "    'scan.startup.mode' = 'earliest-offset',\n"
                              "    'format' = 'avro-confluent',\n"
                              "    'avro-confluent.url' = 'http://HOST:8081'\n"
                              ");\n";

static void write_type(const struct schema_column *column, FILE *stream) {
    if (column->type != VALUE_RECORD) {
        fputs(types[column->type], stream);
        return;
    }
    fputs("ROW<", stream);
    for (size_t i = 1; i <= column->members; i++) {
        fprintf(stream, "%s`%s` %s ", i > 1 ? ", " : "", column[i].name, types[column[i].type]);
        ddl_write_text(column[i].doc, DDL_DOUBLED, stream);
    }
    fputc('>', stream);
}

static void write_column(const struct schema_column *column, FILE *stream) {
    write_type(column, stream);
    fputs(column->nullable ? " COMMENT " : " NOT NULL COMMENT ", stream);
    ddl_write_text(column->doc, DDL_DOUBLED, stream);
}

static bool has_name(const struct ddl_table *table, const char *name, const char *end) {
    size_t length = strlen(name);
    for (const struct schema_column *column = table->columns->items; column != NULL;
         column = ddl_next(table, column))
        if (strncmp(column->name, name, length) == 0 && strcmp(column->name + length, end) == 0)
            return true;
    return false;
}

/* Behind all others, so that they keep the schema's order. */
static void write_times(const struct ddl_table *table, FILE *stream) {
    static const char end[] = "_ltz"; /* Flink's word for such a time */
    for (const struct schema_column *column = table->columns->items; column != NULL;
         column = ddl_next(table, column)) {
        if (column->type != VALUE_TIMESTAMP || has_name(table, column->name, end))
            continue;
        fprintf(stream, ",\n    `%s%s` AS TO_TIMESTAMP_LTZ(`%s` / 1000, 3)", column->name, end, column->name);
    }
}

static void write(const struct ddl_table *table, FILE *stream) {
    ddl_begin_table(table, '`', write_column, stream);
    write_times(table, stream);
    fputs("\n) COMMENT ", stream);
    ddl_write_text(table->columns->doc, DDL_DOUBLED, stream);
    fputs(options, stream);
}

const struct ddl_dialect ddl_flink = {write};
