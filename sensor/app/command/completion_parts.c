#include "app/command/completion_parts.h"

#include <string.h>

#include "app/config/config.h"
#include "record/schema/schema.h"

static bool ends_with(const char *text, const char *end) {
    size_t length = strlen(text), end_length = strlen(end);
    return length >= end_length && strcmp(text + length - end_length, end) == 0;
}

enum completion completion_of_option(const struct option_row *row) {
    static const char *const of_files[] = {"_file", "_directory", ".files", ".path"};
    if (row->type == OPTION_CHOICE || row->type == OPTION_BOOLEAN || row->type == OPTION_SWITCH)
        return COMPLETE_CHOICE;
    if (strcmp(row->path, "capture.interfaces") == 0)
        return COMPLETE_INTERFACE;
    if (strcmp(row->path, "outputs.schema") == 0)
        return COMPLETE_SCHEMA;
    for (size_t i = 0; i < sizeof of_files / sizeof *of_files; i++)
        if (ends_with(row->path, of_files[i]))
            return COMPLETE_FILE;
    return COMPLETE_NOTHING;
}

void completion_choices(const char *choices, const char *before, const char *after, FILE *stream) {
    while (*choices) {
        size_t length = strcspn(choices, "|");
        fprintf(stream, "%s%.*s%s", before, (int)length, choices, after);
        choices += length + (choices[length] == '|');
    }
}

void completion_values(const struct option_row *row, const char *before, const char *after, FILE *stream) {
    completion_choices(row->type == OPTION_CHOICE ? row->choices : "true|false", before, after, stream);
}

void completion_schemas(const char *before, const char *after, FILE *stream) {
    for (const char *const *name = schema_embedded_names(); *name; name++)
        fprintf(stream, "%s%s%s", before, *name, after);
}

void completion_options(void (*visit)(const char *path, const struct option_row *row, FILE *stream),
                        FILE *stream) {
    char path[64];
    for (size_t i = 0; i < option_row_count; i++)
        visit(option_rows[i].path, &option_rows[i], stream);
    for (size_t i = 0; i < output_row_count; i++) {
        snprintf(path, sizeof path, "outputs.0.%s", output_rows[i].path + strlen("outputs."));
        visit(path, &output_rows[i], stream);
    }
}

void completion_quote(const char *text, const char *quote, FILE *stream) {
    fputc('\'', stream);
    for (; *text; text++) {
        if (*text == '\'')
            fputs(quote, stream);
        else
            fputc(*text, stream);
    }
    fputc('\'', stream);
}
