/* What the monitor tells, and the ledger's lines at the end of a run. All numbers are of one moment.
 *
 * It is consistent though several threads count. Each thread that makes records gives its part between two packets. In it
 * packets = metered + ignored + held, opened = ended + open, and made = sent + dropped. The delivering thread gives its own
 * part before them. In it taken = acknowledged + in flight + dropped. So sent >= taken, what lies between is in the rings,
 * and the accounts of records close as the others do.
 *
 * A snapshot belongs to one thread at a time: to `deliver` while it is filled, then to `monitor` (exchange.h). The one at
 * the end of a run, for the log, is main's. No lock is taken. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "app/account/ledger.h"
#include "app/account/records.h"

struct snapshot {
    int64_t time;         /* when it was complete; monotonic clock; 0: never yet */
    struct ledger ledger; /* of all threads that count packets, flows or records */
    /* The delivering thread's part. */
    struct delivery_counts outputs[CONFIG_OUTPUTS_MAX];
    const struct output_plan *plans[CONFIG_OUTPUTS_MAX]; /* of each of them; they live as long as the run */
    size_t output_count;
    /* Performance reports, heartbeats and nDPI's protocols, each a record of every output for those. */
    uint64_t reports, heartbeats, protocols;
};

/* Room for so many applications. -ENOMEM.
 * @thread main (both), as exchange_open() */
int snapshot_open(struct snapshot *snapshot, size_t applications);
void snapshot_close(struct snapshot *snapshot);

/* Everything 0; the room for applications stays.
 * @thread deliver */
void snapshot_clear(struct snapshot *snapshot);

/* Both have room for equally many applications.
 * @thread monitor */
void snapshot_copy(struct snapshot *to, const struct snapshot *from);

/* Records of outputs[output] that were sent and are neither acknowledged nor dropped.
 * @thread monitor; main at the end of a run (this and all that follow) */
uint64_t snapshot_in_flight(const struct snapshot *snapshot, size_t output);
uint64_t snapshot_dropped(const struct snapshot *snapshot, size_t output, enum output_drop drop);
/* For whatever reason, by the sink too. */
uint64_t snapshot_all_dropped(const struct snapshot *snapshot, size_t output);

/* Flows that were exported and states of open ones that were published, of the kinds that the output takes; or reports,
 * heartbeats, or nDPI's protocols; while the output was open. Of each it has to have a record. */
uint64_t snapshot_exports(const struct snapshot *snapshot, size_t output);
/* "exported", "reports", "heartbeats", "protocols" */
const char *snapshot_exports_name(const struct output_plan *plan);

/* What remains of the ledger's accounts: not 0 is a bug. Exports: of which the output made no record. */
int64_t snapshot_packets_residual(const struct snapshot *snapshot);
int64_t snapshot_flows_residual(const struct snapshot *snapshot);
int64_t snapshot_exports_residual(const struct snapshot *snapshot, size_t output);
int64_t snapshot_records_residual(const struct snapshot *snapshot, size_t output);

/* Whether every account closes: all residuals are 0. */
bool snapshot_closes(const struct snapshot *snapshot);
