/* What is logged meanwhile: standard error is a pipe. Include after cmocka.h. */
#pragma once

#include <unistd.h>

struct logged {
    int saved, ends[2];
};

static inline void logged_begin(struct logged *logged) {
    assert_int_equal(pipe(logged->ends), 0);
    logged->saved = dup(STDERR_FILENO);
    dup2(logged->ends[1], STDERR_FILENO);
}

/* Up to `size` - 1 bytes, which must be less than a pipe holds; "" if nothing was logged. */
static inline void logged_end(struct logged *logged, char *text, size_t size) {
    dup2(logged->saved, STDERR_FILENO);
    close(logged->saved);
    close(logged->ends[1]);
    ssize_t length = read(logged->ends[0], text, size - 1);
    close(logged->ends[0]);
    assert_true(length >= 0);
    text[length] = '\0';
}
