#include <string.h>

#include "app/command/completion_parts.h"
#include "app/config/option_paths.h"

static void print_path(const char *path, const struct option_row *row, FILE *stream) {
    (void)row;
    fprintf(stream, " %s=", path);
}

/* The statement that completes $word, as one line. */
static void print_action(enum completion completion, const struct option_row *row, FILE *stream) {
    switch (completion) {
    case COMPLETE_NOTHING: fputs(":", stream); break;
    case COMPLETE_FILE: fputs("_flowsensor_files", stream); break;
    case COMPLETE_INTERFACE: fputs("_flowsensor_words \"auto $(ls /sys/class/net)\"", stream); break;
    case COMPLETE_CHOICE:
        fputs("_flowsensor_words '", stream);
        completion_values(row, " ", "", stream);
        fputs("'", stream);
        break;
    case COMPLETE_SCHEMA:
        fputs("_flowsensor_files; _flowsensor_words '", stream);
        completion_schemas(" ", "", stream);
        fputs("'", stream);
        break;
    case COMPLETE_ASSIGNMENT: fputs("_flowsensor_assignment", stream); break;
    }
    fputs(" ;;\n", stream);
}

static void print_option(const char *path, const struct option_row *row, FILE *stream) {
    const char *number = strstr(path, ".0."); /* of any output */
    if (completion_of_option(row) == COMPLETE_NOTHING)
        return;
    if (number)
        fprintf(stream, "    %.*s.*.%s) ", (int)(number - path), path, number + strlen(".0."));
    else
        fprintf(stream, "    %s) ", path);
    print_action(completion_of_option(row), row, stream);
}

static void print_assignment(FILE *stream) {
    fputs("_flowsensor_assignment() {\n"
          "    local option=${word%%=*}\n"
          "    if [[ $word != *=* ]]; then\n"
          "        compopt -o nospace\n"
          "        _flowsensor_words '",
          stream);
    completion_options(print_path, stream);
    fputs("'\n"
          "        return\n"
          "    fi\n"
          "    before+=$option= word=${word#*=}\n"
          "    case $option in\n",
          stream);
    completion_options(print_option, stream);
    fputs("    esac\n}\n\n", stream);
}

static void print_flags(FILE *stream) {
    for (size_t i = 0; i < flag_row_count; i++) {
        const struct flag_row *row = &flag_rows[i];
        if (!row->argument)
            continue;
        fprintf(stream, "    %s%s%s) ", row->letter ? row->letter : "", row->letter && row->name ? " | " : "",
                row->name ? row->name : "");
        print_action(row->completion, row->option ? config_find_row(row->option) : NULL, stream);
    }
}

static void print_subwords(FILE *stream) {
    for (size_t i = 0; i < command_row_count; i++) {
        if (!command_rows[i].subword)
            continue;
        if (command_row_is_first(i))
            fprintf(stream, "        %s) _flowsensor_words '", command_rows[i].word);
        fprintf(stream, " %s", command_rows[i].subword);
        if (i + 1 == command_row_count || command_row_is_first(i + 1))
            fputs("' ;;\n", stream);
    }
    for (size_t i = 0; i < command_row_count; i++) {
        if (!command_rows[i].choices)
            continue;
        fprintf(stream, "        %s) _flowsensor_words '", command_rows[i].subword);
        completion_choices(command_rows[i].choices, " ", "", stream);
        fputs("' ;;\n", stream);
    }
}

static void print_words(FILE *stream) {
    fputs("        *) _flowsensor_files; _flowsensor_words '", stream);
    for (size_t i = 0; i < command_row_count; i++)
        if (command_row_is_first(i))
            fprintf(stream, " %s", command_rows[i].word);
    for (size_t i = 0; i < flag_row_count; i++)
        fprintf(stream, "%s%s%s%s", flag_rows[i].letter ? " " : "",
                flag_rows[i].letter ? flag_rows[i].letter : "", flag_rows[i].name ? " " : "",
                flag_rows[i].name ? flag_rows[i].name : "");
    fputs("' ;;\n", stream);
}

/* Bash breaks words at "=" if COMP_WORDBREAKS says so, and then wants only what comes behind it: the script looks at
 * the line itself, and puts back what was before the word where bash did not break. */
void completion_print_bash(FILE *stream) {
    fputs("# Completion for bash. Made by `flowsensor completion bash`; don't edit.\n\n"
          "_flowsensor_words() {\n"
          "    [[ $COMP_WORDBREAKS == *=* ]] && before=\n"
          "    mapfile -t -O ${#COMPREPLY[@]} COMPREPLY < <(compgen -P \"$before\" -W \"$1\" -- \"$word\")\n"
          "}\n\n"
          "_flowsensor_files() {\n"
          "    [[ $COMP_WORDBREAKS == *=* ]] && before=\n"
          "    compopt -o filenames\n"
          "    mapfile -t COMPREPLY < <(compgen -P \"$before\" -f -- \"$word\")\n"
          "}\n\n",
          stream);
    print_assignment(stream);
    fputs("_flowsensor() {\n"
          "    local line=${COMP_LINE:0:COMP_POINT} before='' words word flag\n"
          "    COMPREPLY=()\n"
          "    read -ra words <<<\"$line\"\n"
          "    [[ $line == *[[:space:]] ]] && words+=('')\n"
          "    word=${words[-1]} flag=${words[-2]}\n"
          "    if [[ $word == --*=* ]]; then\n"
          "        before=${word%%=*}= flag=${word%%=*} word=${word#*=}\n"
          "    fi\n"
          "    case $flag in\n",
          stream);
    print_flags(stream);
    fputs("    *)\n"
          "        case $flag in\n",
          stream);
    print_subwords(stream);
    print_words(stream);
    fputs("        esac\n"
          "        ;;\n"
          "    esac\n"
          "}\n\n"
          "complete -F _flowsensor flowsensor\n",
          stream);
}
