#include "app/command/line_again.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "app/command/command_line.h"
#include "base/secret.h"

static void free_words(char **words, int count) {
    for (int i = 0; words && i < count; i++)
        secret_free(words[i]);
    free(words);
}

/* NULL: no memory. */
static char **copy_words(char *const *words, int count) {
    char **copies = calloc((size_t)count + 1, sizeof *copies);
    bool good = copies != NULL;
    for (int i = 0; good && i < count; i++)
        good = (copies[i] = strdup(words[i])) != NULL;
    if (good)
        return copies;
    free_words(copies, count);
    return NULL;
}

int line_again_keep(struct line_again *line, int argc, char **argv) {
    *line = (struct line_again){.words = copy_words(argv, argc), .count = argc};
    return line->words ? 0 : -ENOMEM;
}

void line_again_release(struct line_again *line) {
    free_words(line->words, line->count);
    *line = (struct line_again){0};
}

/* What a pipe had is gone: nothing would be read, and all options be the defaults. */
static int check_path(const char *path, struct error *error) {
    struct stat status;
    if (!path || stat(path, &status) < 0 || S_ISREG(status.st_mode))
        return 0; /* who opens it says what is wrong */
    return error_set(error, EINVAL, EX_CONFIG,
                     "%s: is no regular file, so it can't be read again; give a file with -c", path);
}

/* `words` are the caller's to overwrite. */
static int read_words(char **words, int count, struct config *config, struct error *error) {
    struct command_request request = {0};
    char **sorted = malloc(((size_t)count + 1) * sizeof *sorted); /* getopt_long() moves flags to the front */
    if (!sorted)
        return error_set(error, ENOMEM, EX_OSERR, "out of memory");
    memcpy(sorted, words, ((size_t)count + 1) * sizeof *sorted);
    int result = command_line_parse(count, sorted, &request, config, error);
    free(sorted);
    return result;
}

int line_again_read(void *context, struct config *config, struct error *error) {
    const struct line_again *line = context;
    config_defaults(config);
    int result = check_path(line->path, error);
    if (result < 0)
        return result;
    char **words = copy_words(line->words, line->count); /* secrets in them are overwritten */
    result = words && !config->no_memory ? read_words(words, line->count, config, error)
                                         : error_set(error, ENOMEM, EX_OSERR, "out of memory");
    free_words(words, line->count);
    return result;
}
