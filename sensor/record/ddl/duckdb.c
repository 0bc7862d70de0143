/* DuckDB. Avro's timestamp-micros is a point in time, so a column of it has a time zone. DuckDB has no comments within CREATE
 * TABLE, nor of a structure's members. */
#include "record/ddl/ddl_parts.h"

static const char *const types[VALUE_TYPES] = {
    [VALUE_BOOLEAN] = "BOOLEAN",
    [VALUE_INT] = "INTEGER",
    [VALUE_LONG] = "BIGINT",
    [VALUE_TIMESTAMP] = "TIMESTAMP WITH TIME ZONE",
    [VALUE_DOUBLE] = "DOUBLE",
    [VALUE_STRING] = "VARCHAR",
    [VALUE_INT_ARRAY] = "INTEGER[]",
    [VALUE_LONG_ARRAY] = "BIGINT[]",
    [VALUE_STRING_ARRAY] = "VARCHAR[]",
};

static void write_type(const struct schema_column *column, FILE *stream) {
    if (column->type != VALUE_RECORD) {
        fputs(types[column->type], stream);
        return;
    }
    fputs("STRUCT(", stream);
    for (size_t i = 1; i <= column->members; i++)
        fprintf(stream, "%s\"%s\" %s", i > 1 ? ", " : "", column[i].name, types[column[i].type]);
    fputc(')', stream);
}

static void write_comments(const struct ddl_table *table, FILE *stream) {
    fprintf(stream, "COMMENT ON TABLE \"%s\" IS ", table->name);
    ddl_write_text(table->columns->doc, DDL_DOUBLED, stream);
    fputs(";\n", stream);
    for (const struct schema_column *column = table->columns->items; column != NULL;
         column = ddl_next(table, column)) {
        fprintf(stream, "COMMENT ON COLUMN \"%s\".\"%s\" IS ", table->name, column->name);
        ddl_write_doc(column, DDL_DOUBLED, stream);
        fputs(";\n", stream);
    }
}

static void write_column(const struct schema_column *column, FILE *stream) {
    write_type(column, stream);
    fputs(column->nullable ? "" : " NOT NULL", stream);
}

static void write(const struct ddl_table *table, FILE *stream) {
    ddl_begin_table(table, '"', write_column, stream);
    if (table->key.count > 0) {
        fputs(",\n    PRIMARY KEY (", stream);
        ddl_write_key(&table->key, '"', stream);
        fputc(')', stream);
    }
    fputs("\n);\n", stream);
    write_comments(table, stream);
}

const struct ddl_dialect ddl_duckdb = {write};
