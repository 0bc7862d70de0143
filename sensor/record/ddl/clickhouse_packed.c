/* ClickHouse, in half of the room. Most values of a flow nearly follow from others: sums, or what its first packets say. So a
 * value is predicted, and kept is the rest (a column NAME_rest), mostly 0, which compresses to nothing. Who reads gets the
 * prediction and the rest added: the value, to the last bit. What is predicted wrongly only takes more room.
 *
 * Records go into a table NAME_in that keeps nothing, from there to NAME_packed, and the view NAME has them as they were. */
#include "record/ddl/clickhouse_columns.h"
#include "record/ddl/clickhouse_predictions.h"

/* What is kept of a predicted value: null where that is null. */
static void write_kept(const struct ddl_table *table, const struct schema_column *column, FILE *stream) {
    struct prediction prediction;
    if (!predict(table, column, &prediction)) {
        fprintf(stream, "`%s` ", column->name);
        clickhouse_write_type(column, stream);
        fprintf(stream, " CODEC(%s)", clickhouse_codec(column));
        return;
    }
    fprintf(stream, "`%s_rest` %s CODEC(%s)", column->name, column->nullable ? "Nullable(Int64)" : "Int64",
            clickhouse_codec(column));
}

/* Writes a column that is kept as it is. False: *prediction tells of it, and its rest is kept. */
static bool write_unpredicted(const struct ddl_table *table, const struct schema_column *column,
                              struct prediction *prediction, FILE *stream) {
    if (predict(table, column, prediction))
        return false;
    fprintf(stream, "`%s`", column->name);
    return true;
}

/* Floating-point numbers as their bits, so that the rest of one that is nearly right is small. */
static void write_packing(const struct ddl_table *table, const struct schema_column *column, FILE *stream) {
    struct prediction of;
    if (write_unpredicted(table, column, &of, stream))
        return;
    const char *name = column->name;
    if (column->type == VALUE_TIMESTAMP)
        fprintf(stream, "micros(`%s`) - ifNull(%s, 0)", name, of.text);
    else if (column->type == VALUE_DOUBLE)
        fprintf(stream, "reinterpretAsInt64(`%s`) - reinterpretAsInt64(ifNull(%s, 0.))", name, of.text);
    else
        fprintf(stream, "`%s` - ifNull(%s, 0)", name, of.text);
    fprintf(stream, " AS `%s_rest`", name);
}

static void write_reading(const struct ddl_table *table, const struct schema_column *column, FILE *stream) {
    struct prediction of;
    if (write_unpredicted(table, column, &of, stream))
        return;
    const char *name = column->name;
    if (column->type == VALUE_TIMESTAMP)
        fprintf(stream, "fromUnixTimestamp64Micro(`%s_rest` + ifNull(%s, 0), 'UTC')", name, of.text);
    else if (column->type == VALUE_DOUBLE)
        fprintf(stream, "reinterpretAsFloat64(`%s_rest` + reinterpretAsInt64(ifNull(%s, 0.)))", name,
                of.text);
    else
        fprintf(stream, "`%s_rest` + ifNull(%s, 0)", name, of.text);
    fprintf(stream, " AS `%s`", name);
}

static void write_described(const struct ddl_table *table, const struct schema_column *column, FILE *stream) {
    (void)table;
    fprintf(stream, "`%s` ", column->name);
    clickhouse_write_type(column, stream);
    fputs(" COMMENT ", stream);
    ddl_write_doc(column, DDL_BACKSLASH, stream);
}

/* A line for each column. */
static void write_each(const struct ddl_table *table,
                       void (*write)(const struct ddl_table *table, const struct schema_column *column,
                                     FILE *stream),
                       FILE *stream) {
    const char *before = "";
    for (const struct schema_column *column = table->columns->items; column != NULL;
         column = ddl_next(table, column)) {
        fprintf(stream, "%s\n    ", before);
        write(table, column, stream);
        before = ",";
    }
}

static void write_kept_table(const struct ddl_table *table, FILE *stream) {
    fprintf(stream, "CREATE TABLE `%s_packed` (", table->name);
    write_each(table, write_kept, stream);
    fputs("\n)", stream);
    clickhouse_write_storage(table, stream);
    fputs(";\n", stream);
}

static void write_view(const struct ddl_table *table, FILE *stream) {
    fprintf(stream, "CREATE VIEW `%s` (", table->name);
    write_each(table, write_described, stream);
    fputs("\n) AS\nWITH", stream);
    predictions_write_names(table, stream);
    fputs("\nSELECT", stream);
    write_each(table, write_reading, stream);
    fprintf(stream, "\nFROM `%s_packed`\nCOMMENT ", table->name);
    ddl_write_text(table->columns->doc, DDL_BACKSLASH, stream);
    fputs(";\n", stream);
}

static void write_way_in(const struct ddl_table *table, FILE *stream) {
    fprintf(stream, "CREATE TABLE `%s_in` AS `%s` ENGINE = Null;\n", table->name, table->name);
    fprintf(stream, "CREATE MATERIALIZED VIEW `%s_pack` TO `%s_packed` AS\nWITH", table->name, table->name);
    predictions_write_names(table, stream);
    fputs("\nSELECT", stream);
    write_each(table, write_packing, stream);
    fprintf(stream, "\nFROM `%s_in`;\n", table->name);
}

static void write(const struct ddl_table *table, FILE *stream) {
    write_kept_table(table, stream);
    write_view(table, stream);
    write_way_in(table, stream);
}

const struct ddl_dialect ddl_clickhouse_packed = {write};
