/* No output may be a file that the run reads: an output that is opened is emptied, moved aside or replaced. Files are
 * compared by device and inode, not by name: links, /dev/stdin and redirections lead to them too. */
#include "app/config/config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sink/file_names.h"

struct input {
    const char *path, *what;
};

/* The captures come first, then all other files that are read. */
enum { OTHERS = 9 };

static size_t list_others(const struct config *config, struct input others[OTHERS]) {
    const struct input all[OTHERS] = {
        {config->identity.key_file, "identity.key_file"},
        {config->identity.conn_key_file, "identity.conn_key_file"},
        {config->anonymization.key_file, "anonymization.key_file"},
        {config->registry.password_file, "registry.password_file"},
        {config->registry.bearer_token_file, "registry.bearer_token_file"},
        {config->registry.oauth_client_secret_file, "registry.oauth_client_secret_file"},
        {config->registry.ca_file, "registry.ca_file"},
        {config->registry.certificate_file, "registry.certificate_file"},
        {config->registry.key_file, "registry.key_file"},
    };
    size_t count = 0;
    for (size_t i = 0; i < OTHERS; i++)
        if (all[i].path != NULL)
            others[count++] = all[i];
    return count;
}

/* Gets the status of the file that `path` leads to; "-" is the standard descriptor. False: nothing is there, or no regular
 * file. */
static bool find_regular_file(const char *path, int standard, struct stat *status) {
    int result = strcmp(path, "-") == 0 ? fstat(standard, status) : stat(path, status);
    return result == 0 && S_ISREG(status->st_mode);
}

static bool is_same_file(const struct stat *output, const char *input) {
    struct stat status;
    return find_regular_file(input, STDIN_FILENO, &status) && status.st_dev == output->st_dev &&
           status.st_ino == output->st_ino;
}

/* Whether opening `path` for writing harms something that is read. */
static int check_path(const struct config *config, size_t index, const char *path, struct error *error) {
    struct stat output;
    struct input others[OTHERS];
    if (!find_regular_file(path, STDOUT_FILENO, &output))
        return 0;
    const char *name = strcmp(path, "-") == 0 ? "standard output" : path;
    for (size_t i = 0; i < config->capture.files.count; i++) {
        const char *capture = config->capture.files.items[i];
        if (is_same_file(&output, capture))
            return error_set(error, EINVAL, EX_CONFIG,
                             "output %zu: %s would overwrite the capture %s; choose another path", index,
                             name, strcmp(capture, "-") == 0 ? "on standard input" : capture);
    }
    size_t count = list_others(config, others);
    for (size_t i = 0; i < count; i++)
        if (is_same_file(&output, others[i].path))
            return error_set(error, EINVAL, EX_CONFIG,
                             "output %zu: %s would overwrite %s, which is read (%s); choose another path",
                             index, name, others[i].path, others[i].what);
    return 0;
}

/* A ring of rotated files replaces existing ones; other rotated outputs use new names. */
static int check_ring(const struct config *config, size_t index, struct error *error) {
    const struct output_config *output = &config->outputs[index];
    int result = 0;
    for (unsigned number = 1; result == 0 && number <= (unsigned)output->rotate_files; number++) {
        char *path = file_names_numbered(output->path, number);
        if (path == NULL)
            return error_set(error, ENOMEM, EX_OSERR, "out of memory");
        result = check_path(config, index, path, error);
        free(path);
    }
    return result;
}

int config_check_overwrites(const struct config *config, struct error *error) {
    int result = 0;
    for (size_t i = 0; result == 0 && i < config->output_count; i++) {
        if (config->outputs[i].path == NULL)
            continue;
        result = check_path(config, i, config->outputs[i].path, error);
        if (result == 0)
            result = check_ring(config, i, error);
    }
    return result;
}
