#include "app/host/core_dumps.h"

#include <errno.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

/* What isn't dumpable is dumped nowhere, whatever fs.suid_dumpable says: that is for programs that change their user, which
 * this one doesn't. The limit is for those who make it dumpable again, as LeakSanitizer does; a program that takes dumps
 * isn't held by it. Advice for single pages (MADV_DONTDUMP) would add nothing. */
int core_dumps_forbid(struct error *error) {
    const struct rlimit none = {0, 0};
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0 || setrlimit(RLIMIT_CORE, &none) != 0)
        return error_set(error, errno, EX_OSERR,
                         "core dumps can't be switched off, and one would hold packets and keys: %s",
                         strerror(errno));
    return 0;
}
