/* Several meters, each with a thread of its own, a worker, that shares nothing with the others. The calling thread delivers
 * what they make, from one ring each. Live, every worker reads a share of the interface by itself; files are read for all by
 * whoever has nothing to meter. Here is how these threads start and end. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "app/host/signals.h"
#include "app/run/parallel_parts.h"
#include "base/thread.h"

enum { INBOX_BYTES = 4 << 20 };

static int prepare_worker(struct parallel *parallel, size_t number) {
    struct worker *worker = &parallel->workers[number];
    worker->parallel = parallel;
    worker->lane = &parallel->pipeline->lanes[number];
    worker->lane->send = worker_send;
    worker->lane->has_room = worker_has_room;
    worker->lane->send_context = worker;
    worker->outbox = ring_create(PLAN_OUTBOX_BYTES, &parallel->outbox_filled);
    if (parallel->pipeline->plan->live)
        worker->lane->intake = worker->intake = &parallel->pipeline->intakes[number];
    else
        worker->inbox = inbox_create(INBOX_BYTES, &worker->inbox_filled);
    bool complete = worker->outbox && (worker->inbox || worker->intake);
    return complete ? tally_open(&worker->tally, worker->lane->applications.count) : -ENOMEM;
}

static int prepare_workers(struct parallel *parallel) {
    size_t count = parallel->pipeline->lane_count;
    parallel->workers = cache_line_calloc(count, sizeof *parallel->workers);
    if (!parallel->workers)
        return -ENOMEM;
    parallel->count = count;
    int result = 0;
    for (size_t i = 0; result == 0 && i < parallel->count; i++)
        result = prepare_worker(parallel, i);
    return result;
}

/* If a thread can't be started the run ends: the others are told to stop. No file is read before that is known, for its
 * packets would be for meters that never begin. */
static int start_threads(struct parallel *parallel) {
    bool live = parallel->pipeline->plan->live;
    int result = 0;
    for (size_t i = 0; result == 0 && i < parallel->count; i++) {
        struct worker *worker = &parallel->workers[i];
        result = thread_start(&worker->thread, "meter", live ? worker_run_live : worker_run_files, worker);
        worker->started = result == 0;
    }
    if (result < 0)
        atomic_store(&parallel->pipeline->delivery.stop, true);
    if (!live)
        file_turns_begin(parallel);
    return result;
}

/* Signals are this thread's. */
static int start_with_signals(struct parallel *parallel) {
    sigset_t blocked, before;
    signals_that_end(&blocked);
    pthread_sigmask(SIG_BLOCK, &blocked, &before);
    int result = start_threads(parallel);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return result;
}

static void note_failed_start(struct pipeline *pipeline, int result) {
    struct error error;
    error_set(&error, -result, EX_OSERR, "can't start %zu meters: %s; set meter.n_meters to 1",
              pipeline->lane_count, strerror(-result));
    failure_note(&pipeline->failure, &error);
}

static void join_threads(struct parallel *parallel) {
    for (size_t i = 0; i < parallel->count; i++)
        if (parallel->workers[i].started)
            pthread_join(parallel->workers[i].thread, NULL);
}

static void release_workers(struct parallel *parallel) {
    for (size_t i = 0; i < parallel->count; i++) {
        inbox_destroy(parallel->workers[i].inbox);
        ring_destroy(parallel->workers[i].outbox);
        tally_close(&parallel->workers[i].tally);
    }
    free(parallel->workers);
}

void parallel_run(struct pipeline *pipeline) {
    struct parallel parallel = {.pipeline = pipeline, .turn_taken = true};
    int result = prepare_workers(&parallel);
    if (result == 0)
        result = start_with_signals(&parallel);
    if (result < 0)
        note_failed_start(pipeline, result);
    delivery_loop_run(&parallel);
    join_threads(&parallel);
    release_workers(&parallel);
}
