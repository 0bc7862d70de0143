#include "app/run/departure.h"

#include <inttypes.h>
#include <string.h>

#include "app/host/signals.h"
#include "app/run/output_change.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"

enum { FIRST_PAUSE = 1000000, LONGEST_PAUSE = 60000000 };

/* Whether the delivering thread has all records that the meters made before. */
static bool has_all(const struct output *output) {
    uint64_t before = 0;
    for (size_t i = 0; i < output->share_count; i++)
        before += output->shares[i].before;
    return output->taken - output->passed_over == before;
}

/* At the end of a run what it becomes has half of the time. */
static int64_t limit_of(const struct output *output) {
    int64_t deadline = shutdown_deadline();
    int64_t left = deadline - clock_monotonic();
    if (deadline == 0)
        left = output->departure.limit;
    else if (output->changes)
        left /= 2;
    return output_sink_has_failed(output) || left < 0 ? 0 : left;
}

static void close_what_was(struct output *output) {
    struct error error = {0};
    if (output->sink && output->plan->sink->flush(output->sink, limit_of(output), false, &error) < 0 &&
        !output_sink_has_failed(output))
        failure_note(output->departure.failure, &error);
    output_count_sinks(output, &output->departure.last);
    if (output->sink)
        output->plan->sink->close(output->sink);
    output->sink = NULL;
    if (output->changes)
        output_become_next(output);
    else
        output_shut(output);
}

static void run(struct output *output) {
    if (output->departure.closes)
        close_what_was(output);
    if (output->changes && output_open_sink(output, &output->departure.error) < 0)
        output->sink = NULL;
}

static void *run_thread(void *context) {
    struct output *output = context;
    run(output);
    atomic_store(&output->departure.ended, true);
    return NULL;
}

static void hand_over_sink(struct output *output, struct failure *failure) {
    struct output_departure *departure = &output->departure;
    departure->failure = failure;
    departure->closes = output_state(output) != OUTPUT_WAITING;
    output_count_sinks(output, &departure->shown);
    departure->keeps = output->plan->sink == &sink_kafka && output->spool_directory &&
                       departure->shown.spool.disk_failing_since == 0;
    atomic_store(&departure->early_end, 0);
    atomic_store(&departure->ended, false);
}

/* Where no thread can be had now, the next poll tries again. */
static void begin(struct output *output, struct failure *failure) {
    enum output_state before = output_state(output);
    hand_over_sink(output, failure);
    atomic_store(&output->state, OUTPUT_CLOSING);
    if (thread_start(&output->departure.thread, "close", run_thread, output) < 0)
        atomic_store(&output->state, before);
}

static void say_unopened(struct output_departure *departure, const char *name) {
    if (strcmp(departure->told, departure->error.text) == 0)
        return;
    memcpy(departure->told, departure->error.text, sizeof departure->told);
    log_line(LOG_ERROR,
             "output \"%s\" can't be opened with its other options: %s; that is tried again, and its records "
             "wait; remove the cause, or change the output, and send SIGHUP",
             name, departure->told);
}

static void put_off(struct output_departure *departure) {
    departure->try_at = clock_monotonic() + departure->pause;
    departure->pause = departure->pause * 2 < LONGEST_PAUSE ? departure->pause * 2 : LONGEST_PAUSE;
}

/* The thread opened what it became, or could not. */
static void end_change(struct output *output) {
    struct output_departure *departure = &output->departure;
    const char *name = output->plan->name;
    atomic_store(&output->health.unopened, !output->sink);
    if (output->sink) {
        output->changes = false;
        atomic_store(&output->health.waiting_since, 0);
        log_line(LOG_INFO, "output \"%s\" is open with its other options", name);
        atomic_store(&output->state, OUTPUT_OPEN);
        return;
    }
    say_unopened(departure, name);
    put_off(departure);
    atomic_store(&output->state, OUTPUT_WAITING);
}

static void end(struct output *output) {
    struct output_departure *departure = &output->departure;
    atomic_store(&departure->early_end, 0);
    if (departure->closes) {
        const struct sink_statistics *last = &departure->last;
        output->past = departure->shown = *last;
        departure->has_failed = false;
        departure->told[0] = '\0';
        departure->pause = FIRST_PAUSE;
        log_line(LOG_INFO,
                 "output \"%s\" is closed: %" PRIu64 " records acknowledged, %" PRIu64 " left in its spool",
                 output_shown_plan(output)->name, last->acknowledged, last->spooled);
    }
    if (output->changes) {
        end_change(output);
        return;
    }
    atomic_store(&output->health.gone, true);
    atomic_store(&output->state, OUTPUT_CLOSED);
}

void departure_begin(struct output *output) {
    if (output_state(output) != OUTPUT_CHANGING) {
        output->changes = false;
        output->passed_over = 0;
    }
    atomic_store(&output->state, OUTPUT_LEAVING);
}

void departure_poll(struct output *output, struct failure *failure) {
    switch (output_state(output)) {
    case OUTPUT_LEAVING:
        if (has_all(output))
            begin(output, failure);
        break;
    case OUTPUT_CLOSING:
        if (atomic_load(&output->departure.ended)) {
            pthread_join(output->departure.thread, NULL);
            end(output);
        }
        break;
    case OUTPUT_WAITING:
        if (clock_monotonic() >= output->departure.try_at)
            begin(output, failure);
        break;
    default: break;
    }
}

void departure_try_now(struct output *output) {
    output->departure.try_at = 0;
    output->departure.pause = FIRST_PAUSE;
}

void departure_end(struct output *output, struct failure *failure) {
    struct error error = {0};
    if (output_state(output) == OUTPUT_CLOSING) {
        output_share_end(output);
        pthread_join(output->departure.thread, NULL);
        end(output);
    }
    if (output->changes) {
        hand_over_sink(output, failure);
        run(output);
        end(output);
    }
    if (output_end_all_waits(output, &error) < 0)
        failure_note(failure, &error);
    if (output->changes)
        failure_note(failure, &output->departure.error);
}
