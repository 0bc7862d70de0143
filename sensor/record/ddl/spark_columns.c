#include "record/ddl/spark_columns.h"

static const char *const types[VALUE_TYPES] = {
    [VALUE_BOOLEAN] = "BOOLEAN",
    [VALUE_INT] = "INT",
    [VALUE_LONG] = "BIGINT",
    [VALUE_TIMESTAMP] = "TIMESTAMP",
    [VALUE_DOUBLE] = "DOUBLE",
    [VALUE_STRING] = "STRING",
    [VALUE_INT_ARRAY] = "ARRAY<INT>",
    [VALUE_LONG_ARRAY] = "ARRAY<BIGINT>",
    [VALUE_STRING_ARRAY] = "ARRAY<STRING>",
};

static void write_type(const struct schema_column *column, FILE *stream) {
    if (column->type != VALUE_RECORD) {
        fputs(types[column->type], stream);
        return;
    }
    fputs("STRUCT<", stream);
    for (size_t i = 1; i <= column->members; i++) {
        fprintf(stream, "%s`%s`: %s COMMENT ", i > 1 ? ", " : "", column[i].name, types[column[i].type]);
        ddl_write_text(column[i].doc, DDL_SPARK, stream);
    }
    fputc('>', stream);
}

static void write_column(const struct schema_column *column, FILE *stream) {
    write_type(column, stream);
    fputs(column->nullable ? " COMMENT " : " NOT NULL COMMENT ", stream);
    ddl_write_text(column->doc, DDL_SPARK, stream);
}

void spark_write_columns(const struct ddl_table *table, FILE *stream) {
    ddl_begin_table(table, '`', write_column, stream);
    fputs("\n)", stream);
}
