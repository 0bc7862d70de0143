/* What the two ways of ClickHouse to keep records share. */
#pragma once

#include "record/ddl/ddl_parts.h"

/* Of an array null is the empty one, and of a record all members. */
void clickhouse_write_type(const struct schema_column *column, FILE *stream);

/* What compresses its values well. */
const char *clickhouse_codec(const struct schema_column *column);

/* The engine, partitions and the order. */
void clickhouse_write_storage(const struct ddl_table *table, FILE *stream);
