/* The loop of the thread that delivers in a parallel run: it takes records out of the workers' outboxes in turn, and makes
 * reports, heartbeats and snapshots of what all threads counted. */
#include "app/run/heartbeats.h"
#include "app/run/outbox.h"
#include "app/run/parallel_parts.h"
#include "base/clock.h"

enum {
    RECORDS_AT_ONCE = 64, /* of one worker, before the next one's are looked at */
    /* Percent of an outbox that fills before records are no longer held back for a slow output. */
    ROOM_FOR_PATIENCE = 75,
};

/* Live, a record stays in its ring while its output is slow and the ring has room: the meters then hold back what may
 * wait. */
static bool holds_back(struct parallel *parallel, struct worker *worker, size_t output) {
    if (!parallel->pipeline->plan->live || ring_percent_filled(worker->outbox) >= ROOM_FOR_PATIENCE)
        return false;
    return patience_holds(&parallel->patience[output],
                          output_has_room(&parallel->pipeline->delivery.outputs[output]));
}

/* Whether there was anything. */
static bool deliver_from(struct parallel *parallel, struct worker *worker) {
    struct message message;
    size_t output;
    int records = 0;
    while (records < RECORDS_AT_ONCE && outbox_peek(worker->outbox, &output, &message) &&
           !holds_back(parallel, worker, output)) {
        delivery_send(&parallel->pipeline->delivery, output, &message);
        ring_release(worker->outbox);
        records++;
    }
    return records > 0;
}

static bool deliver_round(struct parallel *parallel) {
    bool any = false;
    for (size_t i = 0; i < parallel->count; i++)
        any |= deliver_from(parallel, &parallel->workers[i]);
    return any;
}

static bool all_finished(struct parallel *parallel) {
    for (size_t i = 0; i < parallel->count; i++)
        if (parallel->workers[i].started && !ring_is_finished(parallel->workers[i].outbox))
            return false;
    return true;
}

static bool all_empty(struct parallel *parallel) {
    struct message message;
    size_t output;
    for (size_t i = 0; i < parallel->count; i++)
        if (outbox_peek(parallel->workers[i].outbox, &output, &message))
            return false;
    return true;
}

/* While nothing comes, it is enough to look rarely: an outbox that fills, or is closed, wakes us. */
static int64_t nap_of(struct parallel *parallel, bool quiet) {
    return quiet && all_empty(parallel) ? PARALLEL_POLL_MICROSECONDS : PARALLEL_POLL_MICROSECONDS / 10;
}

/* Whether something was delivered. `quiet`: nothing was for a while. */
static bool wait_for_outboxes(struct parallel *parallel, bool quiet) {
    uint32_t turn;
    gate_enter(&parallel->outbox_filled, &turn);
    bool any = deliver_round(parallel);
    if (!any && !all_finished(parallel))
        gate_sleep(&parallel->outbox_filled, turn, nap_of(parallel, quiet));
    gate_leave(&parallel->outbox_filled);
    return any;
}

/* The tally of what is read from files, or that of worker i - 1. */
static struct tally *tally_of(struct parallel *parallel, size_t i) {
    return i == 0 ? &parallel->reads_tally : &parallel->workers[i - 1].tally;
}

/* Live, each worker has an intake of its own. */
static size_t first_tally(const struct parallel *parallel) {
    return parallel->pipeline->plan->live ? 1 : 0;
}

static void ask_all(struct parallel *parallel, int64_t now) {
    parallel->snapshot = exchange_begin(&parallel->pipeline->exchange);
    if (parallel->snapshot)
        delivery_count(&parallel->pipeline->delivery, parallel->snapshot);
    parallel->beating = reporter_due(parallel->pipeline->heartbeats, now);
    if (parallel->beating)
        heartbeats_begin(parallel->pipeline);
    for (size_t i = first_tally(parallel); i <= parallel->count; i++)
        account_request_ask(&tally_of(parallel, i)->request);
}

static bool all_given(struct parallel *parallel) {
    for (size_t i = first_tally(parallel); i <= parallel->count; i++)
        if (!tally_is_given(tally_of(parallel, i)))
            return false;
    return true;
}

static void add_all(struct parallel *parallel, struct ledger *sum) {
    for (size_t i = first_tally(parallel); i <= parallel->count; i++)
        ledger_add(sum, tally_read(tally_of(parallel, i)));
}

static void make_report(struct parallel *parallel) {
    struct ledger ledger = {0};
    add_all(parallel, &ledger);
    pipeline_report(parallel->pipeline, &ledger, false);
}

static void make_heartbeat(struct parallel *parallel) {
    add_all(parallel, &parallel->pipeline->heartbeat.ledger);
    heartbeats_send(parallel->pipeline, false);
}

static void give_snapshot(struct parallel *parallel) {
    add_all(parallel, &parallel->snapshot->ledger);
    exchange_give(&parallel->pipeline->exchange);
}

/* Asks everyone for their parts when a report or a heartbeat is due or the monitor wants a snapshot, and makes it once all have
 * given theirs. */
static void report_and_give(struct parallel *parallel, int64_t now) {
    bool due = reporter_due(parallel->pipeline->reporter, now);
    if (!parallel->tallying && (due || reporter_due(parallel->pipeline->heartbeats, now) ||
                                account_request_is_asked(&parallel->pipeline->exchange.request))) {
        ask_all(parallel, now);
        parallel->tallying = true;
    }
    if (!parallel->tallying || !all_given(parallel))
        return;
    parallel->tallying = false;
    if (due)
        make_report(parallel);
    if (parallel->beating)
        make_heartbeat(parallel);
    if (parallel->snapshot)
        give_snapshot(parallel);
}

void delivery_loop_run(struct parallel *parallel) {
    int64_t polled = 0, now = clock_monotonic(), delivered = now;
    while (!all_finished(parallel)) {
        bool any = deliver_round(parallel) ||
                   wait_for_outboxes(parallel, now - delivered >= PARALLEL_POLL_MICROSECONDS);
        now = clock_monotonic();
        if (any)
            delivered = now;
        if (now - polled >= PARALLEL_POLL_MICROSECONDS) {
            polled = now;
            delivery_poll(&parallel->pipeline->delivery);
            reload_poll(&parallel->pipeline->reload);
            pipeline_show_life(parallel->pipeline, now);
        }
        report_and_give(parallel, now);
    }
}
