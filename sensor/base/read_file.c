#include "base/read_file.h"

#include <fcntl.h>
#include <unistd.h>

FILE *read_file_open(const char *path) {
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (descriptor < 0)
        return NULL;
    FILE *file = fcntl(descriptor, F_SETFL, 0) == 0 ? fdopen(descriptor, "r") : NULL;
    if (file == NULL)
        close(descriptor);
    return file;
}
