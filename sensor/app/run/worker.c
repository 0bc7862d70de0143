/* A worker: the thread of one of several meters. Live it reads its share of the interface itself; of files it takes packets
 * from its inbox, and reads on for all workers when that is empty. */
#include "app/run/inbox.h"
#include "app/run/outbox.h"
#include "app/run/parallel_parts.h"

enum {
    ENTRIES_PER_HOUSEKEEPING = 4096,
    /* Percent of the outbox for records of flows that may end later. What is left is for flows that must end. */
    ROOM_FOR_SWEEPS = 25,
};

/* Live capture never waits: a record that finds no room is dropped and counted. Once the worker ends its flows it captures
 * nothing more, and may wait. */
void worker_send(void *context, size_t output, const struct message *message) {
    struct worker *worker = context;
    bool waits = worker->ending || !worker->parallel->pipeline->plan->live;
    struct output_share *share = &worker->lane->delivery->outputs[output].shares[worker->lane->number];
    if (outbox_put(worker->outbox, output, message, waits)) {
        share->records.sent++;
        return;
    }
    bool fits = message->body_length < ring_record_max(worker->outbox) / 2;
    share->records.dropped[fits ? OUTPUT_DROP_handover_full : OUTPUT_DROP_no_memory]++;
}

bool worker_has_room(void *context) {
    const struct worker *worker = context;
    return ring_percent_filled(worker->outbox) < ROOM_FOR_SWEEPS;
}

static void worker_count(const struct worker *worker, struct ledger *sum) {
    if (worker->intake)
        intake_count(worker->intake, sum);
    lane_count(worker->lane, sum);
}

/* At housekeeping, and while it waits. */
static void worker_serve(struct worker *worker) {
    lane_follow_timeouts(worker->lane);
    lane_follow_outputs(worker->lane);
    struct ledger *part = tally_begin(&worker->tally);
    if (!part)
        return;
    worker_count(worker, part);
    account_request_give(&worker->tally.request);
}

static void worker_end(struct worker *worker) {
    worker->ending = true;
    lane_finish(worker->lane, worker->parallel->pipeline->plan->live);
    worker_count(worker, tally_begin_last(&worker->tally));
    tally_end(&worker->tally);
    ring_close(worker->outbox);
}

/* Live. */

static void live_packet(void *context, const struct packet *packet) {
    struct worker *worker = context;
    meter_packet(worker->lane->meter, packet);
}

static bool live_time_passed(void *context, int64_t time) {
    struct worker *worker = context;
    return meter_tick(worker->lane->meter, time);
}

static void live_housekeeping(void *context) {
    struct worker *worker = context;
    lane_watch_loss(worker->lane, worker->intake);
    lane_watch_load(worker->lane, worker->intake);
    lane_watch_drops(worker->lane);
    worker_serve(worker);
}

/* An interface that fails does so for every worker: the first one reports it, and each meters what its share still has. */
static void live_failed(void *context, const struct error *error) {
    struct worker *worker = context;
    struct pipeline *pipeline = worker->parallel->pipeline;
    if (atomic_exchange(&worker->parallel->capture_failed, true))
        return;
    failure_note(&pipeline->failure, error);
    for (size_t i = 0; i < worker->parallel->count; i++)
        capture_break(pipeline->intakes[i].capture);
}

void *worker_run_live(void *context) {
    static const struct intake_calls calls = {.packet = live_packet,
                                              .time_passed = live_time_passed,
                                              .housekeeping = live_housekeeping,
                                              .failed = live_failed};
    struct worker *worker = context;
    intake_run(worker->intake, &calls, worker, &worker->parallel->pipeline->delivery.stop);
    worker_end(worker);
    return NULL;
}

/* Files. */

static void files_housekeeping(struct worker *worker) {
    struct meter_statistics statistics;
    meter_statistics(worker->lane->meter, &statistics);
    atomic_store_explicit(&worker->flows_opened, statistics.flows_opened, memory_order_relaxed);
    worker_serve(worker);
}

static void wait_for_inbox(struct worker *worker) {
    uint32_t turn;
    const struct packet *packet;
    gate_enter(&worker->inbox_filled, &turn);
    if (inbox_peek(worker->inbox, &packet) == INBOX_EMPTY && !ring_is_finished(worker->inbox->ring))
        gate_sleep(&worker->inbox_filled, turn, PARALLEL_NAP_MICROSECONDS);
    gate_leave(&worker->inbox_filled);
    worker_serve(worker);
}

void *worker_run_files(void *context) {
    struct worker *worker = context;
    const struct packet *packet;
    uint64_t entries = 0;
    while (!ring_is_finished(worker->inbox->ring)) {
        enum inbox_content content = inbox_peek(worker->inbox, &packet);
        if (content == INBOX_EMPTY) {
            if (file_turns_take(worker->parallel))
                files_housekeeping(worker);
            else
                wait_for_inbox(worker);
            continue;
        }
        if (content == INBOX_PACKET)
            meter_hashed_packet(worker->lane->meter, packet, inbox_hash(packet));
        else if (content == INBOX_BEGIN)
            meter_begin_recording(worker->lane->meter);
        else
            meter_tick(worker->lane->meter, packet->time);
        ring_release(worker->inbox->ring);
        if (++entries % ENTRIES_PER_HOUSEKEEPING == 0)
            files_housekeeping(worker);
    }
    worker_end(worker);
    return NULL;
}
