#include "app/host/core_dumps.h"

#include <errno.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

int core_dumps_forbid(struct error *error) {
    const struct rlimit none = {0, 0};
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0 || setrlimit(RLIMIT_CORE, &none) != 0)
        return error_set(error, errno, EX_OSERR,
                         "core dumps can't be switched off, and one would hold packets: %s", strerror(errno));
    return 0;
}
