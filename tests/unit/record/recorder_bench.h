/* A recorder over the example flow. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "record/example_flow.h"
#include "record/recorder.h"

static struct example example;

/* A recorder over the example, whose schema is freed with it. */
struct bench {
    struct schema *schema;
    struct recorder *recorder;
};

static inline struct bench open_bench(const char *schema, const char *encoding, enum meter_profile profile,
                                      unsigned groups_on) {
    struct bench bench;
    struct error error;
    example_init(&example, profile);
    if (schema_load(schema, NULL, false, &bench.schema, &error) < 0)
        fail_msg("%s", error.text);
    const struct recorder_options options = {.output = "main",
                                             .schema = bench.schema,
                                             .encoding = encoding_find(encoding),
                                             .identity = &example.identity,
                                             .groups_on = groups_on};
    if (recorder_create(&options, &bench.recorder, &error) < 0)
        fail_msg("%s", error.text);
    return bench;
}

static inline void close_bench(struct bench bench) {
    recorder_destroy(bench.recorder);
    schema_free(bench.schema);
}
