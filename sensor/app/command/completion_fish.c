#include <string.h>

#include "app/command/completion_parts.h"
#include "app/config/option_paths.h"

/* A quote within single quotes. */
#define QUOTE "\\'"

/* PATH=VALUE for each value that is known beforehand, PATH= for other options. */
static void print_option(const char *path, const struct option_row *row, FILE *stream) {
    char before[96];
    snprintf(before, sizeof before, " %s=", path);
    if (completion_of_option(row) == COMPLETE_CHOICE)
        completion_values(row, before, "", stream);
    else if (completion_of_option(row) == COMPLETE_SCHEMA)
        completion_schemas(before, "", stream);
    else
        fputs(before, stream);
}

static void print_file_option(const char *path, const struct option_row *row, FILE *stream) {
    if (completion_of_option(row) == COMPLETE_FILE)
        fprintf(stream, " %s", path);
}

static void print_functions(FILE *stream) {
    fputs("function __flowsensor_interfaces\n    echo auto\n    command ls /sys/class/net\nend\n\n"
          "function __flowsensor_assignments\n    printf '%s\\n'",
          stream);
    completion_options(print_option, stream);
    fputs("\n"
          "    for interface in (__flowsensor_interfaces)\n"
          "        echo capture.interfaces=$interface\n"
          "    end\n"
          "    set -l parts (string split -m 1 = -- (commandline -ct | string replace -r '^--set=' ''))\n"
          "    if contains -- $parts[1]",
          stream);
    completion_options(print_file_option, stream);
    fputs("; and set -q parts[2]\n"
          "        for file in (__fish_complete_path $parts[2])\n"
          "            echo $parts[1]=$file\n"
          "        end\n"
          "    end\n"
          "end\n\n",
          stream);
}

/* What `complete` says of the argument. */
static void print_argument(const struct flag_row *row, FILE *stream) {
    switch (row->completion) {
    case COMPLETE_NOTHING: fputs(row->argument ? " -x" : "", stream); break;
    case COMPLETE_FILE: fputs(" -r -F", stream); break;
    case COMPLETE_INTERFACE: fputs(" -x -a '(__flowsensor_interfaces)'", stream); break;
    case COMPLETE_CHOICE:
        fputs(" -x -a '", stream);
        completion_values(config_find_row(row->option), " ", "", stream);
        fputs("'", stream);
        break;
    case COMPLETE_SCHEMA:
        fputs(" -r -F -a '", stream);
        completion_schemas(" ", "", stream);
        fputs("'", stream);
        break;
    case COMPLETE_ASSIGNMENT: fputs(" -x -a '(__flowsensor_assignments)'", stream); break;
    }
}

static void print_flag(const struct flag_row *row, FILE *stream) {
    fputs("complete -c flowsensor", stream);
    if (row->letter)
        fprintf(stream, " -s %s", row->letter + strlen("-"));
    if (row->name)
        fprintf(stream, " -l %s", row->name + strlen("--"));
    print_argument(row, stream);
    fputs(" -d ", stream);
    completion_quote(row->help, QUOTE, stream);
    fputc('\n', stream);
}

static void print_command(size_t i, FILE *stream) {
    const struct command_row *row = &command_rows[i];
    if (command_row_is_first(i)) {
        fprintf(stream, "complete -c flowsensor -n __fish_use_subcommand -a %s", row->word);
        if (!row->subword) {
            fputs(" -d ", stream);
            completion_quote(row->help, QUOTE, stream);
        }
        fputc('\n', stream);
    }
    if (row->choices) {
        fprintf(stream, "complete -c flowsensor -n '__fish_seen_subcommand_from %s' -a '", row->subword);
        completion_choices(row->choices, " ", "", stream);
        fputs("'\n", stream);
    }
    if (row->subword) {
        fprintf(stream, "complete -c flowsensor -n '__fish_seen_subcommand_from %s' -a %s -d ", row->word,
                row->subword);
        completion_quote(row->help, QUOTE, stream);
        fputc('\n', stream);
    }
}

void completion_print_fish(FILE *stream) {
    fputs("# Completion for fish. Made by `flowsensor completion fish`; don't edit.\n\n", stream);
    print_functions(stream);
    /* Captures stand where commands do, and behind a command there is none. */
    fputs("complete -c flowsensor -n '__fish_seen_subcommand_from", stream);
    for (size_t i = 0; i < command_row_count; i++)
        if (command_row_is_first(i))
            fprintf(stream, " %s", command_rows[i].word);
    fputs("' -f\n", stream);
    for (size_t i = 0; i < flag_row_count; i++)
        print_flag(&flag_rows[i], stream);
    for (size_t i = 0; i < command_row_count; i++)
        print_command(i, stream);
}
