#include "sink/pipe.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static mode_t type_of(int descriptor) {
    struct stat status;
    return fstat(descriptor, &status) == 0 ? status.st_mode & S_IFMT : 0;
}

bool pipe_has_reader(int descriptor) {
    mode_t type = type_of(descriptor);
    return type == S_IFIFO || type == S_IFSOCK || isatty(descriptor);
}

/* Opened anew it has flags of its own: those of the one that we were given are the shell's too. */
int pipe_open_standard_output(void) {
    int descriptor = -1;
    if (isatty(STDOUT_FILENO))
        descriptor = open("/proc/self/fd/1", O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (descriptor < 0)
        descriptor = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
    return descriptor < 0 ? -errno : descriptor;
}

void pipe_wait(int descriptor, int milliseconds) {
    struct pollfd room = {.fd = descriptor, .events = POLLOUT};
    poll(&room, 1, milliseconds);
}

/* A pipe that is ready has room for PIPE_BUF bytes at least, so that the write doesn't block. */
ssize_t pipe_write(int descriptor, const void *bytes, size_t length) {
    struct pollfd room = {.fd = descriptor, .events = POLLOUT};
    size_t part = length < PIPE_BUF ? length : PIPE_BUF;
    if (poll(&room, 1, 0) == 0)
        return -EAGAIN;
    ssize_t written = type_of(descriptor) == S_IFSOCK
                          ? send(descriptor, bytes, part, MSG_DONTWAIT | MSG_NOSIGNAL)
                          : write(descriptor, bytes, part);
    if (written >= 0)
        return written;
    return errno == EINTR || errno == EWOULDBLOCK ? -EAGAIN : -errno;
}
