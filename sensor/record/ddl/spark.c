/* Spark's own tables, files of Parquet. They have neither keys nor partitions by a column's day. */
#include "record/ddl/spark_columns.h"

static void write(const struct ddl_table *table, FILE *stream) {
    spark_write_columns(table, stream);
    fputs("\nUSING parquet\nCOMMENT ", stream);
    ddl_write_text(table->columns->doc, DDL_SPARK, stream);
    fputs(";\n", stream);
}

const struct ddl_dialect ddl_spark = {write};
