/* The reader of files, a thread: it decodes, keeps the clock, and puts each packet into the inbox of the worker that the
 * packet's flow belongs to. */
#include "app/run/inbox.h"
#include "app/run/parallel_parts.h"
#include "meter/shard.h"

static void share_packet(void *context, const struct packet *packet) {
    struct parallel *parallel = context;
    unsigned worker =
        shard_of(packet, parallel->pipeline->plan->meter.profile, (unsigned)parallel->count, &parallel->seed);
    inbox_put(parallel->workers[worker].inbox, packet,
              capture_window(parallel->pipeline->intakes[0].capture));
}

/* Hands over the packets so far. Natively flows are idle or not by the time of all packets, not by that of one meter's. */
static void share_time(struct parallel *parallel) {
    bool natively = parallel->pipeline->plan->meter.profile == PROFILE_NATIVE;
    int64_t time = decoder_time(parallel->pipeline->intakes[0].decoder);
    for (size_t i = 0; i < parallel->count; i++)
        if (natively)
            inbox_put_time(parallel->workers[i].inbox, time);
        else
            ring_publish(parallel->workers[i].inbox->ring);
}

static void file_reader_give_part(struct parallel *parallel) {
    struct ledger *part = tally_begin(&parallel->readers_tally);
    if (!part)
        return;
    intake_count(&parallel->pipeline->intakes[0], part);
    account_request_give(&parallel->readers_tally.request);
}

/* The decoder still has the time of the recording that ends. */
static void share_begin(void *context) {
    struct parallel *parallel = context;
    share_time(parallel);
    for (size_t i = 0; i < parallel->count; i++)
        inbox_put_begin(parallel->workers[i].inbox);
}

static void file_reader_housekeeping(void *context) {
    struct parallel *parallel = context;
    uint64_t flows = 0;
    share_time(parallel);
    file_reader_give_part(parallel);
    if (!parallel->pipeline->progress.on)
        return;
    for (size_t i = 0; i < parallel->count; i++)
        flows += atomic_load_explicit(&parallel->workers[i].flows_opened, memory_order_relaxed);
    pipeline_show_progress(parallel->pipeline, flows);
}

static void file_reader_failed(void *context, const struct error *error) {
    struct parallel *parallel = context;
    failure_note(&parallel->pipeline->failure, error);
}

static void close_inboxes(struct parallel *parallel) {
    share_time(parallel);
    for (size_t i = 0; i < parallel->count; i++)
        ring_close(parallel->workers[i].inbox->ring);
}

static void wait_for_delivery(struct parallel *parallel) {
    while (!atomic_load(&parallel->delivered)) {
        uint32_t turn;
        gate_enter(&parallel->delivery_ended, &turn);
        if (!atomic_load(&parallel->delivered))
            gate_sleep(&parallel->delivery_ended, turn, PARALLEL_POLL_MICROSECONDS);
        gate_leave(&parallel->delivery_ended);
    }
}

/* Signals are this thread's, so that they break off a blocked read of standard input; therefore it stays until all is
 * delivered. */
void *file_reader_run(void *context) {
    static const struct intake_calls calls = {.packet = share_packet,
                                              .begin_recording = share_begin,
                                              .housekeeping = file_reader_housekeeping,
                                              .failed = file_reader_failed};
    struct parallel *parallel = context;
    struct intake *intake = &parallel->pipeline->intakes[0];
    pthread_sigmask(SIG_SETMASK, &parallel->signals, NULL);
    intake_run(intake, &calls, parallel, &parallel->pipeline->delivery.stop);
    intake_count(intake, tally_begin_last(&parallel->readers_tally));
    tally_end(&parallel->readers_tally);
    close_inboxes(parallel);
    wait_for_delivery(parallel);
    return NULL;
}
