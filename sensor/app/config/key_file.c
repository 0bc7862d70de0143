#include "app/config/key_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/secret.h"

static bool has_group(gid_t group) {
    gid_t groups[NGROUPS_MAX];
    int count = getgroups(NGROUPS_MAX, groups);
    bool found = group == getegid();
    for (int i = 0; i < count; i++)
        found |= groups[i] == group;
    return found;
}

/* Kubernetes gives secrets to a process that is not root by its group: root's, mode 0440. */
static bool is_private(const struct stat *status) {
    mode_t others = status->st_mode & (S_IRWXG | S_IRWXO);
    return others == 0 || (others == S_IRGRP && has_group(status->st_gid));
}

static int check_mode(const struct key_file *file, int descriptor, struct error *error) {
    struct stat status;
    if (fstat(descriptor, &status) != 0)
        return error_set(error, errno, EX_NOINPUT, "%s %s: %s", file->option, file->path, strerror(errno));
    if (!file->is_private || is_private(&status))
        return secret_check_writers(file->option, file->path, &status, error);
    return error_set(
        error, EACCES, EX_CONFIG,
        "%s %s: too many may use it (mode %04o): only its owner, and a group of this process to read it; run: chmod 600 %s",
        file->option, file->path, (unsigned)(status.st_mode & 07777), file->path);
}

/* Whether there is something to read, or the end of it, before `end` (monotonic clock). A FIFO that nobody has opened for
 * writing would give an end at once: poll(2) waits for the writer. */
static bool wait_for_content(int descriptor, int64_t end) {
    struct pollfd wanted = {.fd = descriptor, .events = POLLIN};
    int64_t left;
    int ready;
    do {
        left = end - clock_monotonic();
        ready = poll(&wanted, 1, left > 0 ? (int)((left + 999) / 1000) : 0);
    } while (ready < 0 && errno == EINTR && left > 0);
    return ready > 0;
}

/* Until its end, or the content is full, or nothing more comes in time: a writer may keep its pipe open. */
static int read_content(const struct key_file *file, int descriptor, char *content, size_t *length,
                        struct error *error) {
    int64_t end = clock_monotonic() + file->wait;
    ssize_t got = 1;
    *length = 0;
    while (*length < KEY_FILE_SIZE_MAX && got > 0 && wait_for_content(descriptor, end)) {
        got = read(descriptor, content + *length, KEY_FILE_SIZE_MAX - *length);
        *length += got > 0 ? (size_t)got : 0;
    }
    if (got < 0)
        return error_set(error, errno, EX_NOINPUT, "%s %s: %s", file->option, file->path, strerror(errno));
    if (got > 0 && *length == 0)
        return error_set(
            error, ETIMEDOUT, EX_NOINPUT,
            "%s %s: nothing was written into this pipe in time; write the key first, or name a regular file",
            file->option, file->path);
    return 0;
}

int key_file_read(const struct key_file *file, char content[KEY_FILE_SIZE_MAX], size_t *length,
                  struct error *error) {
    int descriptor = open(file->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (descriptor < 0)
        return error_set(error, errno, errno == EACCES ? EX_NOPERM : EX_NOINPUT, "%s %s: %s", file->option,
                         file->path, strerror(errno));
    int result = check_mode(file, descriptor, error);
    if (result == 0)
        result = read_content(file, descriptor, content, length, error);
    close(descriptor);
    return result;
}
