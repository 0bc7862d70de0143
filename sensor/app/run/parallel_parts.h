/* What the files of the parallel run share: parallel.c starts and ends it, worker.c meters, file_turns.c reads files for all
 * workers, delivery_loop.c delivers what they make.
 *
 * A worker is a thread with a lane of its own. It shares nothing with other workers: records leave it by an SPSC ring, its
 * outbox, and of files packets come to it by another, its inbox. The eventcounts (base/gate.h) wake who waits for a ring. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "app/account/tally.h"
#include "app/run/inbox.h"
#include "app/run/patience.h"
#include "app/run/pipeline_parts.h"
#include "base/cache_line.h"
#include "base/gate.h"
#include "base/ring.h"

enum {
    PARALLEL_POLL_MICROSECONDS = 50000, /* between two looks at what nobody wakes us for */
    PARALLEL_NAP_MICROSECONDS = 1000,   /* while a ring is empty: much less than it takes to fill one */
};

struct worker {
    _Alignas(CACHE_LINE) struct parallel *parallel;
    struct lane *lane;
    struct intake *intake;         /* live: its share of the interface */
    struct tally tally;            /* of the intake, live, and the lane */
    struct inbox *inbox;           /* files: packets from whoever reads */
    struct gate inbox_filled;      /* files: something was put into the inbox */
    struct ring *outbox;           /* records for the delivering thread */
    bool ending;                   /* the worker's own: it reads no more packets */
    _Atomic uint64_t flows_opened; /* now and then, for the progress bar */
    pthread_t thread;
    bool started;
};

struct parallel {
    struct pipeline *pipeline;
    struct worker *workers;
    size_t count;
    atomic_bool capture_failed; /* live: the interface failed, and that was reported */

    /* The delivering thread's. */
    struct gate outbox_filled;                    /* some worker made a record */
    struct patience patience[CONFIG_OUTPUTS_MAX]; /* with each output */
    bool tallying;             /* all were asked for their parts of a report, a heartbeat or a snapshot */
    bool beating;              /* they were asked for a heartbeat */
    struct snapshot *snapshot; /* under way; NULL: they were not asked for one */

    /* Files: whose turn it is to read. */
    atomic_bool turn_taken;   /* at first by who starts the threads; what follows is whose turn it is */
    bool read_ended;          /* all is read */
    struct tally reads_tally; /* of the intake */
};

/* What the threads run, live and of files. The argument is a worker. */
void *worker_run_live(void *worker);
void *worker_run_files(void *worker);

/* Files: lets the workers take turns.
 * @thread main, once all workers are started, or one can't be */
void file_turns_begin(struct parallel *parallel);
/* Reads a few thousand packets for all workers, unless another worker does, or there is no room for what they have not
 * metered yet. False: nothing was read.
 * @thread read: any worker whose inbox is empty */
bool file_turns_take(struct parallel *parallel);

/* How a lane's records leave its worker; the context is the worker.
 * @thread meter */
void worker_send(void *worker, size_t output, const struct message *message);
bool worker_has_room(void *worker);

/* Hands records to the outputs until every worker that was started has ended.
 * @thread deliver */
void delivery_loop_run(struct parallel *parallel);
