#include "base/secret.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

void secret_free(char *text) {
    if (text)
        explicit_bzero(text, strlen(text));
    free(text);
}

/* Files and FIFOs: a terminal or /tmp may be written, and holds no key for that. */
int secret_check_writers(const char *what, const char *path, const struct stat *status, struct error *error) {
    bool holds = S_ISREG(status->st_mode) || S_ISFIFO(status->st_mode);
    if (!holds || (status->st_mode & (S_IWGRP | S_IWOTH)) == 0)
        return 0;
    return error_set(
        error, EACCES, EX_CONFIG,
        "%s %s: others than its owner may write it (mode %04o), and so choose the secret; run: chmod go-w %s",
        what, path, (unsigned)(status->st_mode & 07777), path);
}

int secret_check_file(const char *what, const char *path, struct error *error) {
    struct stat status;
    return stat(path, &status) < 0 ? 0 : secret_check_writers(what, path, &status, error);
}
