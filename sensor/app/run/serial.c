/* One meter: everything in one thread, without a ring and without a copy. */
#include "app/run/pipeline_parts.h"
#include "base/clock.h"

static void send_now(void *context, size_t output, const struct message *message) {
    struct pipeline *pipeline = context;
    pipeline->delivery.outputs[output].shares[0].records.sent++;
    delivery_send(&pipeline->delivery, output, message);
}

static bool has_room(void *context) {
    const struct pipeline *pipeline = context;
    return delivery_has_room(&pipeline->delivery);
}

static void meter_now(void *context, const struct packet *packet) {
    struct pipeline *pipeline = context;
    meter_packet(pipeline->lanes[0].meter, packet);
}

static void begin_recording(void *context) {
    struct pipeline *pipeline = context;
    meter_begin_recording(pipeline->lanes[0].meter);
}

static bool pass_time(void *context, int64_t time) {
    struct pipeline *pipeline = context;
    return meter_tick(pipeline->lanes[0].meter, time);
}

static void keep_house(void *context) {
    struct pipeline *pipeline = context;
    int64_t now = clock_monotonic();
    delivery_poll(&pipeline->delivery);
    pipeline_show_life(pipeline, now);
    pipeline_give_snapshot(pipeline);
    if (reporter_due(pipeline->reporter, now)) {
        struct ledger ledger = {0};
        pipeline_count(pipeline, &ledger);
        pipeline_report(pipeline, &ledger, false);
    }
    if (pipeline->plan->live) {
        lane_watch_loss(&pipeline->lanes[0], &pipeline->intakes[0]);
    } else if (pipeline->progress.on) {
        struct meter_statistics statistics;
        meter_statistics(pipeline->lanes[0].meter, &statistics);
        pipeline_show_progress(pipeline, statistics.flows_opened);
    }
}

static void note(void *context, const struct error *error) {
    struct pipeline *pipeline = context;
    failure_note(&pipeline->failure, error);
}

void serial_run(struct pipeline *pipeline) {
    static const struct intake_calls calls = {meter_now, begin_recording, pass_time, keep_house, note};
    struct lane *lane = &pipeline->lanes[0];
    lane->send = send_now;
    lane->has_room = has_room;
    lane->send_context = pipeline;
    intake_run(&pipeline->intakes[0], &calls, pipeline, &pipeline->delivery.stop);
    lane_finish(lane, pipeline->plan->live);
}
