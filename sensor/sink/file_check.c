/* Whether a file can be written at an output's path, checked without making it. */
#include "sink/file_check.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* With the effective user and groups, as open() would. */
static int check_access(const char *path, int mode) {
    return faccessat(AT_FDCWD, path, mode, AT_EACCESS) == 0 ? 0 : -errno;
}

/* The folder that the path is in; malloc'd. */
static char *folder_of(const char *path) {
    const char *slash = strrchr(path, '/');
    return !slash ? strdup(".") : slash == path ? strdup("/") : strndup(path, (size_t)(slash - path));
}

static int check_folder(const char *path) {
    char *folder = folder_of(path);
    struct stat status;
    int result = folder ? stat(folder, &status) < 0 ? -errno : 0 : -ENOMEM;
    if (result == 0)
        result = S_ISDIR(status.st_mode) ? check_access(folder, W_OK | X_OK) : -ENOTDIR;
    free(folder);
    return result;
}

int file_check_place(const char *path, bool makes) {
    struct stat status;
    bool exists = stat(path, &status) == 0;
    return exists && S_ISDIR(status.st_mode) ? -EISDIR
           : exists && !makes                ? check_access(path, W_OK)
                                             : check_folder(path);
}

int file_check(const struct sink_options *options, struct error *error) {
    bool rotates = options->rotate_size > 0 || options->rotate_flows > 0;
    if (strcmp(options->path, "-") == 0)
        return 0;
    int result = file_check_place(options->path, rotates);
    if (result == 0)
        return 0;
    return error_set(error, -result, result == -EACCES || result == -EPERM ? EX_NOPERM : EX_CANTCREAT,
                     "output \"%s\": cannot create %s: %s; check the folder and its permissions",
                     options->output, options->path, strerror(-result));
}
