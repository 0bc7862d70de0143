/* Values of a record that nearly follow from others of it, as expressions of ClickHouse. Cold code; one thread. */
#pragma once

#include "record/ddl/ddl_parts.h"

enum { PREDICTION_SIZE = 1024 };

struct prediction {
    char text[PREDICTION_SIZE];
};

/* What is expected of the column, by the names of other columns and those of predictions_write_names(): of times microseconds,
 * else a number of the column's kind. False if the table has nothing that tells of it. */
bool predict(const struct ddl_table *table, const struct schema_column *column,
             struct prediction *prediction);

/* What stands behind WITH: the names that predictions use. */
void predictions_write_names(const struct ddl_table *table, FILE *stream);
