/* Configurations from text, and what must hold of their errors. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "app/config/config.h"

/* Writes `text` into a new file; the path is malloc'd, the caller unlinks it. */
static inline char *text_file(const char *text, size_t length) {
    char *path = strdup("/tmp/flowsensor-config-XXXXXX");
    int descriptor = mkstemp(path);
    assert_true(descriptor >= 0);
    assert_int_equal(write(descriptor, text, length), length);
    close(descriptor);
    return path;
}

/* Defaults and then the text. The result of config_load(), whose messages begin with "CONF:LINE:" here. */
static inline int load_text(struct config *config, const char *text, struct error *error) {
    char *path = text_file(text, strlen(text));
    config_defaults(config);
    int result = config_load(config, path, error);
    size_t length = strlen(path);
    if (result < 0 && strncmp(error->text, path, length) == 0) {
        memmove(error->text + 4, error->text + length, strlen(error->text + length) + 1);
        memcpy(error->text, "CONF", 4);
    }
    unlink(path);
    free(path);
    return result;
}

static inline void load_well(struct config *config, const char *text) {
    struct error error = {0};
    if (load_text(config, text, &error) < 0)
        fail_msg("%s", error.text);
}

static inline void assert_line(const struct error *error, int exit_code, const char *text) {
    if (!strstr(error->text, text))
        fail_msg("\"%s\" is not in: %s", text, error->text);
    assert_int_equal(error->exit_code, exit_code);
    assert_null(strchr(error->text, '\n'));
}

/* The text is refused with a message that has `expected` in it. */
static inline void refuse_text(const char *text, const char *expected) {
    struct config config;
    struct error error = {0};
    assert_true(load_text(&config, text, &error) < 0);
    assert_line(&error, EX_CONFIG, expected);
    config_release(&config);
}
