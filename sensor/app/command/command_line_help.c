#include <stdio.h>
#include <string.h>

#include "app/command/command_line.h"
#include "app/command/command_line_rows.h"

enum { COLUMN = 24, /* of the flags' text */ WIDTH = 110 };

/* "flowsensor schema print|check [-c CONF] [options]": one line a word. */
static void print_commands(void) {
    for (size_t i = 0; i < command_row_count; i++) {
        const struct command_row *row = &command_rows[i];
        bool last = i + 1 == command_row_count || command_row_is_first(i + 1);
        if (command_row_is_first(i))
            printf("       flowsensor %s%s", row->word, row->subword ? " " : "");
        printf("%s%s", row->subword ? row->subword : "", last ? "" : "|");
        if (last)
            puts(row->stands_alone ? "" : " [-c CONF] [options]");
    }
}

static void print_flag(const struct flag_row *row) {
    int width =
        printf("  %s%s%s%s%s", row->letter ? row->letter : "    ", row->letter && row->name ? ", " : "",
               row->name ? row->name : "", row->argument ? " " : "", row->argument ? row->argument : "");
    printf("%*s%s\n", width < COLUMN ? COLUMN - width : 1, "", row->help);
}

/* Prints words, with a new line before one that would not fit; returns the column that comes next. */
static size_t print_words(const char *text, size_t column) {
    while (*text) {
        size_t length = strcspn(text, " ");
        bool fits = column + length <= WIDTH;
        if (column > 0)
            putchar(fits ? ' ' : '\n');
        column = (column > 0 && fits ? column : 0) + length + 1;
        printf("%.*s", (int)length, text);
        text += length + strspn(text + length, " ");
    }
    return column;
}

static void print_exit_codes(size_t column) {
    char text[64];
    for (size_t i = 0; i < exit_code_row_count; i++) {
        snprintf(text, sizeof text, "%d %s%s", exit_code_rows[i].code, exit_code_rows[i].meaning,
                 i + 1 < exit_code_row_count ? "," : ".\n");
        column = print_words(text, column);
    }
}

void command_line_help(void) {
    puts("Usage: flowsensor [-c CONF] (-r FILE ... | -i IFACE) [-f BPF] [-w OUT] [options]");
    print_commands();
    puts("\nMeters network flows and writes one typed record per flow to files or Kafka.\n");
    for (size_t i = 0; i < flag_row_count; i++)
        print_flag(&flag_rows[i]);
    putchar('\n');
    print_exit_codes(print_words(
        "Later wins: defaults, configuration file, --set, other flags. `flowsensor reference` prints "
        "every option and every record field. Exit codes:",
        0));
}
