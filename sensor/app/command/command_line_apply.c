/* From the line to the configuration. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "app/command/command_line_parts.h"
#include "app/config/option_paths.h"

static int set_path(struct config *config, const char *path, const char *value, const char *flag,
                    struct error *error) {
    int result = value ? config_assign(config, path, value, flag, error) : 0;
    if (result < 0 && error)
        error->exit_code = EX_USAGE;
    return result;
}

static int set_output(struct config *config, size_t index, const char *name, const char *value,
                      const char *flag, struct error *error) {
    char path[64];
    snprintf(path, sizeof path, "outputs.%zu.%s", index, name);
    return set_path(config, path, value, flag, error);
}

/* Several outputs of the line are told apart in records and in the ledger by where they go. */
static int set_place(struct config *config, size_t index, const char *path, bool alone, struct error *error) {
    bool null = strcmp(path, "null:") == 0;
    for (size_t i = 0; !null && i < index; i++)
        if (config->outputs[i].path && strcmp(config->outputs[i].path, path) == 0)
            return error_set(error, EINVAL, EX_USAGE, "-w %s is given twice; give each output its own place",
                             path);
    int result = null ? set_output(config, index, "sink", "null", "-w", error)
                      : set_output(config, index, "path", path, "-w", error);
    if (result == 0 && !alone && !config->outputs[index].name)
        result = set_output(config, index, "name", null ? "null" : path, "-w", error);
    return result;
}

/* -w: these outputs instead of the configured file's. They are there before --set says something of outputs.0 and so
 * on. */
static int make_outputs(struct config *config, const struct command_line *line, struct error *error) {
    if (line->output_count > 0) {
        config->outputs_replaced = config->output_count > 0;
        config_clear_outputs(config);
    }
    for (int i = 0; i < line->output_count; i++)
        if (!config_add_output(config))
            return error_set(error, EINVAL, EX_USAGE, "-w is given more than %d times", CONFIG_OUTPUTS_MAX);
    return 0;
}

/* Without any output records go to standard output. */
static int place_outputs(struct config *config, const struct command_line *line, struct error *error) {
    if (config->output_count == 0) {
        config_add_output(config);
        return set_place(config, 0, "-", true, error);
    }
    int result = 0;
    for (int i = 0; result == 0 && i < line->output_count; i++)
        result = set_place(config, (size_t)i, line->outputs[i], line->output_count == 1, error);
    return result;
}

/* --format and --schema hold for every output. */
static int complete_output(struct config *config, size_t index, const struct command_line *line,
                           struct error *error) {
    struct output_config *output = &config->outputs[index];
    char place[32];
    int result = set_output(config, index, "format", line->format, "--format", error);
    if (result == 0)
        result = set_output(config, index, "schema", line->schema, "--schema", error);
    if (result < 0)
        return result;
    snprintf(place, sizeof place, line->output_count > 0 ? "-w" : "output %zu", index);
    result = config_complete_output(output, place, error);
    if (result < 0 && line->output_count > 0 && error)
        error->exit_code = EX_USAGE;
    return result;
}

/* A source on the command line replaces the file's source of the other kind. */
static int apply_source(struct config *config, const struct command_line *line, struct error *error) {
    const struct option_row *files = config_find_row("capture.files");
    int result = set_path(config, "capture.interfaces", line->interface, "-i", error);
    if (result == 0 && line->file_count > 0 &&
        option_set_list(files, config, line->files, (size_t)line->file_count) < 0)
        result = error_set(error, ENOMEM, EX_OSERR, "out of memory");
    if (result == 0 && line->interface && line->file_count == 0)
        option_clear(files, config);
    if (result == 0 && line->file_count > 0 && !line->interface)
        option_clear(config_find_row("capture.interfaces"), config);
    return result;
}

/* What is asked of a live run needs no interface's name. */
static void suppose_interface(struct config *config) {
    if (config->capture.files.count == 0 && config->capture.interfaces.count == 0)
        option_set(config_find_row("capture.interfaces"), config, "auto", NULL);
}

int command_line_apply(const struct command_line *line, struct config *config, struct error *error) {
    int result = line->config_path ? config_load(config, line->config_path, error) : 0;
    if (result == 0)
        result = make_outputs(config, line, error);
    for (int i = 0; result == 0 && i < line->set_count; i++)
        result = config_set(config, line->sets[i], "--set", error);
    if (result == 0)
        result = set_path(config, "profile", line->profile, "--profile", error);
    if (result == 0 && line->sort)
        result = set_path(config, "capture.sort", "true", "--sort", error);
    if (result == 0)
        result = set_path(config, "capture.bpf_filter", line->filter, "-f", error);
    if (result == 0)
        result = apply_source(config, line, error);
    if (result == 0 && line->request.command == COMMAND_MEMORY)
        suppose_interface(config);
    if (result == 0)
        result = place_outputs(config, line, error);
    for (size_t i = 0; result == 0 && i < config->output_count; i++)
        result = complete_output(config, i, line, error);
    return result;
}
