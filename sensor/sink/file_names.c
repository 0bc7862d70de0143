#include "sink/file_names.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "sink/file_ending.h"

enum { READER_MILLISECONDS = 50, MODE = 0666 };

char *file_names_numbered(const char *path, unsigned number) {
    struct file_ending ending;
    char *numbered;
    file_ending_of(path, &ending);
    return asprintf(&numbered, "%.*s.%u%s", (int)ending.stem, path, number, path + ending.stem) < 0
               ? NULL
               : numbered;
}

/* Doesn't replace another file: two sensors may do this at once. */
static int rename_to_new(const char *from, const char *to) {
    if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0)
        return 0;
    if (errno != EINVAL && errno != ENOSYS)
        return -errno;
    /* This file system has no rename that refuses to replace a file. */
    if (access(to, F_OK) == 0)
        return -EEXIST;
    return rename(from, to) == 0 ? 0 : -errno;
}

/* Gives the file the next free number. A link stays, and leads to the new file. */
static int keep_newest(const char *output, const char *path) {
    char *file = realpath(path, NULL);
    int result = file ? -EEXIST : -errno;
    for (unsigned number = 1; result == -EEXIST; number++) {
        char *numbered = file_names_numbered(file, number);
        result = numbered ? rename_to_new(file, numbered) : -ENOMEM;
        if (result == 0)
            log_line(LOG_INFO, "output \"%s\": %s has records of an earlier run; they are kept in %s", output,
                     path, numbered);
        free(numbered);
    }
    free(file);
    return result;
}

static bool has_records(int descriptor, uint64_t empty_size) {
    struct stat status;
    return fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode) &&
           (uint64_t)status.st_size > empty_size;
}

static bool is_fifo(const char *path) {
    struct stat status;
    return stat(path, &status) == 0 && S_ISFIFO(status.st_mode);
}

static void sleep_shortly(void) {
    const struct timespec time = {.tv_nsec = READER_MILLISECONDS * 1000000L};
    clock_nanosleep(CLOCK_MONOTONIC, 0, &time, NULL);
}

/* As open(), but signals end the wait for a FIFO's reader. */
static int open_when_read(const char *output, const char *path, int64_t (*deadline)(void)) {
    for (bool told = false;; told = true) {
        int descriptor = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, MODE);
        if (descriptor >= 0)
            return descriptor;
        int reason = errno;
        if (reason != ENXIO || !is_fifo(path))
            return -reason;
        if (!told)
            log_line(LOG_INFO, "output \"%s\": nobody reads %s yet; waiting for a reader", output, path);
        if (deadline && deadline() != 0)
            return -EINTR;
        sleep_shortly();
    }
}

int file_names_open(const char *output, const char *path, uint64_t empty_size, int64_t (*deadline)(void)) {
    for (;;) {
        int descriptor = open_when_read(output, path, deadline);
        if (descriptor < 0)
            return descriptor;
        bool keeps = has_records(descriptor, empty_size);
        /* EINVAL: a pipe, a terminal and the like have no length. */
        if (!keeps && (ftruncate(descriptor, 0) == 0 || errno == EINVAL))
            return descriptor;
        int result = -errno;
        close(descriptor);
        if (keeps)
            result = keep_newest(output, path);
        if (result < 0)
            return result;
    }
}

/* Makes `next` (NULL: no memory) the path, and opens it. The file must be new. */
static int open_new(char *next, char **path) {
    free(*path);
    *path = next;
    if (!next)
        return -ENOMEM;
    int descriptor = open(next, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, MODE);
    return descriptor < 0 ? -errno : descriptor;
}

int file_names_open_next(const char *base, unsigned *number, char **path) {
    int descriptor;
    do
        descriptor = open_new(file_names_numbered(base, ++*number), path);
    while (descriptor == -EEXIST);
    return descriptor;
}

int file_names_open_next_of_ring(const char *base, unsigned files, unsigned *number, char **path) {
    *number = *number % files + 1;
    char *next = file_names_numbered(base, *number);
    if (next)
        unlink(next); /* where that is not possible, open says it */
    return open_new(next, path);
}

static bool is_later(struct timespec a, struct timespec b) {
    return a.tv_sec != b.tv_sec ? a.tv_sec > b.tv_sec : a.tv_nsec >= b.tv_nsec;
}

unsigned file_names_newest(const char *base, unsigned files) {
    unsigned newest = 0;
    struct timespec latest = {0};
    for (unsigned number = 1; number <= files; number++) {
        char *path = file_names_numbered(base, number);
        struct stat status;
        if (path && stat(path, &status) == 0 && is_later(status.st_mtim, latest)) {
            newest = number;
            latest = status.st_mtim;
        }
        free(path);
    }
    return newest;
}
