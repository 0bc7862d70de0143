#include "app/host/sandbox.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "app/host/landlock.h"

/* At the end counts of lines are written into the build's folder. */
#ifdef FLOWSENSOR_COVERAGE
enum { COUNTS_LINES = true };
#else
enum { COUNTS_LINES = false };
#endif

void sandbox_open(struct sandbox *sandbox, const struct sandbox_options *options) {
    *sandbox = (struct sandbox){.opened = true,
                                .looks = options->looks,
                                .guard = {.listener = -1, .event = -1},
                                .filter = -ENOTSUP,
                                .landlock = -ENOTSUP};
    if (COUNTS_LINES)
        return;
    if (!options->looks)
        sandbox->landlock = landlock_restrict_writing(options->written, options->written_count);
    sandbox->filter = seccomp_guard_open(&sandbox->guard, options->live, options->looks);
}

void sandbox_tighten(struct sandbox *sandbox) {
    if (sandbox->opened && sandbox->filter == 0)
        sandbox->filter = seccomp_guard_tighten(&sandbox->guard);
}

bool sandbox_may_write(const struct sandbox *sandbox, const char *const *written, size_t written_count,
                       const char *path) {
    return !sandbox->opened || sandbox->landlock <= 0 || landlock_covers(written, written_count, path);
}

void sandbox_log(const struct sandbox *sandbox, enum log_level level) {
    char calls[128], files[128];
    if (!sandbox->opened)
        return;
    if (sandbox->filter == 0)
        snprintf(calls, sizeof calls, "system calls are filtered");
    else
        snprintf(calls, sizeof calls, "no filter of system calls (%s)", strerror(-sandbox->filter));
    if (sandbox->landlock > 0)
        snprintf(files, sizeof files,
                 "files are written in the outputs' and state folders alone (Landlock %d)",
                 sandbox->landlock);
    else
        snprintf(files, sizeof files, "no Landlock (%s)",
                 sandbox->looks ? "meter.system_visibility_mode" : strerror(-sandbox->landlock));
    log_line(level, "sandbox: %s; %s", calls, files);
}

void sandbox_close(struct sandbox *sandbox) {
    if (sandbox->opened)
        seccomp_guard_close(&sandbox->guard);
    sandbox->opened = false;
}
