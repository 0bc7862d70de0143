/* One output at work: recorder and sink, and the count of records made. Belongs to the metering thread. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "app/plan.h"
#include "base/error.h"
#include "record/recorder.h"
#include "record/registry.h"
#include "sink/sink.h"

struct output {
    const struct output_plan *plan;
    struct recorder *recorder;
    void *sink;
    uint64_t made;      /* records, each with its seq */
    uint64_t unencoded; /* of them not handed over: no memory for so large a record */
    bool failed;        /* the sink can't go on; records are made no more */
};

/* Makes the recorder, asks the registry (may be NULL) for the schema's id, and opens the sink. */
int output_open(struct output *output, const struct output_plan *output_plan, const struct plan *plan,
                struct registry *registry, struct error *error);
void output_close(struct output *output);

/* Encodes the flow and hands it to the sink. -errno and the line only when the output can't go on. */
int output_write(struct output *output, const struct flow *flow, struct error *error);

/* Lets the sink serve its callbacks and timers; fails as output_write() does. */
int output_poll(struct output *output, struct error *error);
