#include "app/run/output_change.h"

#include <errno.h>

#include "app/run/outbox.h"
#include "app/host/signals.h"
#include "base/clock.h"

enum {
    AT_ONCE = 4096, /* at a housekeeping */
    PER_RECORD = 4, /* behind each new one, so that they come to an end */
};

static int make_next_recorders(struct output *output, const struct anonymize_key *key, struct error *error) {
    const struct plan *run = output->next.run;
    const struct recorder_options options =
        output_recorder_options(output, output->next.plan, run, &run->identity, key);
    int result = 0;
    for (size_t i = 0; result == 0 && i < output->share_count; i++)
        result = recorder_create(&options, &output->shares[i].next, error);
    return result;
}

/* Rings have a power of two. */
static size_t waiting_bytes(const struct plan *run) {
    size_t bytes = PLAN_WAITING_BYTES;
    while (bytes * run->output_count > PLAN_WAITING_BYTES)
        bytes /= 2;
    return bytes;
}

int output_prepare_next(struct output *output, const struct output_plan *plan, const struct plan *run,
                        const struct anonymize_key *key, int64_t until, struct error *error) {
    struct output_next *next = &output->next;
    *next = (struct output_next){
        .plan = plan, .run = run, .waiting = ring_create(waiting_bytes(run), &output->waiting_gate)};
    int result = next->waiting ? 0 : error_set(error, ENOMEM, EX_OSERR, "out of memory");
    if (result == 0)
        result = make_next_recorders(output, key, error);
    if (result == 0)
        result = output_schema_ask(&next->schema, plan, run, error);
    return result == 0 ? output_schema_settle(&next->schema, until, &next->health, &next->schema_id, error)
                       : result;
}

void output_drop_next(struct output *output) {
    if (!output->next.plan)
        return;
    for (size_t i = 0; i < output->share_count; i++) {
        recorder_destroy(output->shares[i].next);
        output->shares[i].next = NULL;
    }
    ring_destroy(output->next.waiting);
    output_schema_close(&output->next.schema);
    output->next = (struct output_next){0};
}

static void tell_health(struct output *output) {
    struct output_health *to = &output->health;
    const struct output_health *from = &output->next.health;
    atomic_store(&to->failed, false);
    atomic_store(&to->unopened, false);
    atomic_store(&to->mismatch, false);
    atomic_store(&to->schema_cached, atomic_load(&from->schema_cached));
    atomic_store(&to->schema_unknown, atomic_load(&from->schema_unknown));
    atomic_store(&to->waiting_since, clock_monotonic());
    atomic_store_explicit(&to->plan, output->next.plan, memory_order_release);
}

void output_begin_change(struct output *output) {
    struct error error;
    output->departure.has_failed = output_sink_has_failed(output);
    output_end_all_waits(output, &error); /* there is no sink that could fail */
    ring_destroy(output->waiting);
    output->waiting = output->next.waiting;
    output->next.waiting = NULL;
    output->passed_over = 0;
    output->patience = (struct patience){0};
    output->changes = true;
    tell_health(output);
    atomic_store(&output->state, OUTPUT_CHANGING);
}

void output_take_next(struct output *output, unsigned meter) {
    struct output_share *share = &output->shares[meter];
    share->before = share->records.sent;
    share->former = share->recorder;
    share->recorder = share->next;
    share->may_rekey = output_plan_may_rekey(output->next.plan, output->next.run);
    recorder_follow(share->recorder, share->former);
}

void output_become_next(struct output *output) {
    struct output_next *next = &output->next;
    for (size_t i = 0; i < output->share_count; i++) {
        struct output_share *share = &output->shares[i];
        if (!share->former) /* the run ended before its meter took it */
            output_take_next(output, (unsigned)i);
        recorder_destroy(share->former);
        share->former = share->next = NULL;
    }
    output_schema_close(&output->schema);
    output->plan = next->plan;
    output->run = next->run;
    output->schema = next->schema;
    output->schema_id = next->schema_id;
    *next = (struct output_next){0};
}

static bool is_of_next(const struct output *output, const struct message *message) {
    for (size_t i = 0; i < output->share_count; i++)
        if (message->origin == recorder_origin(output->shares[i].next))
            return true;
    return false;
}

static bool lets_wait(const struct output *output, const struct message *message) {
    if (!output->waiting)
        return false;
    enum output_state state = output_state(output);
    bool was_is_served = output->changes && (state == OUTPUT_CHANGING || state == OUTPUT_LEAVING);
    return !was_is_served || is_of_next(output, message);
}

/* Whether what waits can go on, to the sink or to the counters. */
static bool may_go(const struct output *output) {
    enum output_state state = output_state(output);
    return !output->changes && (state == OUTPUT_OPEN || state == OUTPUT_LEAVING);
}

/* The first failure stays. */
static int send_after(struct output *output, const struct message *message, int result, struct error *error) {
    struct error own;
    int answer = output_send(output, message, result < 0 ? &own : error);
    return result < 0 ? result : answer;
}

/* Whether there was one. */
static bool send_oldest(struct output *output, int *result, struct error *error) {
    struct message message;
    size_t slot;
    if (!outbox_peek(output->waiting, &slot, &message))
        return false;
    *result = send_after(output, &message, *result, error);
    ring_release(output->waiting);
    return true;
}

/* As many as there is room for: a pipe has little. */
static void send_some(struct output *output, unsigned records, int *result, struct error *error) {
    while (records-- > 0 && !patience_holds(&output->patience, output_has_room(output)) &&
           send_oldest(output, result, error))
        continue;
}

static int find_no_room(struct output *output) {
    output->taken++;
    output->passed_over++;
    output->dropped[OUTPUT_DROP_not_open]++;
    return 0;
}

/* Who is hurried already stays so. */
static void hurry(struct output *output, int64_t end) {
    int64_t none = 0;
    if (output->departure.closes)
        atomic_compare_exchange_strong(&output->departure.early_end, &none, end);
}

void output_share_end(struct output *output) {
    int64_t now = clock_monotonic(), deadline = shutdown_deadline();
    if (output->changes && deadline > now)
        hurry(output, now + (deadline - now) / 2);
}

static void hurry_if_filling(struct output *output) {
    if (output_state(output) == OUTPUT_CLOSING && output->departure.keeps &&
        ring_is_half_full(output->waiting))
        hurry(output, clock_monotonic());
}

bool output_is_short(struct output *output) {
    if (!output->waiting || output_state(output) != OUTPUT_CLOSING)
        return false;
    output_share_end(output);
    return ring_is_half_full(output->waiting) && clock_monotonic() < shutdown_deadline();
}

static int let_wait(struct output *output, const struct message *message, struct error *error) {
    bool goes = may_go(output);
    int result = 0;
    if (goes)
        send_some(output, PER_RECORD, &result, error);
    while (!outbox_put(output->waiting, 0, message, false)) {
        if (!goes)
            return find_no_room(output);
        if (!send_oldest(output, &result, error))
            return send_after(output, message, result, error); /* larger than all that waits may be */
    }
    hurry_if_filling(output);
    return result;
}

int output_send_or_wait(struct output *output, const struct message *message, struct error *error) {
    return lets_wait(output, message) ? let_wait(output, message, error)
                                      : output_send(output, message, error);
}

int output_end_waits(struct output *output, struct error *error) {
    struct message message;
    size_t slot;
    int result = 0;
    if (!output->waiting || !may_go(output))
        return 0;
    send_some(output, AT_ONCE, &result, error);
    if (!outbox_peek(output->waiting, &slot, &message)) {
        ring_destroy(output->waiting);
        output->waiting = NULL;
    }
    return result;
}

int output_end_all_waits(struct output *output, struct error *error) {
    int result = 0;
    while (output->waiting && send_oldest(output, &result, error))
        continue;
    return result;
}
