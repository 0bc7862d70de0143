#include "app/config/config.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "app/config/option_paths.h"
#include "base/nearest.h"
#include "base/secret.h"

static void set_initial(struct config *config, const struct option_row *rows, size_t count, void *object) {
    for (size_t i = 0; i < count; i++) {
        option_clear(&rows[i], object);
        if (rows[i].initial && option_set(&rows[i], object, rows[i].initial, NULL) < 0)
            config->no_memory = true;
    }
}

void config_defaults(struct config *config) {
    memset(config, 0, sizeof *config);
    set_initial(config, option_rows, option_row_count, config);
}

static void clear_output(struct output_config *output) {
    for (size_t i = 0; i < output_row_count; i++)
        option_clear(&output_rows[i], output);
}

void config_clear_outputs(struct config *config) {
    while (config->output_count > 0)
        clear_output(&config->outputs[--config->output_count]);
}

void config_release(struct config *config) {
    config_clear_outputs(config);
    for (size_t i = 0; i < option_row_count; i++)
        option_clear(&option_rows[i], config);
}

struct output_config *config_add_output(struct config *config) {
    if (config->output_count == CONFIG_OUTPUTS_MAX)
        return NULL;
    struct output_config *output = &config->outputs[config->output_count++];
    memset(output, 0, sizeof *output);
    set_initial(config, output_rows, output_row_count, output);
    return output;
}

const char *config_output_sink(const struct output_config *output) {
    if (output->sink)
        return output->sink;
    return output->topic ? "kafka" : "file";
}

const char *config_output_name(const struct output_config *output) {
    if (output->name)
        return output->name;
    return output->topic ? output->topic : config_output_sink(output);
}

const struct option_row *config_find_row(const char *path) {
    for (size_t i = 0; i < option_row_count; i++)
        if (strcmp(option_rows[i].path, path) == 0)
            return &option_rows[i];
    for (size_t i = 0; i < output_row_count; i++)
        if (strcmp(output_rows[i].path, path) == 0)
            return &output_rows[i];
    return NULL;
}

const char *config_nearest_path(const char *path) {
    const char *names[2] = {
        nearest_name(path, &option_rows[0].path, option_row_count, sizeof *option_rows),
        nearest_name(path, &output_rows[0].path, output_row_count, sizeof *output_rows),
    };
    if (!names[0] || !names[1])
        return names[0] ? names[0] : names[1];
    return nearest_name(path, names, 2, sizeof *names);
}

/* Splits "outputs.0.topic": the number goes into *index, and `path` becomes "outputs.topic". -EINVAL without a number. */
static int split_output_path(char *path, size_t *index) {
    char *number = path + strlen("outputs.");
    char *end;
    if (!isdigit((unsigned char)*number))
        return -EINVAL;
    *index = strtoul(number, &end, 10);
    if (*end != '.')
        return -EINVAL;
    memmove(number, end + 1, strlen(end + 1) + 1);
    return 0;
}

static int unknown_option(const char *path, const char *origin, struct error *error) {
    const char *nearest = config_nearest_path(path);
    if (nearest)
        return error_set(error, EINVAL, EX_CONFIG, "%s: unknown option \"%s\"; did you mean \"%s\"?", origin,
                         path, nearest);
    return error_set(error, EINVAL, EX_CONFIG,
                     "%s: unknown option \"%s\"; --help and the reference page list all options", origin,
                     path);
}

/* Finds the row and the object that a path of --set means: the configuration, or one of its outputs. The output after the
 * last one is created. */
static int find_target(struct config *config, char *path, const char *origin, const struct option_row **row,
                       void **object, struct error *error) {
    if (strncmp(path, "outputs.", 8) == 0) {
        size_t index = 0;
        if (split_output_path(path, &index) < 0)
            return error_set(error, EINVAL, EX_CONFIG,
                             "%s: \"%s\" needs the output's number, as in outputs.0.topic", origin, path);
        if (index > config->output_count || index >= CONFIG_OUTPUTS_MAX)
            return error_set(error, EINVAL, EX_CONFIG,
                             "%s: there is no output %zu; the next one is number %zu", origin, index,
                             config->output_count);
        if (index == config->output_count)
            config_add_output(config);
        *object = &config->outputs[index];
    }
    *row = config_find_row(path);
    return *row ? 0 : unknown_option(path, origin, error);
}

int config_assign(struct config *config, const char *path, const char *value, const char *origin,
                  struct error *error) {
    char *name = strdup(path);
    if (!name)
        return error_set(error, ENOMEM, EX_OSERR, "out of memory");
    const struct option_row *row = NULL;
    void *object = config;
    struct error reason;
    int result = find_target(config, name, origin, &row, &object, error);
    if (result == 0 && option_set(row, object, value, &reason) < 0)
        result = error_set(error, EINVAL, EX_CONFIG, "%s: %s: %s", origin, path, reason.text);
    free(name);
    return result;
}

/* `text` without blanks around it, and without the quotes that the file's language wants: a line of the file may be
 * copied as it is. malloc'd. */
static char *bare_text(const char *text, size_t length) {
    while (length > 0 && isspace((unsigned char)*text)) {
        text++;
        length--;
    }
    while (length > 0 && isspace((unsigned char)text[length - 1]))
        length--;
    bool quoted = length >= 2 && (*text == '"' || *text == '\'') && text[length - 1] == *text &&
                  memchr(text + 1, *text, length - 2) == NULL;
    return quoted ? strndup(text + 1, length - 2) : strndup(text, length);
}

int config_set(struct config *config, const char *assignment, const char *origin, struct error *error) {
    const char *equals = strchr(assignment, '=');
    if (!equals || equals == assignment)
        return error_set(error, EINVAL, EX_USAGE, "%s: \"%s\" is not of the form path=value", origin,
                         assignment);
    char *path = bare_text(assignment, (size_t)(equals - assignment));
    char *value = bare_text(equals + 1, strlen(equals + 1));
    int result = path && value ? config_assign(config, path, value, origin, error)
                               : error_set(error, ENOMEM, EX_OSERR, "out of memory");
    free(path);
    secret_free(value);
    return result;
}
