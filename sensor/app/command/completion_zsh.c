#include <string.h>

#include "app/command/completion_parts.h"
#include "app/config/option_paths.h"

/* A quote within single quotes. */
#define QUOTE "'\\''"

static void print_path(const char *path, const struct option_row *row, FILE *stream) {
    (void)row;
    fprintf(stream, " %s", path);
}

static void print_option(const char *path, const struct option_row *row, FILE *stream) {
    const char *number = strstr(path, ".0."); /* of any output */
    enum completion completion = completion_of_option(row);
    if (completion == COMPLETE_NOTHING)
        return;
    if (number)
        fprintf(stream, "    %.*s.*.%s) ", (int)(number - path), path, number + strlen(".0."));
    else
        fprintf(stream, "    %s) ", path);
    if (completion == COMPLETE_CHOICE) {
        fputs("compadd --", stream);
        completion_values(row, " ", "", stream);
    } else {
        fputs(completion == COMPLETE_INTERFACE ? "_flowsensor_interface"
              : completion == COMPLETE_SCHEMA  ? "_flowsensor_schema"
                                               : "_files",
              stream);
    }
    fputs(" ;;\n", stream);
}

static void print_functions(FILE *stream) {
    fputs("_flowsensor_interface() {\n    compadd -- auto /sys/class/net/*(N:t)\n}\n\n"
          "_flowsensor_schema() {\n    compadd --",
          stream);
    completion_schemas(" ", "", stream);
    fputs("\n    _files -g '*.avsc'\n}\n\n"
          "_flowsensor_assignment() {\n"
          "    local option=${PREFIX%%=*}\n"
          "    if ! compset -P 1 '*='; then\n"
          "        compadd -S = --",
          stream);
    completion_options(print_path, stream);
    fputs("\n        return\n    fi\n    case $option in\n", stream);
    completion_options(print_option, stream);
    fputs("    esac\n}\n\n", stream);
}

static void print_action(const struct flag_row *row, FILE *stream) {
    switch (row->completion) {
    case COMPLETE_NOTHING: fputs(" ", stream); break;
    case COMPLETE_FILE: fputs("_files", stream); break;
    case COMPLETE_INTERFACE: fputs("_flowsensor_interface", stream); break;
    case COMPLETE_CHOICE:
        fputs("(", stream);
        completion_values(config_find_row(row->option), " ", "", stream);
        fputs(")", stream);
        break;
    case COMPLETE_SCHEMA: fputs("_flowsensor_schema", stream); break;
    case COMPLETE_ASSIGNMENT: fputs("_flowsensor_assignment", stream); break;
    }
}

/* One line of _arguments; "*" because most flags may come again, the later one winning. */
static void print_flag(const struct flag_row *row, const char *name, FILE *stream) {
    fprintf(stream, "        '*%s%s[", name, row->argument && name[1] == '-' ? "=" : "");
    for (const char *text = row->help; *text; text++)
        if (*text == '\'')
            fputs(QUOTE, stream);
        else
            fprintf(stream, "%s%c", *text == '[' || *text == ']' ? "\\" : "", *text);
    fputc(']', stream);
    if (row->argument) {
        fprintf(stream, ":%s:", row->argument);
        print_action(row, stream);
    }
    fputs("' \\\n", stream);
}

static void print_word(const char *word, const char *help, FILE *stream) {
    char text[256];
    snprintf(text, sizeof text, "%s:%s", word, help);
    fputc(' ', stream);
    completion_quote(text, QUOTE, stream);
}

/* What must stand behind such a command. */
static void print_choices(FILE *stream) {
    for (size_t i = 0; i < command_row_count; i++) {
        if (!command_rows[i].choices)
            continue;
        fprintf(stream, "        %s) compadd --", command_rows[i].subword);
        completion_choices(command_rows[i].choices, " ", "", stream);
        fputs(" ;;\n", stream);
    }
}

static void print_commands(FILE *stream) {
    fputs("    case $state in\n    word)\n        found=(", stream);
    for (size_t i = 0; i < command_row_count; i++)
        if (command_row_is_first(i))
            print_word(command_rows[i].word,
                       command_rows[i].subword ? "several commands" : command_rows[i].help, stream);
    fputs(
        ")\n        _describe command found\n        _files\n        ;;\n    subword)\n        case $words[CURRENT-1] in\n",
        stream);
    print_choices(stream);
    fputs("        *) case $line[1] in\n", stream);
    for (size_t i = 0; i < command_row_count; i++) {
        if (!command_rows[i].subword)
            continue;
        if (command_row_is_first(i))
            fprintf(stream, "        %s) found=(", command_rows[i].word);
        print_word(command_rows[i].subword, command_rows[i].help, stream);
        if (i + 1 == command_row_count || command_row_is_first(i + 1))
            fputs(") ;;\n", stream);
    }
    fputs(
        "        *) _files ;;\n        esac ;;\n        esac\n        (( $#found )) && _describe command found\n        ;;\n    esac\n",
        stream);
}

void completion_print_zsh(FILE *stream) {
    fputs("#compdef flowsensor\n# Completion for zsh. Made by `flowsensor completion zsh`; don't edit.\n\n",
          stream);
    print_functions(stream);
    fputs("_flowsensor() {\n"
          "    local context state state_descr line\n"
          "    local -a found\n"
          "    typeset -A opt_args\n"
          "    _arguments -C \\\n",
          stream);
    for (size_t i = 0; i < flag_row_count; i++) {
        if (flag_rows[i].letter)
            print_flag(&flag_rows[i], flag_rows[i].letter, stream);
        if (flag_rows[i].name)
            print_flag(&flag_rows[i], flag_rows[i].name, stream);
    }
    fputs("        '1: :->word' '*: :->subword' && return\n", stream);
    print_commands(stream);
    fputs("}\n\n_flowsensor \"$@\"\n", stream);
}
