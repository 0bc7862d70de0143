#include "record/login/secret_line.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/secret.h"

enum { LOOK_MILLISECONDS = 100, LINE_SIZE = 16384 /* tokens have kilobytes */ };

static bool must_stop(const struct login_limits *limits) {
    return limits->stop && limits->stop(limits->stop_context);
}

/* Bytes, or -errno. */
static ssize_t read_some(int file, char *bytes, size_t size, const struct login_limits *limits) {
    struct pollfd ready = {.fd = file, .events = POLLIN};
    for (int64_t end = clock_monotonic() + limits->timeout; clock_monotonic() < end && !must_stop(limits);)
        if (poll(&ready, 1, LOOK_MILLISECONDS) > 0) {
            ssize_t length = read(file, bytes, size);
            return length < 0 ? -errno : length;
        }
    return must_stop(limits) ? -EINTR : -ETIMEDOUT;
}

/* Reads it into `line`, which is zeroed and has room for the longest one: 0 or -errno. */
static int read_line(const char *path, char *line, const struct login_limits *limits) {
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (file < 0)
        return -errno;
    size_t used = 0;
    ssize_t length;
    while ((length = read_some(file, line + used, LINE_SIZE - 1 - used, limits)) > 0 &&
           !memchr(line + used, '\n', (size_t)length))
        used += (size_t)length;
    close(file);
    return length < 0 ? (int)length : 0;
}

char *secret_line_read(const char *option, const char *path, const struct login_limits *limits,
                       struct error *error) {
    if (secret_check_file(option, path, error) < 0)
        return NULL;
    char *line = calloc(1, LINE_SIZE);
    if (!line) {
        error_set(error, ENOMEM, EX_OSERR, "out of memory");
        return NULL;
    }
    int result = read_line(path, line, limits);
    line[strcspn(line, "\r\n")] = '\0';
    char *secret = result == 0 && line[0] != '\0' ? strdup(line) : NULL;
    if (!secret)
        error_set(error, result < 0 ? -result : EINVAL, EX_NOINPUT, "%s %s: %s", option, path,
                  result < 0 ? strerror(-result) : "is empty; its first line is the secret");
    explicit_bzero(line, LINE_SIZE);
    free(line);
    return secret;
}
