#include "app/run/departure.h"

#include <inttypes.h>

#include "app/host/signals.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"

/* Whether the delivering thread has all records that the meters made, which make no more. */
static bool has_all(const struct output *output) {
    uint64_t sent = 0;
    for (size_t i = 0; i < output->share_count; i++)
        sent += output->shares[i].records.sent;
    return output->taken == sent;
}

static int64_t limit_of(const struct output *output) {
    int64_t deadline = shutdown_deadline();
    int64_t left = deadline == 0 ? output->departure.limit : deadline - clock_monotonic();
    return output_has_failed(output) || left < 0 ? 0 : left;
}

static void *close_output(void *context) {
    struct output *output = context;
    struct error error = {0};
    if (output->plan->sink->flush(output->sink, limit_of(output), false, &error) < 0 &&
        !output_has_failed(output))
        failure_note(output->departure.failure, &error);
    output_count(output, &output->departure.last);
    output_shut(output);
    atomic_store(&output->departure.ended, true);
    return NULL;
}

/* Where no thread can be had now, the next poll tries again. */
static void begin(struct output *output, struct failure *failure) {
    output->departure.failure = failure;
    output_count(output, &output->departure.shown);
    atomic_store(&output->departure.ended, false);
    atomic_store(&output->state, OUTPUT_CLOSING);
    if (thread_start(&output->departure.thread, "close", close_output, output) < 0)
        atomic_store(&output->state, OUTPUT_LEAVING);
}

static void end(struct output *output) {
    const struct delivery_counts *last = &output->departure.last;
    pthread_join(output->departure.thread, NULL);
    output->departure.shown = *last;
    log_line(LOG_INFO,
             "output \"%s\" is closed: %" PRIu64 " records acknowledged, %" PRIu64 " left in its spool",
             output_shown_plan(output)->name, last->sink.acknowledged, last->sink.spooled);
    atomic_store(&output->health.gone, true);
    atomic_store(&output->state, OUTPUT_CLOSED);
}

void departure_poll(struct output *output, struct failure *failure) {
    enum output_state state = output_state(output);
    if (state == OUTPUT_LEAVING && has_all(output))
        begin(output, failure);
    else if (state == OUTPUT_CLOSING && atomic_load(&output->departure.ended))
        end(output);
}

void departure_end(struct output *output) {
    if (output_state(output) == OUTPUT_CLOSING)
        end(output);
}
