#include "app/host/standard_streams.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void standard_streams_fill(void) {
    for (int descriptor = 0; descriptor < 3; descriptor++)
        if (fcntl(descriptor, F_GETFD) < 0 &&
            open("/dev/null", descriptor == 0 ? O_WRONLY : O_RDONLY) != descriptor)
            _Exit(EX_OSERR);
}

int standard_streams_end(int result, struct error *error) {
    errno = 0;
    bool arrived = fflush(stdout) == 0 && !ferror(stdout);
    if (result < 0 || arrived || errno == EPIPE)
        return result;
    return error_set(error, EIO, EX_IOERR, "cannot write to standard output: %s; check where it leads to",
                     strerror(errno ? errno : EIO));
}
