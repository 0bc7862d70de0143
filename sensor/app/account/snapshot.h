/* What the monitor tells, all of one moment: the threads that count fill it, the HTTP thread reads it.
 *
 * It is consistent though several threads count. Each thread that makes records gives its part between two packets, in
 * which packets = metered + ignored + held, opened = ended + open, and made = sent + dropped; the delivering thread
 * gives its own, first, in which taken = acknowledged + in flight + dropped. So sent >= taken, what lies between is in
 * the rings, and records close as the rest does. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "app/account/tally.h"
#include "app/run/delivery.h"

struct output_snapshot {
    uint64_t taken;
    uint64_t dropped[OUTPUT_DROP_COUNT];
    struct sink_statistics sink;
};

struct snapshot {
    int64_t time;           /* when it was complete; monotonic clock; 0: never yet */
    struct tally_part made; /* of all threads that count packets, flows or records */
    struct output_snapshot outputs[CONFIG_OUTPUTS_MAX];
    size_t output_count;
    uint64_t key_reloads[2]; /* as in struct delivery */
    uint64_t reports;        /* likewise */
};

/* Room for so many applications. -ENOMEM. */
int snapshot_open(struct snapshot *snapshot, size_t applications);
void snapshot_close(struct snapshot *snapshot);

/* The delivering thread, before the other parts are asked for: clears the snapshot and puts its own part in. The others'
 * follow by tally_add() or tally_add_part(). */
void snapshot_begin(struct snapshot *snapshot, const struct delivery *delivery);

/* Both have room for equally many applications. */
void snapshot_copy(struct snapshot *to, const struct snapshot *from);

/* Records of outputs[output] that were sent and are neither acknowledged nor dropped. */
uint64_t snapshot_in_flight(const struct snapshot *snapshot, size_t output);
uint64_t snapshot_dropped(const struct snapshot *snapshot, size_t output, enum output_drop drop);

/* What remains of the ledger's accounts: not 0 is a bug. Exports: flows that were exported, or reports, of which the
 * output made no record. */
int64_t snapshot_packets_residual(const struct snapshot *snapshot);
int64_t snapshot_flows_residual(const struct snapshot *snapshot);
int64_t snapshot_exports_residual(const struct snapshot *snapshot, const struct output_plan *plan,
                                  size_t output);
int64_t snapshot_records_residual(const struct snapshot *snapshot, size_t output);
