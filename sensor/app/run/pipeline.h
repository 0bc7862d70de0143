/* The data path, wired: capture -> decode -> meter -> outputs; in one thread, or with several meters in more. */
#pragma once

#include "app/account/ledger.h"
#include "app/plan/plan.h"
#include "base/error.h"

struct pipeline;

/* Opens the source first (a missing capture must not leave an empty output behind), then outputs, meters and decoders.
 * @thread main (all of these) */
int pipeline_open(const struct plan *plan, struct pipeline **pipeline, struct error *error);

/* Where SIGHUP has the configuration read again; borrowed until pipeline_close(). Without it SIGHUP changes nothing. */
void pipeline_reload_from(struct pipeline *pipeline, const struct config_source *source);

/* Runs to the end of the files or to a signal, exports the open flows, and flushes every output. 0, or -errno with the
 * first failure in *error, whose text is empty, since it was logged. Whatever the result, all that was measured is
 * exported, and what did not arrive is counted. */
int pipeline_run(struct pipeline *pipeline, struct error *error);

/* After the run: writes the ledger as log lines. Where an account doesn't close, its line names the residual, and a build
 * with checks (base/check.h) ends there. */
void pipeline_log_ledger(struct pipeline *pipeline);
void pipeline_close(struct pipeline *pipeline);
