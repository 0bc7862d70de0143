/* What the dialects share. Within this folder only. */
#pragma once

#include <stdio.h>

#include "record/schema/columns.h"

enum { DDL_NAME_SIZE = 65, DDL_KEY_MAX = 4 };

/* What identifies a record: columns that are never null. */
struct ddl_key {
    const char *columns[DDL_KEY_MAX];
    size_t count; /* 0: the schema has no key */
};

struct ddl_table {
    char name[DDL_NAME_SIZE]; /* letters, digits and _ */
    const struct schema_columns *columns;
    struct ddl_key key;
    /* By which records are stored and asked for, never null; NULL: the schema has none. */
    const struct schema_column *time;
};

struct ddl_dialect {
    void (*write)(const struct ddl_table *table, FILE *stream);
};

#define DIALECT(name) extern const struct ddl_dialect ddl_##name;
#include "record/ddl/dialects.def"
#undef DIALECT

/* The column behind it, after its members; NULL: it was the last. */
const struct schema_column *ddl_next(const struct ddl_table *table, const struct schema_column *column);

/* What stands behind a column's name: its type, and what the dialect says besides. */
typedef void ddl_column_writer(const struct schema_column *column, FILE *stream);

/* `CREATE TABLE NAME (` and the columns, a line each, names in `quote`. */
void ddl_begin_table(const struct ddl_table *table, char quote, ddl_column_writer *write_column,
                     FILE *stream);

/* The column of that name, if it is never null; else NULL. */
const struct schema_column *ddl_find(const struct ddl_table *table, const char *name);

/* The columns of the key, each in `quote`, commas between. */
void ddl_write_key(const struct ddl_key *key, char quote, FILE *stream);

/* How a string literal holds a quote. */
enum ddl_escape {
    DDL_DOUBLED,   /* doubled; a backslash is a character as any other */
    DDL_BACKSLASH, /* behind a backslash, as a backslash is */
    DDL_SPARK /* the same; and Spark replaces ${NAME} before it reads literals, so braces stand behind one too */
};

/* The text as a literal in single quotes. */
void ddl_write_text(const char *text, enum ddl_escape escape, FILE *stream);

/* The column's doc as such a literal; behind it those of its members, where the dialect has no place for them. */
void ddl_write_doc(const struct schema_column *column, enum ddl_escape escape, FILE *stream);
