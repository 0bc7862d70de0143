/* The outputs of a run, in the one thread that delivers; what any thread may use is said to be so. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "app/account/heartbeat.h"
#include "app/account/snapshot.h"
#include "app/host/failure.h"
#include "app/plan/plan.h"
#include "app/run/output.h"
#include "base/error.h"
#include "record/message.h"

struct delivery {
    const struct plan *plan;
    struct output outputs[CONFIG_OUTPUTS_MAX];
    size_t count;
    struct failure *failure;          /* the pipeline's */
    const char *const *capture_files; /* of the source; NULL: live */
    _Atomic uint64_t flows;           /* admitted so far, or more */
    uint64_t key_reloads[2];          /* [0] that failed, [1] that went well */
    uint64_t reports;                 /* performance reports, each a record of every output for those */
    struct heartbeat heartbeat;       /* of the thread that delivers; beats at delivery_poll() */
    atomic_bool
        stop; /* an output or a meter's source can't go on, or max_nflows are admitted: all shall end */
};

/* Opens all outputs; `capture_files` of *delivery is set before. After a failure delivery_close() frees what was
 * opened. */
int delivery_open(struct delivery *delivery, const struct plan *plan, struct failure *failure,
                  struct error *error);
void delivery_close(struct delivery *delivery);

/* Whether one more flow shall become records: false beyond meter.max_nflows. Any thread. */
bool delivery_admit(struct delivery *delivery);

/* Hands a record of outputs[output] to its sink. */
void delivery_send(struct delivery *delivery, size_t output, const struct message *message);

/* Whether all outputs of flows are well away from dropping records for want of room. */
bool delivery_has_room(const struct delivery *delivery);

/* Serves the sinks' callbacks and timers, and reads the key of pseudonyms again if that was asked; cheap. */
void delivery_poll(struct delivery *delivery);

/* Puts the delivering thread's part into an empty snapshot, before the other threads are asked for theirs. */
void delivery_count(const struct delivery *delivery, struct snapshot *snapshot);

/* Gets everything acknowledged, as long as the configuration and a signal's deadline allow. */
void delivery_flush(struct delivery *delivery);
