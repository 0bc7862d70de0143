#include "app/command/command_line.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "app/command/command_line_rows.h"
#include "app/config/rows.h"
#include "base/nearest.h"

/* Flags in the order that precedence wants, not the line's. */
struct line {
    const char *config_path, *output, *format, *schema, *profile, *interface, *filter;
    const char **files, **sets; /* argc places each */
    int file_count, set_count;
    enum command command;
};

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
    const char *nearest = nearest_name(name, names, count, sizeof *names);
    if (nearest && strcmp(nearest, name) == 0)
        return error_set(error, EINVAL, EX_USAGE, "%s takes no value; --help lists all flags", name);
    if (nearest)
        return error_set(error, EINVAL, EX_USAGE, "unknown flag %s; did you mean %s? (--help lists all)",
                         name, nearest);
    return error_set(error, EINVAL, EX_USAGE, "unknown flag %s; --help lists all", name);
}

static void take_flag(struct line *line, enum flag flag) {
    switch (flag) {
    case FLAG_CAPTURE: line->files[line->file_count++] = optarg; break;
    case FLAG_INTERFACE: line->interface = optarg; break;
    case FLAG_FILTER: line->filter = optarg; break;
    case FLAG_OUTPUT: line->output = optarg; break;
    case FLAG_FORMAT: line->format = optarg; break;
    case FLAG_PROFILE: line->profile = optarg; break;
    case FLAG_SCHEMA: line->schema = optarg; break;
    case FLAG_CONFIG: line->config_path = optarg; break;
    case FLAG_SET: line->sets[line->set_count++] = optarg; break;
    case FLAG_CHECK: line->command = COMMAND_CHECK_CONFIG; break;
    case FLAG_PRINT: line->command = COMMAND_PRINT_CONFIG; break;
    case FLAG_LIST: line->command = COMMAND_LIST_INTERFACES; break;
    case FLAG_VERSION: line->command = COMMAND_VERSION; break;
    case FLAG_HELP: line->command = COMMAND_HELP; break;
    }
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

static int read_flags(int argc, char **argv, struct line *line, struct error *error) {
    struct getopt_tables tables;
    make_tables(&tables);
    opterr = 0;
    optind = 0; /* glibc: begin anew, whatever an earlier call left behind */
    int found;
    while ((found = getopt_long(argc, argv, tables.letters, tables.flags, NULL)) != -1) {
        if (found == ':')
            return error_set(error, EINVAL, EX_USAGE, "%s needs a value; --help shows which",
                             argv[optind - 1]);
        if (found == '?' && optopt != 0) {
            char name[3] = {'-', (char)optopt, '\0'};
            return unknown_flag(optopt < 128 ? name : argv[optind - 1], error);
        }
        if (found == '?')
            return unknown_flag(argv[optind - 1], error);
        take_flag(line, find_flag(found)->flag);
    }
    return 0;
}

/* "print, features and register": the second words that the word has. */
static void list_subwords(const char *word, char *text, size_t size) {
    size_t length = 0;
    for (size_t i = 0; i < command_row_count && length < size; i++) {
        if (strcmp(command_rows[i].word, word) != 0)
            continue;
        bool last = i + 1 == command_row_count || command_row_is_first(i + 1);
        length += (size_t)snprintf(text + length, size - length, "%s%s",
                                   command_row_is_first(i) ? ""
                                   : last                  ? " and "
                                                           : ", ",
                                   command_rows[i].subword);
    }
}

/* The nearest of the first words, or of the second ones that `word` has; NULL: none is near. */
static const char *nearest_word(const char *word, const char *given) {
    const char *names[COMMAND_ROWS_MAX];
    size_t count = 0;
    for (size_t i = 0; i < command_row_count; i++) {
        const struct command_row *row = &command_rows[i];
        if (word ? strcmp(row->word, word) == 0 : command_row_is_first(i))
            names[count++] = word ? row->subword : row->word;
    }
    return nearest_name(given, names, count, sizeof *names);
}

/* The row of these words, NULL if the first one begins no command; an error if the second one ends none. */
static int find_command(const char *word, const char *subword, const struct command_row **found,
                        struct error *error) {
    bool known = false;
    *found = NULL;
    for (size_t i = 0; word && !*found && i < command_row_count; i++) {
        const struct command_row *row = &command_rows[i];
        if (strcmp(row->word, word) != 0)
            continue;
        known = true;
        if (!row->subword || (subword && strcmp(row->subword, subword) == 0))
            *found = row;
    }
    if (*found || !known)
        return 0;
    char subwords[128];
    const char *nearest = subword ? nearest_word(word, subword) : NULL;
    if (nearest)
        return error_set(error, EINVAL, EX_USAGE, "%s %s: unknown command; did you mean %s %s?", word,
                         subword, word, nearest);
    list_subwords(word, subwords, sizeof subwords);
    if (!subword)
        return error_set(error, EINVAL, EX_USAGE, "%s needs a word after it; there are %s", word, subwords);
    return error_set(error, EINVAL, EX_USAGE, "%s %s: unknown command; there are %s", word, subword,
                     subwords);
}

/* Words that are not flags. */
static int read_words(int argc, char **argv, struct line *line, struct error *error) {
    const struct command_row *row = NULL;
    int words = 0;
    int result = optind < argc ? find_command(argv[optind], argv[optind + 1], &row, error) : 0;
    if (row) {
        line->command = row->command;
        words = row->subword ? 2 : 1;
    }
    const char *nearest = result == 0 && optind < argc && !row ? nearest_word(NULL, argv[optind]) : NULL;
    if (nearest)
        return error_set(error, EINVAL, EX_USAGE, "unknown command %s; did you mean %s? (--help lists all)",
                         argv[optind], nearest);
    if (result == 0 && optind + words < argc)
        return error_set(error, EINVAL, EX_USAGE,
                         "unexpected argument \"%s\"; captures are given with -r FILE", argv[optind + words]);
    return result;
}

static int set_path(struct config *config, const char *path, const char *value, const char *flag,
                    struct error *error) {
    int result = value ? config_set_option(config, path, value, flag, error) : 0;
    if (result < 0 && error)
        error->exit_code = EX_USAGE;
    return result;
}

static const char *format_of_path(const char *path) {
    static const char *const formats[][2] = {
        {".csv", "csv"}, {".json", "jsonl"}, {".jsonl", "jsonl"}, {".ndjson", "jsonl"}};
    const char *dot = strrchr(path, '.');
    if (strcmp(path, "-") == 0)
        return "jsonl";
    for (size_t i = 0; dot && i < sizeof formats / sizeof *formats; i++)
        if (strcasecmp(dot, formats[i][0]) == 0)
            return formats[i][1];
    return "avro";
}

/* -w: this output instead of the configured file's, with what --set says of outputs.0; without any output records go
 * to standard output. */
static int apply_output(struct config *config, const struct line *line, struct error *error) {
    const char *path = line->output ? line->output : "-";
    if (!line->output && config->output_count > 0)
        return 0;
    if (config->output_count == 0)
        config_add_output(config);
    if (strcmp(path, "null:") == 0)
        return set_path(config, "outputs.0.sink", "null", "-w", error);
    return set_path(config, "outputs.0.path", path, "-w", error);
}

/* --format and --schema hold for every output. */
static int apply_to_outputs(struct config *config, const struct line *line, struct error *error) {
    int result = 0;
    for (size_t i = 0; result == 0 && i < config->output_count; i++) {
        struct output_config *output = &config->outputs[i];
        char path[64];
        const char *format = line->format     ? line->format
                             : output->format ? NULL
                             : output->path   ? format_of_path(output->path)
                                              : "avro";
        snprintf(path, sizeof path, "outputs.%zu.format", i);
        result = set_path(config, path, format, "--format", error);
        snprintf(path, sizeof path, "outputs.%zu.schema", i);
        if (result == 0)
            result = set_path(config, path, line->schema, "--schema", error);
    }
    return result;
}

static int apply(struct config *config, const struct line *line, struct error *error) {
    int result = line->config_path ? config_load(config, line->config_path, error) : 0;
    if (line->output)
        config_clear_outputs(config);
    for (int i = 0; result == 0 && i < line->set_count; i++)
        result = config_set(config, line->sets[i], "--set", error);
    if (result == 0)
        result = set_path(config, "profile", line->profile, "--profile", error);
    if (result == 0)
        result = set_path(config, "capture.interface", line->interface, "-i", error);
    if (result == 0)
        result = set_path(config, "capture.bpf_filter", line->filter, "-f", error);
    if (result == 0 && line->file_count > 0) {
        const struct option_row *row = config_find_row("capture.files");
        if (option_set_list(row, config, line->files, (size_t)line->file_count) < 0)
            result = error_set(error, ENOMEM, EX_OSERR, "out of memory");
    }
    /* A source on the command line replaces the file's source of the other kind. */
    if (result == 0 && line->interface && line->file_count == 0)
        option_clear(config_find_row("capture.files"), config);
    if (result == 0 && line->file_count > 0 && !line->interface)
        option_clear(config_find_row("capture.interface"), config);
    if (result == 0)
        result = apply_output(config, line, error);
    if (result == 0)
        result = apply_to_outputs(config, line, error);
    return result;
}

/* Commands that answer whatever the configuration says. */
static bool stands_alone(enum command command) {
    for (size_t i = 0; i < command_row_count; i++)
        if (command_rows[i].command == command)
            return command_rows[i].stands_alone;
    return command == COMMAND_HELP || command == COMMAND_VERSION || command == COMMAND_LIST_INTERFACES;
}

static int parse_line(int argc, char **argv, struct config *config, struct line *line, struct error *error) {
    int result = read_flags(argc, argv, line, error);
    if (result == 0)
        result = read_words(argc, argv, line, error);
    return result == 0 && !stands_alone(line->command) ? apply(config, line, error) : result;
}

int command_line_parse(int argc, char **argv, enum command *command, struct config *config,
                       struct error *error) {
    struct line line = {.command = COMMAND_RUN};
    line.files = calloc((size_t)argc + 1, sizeof *line.files);
    line.sets = calloc((size_t)argc + 1, sizeof *line.sets);
    int result = -ENOMEM;
    if (line.files && line.sets)
        result = parse_line(argc, argv, config, &line, error);
    else
        error_set(error, ENOMEM, EX_OSERR, "out of memory");
    *command = line.command;
    free(line.files);
    free(line.sets);
    return result;
}
