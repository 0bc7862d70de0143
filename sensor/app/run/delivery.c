#include "app/run/delivery.h"

#include <unistd.h>

#include "app/host/signals.h"
#include "app/run/departure.h"
#include "app/run/output_change.h"
#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"

/* Live, a start waits for the registry that long: a slow one must cost no packets. */
enum { REGISTRY_PATIENCE_MICROSECONDS = 200000 };
enum { LOOK_MICROSECONDS = 2000 }; /* at an output that changes */

int delivery_open(struct delivery *delivery, const struct plan *plan, struct failure *failure,
                  struct error *error) {
    int result = 0;
    delivery->plan = plan;
    delivery->failure = failure;
    for (size_t i = 0; result == 0 && i < plan->output_count; i++) {
        delivery->count = i + 1;
        delivery->outputs[i].capture_files = delivery->capture_files;
        delivery->outputs[i].places = delivery->places;
        result = output_begin(&delivery->outputs[i], &plan->outputs[i], plan, &plan->key, error);
    }
    int64_t until = plan->waits_for_room ? INT64_MAX : clock_monotonic() + REGISTRY_PATIENCE_MICROSECONDS;
    for (size_t i = 0; result == 0 && i < plan->output_count; i++)
        result = output_open(&delivery->outputs[i], plan, until, error);
    if (result == 0)
        roster_begin(&delivery->roster, delivery->outputs, delivery->count);
    return result;
}

void delivery_close(struct delivery *delivery) {
    for (size_t i = 0; i < CONFIG_OUTPUTS_MAX; i++) {
        output_drop_next(&delivery->outputs[i]);
        output_close(&delivery->outputs[i]);
    }
    delivery->count = 0;
}

/* Whether records still get anywhere. While no output of flows is left that was asked for, metering has no use. */
static bool any_goes_on(const struct delivery *delivery) {
    bool has_flows = false, flows_go_on = false, any = false;
    for (size_t i = 0; i < delivery->count; i++) {
        if (delivery->outputs[i].changes)
            return true;
        if (output_state(&delivery->outputs[i]) != OUTPUT_OPEN)
            continue;
        bool of_flows = output_is_of_flows(&delivery->outputs[i]);
        bool takes = output_takes(&delivery->outputs[i]);
        has_flows |= of_flows;
        flows_go_on |= of_flows && takes;
        any |= takes;
    }
    return has_flows ? flows_go_on : any;
}

/* The others go on; the exit code is the first failure's. */
static void note_failed(struct delivery *delivery, size_t output, const struct error *error) {
    failure_note(delivery->failure, error);
    if (!any_goes_on(delivery))
        atomic_store_explicit(&delivery->stop, true, memory_order_relaxed);
    else if (error->exit_code != EX_OK && !delivery->outputs[output].changes)
        log_line(
            LOG_WARNING,
            "output \"%s\" gets no more records, and the others go on; restart the sensor once the cause is removed",
            delivery->outputs[output].plan->name);
}

bool delivery_admit(struct delivery *delivery) {
    uint64_t limit = (uint64_t)delivery->plan->config->meter.max_nflows;
    if (limit == 0)
        return true;
    uint64_t flow = atomic_fetch_add_explicit(&delivery->flows, 1, memory_order_relaxed) + 1;
    if (flow >= limit)
        atomic_store_explicit(&delivery->stop, true, memory_order_relaxed);
    return flow <= limit;
}

bool delivery_is_open(const struct delivery *delivery) {
    uint64_t limit = (uint64_t)delivery->plan->config->meter.max_nflows;
    return limit == 0 || atomic_load_explicit(&delivery->flows, memory_order_relaxed) < limit;
}

/* At the end of a run records come faster than they have room while an output changes. */
static void wait_for_change(struct delivery *delivery, struct output *output) {
    if (!output->waiting || shutdown_deadline() == 0)
        return;
    departure_poll(output, delivery->failure);
    while (output_is_short(output)) {
        usleep(LOOK_MICROSECONDS);
        departure_poll(output, delivery->failure);
    }
}

void delivery_send(struct delivery *delivery, size_t output, const struct message *message) {
    DEBUG_CHECK(output < delivery->count);
    wait_for_change(delivery, &delivery->outputs[output]);
    if (output_send_or_wait(&delivery->outputs[output], message, &delivery->error) < 0)
        note_failed(delivery, output, &delivery->error);
}

void delivery_report(struct delivery *delivery, const struct sensor_report *report, bool is_heartbeat) {
    struct message message;
    if (is_heartbeat)
        delivery->heartbeats++;
    else
        delivery->reports++;
    for (size_t i = 0; i < delivery->count; i++) {
        struct output *output = &delivery->outputs[i];
        if (!output_is_served(output) || schema_is_of_heartbeats(output->plan->schema) != is_heartbeat ||
            !output_make_report(output, report, &message))
            continue;
        output->shares[0].records.sent++;
        delivery_send(delivery, i, &message);
    }
}

bool delivery_has_room(const struct delivery *delivery) {
    for (size_t i = 0; i < delivery->count; i++)
        if (output_state(&delivery->outputs[i]) == OUTPUT_OPEN && output_is_of_flows(&delivery->outputs[i]) &&
            !output_has_room(&delivery->outputs[i]))
            return false;
    return true;
}

/* Records that are not of flows are made by this thread, in the first share. */
static void follow_retiming(struct delivery *delivery) {
    if (!handout_is_due(&delivery->retiming.handout, &delivery->turn))
        return;
    for (size_t i = 0; i < delivery->count; i++)
        if (output_is_served(&delivery->outputs[i]) && !output_is_of_flows(&delivery->outputs[i]))
            output_take_contract(&delivery->outputs[i], 0);
    handout_took(&delivery->retiming.handout);
}

static int serve(struct output *output, struct error *error) {
    int result = output_poll(output, error);
    return result == 0 ? output_end_waits(output, error) : result;
}

void delivery_poll(struct delivery *delivery) {
    struct error error = {0};
    int64_t now = clock_monotonic();
    heartbeat_beat(&delivery->heartbeat, now);
    follow_retiming(delivery);
    roster_follow(&delivery->roster, delivery->failure);
    delivery->count = delivery->roster.served;
    for (size_t i = 0; i < delivery->count; i++)
        if (output_is_served(&delivery->outputs[i]) && serve(&delivery->outputs[i], &error) < 0)
            note_failed(delivery, i, &error);
    for (size_t i = 0; delivery->plan->live && i < delivery->count; i++)
        if (output_is_served(&delivery->outputs[i]))
            output_watch(&delivery->outputs[i], now);
}

void delivery_count(const struct delivery *delivery, struct snapshot *snapshot) {
    snapshot->reports = delivery->reports;
    snapshot->heartbeats = delivery->heartbeats;
    snapshot->protocols = delivery->protocols;
    snapshot->output_count = delivery->roster.counted;
    for (size_t i = 0; i < delivery->roster.counted; i++) {
        const struct output *output = &delivery->outputs[i];
        snapshot->plans[i] = output_shown_plan(output);
        if (!output_is_served(output)) {
            output_count_taken(output, &snapshot->outputs[i]);
            snapshot->outputs[i].sink = output->departure.shown;
            continue;
        }
        output_count(output, &snapshot->outputs[i]);
        if (!output_is_of_flows(output))
            record_counts_add(&snapshot->ledger.records[i], &output->shares[0].records);
    }
}

/* How long an output may still take, in microseconds: one that failed has had its time. */
static int64_t flush_limit(const struct delivery *delivery, const struct output *output) {
    int64_t deadline = shutdown_deadline();
    if (output_has_failed(output))
        return 0;
    if (deadline == 0)
        return delivery->plan->config->delivery.timeout;
    int64_t left = deadline - clock_monotonic();
    return left > 0 ? left : 0;
}

struct flush_task {
    struct delivery *delivery;
    struct output *output;
    pthread_t thread;
    bool started;
};

static void *flush_output(void *context) {
    const struct flush_task *task = context;
    struct output *output = task->output;
    struct error error = {0};
    bool patient = shutdown_deadline() == 0;
    departure_end(output, task->delivery->failure);
    int64_t limit = flush_limit(task->delivery, output);
    if (output->sink && output->plan->sink->flush(output->sink, limit, patient, &error) < 0 &&
        !output_has_failed(output))
        failure_note(task->delivery->failure, &error);
    return NULL;
}

/* All at the same time: one that takes nothing must not use up the others' time. */
void delivery_flush(struct delivery *delivery) {
    struct flush_task all[CONFIG_OUTPUTS_MAX];
    for (size_t i = 0; i < delivery->count; i++) {
        all[i] = (struct flush_task){.delivery = delivery, .output = &delivery->outputs[i]};
        if (!output_is_served(&delivery->outputs[i]) && output_state(&delivery->outputs[i]) != OUTPUT_CLOSING)
            continue;
        all[i].started =
            i + 1 < delivery->count && thread_start(&all[i].thread, "flush", flush_output, &all[i]) == 0;
        if (!all[i].started)
            flush_output(&all[i]);
    }
    for (size_t i = 0; i < delivery->count; i++)
        if (all[i].started)
            pthread_join(all[i].thread, NULL);
}
