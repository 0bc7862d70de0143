/* The outputs of a run. They belong to the one thread that delivers: with one meter the thread that does all. */
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
#include "app/run/retiming.h"
#include "app/run/roster.h"
#include "base/error.h"
#include "record/message.h"

struct delivery {
    const struct plan *plan;
    struct output outputs[CONFIG_OUTPUTS_MAX];
    size_t count; /* slots of `outputs` that are, or were, in use */
    struct roster roster;
    struct failure *failure;          /* the pipeline's */
    const char *const *capture_files; /* of the source; NULL: live */
    const struct places *places;      /* of the source; NULL: files */
    _Atomic uint64_t flows;           /* admitted so far, or more */
    struct retiming retiming;
    unsigned turn; /* of that, as the delivering thread knows it */
    /* Performance reports, heartbeats and nDPI's protocols, each a record of every output for those. */
    uint64_t reports, heartbeats, protocols;
    struct error error;         /* of delivery_send(): a kilobyte, which is not zeroed for each record */
    struct heartbeat heartbeat; /* of the thread that delivers; beats at delivery_poll() */
    /* No output of flows can go on, or no source of a meter, or max_nflows are admitted: all shall end. */
    atomic_bool stop;
};

/* Opens all outputs; `capture_files` of *delivery is set before. After a failure delivery_close() frees what was opened.
 * @thread main, before the others are started, and after they have ended */
int delivery_open(struct delivery *delivery, const struct plan *plan, struct failure *failure,
                  struct error *error);
void delivery_close(struct delivery *delivery);

/* Whether one more flow shall become records: false beyond meter.max_nflows.
 * @thread any: one atomic addition, if there is a limit */
bool delivery_admit(struct delivery *delivery);
/* Whether states of flows that are open shall still become records: false once meter.max_nflows is reached.
 * @thread any */
bool delivery_is_open(const struct delivery *delivery);

/* Hands a record of outputs[output] to its sink. If the output can't go on, that is noted; the run is told to stop
 * once no output of flows is left (of any records, where none is of flows).
 * @thread deliver */
void delivery_send(struct delivery *delivery, size_t output, const struct message *message);

/* Makes and sends the records of a report, or of a heartbeat, on the outputs that are for it.
 * @thread deliver */
void delivery_report(struct delivery *delivery, const struct sensor_report *report, bool is_heartbeat);

/* Whether all outputs of flows are well away from dropping records for want of room.
 * @thread deliver */
bool delivery_has_room(const struct delivery *delivery);

/* Serves the sinks' callbacks and timers, and takes other timeouts' hashes; cheap.
 * @thread deliver */
void delivery_poll(struct delivery *delivery);

/* Puts the delivering thread's part into an empty snapshot, before the other threads are asked for theirs.
 * @thread deliver */
void delivery_count(const struct delivery *delivery, struct snapshot *snapshot);

/* Gets everything acknowledged, as long as the configuration and a signal's deadline allow; all outputs at the same time.
 * @thread deliver, after the last record */
void delivery_flush(struct delivery *delivery);
