#include "app/run/output.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "app/host/signals.h"
#include "app/plan/kafka_options.h"
#include "base/check.h"

enum { LOOK_MICROSECONDS = 1000000 }; /* at what waits and was dropped */

/* What is closed while the run goes on may have to end earlier. */
static int64_t deadline_of(const void *context) {
    const struct output *output = context;
    int64_t end = shutdown_deadline(), early = atomic_load(&output->departure.early_end);
    return early != 0 && (end == 0 || early < end) ? early : end;
}

int output_open_sink(struct output *output, struct error *error) {
    const struct plan *plan = output->run;
    const struct output_config *config = output->plan->config;
    struct sink_options options = {
        .output = output->plan->name,
        .path = config->path,
        .format = output->plan->encoding->name,
        .codec = config->codec,
        .compression = config->compression,
        .rotate_size = (uint64_t)config->rotate_size,
        .rotate_flows = (uint64_t)config->rotate_flows,
        .rotate_files = (unsigned)config->rotate_files,
        .header = recorder_header(output->shares[0].recorder),
        .schema_text = output->plan->schema->text,
        .checksum = config->checksum,
        .topic = config->topic,
        .kafka = (const char *const *)config->kafka.items,
        .kafka_count = config->kafka.count,
        .kafka_written = (const char *const *)config->kafka.written,
        .expand = config_expand,
        .framing = output->plan->framing,
        .schema_id = output->schema_id,
        .schema_fingerprint = output->plan->schema->fingerprint,
        .schema_name = output->plan->schema->name,
        .schema_sha256 = output->plan->schema->sha256,
        .dead_letters = config->dead_letters,
        .spool = kafka_options_of(plan->config, config).spool,
        .origin = recorder_origin(output->shares[0].recorder),
        .headers = output->plan->headers,
        .wait_when_full = plan->waits_for_room,
        .has_neighbours = plan->joins || plan->output_count > 1,
        .joins = plan->joins,
        .delivery_limit = plan->config->delivery.timeout,
        .deadline = deadline_of,
        .deadline_context = output,
    };
    if (options.spool.directory && !output->spool_directory &&
        !(output->spool_directory = spool_directory_of(plan->config, output->plan->name)))
        return error_set(error, ENOMEM, EX_OSERR, "out of memory");
    options.spool.directory = output->spool_directory;
    return output->plan->sink->open(&options, &output->sink, error);
}

bool output_plan_may_rekey(const struct output_plan *output_plan, const struct plan *plan) {
    return plan->config->anonymization.key_file && anonymize_policy_is_keyed(&output_plan->policy);
}

/* The writer, who changes the key, goes first: several busy meters could keep it waiting for ever otherwise. */
static void make_key_lock(struct output *output) {
    pthread_rwlockattr_t attributes;
    pthread_rwlockattr_init(&attributes);
    pthread_rwlockattr_setkind_np(&attributes, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
    pthread_rwlock_init(&output->rekeying, &attributes);
    pthread_rwlockattr_destroy(&attributes);
}

struct recorder_options output_recorder_options(struct output *output, const struct output_plan *output_plan,
                                                const struct plan *plan, const struct identity *identity,
                                                const struct anonymize_key *key) {
    return (struct recorder_options){
        .output = output_plan->name,
        .schema = output_plan->schema,
        .encoding = output_plan->encoding,
        .identity = identity,
        .groups_on = plan->groups,
        .live = plan->live,
        .capture_files = output->capture_files,
        .places = output->places,
        .verify = plan->verify,
        .snapshot_length = plan->capture.snapshot_length,
        .next_seq = &output->next_seq,
        .message_key = output_plan->message_key,
        .policy = &output_plan->policy,
        .key = key,
    };
}

static int make_recorders(struct output *output, const struct plan *plan, const struct anonymize_key *key,
                          struct error *error) {
    const struct recorder_options options =
        output_recorder_options(output, output->plan, plan, &plan->identity, key);
    if (!output->shares)
        output->shares = cache_line_calloc(plan->meters, sizeof *output->shares);
    if (!output->shares)
        return error_set(error, ENOMEM, EX_OSERR, "out of memory");
    output->share_count = plan->meters;
    int result = 0;
    output->may_rekey = output_plan_may_rekey(output->plan, plan);
    for (unsigned i = 0; result == 0 && i < plan->meters; i++) {
        output->shares[i].may_rekey = output->may_rekey;
        result = recorder_create(&options, &output->shares[i].recorder, error);
    }
    return result;
}

int output_prepare_contract(struct output *output, const struct plan *plan, const struct identity *identity,
                            struct error *error) {
    const struct recorder_options options =
        output_recorder_options(output, output->plan, plan, identity, NULL);
    int result = 0;
    for (size_t i = 0; result == 0 && i < output->share_count; i++)
        result = recorder_prepare_contract(output->shares[i].recorder, &options, error);
    return result;
}

void output_take_contract(struct output *output, unsigned meter) {
    recorder_take_contract(output->shares[meter].recorder);
}

int output_begin(struct output *output, const struct output_plan *output_plan, const struct plan *plan,
                 const struct anonymize_key *key, struct error *error) {
    output->plan = output_plan;
    output->run = plan;
    make_key_lock(output);
    int result = make_recorders(output, plan, key, error);
    return result == 0 ? output_schema_ask(&output->schema, output_plan, plan, error) : result;
}

int output_open(struct output *output, const struct plan *plan, int64_t until, struct error *error) {
    output->run = plan;
    int result = output_schema_settle(&output->schema, until, &output->health, &output->schema_id, error);
    return result == 0 ? output_open_sink(output, error) : result;
}

void output_shut(struct output *output) {
    if (output->sink)
        output->plan->sink->close(output->sink);
    output->sink = NULL;
    output_schema_close(&output->schema);
    free(output->spool_directory);
    output->spool_directory = NULL;
    for (size_t i = 0; i < output->share_count; i++) {
        recorder_destroy(output->shares[i].recorder);
        recorder_destroy(output->shares[i].former);
        output->shares[i].recorder = output->shares[i].former = NULL;
    }
    if (output->plan)
        pthread_rwlock_destroy(&output->rekeying);
    output->plan = NULL;
}

void output_close(struct output *output) {
    output_shut(output);
    ring_destroy(output->waiting);
    output->waiting = NULL;
    free(output->shares);
    output->shares = NULL;
    output->share_count = 0;
}

void output_start(struct output *output) {
    for (size_t i = 0; output_is_of_flows(output) && i < output->share_count; i++) {
        output->shares[i].takes = true;
        output->shares[i].kinds = output->plan->kinds;
    }
    output->in_force = true;
    atomic_store_explicit(&output->health.plan, output->plan, memory_order_release);
    atomic_store(&output->state, OUTPUT_OPEN);
}

bool output_is_served(const struct output *output) {
    enum output_state state = output_state(output);
    return state == OUTPUT_OPEN || state == OUTPUT_CHANGING || state == OUTPUT_LEAVING ||
           state == OUTPUT_WAITING;
}

const struct output_plan *output_shown_plan(const struct output *output) {
    return atomic_load_explicit(&output->health.plan, memory_order_acquire);
}

bool output_is_of_flows(const struct output *output) {
    return output->plan->schema->records == OF_FLOW;
}

int64_t output_last_seq(const struct output *output) {
    return (int64_t)atomic_load_explicit(&output->next_seq, memory_order_relaxed) - 1;
}

bool output_has_failed(const struct output *output) {
    return atomic_load_explicit(&output->health.failed, memory_order_relaxed);
}

static bool is_mismatched(const struct output *output) {
    return output_schema_drops(&output->schema, &output->health);
}

bool output_takes(const struct output *output) {
    return !output_has_failed(output) && !is_mismatched(output);
}

/* An output that can't go on encodes nothing, but counts each record and gives it its seq. */
static bool drop_if_failed(struct output *output, struct output_share *share) {
    if (!output_has_failed(output))
        return false;
    atomic_fetch_add_explicit(&output->next_seq, 1, memory_order_relaxed);
    share->records.made++;
    share->records.dropped[OUTPUT_DROP_output_failed]++;
    return true;
}

/* Takes note of a record that was to be made; whether it can be sent. */
static bool count_made(struct output_share *share, int result) {
    share->records.made++;
    if (result == 0)
        return true;
    share->records.dropped[result == -EIO ? OUTPUT_DROP_no_pseudonym : OUTPUT_DROP_no_memory]++;
    return false;
}

bool output_make(struct output *output, unsigned meter, const struct flow *flow, struct message *message) {
    DEBUG_CHECK(meter < output->share_count);
    struct output_share *share = &output->shares[meter];
    if ((share->kinds & 1u << flow->record_kind) == 0 || drop_if_failed(output, share))
        return false;
    if (share->may_rekey)
        pthread_rwlock_rdlock(&output->rekeying);
    int result = recorder_make(share->recorder, flow, message);
    if (share->may_rekey)
        pthread_rwlock_unlock(&output->rekeying);
    return count_made(share, result);
}

/* Records that are not of flows have no pseudonyms, so no key that may change. No meter uses the share. */
bool output_make_report(struct output *output, const struct sensor_report *report, struct message *message) {
    struct output_share *share = &output->shares[0];
    return output->plan->schema->records == OF_SENSOR && !drop_if_failed(output, share) &&
           count_made(share, recorder_make_report(share->recorder, report, message));
}

bool output_make_protocol(struct output *output, const struct l7_protocol *protocol,
                          struct message *message) {
    struct output_share *share = &output->shares[0];
    return output->plan->schema->records == OF_PROTOCOL && !drop_if_failed(output, share) &&
           count_made(share, recorder_make_protocol(share->recorder, protocol, message));
}

int output_prepare_key(struct output *output, const struct anonymize_key *key) {
    int result = 0;
    for (size_t i = 0; output->may_rekey && result == 0 && i < output->share_count; i++)
        result = recorder_prepare_key(output->shares[i].recorder, key);
    return result;
}

void output_end_rekeying(struct output *output, bool take) {
    if (!output->may_rekey)
        return;
    if (take)
        pthread_rwlock_wrlock(&output->rekeying);
    for (size_t i = 0; i < output->share_count; i++)
        recorder_end_rekeying(output->shares[i].recorder, take);
    if (take)
        pthread_rwlock_unlock(&output->rekeying);
}

const char *output_key_id(const struct output *output) {
    return recorder_key_id(output->shares[0].recorder);
}

bool output_sink_has_failed(const struct output *output) {
    return output->changes ? output->departure.has_failed : output_has_failed(output);
}

/* Takes note of the sink's answer. What an output becomes doesn't fail with what it was. */
static int note_answer(struct output *output, int result) {
    if (result < 0 && output->changes)
        output->departure.has_failed = true;
    else if (result < 0)
        atomic_store_explicit(&output->health.failed, true, memory_order_relaxed);
    return result;
}

static int drop(struct output *output, enum output_drop reason) {
    output->dropped[reason]++;
    return 0;
}

int output_send(struct output *output, const struct message *message, struct error *error) {
    output->taken++;
    if (output_sink_has_failed(output))
        return drop(output, OUTPUT_DROP_output_failed);
    if (!output->sink)
        return drop(output, OUTPUT_DROP_not_open);
    if (is_mismatched(output))
        return drop(output, OUTPUT_DROP_schema_mismatch);
    return note_answer(output, output->plan->sink->write(output->sink, message, error));
}

bool output_has_room(const struct output *output) {
    /* Its records wait elsewhere, and the thread that closes it may have the sink; or it goes, and never was open. */
    if (output->changes || !output->sink)
        return true;
    const struct sink_type *type = output->plan->sink;
    return !output_takes(output) || !type->has_room || type->has_room(output->sink);
}

void output_count(const struct output *output, struct delivery_counts *counts) {
    output_count_taken(output, counts);
    output_count_sinks(output, &counts->sink);
}

void output_count_taken(const struct output *output, struct delivery_counts *counts) {
    counts->taken = output->taken;
    memcpy(counts->dropped, output->dropped, sizeof counts->dropped);
}

void output_count_sinks(const struct output *output, struct sink_statistics *statistics) {
    *statistics = (struct sink_statistics){0};
    if (output->sink)
        output->plan->sink->statistics(output->sink, statistics);
    sink_statistics_continue(statistics, &output->past);
}

static int poll_sink(struct output *output, struct error *error) {
    const struct sink_type *type = output->plan->sink;
    if (!output->sink || output_sink_has_failed(output))
        return 0;
    return type->poll ? note_answer(output, type->poll(output->sink, error)) : 0;
}

int output_poll(struct output *output, struct error *error) {
    const struct sink_type *type = output->plan->sink;
    int result = poll_sink(output, error);
    if (!output->sink || output->changes) /* what is told is told of what it becomes */
        return result;
    if (type->waiting_since && !output_has_failed(output))
        atomic_store_explicit(&output->health.waiting_since, type->waiting_since(output->sink),
                              memory_order_relaxed);
    return result == 0 && !output_has_failed(output)
               ? output_schema_hear(&output->schema, type, output->sink, &output->health, error)
               : result;
}

void output_watch(struct output *output, int64_t now) {
    struct delivery_counts counts;
    if (now - output->looked < LOOK_MICROSECONDS)
        return;
    output->looked = now;
    output_count(output, &counts);
    atomic_store_explicit(&output->health.spooled, counts.sink.spooled, memory_order_relaxed);
    drops_log_look(&output->drops, output->plan->name, counts.dropped, counts.sink.dropped, now);
    /* Records that are not of flows are made by this thread, in the first share. */
    if (!output_is_of_flows(output))
        drops_log_look(&output->shares[0].drops, output->plan->name, output->shares[0].records.dropped, NULL,
                       now);
}

void output_watch_share(struct output *output, unsigned meter, int64_t now) {
    struct output_share *share = &output->shares[meter];
    if (share->kinds != 0)
        drops_log_look(&share->drops, output_shown_plan(output)->name, share->records.dropped, NULL, now);
}
