/* What keeps a run to its own: the filter of system calls (app/host/seccomp.h) and Landlock (app/host/landlock.h). Each is
 * used where the kernel has it, and one line says what is.
 *
 * @thread main */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "app/host/seccomp.h"
#include "base/log.h"

struct sandbox_options {
    bool live;                  /* interfaces are captured */
    bool looks;                 /* processes are looked for, which Landlock would prevent: it is left out */
    const char *const *written; /* files, and folders with a slash at their end, that may be written */
    size_t written_count;
};

struct sandbox {
    struct seccomp_guard guard;
    int filter, landlock; /* 0 and the kernel's version; negative: -errno, it isn't in force */
    bool opened, looks;
};

/* Before other threads are started, and before anything is read that others may have made. */
void sandbox_open(struct sandbox *sandbox, const struct sandbox_options *options);

/* All is open. One that is all zero, here and below: nothing is done. */
void sandbox_tighten(struct sandbox *sandbox);

/* Whether what was opened with these places lets that file be written, in a folder that is there or is to be made.
 * @thread any, once it is open */
bool sandbox_may_write(const struct sandbox *sandbox, const char *const *written, size_t written_count,
                       const char *path);

/* The line that says what is in force. */
void sandbox_log(const struct sandbox *sandbox, enum log_level level);

/* The end of what was opened; the process stays confined. */
void sandbox_close(struct sandbox *sandbox);
