/* Several meters, each with a thread that shares nothing with the others. This thread delivers what they make, from one
 * ring each. Live, every meter reads a share of the interface by itself; files have a reader's thread, which decodes,
 * keeps the clock, and copies packets into a ring for the meter that their flow belongs to. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "app/account/tally.h"
#include "app/host/signals.h"
#include "app/monitor/monitor.h"
#include "app/run/inbox.h"
#include "app/run/outbox.h"
#include "app/run/pipeline_parts.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/ring.h"
#include "base/thread.h"
#include "meter/shard.h"

enum {
    INBOX_BYTES = 4 << 20,
    POLL_MICROSECONDS = 50000,
    NAP_MICROSECONDS = 1000, /* while a ring is empty: much less than it takes to fill one */
    RECORDS_AT_ONCE = 64,    /* of one meter, before the next one's are looked at */
    ENTRIES_PER_COUNT = 4096,
    /* Percent of a meter's ring for records of flows that may end later, and for all while their output is slow. What
     * is left between the two is for flows that must end. */
    ROOM_FOR_SWEEPS = 25,
    ROOM_FOR_PATIENCE = 75,
};

struct worker {
    struct crew *crew;
    struct lane *lane;
    struct intake *intake; /* live */
    struct tally tally;    /* of the intake, live, and the lane */
    struct ring *inbox;    /* files */
    struct gate filled;    /* of the inbox */
    struct ring *outbox;
    bool ending;                   /* it reads no more packets */
    _Atomic uint64_t flows_opened; /* now and then, for the progress bar */
    pthread_t thread;
    bool started;
};

struct crew {
    struct pipeline *pipeline;
    struct worker *workers;
    size_t count;
    struct hash_key seed;                         /* of the choice of a meter */
    struct gate letters;                          /* some worker made a record */
    struct patience patience[CONFIG_OUTPUTS_MAX]; /* of the delivering thread with each output */
    bool tallying;              /* all were asked for their parts of a report or a snapshot */
    bool for_monitor;           /* so that the delivering thread's part of a snapshot is made */
    struct tally readers_tally; /* files: of the intake */
    pthread_t reader;
    bool reader_started;
    atomic_bool delivered; /* all there was */
    struct gate end;       /* of the delivery */
    sigset_t signals;      /* this thread's mask outside of parallel_run() */
};

/* Live capture never waits: what finds no room is counted. Nothing is captured any more once the meter ends its
 * flows. */
static void send_by_ring(void *context, size_t output, const struct message *message) {
    struct worker *worker = context;
    bool waits = worker->ending || !worker->crew->pipeline->plan->live;
    struct output_share *share = &worker->lane->delivery->outputs[output].shares[worker->lane->number];
    if (outbox_put(worker->outbox, output, message, waits)) {
        share->records.sent++;
        return;
    }
    bool fits = message->body_length < ring_record_max(worker->outbox) / 2;
    share->records.dropped[fits ? OUTPUT_DROP_handover_full : OUTPUT_DROP_no_memory]++;
}

/* Of flows that may end later the records don't overrun the ring. */
static bool has_room(void *context) {
    const struct worker *worker = context;
    return ring_percent_filled(worker->outbox) < ROOM_FOR_SWEEPS;
}

static void end_worker(struct worker *worker) {
    worker->ending = true;
    lane_finish(worker->lane, worker->crew->pipeline->plan->live);
    tally_end(&worker->tally, worker->intake, worker->lane);
    ring_close(worker->outbox);
}

/* Live: a worker reads its share itself. */

static void meter_own(void *context, const struct packet *packet) {
    struct worker *worker = context;
    meter_packet(worker->lane->meter, packet);
}

static bool pass_own_time(void *context, int64_t time) {
    struct worker *worker = context;
    return meter_tick(worker->lane->meter, time);
}

static void keep_own_house(void *context) {
    struct worker *worker = context;
    lane_watch_loss(worker->lane, worker->intake);
    tally_give(&worker->tally, worker->intake, worker->lane);
}

/* What befalls an interface befalls each share of it; once said is enough. */
static void note_once(void *context, const struct error *error) {
    struct worker *worker = context;
    struct pipeline *pipeline = worker->crew->pipeline;
    if (!atomic_exchange(&pipeline->delivery.stop, true))
        failure_note(&pipeline->failure, error);
}

static void *work_live(void *context) {
    static const struct intake_calls calls = {.packet = meter_own,
                                              .time_passed = pass_own_time,
                                              .housekeeping = keep_own_house,
                                              .failed = note_once};
    struct worker *worker = context;
    intake_run(worker->intake, &calls, worker, &worker->crew->pipeline->delivery.stop);
    end_worker(worker);
    return NULL;
}

/* Files: a reader for all. */

static void share_out(void *context, const struct packet *packet) {
    struct crew *crew = context;
    unsigned meter =
        shard_of(packet, crew->pipeline->plan->meter.profile, (unsigned)crew->count, &crew->seed);
    inbox_put(crew->workers[meter].inbox, packet);
}

static void begin_for_all(void *context) {
    struct crew *crew = context;
    for (size_t i = 0; i < crew->count; i++)
        inbox_put_begin(crew->workers[i].inbox);
}

/* Natively flows are idle or not by the time of all packets, not by that of one meter's. */
static void tell_time(struct crew *crew) {
    int64_t time = decoder_time(crew->pipeline->intakes[0].decoder);
    for (size_t i = 0; crew->pipeline->plan->meter.profile == PROFILE_NATIVE && i < crew->count; i++)
        inbox_put_time(crew->workers[i].inbox, time);
}

static void keep_readers_house(void *context) {
    struct crew *crew = context;
    uint64_t flows = 0;
    tell_time(crew);
    tally_give(&crew->readers_tally, &crew->pipeline->intakes[0], NULL);
    if (!crew->pipeline->progress.on)
        return;
    for (size_t i = 0; i < crew->count; i++)
        flows += atomic_load_explicit(&crew->workers[i].flows_opened, memory_order_relaxed);
    pipeline_show_progress(crew->pipeline, flows);
}

static void close_inboxes(struct crew *crew) {
    tell_time(crew);
    for (size_t i = 0; i < crew->count; i++)
        ring_close(crew->workers[i].inbox);
}

/* Signals are this thread's, so that they break off a blocked read of standard input; therefore it stays until the end. */
static void wait_for_delivery(struct crew *crew) {
    while (!atomic_load(&crew->delivered)) {
        uint32_t turn;
        gate_enter(&crew->end, &turn);
        if (!atomic_load(&crew->delivered))
            gate_sleep(&crew->end, turn, POLL_MICROSECONDS);
        gate_leave(&crew->end);
    }
}

static void note(void *context, const struct error *error) {
    struct crew *crew = context;
    failure_note(&crew->pipeline->failure, error);
}

static void *read_files(void *context) {
    static const struct intake_calls calls = {.packet = share_out,
                                              .begin_recording = begin_for_all,
                                              .housekeeping = keep_readers_house,
                                              .failed = note};
    struct crew *crew = context;
    struct intake *intake = &crew->pipeline->intakes[0];
    pthread_sigmask(SIG_SETMASK, &crew->signals, NULL);
    intake_run(intake, &calls, crew, &crew->pipeline->delivery.stop);
    tally_end(&crew->readers_tally, intake, NULL);
    close_inboxes(crew);
    wait_for_delivery(crew);
    return NULL;
}

static void tell_flows(struct worker *worker) {
    struct meter_statistics statistics;
    meter_statistics(worker->lane->meter, &statistics);
    atomic_store_explicit(&worker->flows_opened, statistics.flows_opened, memory_order_relaxed);
}

static void sleep_until_filled(struct worker *worker) {
    uint32_t turn;
    struct packet packet;
    gate_enter(&worker->filled, &turn);
    if (inbox_peek(worker->inbox, &packet) == INBOX_EMPTY && !ring_is_finished(worker->inbox))
        gate_sleep(&worker->filled, turn, NAP_MICROSECONDS);
    gate_leave(&worker->filled);
    tally_give(&worker->tally, NULL, worker->lane);
}

static void *work_from_inbox(void *context) {
    struct worker *worker = context;
    struct packet packet;
    uint64_t entries = 0;
    while (!ring_is_finished(worker->inbox)) {
        enum inbox_content content = inbox_peek(worker->inbox, &packet);
        if (content == INBOX_EMPTY) {
            sleep_until_filled(worker);
            continue;
        }
        if (content == INBOX_PACKET)
            meter_packet(worker->lane->meter, &packet);
        else if (content == INBOX_BEGIN)
            meter_begin_recording(worker->lane->meter);
        else
            meter_tick(worker->lane->meter, packet.time);
        ring_release(worker->inbox);
        if (++entries % ENTRIES_PER_COUNT == 0) {
            tell_flows(worker);
            tally_give(&worker->tally, NULL, worker->lane);
        }
    }
    end_worker(worker);
    return NULL;
}

/* Delivery. */

/* Live, a record stays in its ring while its output is slow and the ring has room: the meters then hold back what may
 * wait. */
static bool holds_back(struct crew *crew, struct worker *worker, size_t output) {
    if (!crew->pipeline->plan->live || ring_percent_filled(worker->outbox) >= ROOM_FOR_PATIENCE)
        return false;
    return patience_holds(&crew->patience[output],
                          output_has_room(&crew->pipeline->delivery.outputs[output]));
}

/* Whether there was anything. */
static bool deliver_some(struct crew *crew, struct worker *worker) {
    struct message message;
    size_t output;
    int records = 0;
    while (records < RECORDS_AT_ONCE && outbox_peek(worker->outbox, &output, &message) &&
           !holds_back(crew, worker, output)) {
        delivery_send(&crew->pipeline->delivery, output, &message);
        ring_release(worker->outbox);
        records++;
    }
    return records > 0;
}

static bool deliver_round(struct crew *crew) {
    bool any = false;
    for (size_t i = 0; i < crew->count; i++)
        any |= deliver_some(crew, &crew->workers[i]);
    return any;
}

static bool all_finished(struct crew *crew) {
    for (size_t i = 0; i < crew->count; i++)
        if (crew->workers[i].started && !ring_is_finished(crew->workers[i].outbox))
            return false;
    return true;
}

static void sleep_until_letter(struct crew *crew) {
    bool live = crew->pipeline->plan->live;
    uint32_t turn;
    gate_enter(&crew->letters, &turn);
    if (!deliver_round(crew) && !all_finished(crew))
        gate_sleep(&crew->letters, turn, live ? POLL_MICROSECONDS / 10 : NAP_MICROSECONDS);
    gate_leave(&crew->letters);
}

/* The tally of the reader, or that of worker i - 1. */
static struct tally *tally_of(struct crew *crew, size_t i) {
    return i == 0 ? &crew->readers_tally : &crew->workers[i - 1].tally;
}

/* Live there is no reader. */
static size_t first_tally(const struct crew *crew) {
    return crew->pipeline->plan->live ? 1 : 0;
}

static void ask_all(struct crew *crew) {
    crew->for_monitor = monitor_is_asked(crew->pipeline->monitor);
    if (crew->for_monitor)
        snapshot_begin(monitor_room(crew->pipeline->monitor), &crew->pipeline->delivery);
    for (size_t i = first_tally(crew); i <= crew->count; i++)
        tally_ask(tally_of(crew, i));
}

static bool all_given(struct crew *crew) {
    for (size_t i = first_tally(crew); i <= crew->count; i++)
        if (!tally_is_given(tally_of(crew, i)))
            return false;
    return true;
}

static void report(struct crew *crew) {
    struct ledger ledger = {0};
    for (size_t i = first_tally(crew); i <= crew->count; i++)
        ledger_add(&ledger, &tally_read(tally_of(crew, i))->ledger);
    pipeline_report(crew->pipeline, &ledger, false);
}

static void give_snapshot(struct crew *crew) {
    struct snapshot *snapshot = monitor_room(crew->pipeline->monitor);
    for (size_t i = first_tally(crew); i <= crew->count; i++)
        tally_add_part(&snapshot->made, tally_read(tally_of(crew, i)));
    monitor_give(crew->pipeline->monitor);
}

/* Asks everyone for their parts when a report is due or the monitor wants a snapshot, and makes it once all have given
 * theirs. */
static void tell(struct crew *crew, int64_t now) {
    bool due = reporter_due(crew->pipeline->reporter, now);
    if (!crew->tallying && (due || monitor_is_asked(crew->pipeline->monitor))) {
        ask_all(crew);
        crew->tallying = true;
    }
    if (!crew->tallying || !all_given(crew))
        return;
    crew->tallying = false;
    if (due)
        report(crew);
    if (crew->for_monitor)
        give_snapshot(crew);
}

static void deliver(struct crew *crew) {
    int64_t polled = 0;
    while (!all_finished(crew)) {
        if (!deliver_round(crew))
            sleep_until_letter(crew);
        int64_t now = clock_monotonic();
        if (now - polled >= POLL_MICROSECONDS) {
            polled = now;
            delivery_poll(&crew->pipeline->delivery);
            pipeline_show_life(crew->pipeline, now);
        }
        tell(crew, now);
    }
}

/* Start and end. */

static int prepare_worker(struct crew *crew, size_t number) {
    struct worker *worker = &crew->workers[number];
    worker->crew = crew;
    worker->lane = &crew->pipeline->lanes[number];
    worker->lane->send = send_by_ring;
    worker->lane->has_room = has_room;
    worker->lane->send_context = worker;
    worker->outbox = ring_create(PLAN_OUTBOX_BYTES, &crew->letters);
    if (crew->pipeline->plan->live)
        worker->intake = &crew->pipeline->intakes[number];
    else
        worker->inbox = ring_create(INBOX_BYTES, &worker->filled);
    bool complete = worker->outbox && (worker->inbox || worker->intake);
    return complete ? tally_open(&worker->tally, worker->lane) : -ENOMEM;
}

static int prepare(struct crew *crew) {
    size_t count = crew->pipeline->lane_count;
    crew->workers = calloc(count, sizeof *crew->workers);
    if (!crew->workers)
        return -ENOMEM;
    crew->count = count;
    int result = hash_key_random(&crew->seed);
    for (size_t i = 0; result == 0 && i < crew->count; i++)
        result = prepare_worker(crew, i);
    return result;
}

/* What a thread that can't be started leaves undone is the end of the run: the others are told to stop. */
static int start(struct crew *crew) {
    bool live = crew->pipeline->plan->live;
    int result = 0;
    for (size_t i = 0; result == 0 && i < crew->count; i++) {
        struct worker *worker = &crew->workers[i];
        result = thread_start(&worker->thread, "meter", live ? work_live : work_from_inbox, worker);
        worker->started = result == 0;
    }
    if (result == 0 && !live) {
        result = thread_start(&crew->reader, "reader", read_files, crew);
        crew->reader_started = result == 0;
    }
    if (result == 0)
        return 0;
    atomic_store(&crew->pipeline->delivery.stop, true);
    for (size_t i = 0; !live && i < crew->count; i++)
        ring_close(crew->workers[i].inbox);
    return result;
}

static void join(struct crew *crew) {
    atomic_store(&crew->delivered, true);
    gate_open(&crew->end);
    if (crew->reader_started)
        pthread_join(crew->reader, NULL);
    for (size_t i = 0; i < crew->count; i++)
        if (crew->workers[i].started)
            pthread_join(crew->workers[i].thread, NULL);
    pthread_sigmask(SIG_SETMASK, &crew->signals, NULL);
}

static void release(struct crew *crew) {
    for (size_t i = 0; i < crew->count; i++) {
        ring_destroy(crew->workers[i].inbox);
        ring_destroy(crew->workers[i].outbox);
        tally_close(&crew->workers[i].tally);
    }
    free(crew->workers);
}

/* Live, signals are this thread's; of files they are the reader's. */
static int start_with_signals(struct crew *crew) {
    sigset_t blocked;
    signals_that_end(&blocked);
    pthread_sigmask(SIG_BLOCK, &blocked, NULL);
    int result = start(crew);
    if (crew->pipeline->plan->live)
        pthread_sigmask(SIG_SETMASK, &crew->signals, NULL);
    return result;
}

static void note_failed_start(struct pipeline *pipeline, int result) {
    struct error error;
    error_set(&error, -result, EX_OSERR, "can't start %zu meters: %s; set meter.n_meters to 1",
              pipeline->lane_count, strerror(-result));
    failure_note(&pipeline->failure, &error);
}

void parallel_run(struct pipeline *pipeline) {
    struct crew crew = {.pipeline = pipeline};
    pthread_sigmask(SIG_SETMASK, NULL, &crew.signals);
    int result = prepare(&crew);
    if (result == 0)
        result = start_with_signals(&crew);
    if (result < 0)
        note_failed_start(pipeline, result);
    deliver(&crew);
    join(&crew);
    release(&crew);
}
