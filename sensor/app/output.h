/* One output at work: recorder and sink, and the count of records made. Belongs to the metering thread. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "app/plan.h"
#include "base/error.h"
#include "record/recorder.h"
#include "record/registry.h"
#include "record/registry_watch.h"
#include "sink/sink.h"

struct output {
    const struct output_plan *plan;
    struct recorder *recorder;
    void *sink;
    struct registry_options registry; /* for the watch */
    struct registry_watch *watch;     /* NULL unless the schema's id came from the cache */
    uint64_t made;                    /* records, each with its seq */
    uint64_t unencoded;               /* of them not handed over: no memory for so large a record */
    uint64_t
        mismatched; /* of them not handed over: the registry has the schema no more under the id in use */
    bool mismatch;  /* such records are made, counted, and go nowhere */
    bool failed;    /* the sink can't go on; records are made no more */
};

/* Makes the recorder, asks the registry (may be NULL) for the schema's id, and opens the sink. */
int output_open(struct output *output, const struct output_plan *output_plan, const struct plan *plan,
                struct registry *registry, struct error *error);
void output_close(struct output *output);

/* Encodes the flow and hands it to the sink. -errno and the line only when the output can't go on. */
int output_write(struct output *output, const struct flow *flow, struct error *error);

/* Lets the sink serve its callbacks and timers, and hears what the registry says of an id that came from the cache.
 * Fails as output_write() does; on a mismatch once, with EX_CONFIG, and the output goes on counting. */
int output_poll(struct output *output, struct error *error);
