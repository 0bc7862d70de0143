#include "app/run/pipeline_parts.h"
#include "base/clock.h"
#include "meter/process/visibility.h"

void pipeline_count(const struct pipeline *pipeline, struct ledger *sum) {
    for (size_t i = 0; i < pipeline->intake_count; i++)
        intake_count(&pipeline->intakes[i], sum);
    for (size_t i = 0; i < pipeline->lane_count; i++)
        lane_count(&pipeline->lanes[i], sum);
    if (pipeline->visibility)
        visibility_statistics(pipeline->visibility, &sum->processes);
}

void pipeline_show_life(struct pipeline *pipeline, int64_t now) {
    int64_t slowest = 0;
    for (size_t i = 0; i < pipeline->intake_count; i++) {
        int64_t age = heartbeat_age(&pipeline->intakes[i].heartbeat, now);
        slowest = age > slowest ? age : slowest;
    }
    service_manager_watchdog(&pipeline->service_manager, slowest, now);
}

void pipeline_give_snapshot(struct pipeline *pipeline) {
    struct snapshot *snapshot = exchange_begin(&pipeline->exchange);
    if (!snapshot)
        return;
    delivery_count(&pipeline->delivery, snapshot);
    pipeline_count(pipeline, &snapshot->ledger);
    exchange_give(&pipeline->exchange);
}

void pipeline_report(struct pipeline *pipeline, const struct ledger *ledger, bool is_last) {
    const struct sensor_report *report =
        reporter_make(pipeline->reporter, ledger, clock_monotonic(), is_last);
    reporter_log(pipeline->reporter);
    delivery_report(&pipeline->delivery, report, false);
}

void pipeline_show_progress(struct pipeline *pipeline, uint64_t flows) {
    struct capture_statistics statistics;
    capture_statistics(pipeline->intakes[0].capture, &statistics);
    progress_show(&pipeline->progress, statistics.bytes_read, statistics.bytes_total,
                  pipeline->intakes[0].counted.packets, flows);
}
