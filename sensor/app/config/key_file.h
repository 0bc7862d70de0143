/* A file that holds a key: a regular file, a FIFO, or the pipe of a process substitution. The size that is read and the time
 * that is waited are limited. One that others than its owner may write is refused, a terminal aside. Nothing here is shared: main reads keys at the start, `reload` after SIGHUP. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum {
    KEY_FILE_SIZE_MAX = 256,       /* bytes that are read; what follows is not looked at */
    KEY_FILE_START_WAIT = 1000000, /* microseconds to wait for the writer of a pipe at the start */
};

struct key_file {
    const char *option; /* that names the file, for messages */
    const char *path;
    /* Refuse it if others than its owner may use it, except a group of this process that may read it. */
    bool is_private;
    int64_t wait; /* for the writer of a pipe; microseconds; 0: takes what is there */
};

/* Reads the content; the caller wipes it. -errno with one line: EX_NOPERM if it may not be opened, EX_CONFIG if others may
 * write it or it is not private, EX_NOINPUT if it can't be read or nothing came in time. */
int key_file_read(const struct key_file *file, char content[KEY_FILE_SIZE_MAX], size_t *length,
                  struct error *error);
