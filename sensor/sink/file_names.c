#include "sink/file_names.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "sink/file_ending.h"
#include "sink/file_tail.h"

enum {
    MODE = 0666, /* the process's umask leaves it to the user alone */
    CHUNK = 4096,
};

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

static void tell_of_kept(const char *output, const char *path, const char *numbered) {
    log_line(LOG_INFO, "output \"%s\": %s has records of an earlier run; they are kept in %s", output, path,
             numbered);
    if (file_tail_is_torn(numbered))
        log_line(
            LOG_WARNING,
            "output \"%s\": %s ends in the middle of a record, as a run that is killed may leave it; what "
            "stands before that is whole",
            output, numbered);
}

/* Gives the file the next free number. A link stays, and leads to the new file. */
static int keep_newest(const char *output, const char *path) {
    char *file = realpath(path, NULL);
    int result = file ? -EEXIST : -errno;
    for (unsigned number = 1; result == -EEXIST; number++) {
        char *numbered = file_names_numbered(file, number);
        result = numbered ? rename_to_new(file, numbered) : -ENOMEM;
        if (result == 0)
            tell_of_kept(output, path, numbered);
        free(numbered);
    }
    free(file);
    return result;
}

/* Whether the file has exactly `length` bytes, and begins with `count` of `bytes`. */
static bool holds(int descriptor, uint64_t length, const uint8_t *bytes, size_t count) {
    uint8_t chunk[CHUNK];
    struct stat status;
    if (fstat(descriptor, &status) < 0 || (uint64_t)status.st_size != length)
        return false;
    for (size_t done = 0; done < count;) {
        size_t part = count - done < sizeof chunk ? count - done : sizeof chunk;
        ssize_t got = pread(descriptor, chunk, part, (off_t)done);
        if (got <= 0 || memcmp(chunk, bytes + done, (size_t)got) != 0)
            return false;
        done += (size_t)got;
    }
    return true;
}

/* Whether all that a regular file has is an output's header. Another sensor that has just begun it holds its lock. */
static bool is_empty(int descriptor, const char *path, const struct stat *status,
                     const struct file_names_empty *empty) {
    if (flock(descriptor, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK)
        return false;
    if (status->st_size == 0)
        return true;
    /* The one that is open can't be read: it may have been a FIFO. */
    int reading = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    struct stat same;
    bool is_header = reading >= 0 && fstat(reading, &same) == 0 && same.st_ino == status->st_ino &&
                     same.st_dev == status->st_dev &&
                     holds(reading, empty->length, empty->header, empty->length - empty->varies);
    if (reading >= 0)
        close(reading);
    return is_header;
}

static bool is_fifo(const char *path) {
    struct stat status;
    return stat(path, &status) == 0 && S_ISFIFO(status.st_mode);
}

/* As open(), but doesn't wait for a FIFO's reader. */
static int open_if_read(const char *path) {
    int descriptor = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, MODE);
    if (descriptor >= 0)
        return descriptor;
    int reason = errno;
    return reason == ENXIO && is_fifo(path) ? -EAGAIN : -reason;
}

int file_names_open(const char *output, const char *path, const struct file_names_empty *empty) {
    for (;;) {
        struct stat status;
        int descriptor = open_if_read(path);
        if (descriptor < 0)
            return descriptor;
        int result = fstat(descriptor, &status) < 0 ? -errno : 0;
        bool is_regular = result == 0 && S_ISREG(status.st_mode);
        bool keeps = is_regular && !is_empty(descriptor, path, &status, empty);
        if (is_regular && !keeps && ftruncate(descriptor, 0) < 0)
            result = -errno;
        if (result == 0 && !keeps)
            return descriptor;
        close(descriptor);
        if (result == 0)
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
