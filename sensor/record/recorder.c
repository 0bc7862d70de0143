#include "record/recorder.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cache_line.h"
#include "base/utf8.h"
#include "meter/l7.h"
#include "record/anonymize/anonymizer.h"
#include "record/contract/features.h"
#include "record/contract/metering.h"
#include "record/field/flow_hash.h"
#include "record/field/number.h"
#include "record/message_key.h"
#include "record/program.h"

/* What follows from how flows are metered: where that changes, another one takes its place. */
struct recorder_contract {
    struct record_program program;
    struct message_key key;
    char *features; /* canonical text */
    char feature_hash[CANONICAL_HASH_SIZE], metering_hash[CANONICAL_HASH_SIZE];
};

struct recorder {
    struct recorder_contract *contract;
    struct recorder_contract *next;     /* prepared; NULL most of the time */
    struct recorder_contract *former;   /* not in use any more */
    struct anonymizer *anonymizer;      /* NULL: every field goes out as it is */
    struct anonymizer *next_anonymizer; /* prepared; NULL most of the time */
    const struct encoding *encoding;
    char *output;
    char first_feature_hash[CANONICAL_HASH_SIZE]; /* the origin's */
    struct record_source source;
    struct record_scratch scratch;
    struct buffer body, header;
    struct message_origin origin;
    _Atomic uint64_t *next_seq; /* the output's, or own_seq */
    _Atomic uint64_t own_seq;
    int64_t loss_time; /* of the latest loss, in ticks */
    bool has_loss;
};

static int recorder_no_memory(const struct recorder_options *options, struct error *error) {
    return error_set(error, ENOMEM, EX_OSERR, "output %s: no memory for its recorder", options->output);
}

/* Some names in each record come from the configuration. If they were not valid UTF-8, no record could be read. */
static int check_names(const struct recorder_options *options, struct error *error) {
    const char *sensor_id = options->identity->sensor_id;
    if (!text_is_clean(sensor_id, strlen(sensor_id)))
        return error_set(error, EINVAL, EX_CONFIG,
                         "identity.sensor_id is not valid UTF-8; give another name");
    if (!text_is_clean(options->output, strlen(options->output)))
        return error_set(error, EINVAL, EX_CONFIG, "output %s: the name is not valid UTF-8; give another one",
                         options->output);
    return 0;
}

static size_t udps_field_count(const struct meter_options *meter) {
    return meter->udps != NULL ? meter->udps->field_count : 0;
}

enum {
    SPLT_ARRAYS = 3,
    SPLT_MORE_ARRAYS = 3,
};

/* Arrays with a place for each packet that SPLT keeps. */
static size_t splt_arrays(const struct meter_options *meter) {
    return SPLT_ARRAYS + (meter->splt_more ? SPLT_MORE_ARRAYS : 0);
}

static int allocate_scratch(struct record_scratch *scratch, const struct meter_options *meter) {
    scratch->udps = cache_line_calloc(udps_field_count(meter) + 1, sizeof *scratch->udps);
    scratch->udps_count = scratch->udps != NULL ? udps_field_count(meter) : 0;
    scratch->integers_capacity = splt_arrays(meter) * meter->splt_analysis + RECORD_FIXED_INTEGERS;
    scratch->integers = cache_line_calloc(scratch->integers_capacity, sizeof *scratch->integers);
    scratch->text = malloc(RECORD_TEXT_SCRATCH);
    return scratch->integers != NULL && scratch->text != NULL && scratch->udps != NULL ? 0 : -ENOMEM;
}

/* A rule that needs a key has one: the caller has checked it. */
static int open_anonymizer(struct recorder *recorder, const struct recorder_options *options,
                           struct error *error) {
    if (options->policy == NULL || !anonymize_policy_changes(options->policy))
        return 0;
    recorder->anonymizer =
        anonymizer_create(anonymize_policy_is_keyed(options->policy) ? options->key : NULL);
    return recorder->anonymizer != NULL ? 0 : recorder_no_memory(options, error);
}

static void contract_free(struct recorder_contract *contract) {
    if (contract == NULL)
        return;
    free(contract->features);
    program_free(&contract->program);
    free(contract);
}

/* What is the same in all records of the contract. */
static struct record_source constant_source(const struct recorder_options *options,
                                            const struct recorder_contract *contract) {
    return (struct record_source){
        .identity = options->identity,
        .output = options->output,
        .feature_hash = contract->feature_hash,
        .metering_hash = contract->metering_hash,
        .capture_files = options->capture_files,
        .places = options->places,
        .verify = options->verify,
    };
}

/* `header` may be NULL. */
static int contract_fill(struct recorder_contract *contract, const struct recorder_options *options,
                         struct buffer *header, struct error *error) {
    int status = program_bind(&contract->program, options, error);
    if (status < 0)
        return status;
    contract->features = features_text(options->schema, options->identity, options->live,
                                       options->snapshot_length, options->policy);
    if (contract->features == NULL || !metering_hash(options->identity, contract->metering_hash))
        return recorder_no_memory(options, error);
    canonical_hash(contract->features, contract->feature_hash);
    if (header != NULL)
        options->encoding->header(contract->program.fields, contract->program.field_count, header);
    struct record_source source = constant_source(options, contract);
    if (program_shorten(&contract->program, options->encoding, &source) < 0)
        return recorder_no_memory(options, error);
    message_key_bind(options->message_key, contract->program.fields, contract->program.field_count,
                     &contract->key);
    return 0;
}

static int contract_make(const struct recorder_options *options, struct buffer *header,
                         struct recorder_contract **made, struct error *error) {
    struct recorder_contract *contract = calloc(1, sizeof *contract);
    if (contract == NULL)
        return recorder_no_memory(options, error);
    int status = contract_fill(contract, options, header, error);
    if (status < 0)
        contract_free(contract);
    else
        *made = contract;
    return status;
}

static int recorder_describe(struct recorder *recorder, const struct recorder_options *options,
                             struct error *error) {
    recorder->output = strdup(options->output);
    if (recorder->output == NULL || recorder->header.failed ||
        allocate_scratch(&recorder->scratch, options->identity->meter) < 0)
        return recorder_no_memory(options, error);
    memcpy(recorder->first_feature_hash, recorder->contract->feature_hash,
           sizeof recorder->first_feature_hash);
    recorder->encoding = options->encoding;
    recorder->next_seq = options->next_seq != NULL ? options->next_seq : &recorder->own_seq;
    recorder->source = constant_source(options, recorder->contract);
    recorder->source.output = recorder->output;
    recorder->source.scratch = &recorder->scratch;
    recorder->source.anon_key_id =
        recorder->anonymizer != NULL ? anonymizer_key_id(recorder->anonymizer) : NULL;
    recorder->origin = (struct message_origin){
        .sensor_id = options->identity->sensor_id,
        .boot_id = options->identity->boot_id,
        .output = recorder->output,
        .feature_hash = recorder->first_feature_hash,
        .verify = options->verify,
    };
    return 0;
}

int recorder_create(const struct recorder_options *options, struct recorder **recorder, struct error *error) {
    struct recorder *created = cache_line_calloc(1, sizeof *created);
    if (created == NULL)
        return recorder_no_memory(options, error);
    int status = check_names(options, error);
    if (status == 0)
        status = contract_make(options, &created->header, &created->contract, error);
    if (status == 0)
        status = open_anonymizer(created, options, error);
    if (status == 0)
        status = recorder_describe(created, options, error);
    if (status < 0) {
        recorder_destroy(created);
        return status;
    }
    *recorder = created;
    return 0;
}

int recorder_prepare_contract(struct recorder *recorder, const struct recorder_options *options,
                              struct error *error) {
    contract_free(recorder->former);
    contract_free(recorder->next);
    recorder->former = recorder->next = NULL;
    return contract_make(options, NULL, &recorder->next, error);
}

void recorder_take_contract(struct recorder *recorder) {
    if (recorder->next == NULL)
        return;
    recorder->former = recorder->contract;
    recorder->contract = recorder->next;
    recorder->next = NULL;
    recorder->source.feature_hash = recorder->contract->feature_hash;
    recorder->source.metering_hash = recorder->contract->metering_hash;
}

size_t recorder_memory_for(const struct meter_options *meter) {
    enum { FIELDS = 64 << 10, SPLT_PLACE = sizeof(int64_t) + INTEGER_TEXT_MAX + 1 };
    return RECORD_TEXT_SCRATCH + FIELDS + splt_arrays(meter) * meter->splt_analysis * SPLT_PLACE;
}

void recorder_destroy(struct recorder *recorder) {
    if (recorder == NULL)
        return;
    buffer_free(&recorder->header);
    buffer_free(&recorder->body);
    for (size_t i = 0; i < recorder->scratch.udps_count; i++)
        buffer_free(&recorder->scratch.udps[i]);
    free(recorder->scratch.udps);
    anonymizer_destroy(recorder->anonymizer);
    anonymizer_destroy(recorder->next_anonymizer);
    free(recorder->scratch.text);
    free(recorder->scratch.integers);
    free(recorder->output);
    contract_free(recorder->contract);
    contract_free(recorder->next);
    contract_free(recorder->former);
    free(recorder);
}

/* Calls the getters and encodes. The caller sets key and kind of the message. */
static int encode(struct recorder *recorder, struct message *message) {
    struct record_program *program = &recorder->contract->program;
    const struct record_source *source = &recorder->source;
    recorder->scratch.integers_used = 0;
    recorder->scratch.text_used = 0;
    recorder->scratch.failed = false;
    if (!program_fill(program, recorder->anonymizer, &recorder->source))
        return -EIO;
    recorder->body.length = 0;
    recorder->body.failed = false;
    recorder->encoding->record(program->fields, program->values, program->field_count, &recorder->body);
    if (recorder->body.failed || recorder->scratch.failed)
        return -ENOMEM;
    message->body = recorder->body.data;
    message->body_length = recorder->body.length;
    message->seq = source->seq;
    message->origin = &recorder->origin;
    message->anon_key_id[0] = '\0';
    if (source->anon_key_id != NULL)
        memcpy(message->anon_key_id, source->anon_key_id, sizeof message->anon_key_id);
    return 0;
}

int recorder_make(struct recorder *recorder, const struct flow *flow, struct message *message) {
    struct record_source *source = &recorder->source;
    source->flow = flow;
    source->seq = atomic_fetch_add_explicit(recorder->next_seq, 1, memory_order_relaxed);
    /* Flows that begin after the loss have a later first packet. */
    source->loss_window = recorder->has_loss && flow_first_seen(flow, BIDIRECTIONAL) <= recorder->loss_time;
    flow_hash_uid(&source->identity->key, flow, source->flow_uid);
    message->key = source->flow_uid;
    message->key_length = sizeof source->flow_uid;
    message->record_kind = record_kind_name((enum record_kind)flow->record_kind);
    int status = encode(recorder, message);
    if (status == 0)
        message_key_fill(&recorder->contract->key, recorder->contract->program.values, message);
    return status;
}

int recorder_make_report(struct recorder *recorder, const struct sensor_report *report,
                         struct message *message) {
    recorder->source.report = report;
    recorder->source.seq = atomic_fetch_add_explicit(recorder->next_seq, 1, memory_order_relaxed);
    message->key = recorder->source.identity->sensor_id;
    message->key_length = strlen(message->key);
    message->record_kind = "report";
    return encode(recorder, message);
}

int recorder_make_protocol(struct recorder *recorder, const struct l7_protocol *protocol,
                           struct message *message) {
    struct record_source *source = &recorder->source;
    source->protocol = protocol;
    source->seq = atomic_fetch_add_explicit(recorder->next_seq, 1, memory_order_relaxed);
    message_key_of_protocol(&recorder->contract->key, source->identity->ndpi_version, protocol->id, message);
    message->record_kind = "protocol";
    return encode(recorder, message);
}

int recorder_prepare_key(struct recorder *recorder, const struct anonymize_key *key) {
    anonymizer_destroy(recorder->next_anonymizer);
    recorder->next_anonymizer = anonymizer_create(key);
    return recorder->next_anonymizer != NULL ? 0 : -ENOMEM;
}

void recorder_end_rekeying(struct recorder *recorder, bool take) {
    struct anonymizer *wiped = recorder->next_anonymizer;
    if (take && wiped != NULL && recorder->source.anon_key_id != NULL) {
        wiped = recorder->anonymizer;
        recorder->anonymizer = recorder->next_anonymizer;
        recorder->source.anon_key_id = anonymizer_key_id(recorder->anonymizer);
    }
    anonymizer_destroy(wiped);
    recorder->next_anonymizer = NULL;
}

const char *recorder_key_id(const struct recorder *recorder) {
    return recorder->source.anon_key_id;
}

struct text recorder_header(const struct recorder *recorder) {
    return (struct text){(const char *)recorder->header.data, recorder->header.length};
}

const struct message_origin *recorder_origin(const struct recorder *recorder) {
    return &recorder->origin;
}

const char *recorder_features(const struct recorder *recorder) {
    return recorder->contract->features;
}

void recorder_loss(struct recorder *recorder, int64_t time) {
    recorder->loss_time = time;
    recorder->has_loss = true;
}

void recorder_follow(struct recorder *recorder, const struct recorder *former) {
    recorder->loss_time = former->loss_time;
    recorder->has_loss = former->has_loss;
}
