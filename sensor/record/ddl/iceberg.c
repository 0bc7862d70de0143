/* Iceberg, in Spark SQL: the format has no language of its own. The key's columns are set by a statement of Iceberg's
 * extensions. */
#include "record/ddl/spark_columns.h"

static void write(const struct ddl_table *table, FILE *stream) {
    spark_write_columns(table, stream);
    fputs("\nUSING iceberg", stream);
    if (table->time != NULL && table->time->type == VALUE_TIMESTAMP)
        fprintf(stream, "\nPARTITIONED BY (days(`%s`))", table->time->name);
    fputs("\nCOMMENT ", stream);
    ddl_write_text(table->columns->doc, DDL_SPARK, stream);
    fputs(";\n", stream);
    if (table->key.count == 0)
        return;
    fprintf(stream, "ALTER TABLE `%s` SET IDENTIFIER FIELDS ", table->name);
    ddl_write_key(&table->key, '`', stream);
    fputs(";\n", stream);
}

const struct ddl_dialect ddl_iceberg = {write};
