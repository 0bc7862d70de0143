#include <stdio.h>
#include <string.h>

#include "app/command/command_line.h"
#include "app/command/command_line_rows.h"

enum { COLUMN = 24, /* of the flags' text */ WIDTH = 110 };

/* "flowsensor schema print|check [-c CONF] [options]": one line a word. */
static void print_commands(FILE *stream) {
    for (size_t i = 0; i < command_row_count; i++) {
        const struct command_row *row = &command_rows[i];
        bool last = i + 1 == command_row_count || command_row_is_first(i + 1);
        if (command_row_is_first(i))
            fprintf(stream, "       flowsensor %s%s", row->word, row->subword ? " " : "");
        fprintf(stream, "%s%s", row->subword ? row->subword : "", last ? "" : "|");
        if (last)
            fprintf(stream, "%s%s\n", *row->arguments ? " " : "", row->arguments);
    }
}

static void print_flag(const struct flag_row *row, FILE *stream) {
    int width = fprintf(stream, "  %s%s%s%s%s", row->letter ? row->letter : "    ",
                        row->letter && row->name ? ", " : "", row->name ? row->name : "",
                        row->argument ? " " : "", row->argument ? row->argument : "");
    fprintf(stream, "%*s%s\n", width < COLUMN ? COLUMN - width : 1, "", row->help);
}

/* Prints words, with a new line before one that would not fit; returns the column that comes next. */
static size_t print_words(const char *text, size_t column, FILE *stream) {
    while (*text) {
        size_t length = strcspn(text, " ");
        bool fits = column + length <= WIDTH;
        if (column > 0)
            fputc(fits ? ' ' : '\n', stream);
        column = (column > 0 && fits ? column : 0) + length + 1;
        fprintf(stream, "%.*s", (int)length, text);
        text += length + strspn(text + length, " ");
    }
    return column;
}

static void print_exit_codes(size_t column, FILE *stream) {
    char text[64];
    for (size_t i = 0; i < exit_code_row_count; i++) {
        snprintf(text, sizeof text, "%d %s%s", exit_code_rows[i].code, exit_code_rows[i].meaning,
                 i + 1 < exit_code_row_count ? "," : ".\n");
        column = print_words(text, column, stream);
    }
}

static void print_program(FILE *stream) {
    fputs("Usage: flowsensor [-c CONF] (FILE ... | -i IFACE) [-f BPF] [-w OUT] [options]\n", stream);
    print_commands(stream);
    fputs("\nMeters network flows and writes one typed record per flow to files or Kafka.\n\n", stream);
    for (size_t i = 0; i < flag_row_count; i++)
        print_flag(&flag_rows[i], stream);
    fputc('\n', stream);
    size_t column = print_words(
        "Later wins: defaults, configuration file, --set, other flags. `flowsensor reference` prints "
        "every option and every record field. Exit codes:",
        0, stream);
    print_exit_codes(column, stream);
}

/* All commands that begin with the word, a line each. */
static void print_group(const char *word, FILE *stream) {
    fprintf(stream, "Usage: flowsensor %s COMMAND\n\n", word);
    for (size_t i = 0; i < command_row_count; i++) {
        const struct command_row *row = &command_rows[i];
        if (strcmp(row->word, word) != 0)
            continue;
        int width = fprintf(stream, "  %s", row->subword);
        fprintf(stream, "%*s%s\n", width < COLUMN ? COLUMN - width : 1, "", row->help);
    }
    fprintf(stream, "\n`flowsensor %s COMMAND --help` says more of each.\n", word);
}

static void print_command(const struct command_row *row, FILE *stream) {
    fprintf(stream, "Usage: flowsensor %s%s%s%s%s%s%s\n\n", row->word, row->subword ? " " : "",
            row->subword ? row->subword : "", row->choices ? " " : "", row->choices ? row->choices : "",
            *row->arguments ? " " : "", row->arguments);
    fprintf(stream, "flowsensor %s%s%s: %s.\n", row->word, row->subword ? " " : "",
            row->subword ? row->subword : "", row->help);
    print_words(row->details, 0, stream);
    fputs("\n\n", stream);
    for (size_t i = 0; i < flag_row_count; i++)
        if (flag_rows[i].of_commands && (!row->stands_alone || flag_rows[i].flag == FLAG_HELP))
            print_flag(&flag_rows[i], stream);
    fputs("\n`flowsensor --help` lists the exit codes.\n", stream);
}

void command_line_help(const struct command_request *request, FILE *stream) {
    for (size_t i = 0; request->word && i < command_row_count; i++) {
        const struct command_row *row = &command_rows[i];
        if (strcmp(row->word, request->word) == 0 &&
            (!row->subword || (request->subword && strcmp(row->subword, request->subword) == 0))) {
            print_command(row, stream);
            return;
        }
    }
    if (request->word)
        print_group(request->word, stream);
    else
        print_program(stream);
}
