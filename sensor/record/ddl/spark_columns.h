/* The columns of a table as Spark SQL has them, whatever keeps the table. */
#pragma once

#include "record/ddl/ddl_parts.h"

/* "CREATE TABLE name (...)" without what follows: how it is kept. */
void spark_write_columns(const struct ddl_table *table, FILE *stream);
