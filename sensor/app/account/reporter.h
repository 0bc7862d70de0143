/* The performance report of a live run, or its heartbeat: when it is due, what it says, and the report's log line.
 * After reporter_open() only the log line allocates. Times are microseconds. A reporter takes no lock: it belongs to
 * the thread that delivers. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "app/account/ledger.h"
#include "app/account/snapshot.h"
#include "base/error.h"
#include "record/field/report.h"

struct reporter;

/* The run begins now: the first report is due one `interval` later, the others in steps of it. `has_loss_gaps`: meters
 * count loss_gap_bytes; else reports have null.
 * @thread main (both) */
int reporter_open(int64_t interval, bool has_loss_gaps, struct reporter **reporter, struct error *error);
void reporter_close(struct reporter *reporter); /* NULL: nothing */

/* Whether a report is due at `now` (monotonic clock). NULL: never.
 * @thread deliver */
bool reporter_due(const struct reporter *reporter, int64_t now);

/* The report as of `now` (monotonic clock) from a snapshot of the ledger. It stays as it is until the next call.
 * Reports that were due while the process was stopped are skipped.
 * @thread deliver */
const struct sensor_report *reporter_make(struct reporter *reporter, const struct ledger *ledger, int64_t now,
                                          bool is_last);

/* The same with what a heartbeat says beyond it, of the outputs of flows, as of a snapshot whose ledger has all parts.
 * `last_seqs`: of each output, read once all meters had given theirs; -1: none yet.
 * @thread deliver */
const struct sensor_report *reporter_make_heartbeat(struct reporter *reporter,
                                                    const struct snapshot *snapshot, const int64_t *last_seqs,
                                                    int64_t now, bool is_last);

/* One line: the totals of the report made last, and what each of them grew by.
 * @thread deliver */
void reporter_log(const struct reporter *reporter);
