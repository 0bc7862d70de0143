#include "app/command/command_line.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/command/command_line_parts.h"
#include "app/command/command_line_rows.h"
#include "base/nearest.h"

/* The index of a long flag's row, above every letter: what getopt_long() returns for it. */
enum { LONG_FLAG = 256 };

/* The rows as getopt_long() wants them. */
struct getopt_tables {
    struct option flags[FLAG_ROWS_MAX + 1];
    char letters[2 * FLAG_ROWS_MAX + 2]; /* ":" and each letter with or without a ":" */
};

static void make_tables(struct getopt_tables *tables) {
    struct option *flag = tables->flags;
    char *letter = tables->letters;
    *tables = (struct getopt_tables){0};
    *letter++ = ':';
    for (size_t i = 0; i < flag_row_count; i++) {
        const struct flag_row *row = &flag_rows[i];
        if (row->name)
            *flag++ =
                (struct option){row->name + strlen("--"), row->argument ? required_argument : no_argument,
                                NULL, LONG_FLAG + (int)i};
        if (row->letter) {
            *letter++ = row->letter[1];
            if (row->argument)
                *letter++ = ':';
        }
    }
}

static int unknown_flag(const char *flag, struct error *error) {
    const char *names[2 * FLAG_ROWS_MAX];
    size_t count = 0;
    for (size_t i = 0; i < flag_row_count; i++) {
        if (flag_rows[i].name)
            names[count++] = flag_rows[i].name;
        if (flag_rows[i].letter)
            names[count++] = flag_rows[i].letter;
    }
    char name[64]; /* of "--name=value" */
    snprintf(name, sizeof name, "%.*s", (int)strcspn(flag, "="), flag);
    const char *hint = command_line_hint(name);
    if (hint)
        return error_set(error, EINVAL, EX_USAGE, "unknown flag %s; %s", name, hint);
    const char *nearest = nearest_name(name, names, count, sizeof *names);
    if (nearest && strcmp(nearest, name) == 0)
        return error_set(error, EINVAL, EX_USAGE, "%s takes no value; --help lists all flags", name);
    if (nearest)
        return error_set(error, EINVAL, EX_USAGE, "unknown flag %s; did you mean %s? (--help lists all)",
                         name, nearest);
    return error_set(error, EINVAL, EX_USAGE, "unknown flag %s; --help lists all", name);
}

/* A run has one of these: a second one is no correction, but somebody's wish for both. */
static int take_one(const char **place, const char *flag, const char *instead, struct error *error) {
    if (*place && strcmp(*place, optarg) != 0)
        return error_set(error, EINVAL, EX_USAGE, "%s is given twice, \"%s\" and \"%s\"; %s", flag, *place,
                         optarg, instead);
    *place = optarg;
    return 0;
}

/* tcpdump's count would be looked for as a file. */
static int take_configuration(struct command_line *line, struct error *error) {
    bool number = *optarg && optarg[strspn(optarg, "0123456789")] == '\0';
    if (number && access(optarg, F_OK) != 0)
        return error_set(
            error, EINVAL, EX_USAGE,
            "-c names the configuration, and there is no file %s; to stop after so many records: --set meter.max_nflows=%s",
            optarg, optarg);
    return take_one(&line->config_path, "-c", "one file may @include others", error);
}

static int take_flag(struct command_line *line, enum flag flag, struct error *error) {
    switch (flag) {
    case FLAG_CAPTURE: line->files[line->file_count++] = optarg; return 0;
    case FLAG_SORT: line->sort = true; return 0;
    case FLAG_INTERFACE:
        return take_one(&line->interface, "-i", "name both in one list, with a comma: -i eth0,eth1", error);
    case FLAG_FILTER:
        return take_one(&line->filter, "-f", "write one expression, with \"and\" or \"or\"", error);
    case FLAG_OUTPUT: line->outputs[line->output_count++] = optarg; return 0;
    case FLAG_FORMAT: line->format = optarg; return 0;
    case FLAG_PROFILE: line->profile = optarg; return 0;
    case FLAG_SCHEMA: line->schema = optarg; return 0;
    case FLAG_CONFIG: return take_configuration(line, error);
    case FLAG_SET: line->sets[line->set_count++] = optarg; return 0;
    case FLAG_FIELDS: return take_one(&line->request.fields, "--fields", "name all in one list", error);
    case FLAG_CHECK: line->request.command = COMMAND_CHECK_CONFIG; return 0;
    case FLAG_PRINT: line->request.command = COMMAND_PRINT_CONFIG; return 0;
    case FLAG_LIST: line->request.command = COMMAND_LIST_INTERFACES; return 0;
    case FLAG_VERSION: line->request.command = COMMAND_VERSION; return 0;
    case FLAG_HELP: line->request.command = COMMAND_HELP; return 0;
    }
    return 0;
}

/* The row of what getopt_long() returned. */
static const struct flag_row *find_flag(int found) {
    if (found >= LONG_FLAG)
        return &flag_rows[found - LONG_FLAG];
    size_t i = 0;
    while (!flag_rows[i].letter || flag_rows[i].letter[1] != found)
        i++;
    return &flag_rows[i];
}

/* Of "-xyz" getopt names the letter that it doesn't know; where other programs have the whole word ("-nn"), that is
 * meant. */
static const char *whole_word(const char *word, int letter) {
    bool long_enough = word && word[0] == '-' && word[1] == letter && word[2] != '\0';
    return long_enough && command_line_hint(word) ? word : NULL;
}

/* What getopt_long() did not understand. */
static int refuse_flag(int found, char **argv, struct error *error) {
    if (found == ':')
        return error_set(error, EINVAL, EX_USAGE, "%s needs a value; --help shows which", argv[optind - 1]);
    if (optopt == 0 || optopt >= 128)
        return unknown_flag(argv[optind - 1], error);
    char name[3] = {'-', (char)optopt, '\0'};
    const char *word = whole_word(argv[optind], optopt);
    if (!word)
        word = whole_word(argv[optind - 1], optopt);
    return unknown_flag(word ? word : name, error);
}

static int read_flags(int argc, char **argv, struct command_line *line, struct error *error) {
    struct getopt_tables tables;
    make_tables(&tables);
    opterr = 0;
    optind = 0; /* glibc: begin anew, whatever an earlier call left behind */
    int found, result = 0;
    while (result == 0 && (found = getopt_long(argc, argv, tables.letters, tables.flags, NULL)) != -1)
        result = found == ':' || found == '?' ? refuse_flag(found, argv, error)
                                              : take_flag(line, find_flag(found)->flag, error);
    return result;
}

/* Whoever asks for help wants nothing done, whatever else stands on the line, and where a flag would take the word for
 * its value too. */
static bool asks_for_help(int argc, char **argv) {
    static const char *const words[] = {"--help", "-h", "-help", "-?"};
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
        for (size_t word = 0; word < sizeof words / sizeof *words; word++)
            if (strcmp(argv[i], words[word]) == 0)
                return true;
    return false;
}

/* "flowsensor schema register help", as some programs have it. */
static bool ends_in_help(const char *const *words, int count) {
    const struct command_row *end = command_rows + command_row_count;
    bool command = false;
    for (const struct command_row *row = command_rows; count > 1 && row < end; row++)
        command |= strcmp(row->word, words[0]) == 0;
    return command && strcmp(words[count - 1], "help") == 0;
}

static int check_fields(const struct command_request *request, struct error *error) {
    if (!request->fields || request->command == COMMAND_SCHEMA_FEATURES)
        return 0;
    return error_set(
        error, EINVAL, EX_USAGE,
        "--fields is for `flowsensor schema features`; which fields a record has is the schema's to "
        "say (--schema)");
}

/* Commands that answer whatever the configuration says. */
static bool stands_alone(enum command command) {
    for (size_t i = 0; i < command_row_count; i++)
        if (command_rows[i].command == command)
            return command_rows[i].stands_alone;
    return command == COMMAND_LIST_INTERFACES;
}

static int parse_line(int argc, char **argv, struct config *config, struct command_line *line,
                      struct error *error) {
    bool help = asks_for_help(argc, argv);
    int result = read_flags(argc, argv, line, help ? NULL : error);
    const char *const *words = (const char *const *)argv + optind;
    int count = result < 0 ? 0 : argc - optind;
    help |= result == 0 && ((count > 0 && strcmp(words[0], "help") == 0) || ends_in_help(words, count));
    if (help) {
        command_line_take_help_words(words, count, &line->request);
        return 0;
    }
    if (result == 0)
        result = command_line_take_words(words, count, line, error);
    if (result == 0)
        result = check_fields(&line->request, error);
    return result == 0 && !stands_alone(line->request.command) ? command_line_apply(line, config, error)
                                                               : result;
}

int command_line_parse(int argc, char **argv, struct command_request *request, struct config *config,
                       struct error *error) {
    struct command_line line = {.request = {.command = COMMAND_RUN}};
    line.files = calloc((size_t)argc + 1, sizeof *line.files);
    line.outputs = calloc((size_t)argc + 1, sizeof *line.outputs);
    line.sets = calloc((size_t)argc + 1, sizeof *line.sets);
    int result = -ENOMEM;
    if (line.files && line.outputs && line.sets)
        result = parse_line(argc, argv, config, &line, error);
    else
        error_set(error, ENOMEM, EX_OSERR, "out of memory");
    for (int i = 0; i < line.set_count; i++)
        config_hide_secrets(line.sets[i]);
    *request = line.request;
    request->path = line.config_path;
    free(line.files);
    free(line.outputs);
    free(line.sets);
    return result;
}
