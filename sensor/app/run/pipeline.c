#include "app/run/pipeline.h"

#include "app/account/ledger_log.h"
#include "app/host/signals.h"
#include "app/run/dictionary.h"
#include "app/run/heartbeats.h"
#include "app/run/opening.h"
#include "app/run/pipeline_parts.h"
#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"

/* Signals break off all of the source. */
static void watch_signals(const struct pipeline *pipeline) {
    struct capture *captures[PLAN_METERS_MAX];
    for (size_t i = 0; i < pipeline->intake_count; i++)
        captures[i] = pipeline->intakes[i].capture;
    signals_watch(captures, pipeline->intake_count);
}

static void report_end(struct pipeline *pipeline) {
    struct ledger ledger = {0};
    if (!pipeline->reporter)
        return;
    pipeline_count(pipeline, &ledger);
    pipeline_report(pipeline, &ledger, true);
}

int pipeline_run(struct pipeline *pipeline, struct error *error) {
    CHECK(IS_VALID(pipeline, PIPELINE_MAGIC));
    int64_t started = clock_monotonic();
    watch_signals(pipeline);
    dictionary_publish(&pipeline->delivery, pipeline->lanes[0].meter);
    progress_start(&pipeline->progress, !pipeline->plan->live);
    service_manager_ready(&pipeline->service_manager);
    if (pipeline->plan->live) {
        prefault_start(&pipeline->prefault, pipeline->lanes, pipeline->lane_count);
        opening_log(pipeline);
    }
    sandbox_log(&pipeline->sandbox, pipeline->plan->live ? LOG_INFO : LOG_DEBUG);
    if (pipeline->lane_count > 1)
        parallel_run(pipeline);
    else
        serial_run(pipeline);
    reload_end(&pipeline->reload);
    for (size_t i = 0; i < pipeline->lane_count; i++)
        lane_follow_outputs(&pipeline->lanes[i]);
    roster_settle(&pipeline->delivery.roster);
    service_manager_stopping(&pipeline->service_manager);
    monitor_stop(pipeline->monitor);
    report_end(pipeline);
    heartbeats_end(pipeline);
    pipeline_give_snapshot(pipeline);
    delivery_flush(&pipeline->delivery);
    pipeline_give_snapshot(pipeline);
    progress_end(&pipeline->progress);
    pipeline->seconds = (double)(clock_monotonic() - started) / 1e6;
    return failure_result(&pipeline->failure, error);
}

void pipeline_log_ledger(struct pipeline *pipeline) {
    struct snapshot snapshot = {0};
    delivery_count(&pipeline->delivery, &snapshot);
    pipeline_count(pipeline, &snapshot.ledger);
    ledger_log(&snapshot, pipeline->seconds);
    DEBUG_CHECK(snapshot_closes(&snapshot));
}
