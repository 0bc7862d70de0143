/* The configuration file: libconfig's tree against our rows. */
#include "app/config/config.h"
#include "app/config/includes.h"
#include "app/config/option_paths.h"

#include <errno.h>
#include <inttypes.h>
#include <libconfig.h>
#include <stdlib.h>
#include <string.h>

#include "base/secret.h"

/* Where in the file we are, for messages. */
struct config_place {
    const char *file;
    unsigned line;
};

static struct config_place place_of(const char *file, const config_setting_t *setting) {
    const char *included = config_setting_source_file(setting);
    return (struct config_place){included ? included : file, config_setting_source_line(setting)};
}

static int fail_at(struct config_place place, const char *path, const char *reason, struct error *error) {
    return error_set(error, EINVAL, EX_CONFIG, "%s:%u: %s: %s", place.file, place.line, path, reason);
}

static int fail_type(struct config_place place, const struct option_row *row, struct error *error) {
    return error_set(error, EINVAL, EX_CONFIG, "%s:%u: %s: wrong type, expected %s", place.file, place.line,
                     row->path, option_type_name(row->type));
}

/* Says how the number in the file should have been written: libconfig cuts an unquoted one to 32 bits silently, and knows
 * no units. */
static char *bare_number(const config_setting_t *setting, const struct option_row *row,
                         struct error *reason) {
    char number[64];
    if (config_setting_type(setting) == CONFIG_TYPE_FLOAT)
        snprintf(number, sizeof number, "%g", config_setting_get_float(setting));
    else
        snprintf(number, sizeof number, "%lld", config_setting_get_int64(setting));
    if (row->type == OPTION_DURATION)
        error_set(reason, EINVAL, EX_CONFIG, "%s has no unit; write it with one, in quotes, such as \"%ss\"",
                  number, number);
    else
        error_set(reason, EINVAL, EX_CONFIG,
                  "%s is not in quotes; write \"%s\" for bytes, or a size with a unit such as \"64MiB\"",
                  number, number);
    return NULL;
}

static char *integer_text(const config_setting_t *setting) {
    char *text;
    return asprintf(&text, "%lld", config_setting_get_int64(setting)) < 0 ? NULL : text;
}

/* A scalar as text. NULL if its type in the file doesn't fit the row's, or if it has no good value: then with a reason. */
static char *scalar_text(const config_setting_t *setting, const struct option_row *row,
                         struct error *reason) {
    char *text = NULL;
    enum option_type type = row->type;
    bool of_two = type == OPTION_BOOLEAN || type == OPTION_SWITCH;
    bool measured = type == OPTION_SIZE || type == OPTION_DURATION;
    reason->text[0] = '\0';
    switch (config_setting_type(setting)) {
    case CONFIG_TYPE_BOOL: return of_two ? strdup(config_setting_get_bool(setting) ? "true" : "false") : NULL;
    case CONFIG_TYPE_INT:
    case CONFIG_TYPE_INT64:
        return measured                           ? bare_number(setting, row, reason)
               : of_two || type == OPTION_INTEGER ? integer_text(setting)
                                                  : NULL;
    case CONFIG_TYPE_FLOAT: return measured ? bare_number(setting, row, reason) : NULL;
    case CONFIG_TYPE_STRING:
        return config_expand(config_setting_get_string(setting), &text, reason) < 0 ? NULL : text;
    default: return NULL;
    }
}

static int read_scalar(const char *file, const config_setting_t *setting, const struct option_row *row,
                       void *object, struct error *error) {
    struct config_place place = place_of(file, setting);
    struct error reason;
    char *text = scalar_text(setting, row, &reason);
    if (!text)
        return reason.text[0] ? fail_at(place, row->path, reason.text, error) : fail_type(place, row, error);
    int result = option_set(row, object, text, &reason);
    secret_free(text);
    return result < 0 ? fail_at(place, row->path, reason.text, error) : 0;
}

/* Files may change: what names one is kept, so that it can be read again. */
static int keep_written(const config_setting_t *setting, const struct option_row *row, void *object) {
    int result = 0;
    for (unsigned i = 0; result == 0 && i < (unsigned)config_setting_length(setting); i++) {
        const char *text = config_setting_get_string(config_setting_get_elem(setting, i));
        if (text && strstr(text, "${file:"))
            result = option_set_written(row, object, i, text);
    }
    return result;
}

static int read_list(const char *file, const config_setting_t *setting, const struct option_row *row,
                     void *object, struct error *error) {
    if (!config_setting_is_array(setting) && !config_setting_is_list(setting))
        return fail_type(place_of(file, setting), row, error);
    size_t count = (size_t)config_setting_length(setting);
    char **items = calloc(count + 1, sizeof *items);
    if (!items)
        return error_set(error, ENOMEM, EX_OSERR, "out of memory");
    int result = 0;
    for (size_t i = 0; result == 0 && i < count; i++) {
        const config_setting_t *item = config_setting_get_elem(setting, (unsigned)i);
        struct error reason;
        items[i] = scalar_text(item, row, &reason);
        if (!items[i])
            result = reason.text[0] ? fail_at(place_of(file, item), row->path, reason.text, error)
                                    : fail_type(place_of(file, item), row, error);
    }
    if (result == 0 && (option_set_list(row, object, (const char *const *)items, count) < 0 ||
                        keep_written(setting, row, object) < 0))
        result = error_set(error, ENOMEM, EX_OSERR, "out of memory");
    for (size_t i = 0; i < count; i++)
        secret_free(items[i]);
    free(items);
    return result;
}

static int unknown_key(const char *file, const config_setting_t *setting, const char *path,
                       struct error *error) {
    const char *nearest = config_nearest_path(path);
    struct config_place place = place_of(file, setting);
    if (nearest)
        return error_set(error, EINVAL, EX_CONFIG, "%s:%u: unknown option \"%s\"; did you mean \"%s\"?",
                         place.file, place.line, path, nearest);
    return error_set(error, EINVAL, EX_CONFIG,
                     "%s:%u: unknown option \"%s\"; the reference page lists all options", place.file,
                     place.line, path);
}

static int read_setting(const char *file, const config_setting_t *setting, const char *group, void *object,
                        struct error *error) {
    char path[256];
    snprintf(path, sizeof path, "%s%s%s", group, *group ? "." : "", config_setting_name(setting));
    const struct option_row *row = config_find_row(path);
    if (!row)
        return unknown_key(file, setting, path, error);
    return row->type == OPTION_STRINGS ? read_list(file, setting, row, object, error)
                                       : read_scalar(file, setting, row, object, error);
}

static int read_group(const char *file, const config_setting_t *group, const char *name, void *object,
                      struct error *error) {
    int result = 0;
    for (unsigned i = 0; result == 0 && i < (unsigned)config_setting_length(group); i++)
        result = read_setting(file, config_setting_get_elem(group, i), name, object, error);
    return result;
}

static int read_outputs(struct config *config, const char *file, const config_setting_t *outputs,
                        struct error *error) {
    struct config_place place = place_of(file, outputs);
    if (!config_setting_is_list(outputs))
        return fail_at(place, "outputs",
                       "wrong type, expected a list of groups: outputs = ( { topic = \"flows\"; } );", error);
    int result = 0;
    for (unsigned i = 0; result == 0 && i < (unsigned)config_setting_length(outputs); i++) {
        const config_setting_t *group = config_setting_get_elem(outputs, i);
        if (!config_setting_is_group(group))
            return fail_at(place_of(file, group), "outputs",
                           "wrong type, expected a group: { topic = \"flows\"; }", error);
        struct output_config *output = config_add_output(config);
        if (!output)
            return fail_at(place_of(file, group), "outputs", "there are more than 16 outputs", error);
        result = read_group(file, group, "outputs", output, error);
    }
    return result;
}

/* Whether any option's path begins with this group's name. */
static bool is_group_name(const char *name) {
    size_t length = strlen(name);
    for (size_t i = 0; i < option_row_count; i++)
        if (strncmp(option_rows[i].path, name, length) == 0 && option_rows[i].path[length] == '.')
            return true;
    return false;
}

/* A group that isn't ours fails at its first member: "metre.idle_timeout" is near to a name, "metre" to none. */
static bool is_unknown_group(const config_setting_t *setting) {
    return config_setting_is_group(setting) && config_setting_length(setting) > 0 &&
           !config_find_row(config_setting_name(setting));
}

static int read_root(struct config *config, const char *file, const config_setting_t *root,
                     struct error *error) {
    int result = 0;
    for (unsigned i = 0; result == 0 && i < (unsigned)config_setting_length(root); i++) {
        const config_setting_t *setting = config_setting_get_elem(root, i);
        const char *name = config_setting_name(setting);
        if (strcmp(name, "outputs") == 0)
            result = read_outputs(config, file, setting, error);
        else if (!is_group_name(name))
            result = is_unknown_group(setting) ? read_group(file, setting, name, config, error)
                                               : read_setting(file, setting, "", config, error);
        else if (config_setting_is_group(setting))
            result = read_group(file, setting, name, config, error);
        else
            result = fail_at(place_of(file, setting), name, "wrong type, expected a group: NAME = { ... };",
                             error);
    }
    return result;
}

/* Whether the first byte can be read: libconfig's scanner ends the process where it can't, as with a folder. */
static bool is_readable(FILE *stream) {
    int first = fgetc(stream);
    if (first != EOF)
        ungetc(first, stream);
    return !ferror(stream);
}

static int unreadable(const char *path, struct error *error) {
    return error_set(error, errno, errno == EACCES ? EX_NOPERM : EX_NOINPUT,
                     "%s: %s; give the configuration's path with -c", path, strerror(errno));
}

static int syntax_error(const char *path, const config_t *tree, struct error *error) {
    const char *included = config_error_file(tree);
    return error_set(error, EINVAL, EX_CONFIG,
                     "%s:%d: %s; strings, sizes and durations are quoted, and each setting ends with ;",
                     included ? included : path, config_error_line(tree), config_error_text(tree));
}

/* libconfig takes minutes to refuse a large file that is no configuration: it gets no text above this size. */
enum { CONFIG_SIZE_MAX = 1024 * 1024 };

static int parse_text(struct config *config, const char *path, char *text, size_t length,
                      struct error *error) {
    config_t tree;
    FILE *stream = fmemopen(text, length, "r");
    if (!stream)
        return error_set(error, ENOMEM, EX_OSERR, "out of memory");
    config_init(&tree);
    int result = config_read(&tree, stream) == CONFIG_TRUE
                     ? read_root(config, path, config_root_setting(&tree), error)
                     : syntax_error(path, &tree, error);
    fclose(stream);
    config_destroy(&tree);
    return result;
}

static int read_and_parse(struct config *config, const char *path, FILE *stream, struct error *error) {
    char *text = malloc(CONFIG_SIZE_MAX + 2);
    if (!text)
        return error_set(error, ENOMEM, EX_OSERR, "out of memory");
    size_t length = fread(text, 1, CONFIG_SIZE_MAX, stream);
    bool whole = fgetc(stream) == EOF;
    text[length] = '\n'; /* so that an empty file has a byte */
    text[length + 1] = '\0';
    /* A string would end at it, and what follows would be lost silently. */
    const char *nul = memchr(text, '\0', length);
    int result;
    if (!whole)
        result = error_set(error, EFBIG, EX_CONFIG,
                           "%s: larger than 1 MiB; is this the configuration? Give its path with -c", path);
    else if (nul)
        result = error_set(
            error, EINVAL, EX_CONFIG,
            "%s: has a NUL byte after %zu bytes, so it is no text; give the configuration's path with -c",
            path, (size_t)(nul - text));
    else if ((result = config_check_includes(path, text, CONFIG_SIZE_MAX, error)) == 0)
        result = parse_text(config, path, text, length + 1, error);
    explicit_bzero(text, length);
    free(text);
    return result;
}

int config_load(struct config *config, const char *path, struct error *error) {
    FILE *stream = fopen(path, "re");
    if (!stream)
        return unreadable(path, error);
    setvbuf(stream, NULL, _IONBF, 0); /* no copy that nobody wipes */
    int result = is_readable(stream) ? read_and_parse(config, path, stream, error) : unreadable(path, error);
    fclose(stream);
    return result;
}

const char *config_library_version(void) {
    static char version[64];
    snprintf(version, sizeof version, "libconfig %d.%d.%d", LIBCONFIG_VER_MAJOR, LIBCONFIG_VER_MINOR,
             LIBCONFIG_VER_REVISION);
    return version;
}
