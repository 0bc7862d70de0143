#include "sink/pipe.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static mode_t descriptor_type(int descriptor) {
    struct stat status;
    return fstat(descriptor, &status) == 0 ? status.st_mode & S_IFMT : 0;
}

bool pipe_has_reader(int descriptor) {
    mode_t type = descriptor_type(descriptor);
    return type == S_IFIFO || type == S_IFSOCK || isatty(descriptor);
}

/* Opens standard output again, to have flags of our own: O_NONBLOCK on the descriptor that we got would hold for the shell
 * too. */
int pipe_open_standard_output(void) {
    int descriptor = -1;
    if (descriptor_type(STDOUT_FILENO) == S_IFIFO || isatty(STDOUT_FILENO))
        descriptor = open("/proc/self/fd/1", O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (descriptor < 0)
        descriptor = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
    return descriptor < 0 ? -errno : descriptor;
}

void pipe_wait(int descriptor, int milliseconds) {
    struct pollfd room = {.fd = descriptor, .events = POLLOUT};
    poll(&room, 1, milliseconds);
}

/* When poll() says that a blocking pipe is ready, it takes PIPE_BUF bytes without blocking. */
static ssize_t write_if_ready(int descriptor, const void *bytes, size_t length) {
    struct pollfd room = {.fd = descriptor, .events = POLLOUT};
    errno = EAGAIN;
    return poll(&room, 1, 0) > 0 ? write(descriptor, bytes, length < PIPE_BUF ? length : PIPE_BUF) : -1;
}

ssize_t pipe_write(int descriptor, const void *bytes, size_t length) {
    ssize_t written;
    if (descriptor_type(descriptor) == S_IFSOCK)
        written = send(descriptor, bytes, length, MSG_DONTWAIT | MSG_NOSIGNAL);
    else if (fcntl(descriptor, F_GETFL) & O_NONBLOCK)
        written = write(descriptor, bytes, length);
    else
        written = write_if_ready(descriptor, bytes, length);
    if (written >= 0)
        return written;
    return errno == EINTR || errno == EWOULDBLOCK ? -EAGAIN : -errno;
}
