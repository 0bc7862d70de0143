/* ClickHouse, a table that keeps each value. */
#include "record/ddl/clickhouse_columns.h"

static void write_column(const struct schema_column *column, FILE *stream) {
    clickhouse_write_type(column, stream);
    fputs(" COMMENT ", stream);
    ddl_write_doc(column, DDL_BACKSLASH, stream);
    fprintf(stream, " CODEC(%s)", clickhouse_codec(column));
}

static void write(const struct ddl_table *table, FILE *stream) {
    ddl_begin_table(table, '`', write_column, stream);
    fputs("\n)", stream);
    clickhouse_write_storage(table, stream);
    fputs("\nCOMMENT ", stream);
    ddl_write_text(table->columns->doc, DDL_BACKSLASH, stream);
    fputs(";\n", stream);
}

const struct ddl_dialect ddl_clickhouse = {write};
