#include <string.h>

#include "record/ddl/ddl_parts.h"

void ddl_write_key(const struct ddl_key *key, char quote, FILE *stream) {
    for (size_t i = 0; i < key->count; i++)
        fprintf(stream, "%s%c%s%c", i > 0 ? ", " : "", quote, key->columns[i], quote);
}

/* The characters of a literal that need another one before them, and which. */
static const struct {
    const char *characters;
    char before;
} escapes[] = {
    [DDL_DOUBLED] = {"'", '\''},
    [DDL_BACKSLASH] = {"'\\", '\\'},
    [DDL_SPARK] = {"'\\{", '\\'},
};

static void write_escaped(const char *text, enum ddl_escape escape, FILE *stream) {
    for (; *text != '\0'; text++) {
        if (strchr(escapes[escape].characters, *text) != NULL)
            fputc(escapes[escape].before, stream);
        fputc(*text, stream);
    }
}

void ddl_write_text(const char *text, enum ddl_escape escape, FILE *stream) {
    fputc('\'', stream);
    write_escaped(text, escape, stream);
    fputc('\'', stream);
}

void ddl_write_doc(const struct schema_column *column, enum ddl_escape escape, FILE *stream) {
    fputc('\'', stream);
    write_escaped(column->doc, escape, stream);
    for (size_t i = 1; i <= column->members; i++) {
        fprintf(stream, "\n%s: ", column[i].name);
        write_escaped(column[i].doc, escape, stream);
    }
    fputc('\'', stream);
}
