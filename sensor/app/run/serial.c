/* One meter: everything in one thread, without a ring and without a copy. */
#include "app/run/heartbeats.h"
#include "app/run/pipeline_parts.h"
#include "base/clock.h"

static void serial_send(void *context, size_t output, const struct message *message) {
    struct pipeline *pipeline = context;
    pipeline->delivery.outputs[output].shares[0].records.sent++;
    delivery_send(&pipeline->delivery, output, message);
}

static bool serial_has_room(void *context) {
    const struct pipeline *pipeline = context;
    return delivery_has_room(&pipeline->delivery);
}

static void serial_packet(void *context, const struct packet *packet) {
    struct pipeline *pipeline = context;
    meter_packet(pipeline->lanes[0].meter, packet);
}

static void serial_begin_recording(void *context) {
    struct pipeline *pipeline = context;
    meter_begin_recording(pipeline->lanes[0].meter);
}

static bool serial_time_passed(void *context, int64_t time) {
    struct pipeline *pipeline = context;
    return meter_tick(pipeline->lanes[0].meter, time);
}

static void serial_housekeeping(void *context) {
    struct pipeline *pipeline = context;
    int64_t now = clock_monotonic();
    delivery_poll(&pipeline->delivery);
    reload_poll(&pipeline->reload);
    lane_follow_timeouts(&pipeline->lanes[0]);
    lane_follow_outputs(&pipeline->lanes[0]);
    pipeline_show_life(pipeline, now);
    pipeline_give_snapshot(pipeline);
    if (reporter_due(pipeline->reporter, now)) {
        struct ledger ledger = {0};
        pipeline_count(pipeline, &ledger);
        pipeline_report(pipeline, &ledger, false);
    }
    heartbeats_run(pipeline, now);
    if (pipeline->plan->live) {
        lane_watch_loss(&pipeline->lanes[0], &pipeline->intakes[0]);
        lane_watch_load(&pipeline->lanes[0], &pipeline->intakes[0]);
        lane_watch_drops(&pipeline->lanes[0]);
    } else if (pipeline->progress.on) {
        struct meter_statistics statistics;
        meter_statistics(pipeline->lanes[0].meter, &statistics);
        pipeline_show_progress(pipeline, statistics.flows_opened);
    }
}

static void serial_failed(void *context, const struct error *error) {
    struct pipeline *pipeline = context;
    failure_note(&pipeline->failure, error);
}

void serial_run(struct pipeline *pipeline) {
    static const struct intake_calls calls = {.packet = serial_packet,
                                              .begin_recording = serial_begin_recording,
                                              .time_passed = serial_time_passed,
                                              .housekeeping = serial_housekeeping,
                                              .failed = serial_failed};
    struct lane *lane = &pipeline->lanes[0];
    lane->send = serial_send;
    lane->has_room = serial_has_room;
    lane->send_context = pipeline;
    lane->intake = &pipeline->intakes[0];
    intake_run(&pipeline->intakes[0], &calls, pipeline, &pipeline->delivery.stop);
    lane_finish(lane, pipeline->plan->live);
}
