/* Calls of the registry's client on a server with given answers. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "record/registry/registry.h"
#include "record/registry/registry_server.h"
#include "scratch.h"

static const int64_t SECOND = 1000000;

static char folder[SCRATCH_SIZE];
static char schema_name[] = "flow/v1", schema_text[] = "{\"type\": \"record\"}",
            full_name[] = "flowsensor.flow.Flow";
static struct schema schema = {
    .name = schema_name, .text = schema_text, .full_name = full_name, .sha256 = "5c4e3a"};

static inline struct registry_options options_for(const char *url) {
    return (struct registry_options){.url = url, .timeout = 5 * SECOND, .max_response_size = 4096};
}

/* What one call brings: its result, the id, where it came from and the line. */
struct outcome {
    int result;
    uint32_t id;
    bool from_cache;
    struct error error;
};

static inline struct outcome resolve_with(const struct registry_options *options, bool auto_register) {
    struct outcome outcome = {.id = UINT32_MAX};
    struct registry *registry = NULL;
    assert_int_equal(registry_open(options, &registry, &outcome.error), 0);
    outcome.result =
        registry_resolve(registry, "flows-value", &schema, auto_register, &outcome.id, &outcome.error);
    registry_close(registry);
    return outcome;
}

static inline void assert_refused(const struct outcome *outcome, int exit_code, const char *text) {
    assert_true(outcome->result < 0);
    assert_int_equal(outcome->error.exit_code, exit_code);
    if (!strstr(outcome->error.text, text))
        fail_msg("\"%s\" is not in: %s", text, outcome->error.text);
    assert_non_null(strstr(outcome->error.text, "127.0.0.1"));
    assert_null(strchr(outcome->error.text, '\n'));
}

/* {"id": 1, "x": "xxx..."} of more than the limit; static. */
static inline const char *huge_body(void) {
    static char body[100000] = "{\"id\": 1, \"x\": \"";
    memset(body + 16, 'x', sizeof body - 20);
    memcpy(body + sizeof body - 3, "\"}", 3);
    return body;
}

static inline int set_up(void **state) {
    (void)state;
    setenv("no_proxy", "*", 1); /* the way to loopback is direct, whatever the environment says */
    return scratch_make(folder) ? 0 : -1;
}

static inline int remove_folder(void **state) {
    (void)state;
    return scratch_remove(folder);
}
