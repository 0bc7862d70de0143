/* The one line a person reads when something outside the packet path fails, and the exit code it leads to.
 *
 * Cold code returns 0 or a negative errno and, on failure, fills a `struct error` that its caller owns
 * (usually on the stack of main). The line names cause, object and remedy; it is written for someone who
 * never reads code. An error is set once: whoever can add the object's name sets it, and the callers
 * above pass it on unchanged. Nothing here is shared: the caller's thread. */
#pragma once

#include <sysexits.h>

enum { ERROR_TEXT_SIZE = 1024 };

struct error {
    int exit_code;              /* sysexits.h: EX_USAGE, EX_DATAERR, EX_NOINPUT, EX_UNAVAILABLE, ... */
    char text[ERROR_TEXT_SIZE]; /* one line, no newline at its end, control characters made visible */
};

/* Fills `error` (which may be NULL) and returns -errno_value, so that `return error_set(...)` is the whole
 * failure path. Too long a text is cut; bytes below 0x20 and 0x7f become '?', so that a line stays a line. */
int error_set(struct error *error, int errno_value, int exit_code, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
