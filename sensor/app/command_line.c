#include "app/command_line.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "app/config_rows.h"
#include "base/nearest.h"

enum {
    FLAG_FORMAT = 256,
    FLAG_PROFILE,
    FLAG_SCHEMA,
    FLAG_SET,
    FLAG_CHECK,
    FLAG_PRINT,
    FLAG_VERSION,
    FLAG_HELP
};

static const struct option flags[] = {
    {"format", required_argument, NULL, FLAG_FORMAT}, {"profile", required_argument, NULL, FLAG_PROFILE},
    {"schema", required_argument, NULL, FLAG_SCHEMA}, {"set", required_argument, NULL, FLAG_SET},
    {"check-config", no_argument, NULL, FLAG_CHECK},  {"print-config", no_argument, NULL, FLAG_PRINT},
    {"list-interfaces", no_argument, NULL, 'D'},      {"version", no_argument, NULL, FLAG_VERSION},
    {"help", no_argument, NULL, FLAG_HELP},           {NULL, 0, NULL, 0},
};
static const char short_flags[] = ":r:i:f:w:c:Dh";

static const char help[] =
    "Usage: flowsensor [-c CONF] (-r FILE ... | -i IFACE) [-f BPF] [-w OUT] [options]\n"
    "       flowsensor schema print|features|compose|check|register [-c CONF] [options]\n"
    "       flowsensor memory [-c CONF] [options]\n"
    "       flowsensor reference\n"
    "\n"
    "Meters network flows and writes one typed record per flow to files or Kafka.\n"
    "\n"
    "  -r FILE               read a capture (pcap, pcapng); - is standard input; repeatable\n"
    "  -i IFACE              capture from an interface; auto: the default route's\n"
    "  -f BPF                only packets that match this filter expression\n"
    "  -w OUT                write to a file, - (standard output) or null:, instead of the configured outputs\n"
    "      --format FORMAT   avro, csv or jsonl; default: by OUT's extension\n"
    "      --profile NAME    native (default) or nfstream\n"
    "      --schema NAME     flow/v1, nfstream/v1, sensor_stats/v1, or a path to an .avsc\n"
    "  -c CONF               configuration file\n"
    "      --set PATH=VALUE  set one option, as in --set meter.idle_timeout=5s; repeatable\n"
    "      --check-config    check the configuration and its schemas, then exit\n"
    "      --print-config    print the configuration in force, secrets masked\n"
    "  -D, --list-interfaces list the interfaces that can be captured from\n"
    "      --version         versions of flowsensor and its libraries\n"
    "  -h, --help            this help\n"
    "\n"
    "Later wins: defaults, configuration file, --set, other flags. `flowsensor reference` prints every option and\n"
    "every record field. Exit codes: 0 done, 64 usage, 65 bad capture, 66 no input, 69 broker or registry\n"
    "unavailable, 73 output cannot be created, 74 output failed, 77 no permission, 78 configuration.\n";

void command_line_help(void) {
    fputs(help, stdout);
}

/* Flags in the order that precedence wants, not the line's. */
struct line {
    const char *config_path, *output, *format, *schema, *profile, *interface, *filter;
    const char **files, **sets; /* argc places each */
    int file_count, set_count;
    enum command command;
};

static int unknown_flag(const char *flag, struct error *error) {
    static const char *const names[] = {"--format",
                                        "--profile",
                                        "--schema",
                                        "--set",
                                        "--check-config",
                                        "--print-config",
                                        "--list-interfaces",
                                        "--version",
                                        "--help",
                                        "-r",
                                        "-i",
                                        "-f",
                                        "-w",
                                        "-c",
                                        "-D",
                                        "-h"};
    char name[64]; /* of "--name=value" */
    snprintf(name, sizeof name, "%.*s", (int)strcspn(flag, "="), flag);
    const char *nearest = nearest_name(name, names, sizeof names / sizeof *names, sizeof *names);
    if (nearest && strcmp(nearest, name) == 0)
        return error_set(error, EINVAL, EX_USAGE, "%s takes no value; --help lists all flags", name);
    if (nearest)
        return error_set(error, EINVAL, EX_USAGE, "unknown flag %s; did you mean %s? (--help lists all)",
                         name, nearest);
    return error_set(error, EINVAL, EX_USAGE, "unknown flag %s; --help lists all", name);
}

static void take_flag(struct line *line, int flag) {
    switch (flag) {
    case 'r': line->files[line->file_count++] = optarg; break;
    case 'i': line->interface = optarg; break;
    case 'f': line->filter = optarg; break;
    case 'w': line->output = optarg; break;
    case 'c': line->config_path = optarg; break;
    case 'D': line->command = COMMAND_LIST_INTERFACES; break;
    case FLAG_FORMAT: line->format = optarg; break;
    case FLAG_PROFILE: line->profile = optarg; break;
    case FLAG_SCHEMA: line->schema = optarg; break;
    case FLAG_SET: line->sets[line->set_count++] = optarg; break;
    case FLAG_CHECK: line->command = COMMAND_CHECK_CONFIG; break;
    case FLAG_PRINT: line->command = COMMAND_PRINT_CONFIG; break;
    case FLAG_VERSION: line->command = COMMAND_VERSION; break;
    default: line->command = COMMAND_HELP; break;
    }
}

static int read_flags(int argc, char **argv, struct line *line, struct error *error) {
    opterr = 0;
    optind = 0; /* glibc: begin anew, whatever an earlier call left behind */
    int flag;
    while ((flag = getopt_long(argc, argv, short_flags, flags, NULL)) != -1) {
        if (flag == ':')
            return error_set(error, EINVAL, EX_USAGE, "%s needs a value; --help shows which",
                             argv[optind - 1]);
        if (flag == '?' && optopt != 0) {
            char name[3] = {'-', (char)optopt, '\0'};
            return unknown_flag(optopt < 128 ? name : argv[optind - 1], error);
        }
        if (flag == '?')
            return unknown_flag(argv[optind - 1], error);
        take_flag(line, flag);
    }
    return 0;
}

static int read_schema_command(const char *name, enum command *command, struct error *error) {
    static const struct {
        const char *name;
        enum command command;
    } commands[] = {{"print", COMMAND_SCHEMA_PRINT},
                    {"features", COMMAND_SCHEMA_FEATURES},
                    {"compose", COMMAND_SCHEMA_COMPOSE},
                    {"check", COMMAND_SCHEMA_CHECK},
                    {"register", COMMAND_SCHEMA_REGISTER}};
    for (size_t i = 0; name && i < sizeof commands / sizeof *commands; i++)
        if (strcmp(commands[i].name, name) == 0) {
            *command = commands[i].command;
            return 0;
        }
    return error_set(error, EINVAL, EX_USAGE,
                     "schema %s: unknown command; there are print, features, compose, check and register",
                     name ? name : "");
}

/* Words that are not flags. */
static int read_words(int argc, char **argv, struct line *line, struct error *error) {
    const char *first = optind < argc ? argv[optind] : NULL;
    int words = 0;
    int result = 0;
    if (first && strcmp(first, "schema") == 0) {
        result = read_schema_command(optind + 1 < argc ? argv[optind + 1] : NULL, &line->command, error);
        words = 2;
    } else if (first && strcmp(first, "memory") == 0) {
        line->command = COMMAND_MEMORY;
        words = 1;
    } else if (first && strcmp(first, "reference") == 0) {
        line->command = COMMAND_REFERENCE;
        words = 1;
    }
    if (result == 0 && optind + words < argc)
        return error_set(error, EINVAL, EX_USAGE,
                         "unexpected argument \"%s\"; captures are given with -r FILE", argv[optind + words]);
    return result;
}

static int set_path(struct config *config, const char *path, const char *value, const char *flag,
                    struct error *error) {
    char *assignment;
    if (!value)
        return 0;
    if (asprintf(&assignment, "%s=%s", path, value) < 0)
        return error_set(error, ENOMEM, EX_OSERR, "out of memory");
    int result = config_set(config, assignment, flag, error);
    free(assignment);
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
    return command == COMMAND_HELP || command == COMMAND_VERSION || command == COMMAND_LIST_INTERFACES ||
           command == COMMAND_REFERENCE;
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
