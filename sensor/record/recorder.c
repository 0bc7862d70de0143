#include "record/recorder.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "record/anonymize/anonymizer.h"
#include "record/features.h"
#include "record/field/flow_hash.h"
#include "record/field/number.h"

/* How one of the fields that this output's records have gets its value. All of them are gone through with each record: what
 * the cache holds of them is what a record costs. */
struct recorded_field {
    const struct catalogue_row *row; /* the profile's */
    field_getter *get;               /* the row's */
    uint8_t direction;               /* enum flow_direction */
    bool is_off;                     /* its group is off: null without asking the getter */
    bool is_pseudonym;               /* the output's policy doesn't keep the value: see `rules` */
};

struct recorder {
    struct recorded_field *fields;
    struct encoded_field *encoded; /* the same ones, as encodings want them */
    struct anonymize_rule *rules;  /* the same ones' */
    struct value *values;
    size_t field_count;
    struct anonymizer *anonymizer;      /* NULL: every field goes out as it is */
    struct anonymizer *next_anonymizer; /* prepared; NULL most of the time */
    const struct encoding *encoding;
    char *output;
    char *features; /* canonical text */
    char feature_hash[FEATURE_HASH_SIZE];
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

/* The option that switches a group on, for the error of a schema that needs the group. */
static const char *group_switch(enum field_group group) {
    static const char *const switches[GROUP_COUNT] = {
        [GROUP_TUNNEL] = "meter.decode_tunnels",
        [GROUP_STATS] = "meter.statistical_analysis",
        [GROUP_SPLT] = "meter.splt_analysis",
        [GROUP_L7] = "meter.n_dissections",
        [GROUP_UDPS] = "udps.packets, udps.bytes or udps.plugins",
        [GROUP_PROCESS] = "meter.system_visibility_mode",
        [GROUP_CONVERSATION] = "identity.conn_key_file",
    };
    return switches[group] != NULL ? switches[group] : field_group_name(group);
}

/* The policy's rule for one of the schema's fields, or for the column behind them. */
static const struct anonymize_rule *rule_of(const struct recorder_options *options,
                                            const struct bound_field *field) {
    const struct anonymize_policy *policy = options->policy;
    return field == &options->schema->text_column ? &policy->text_column
                                                  : &policy->rules[field - options->schema->fields];
}

/* A number that is hashed becomes a text. */
static void compile_pseudonym(struct recorder *recorder, const struct recorder_options *options,
                              const struct bound_field *field, size_t at) {
    if (options->policy == NULL)
        return;
    recorder->rules[at] = *rule_of(options, field);
    recorder->fields[at].is_pseudonym = recorder->rules[at].method != ANONYMIZE_KEEP;
    if (anonymize_method_is_digest(recorder->rules[at].method))
        recorder->encoded[at].type = VALUE_STRING;
}

/* Adds one of the schema's fields, or the column behind them, to the recorder; or leaves it out if its group is off. */
static int compile_field(struct recorder *recorder, const struct recorder_options *options,
                         const struct bound_field *field, struct error *error) {
    const struct catalogue_row *row = bound_field_row(field, options->identity->meter->profile);
    bool on = (options->groups_on & 1u << row->group) != 0;
    if (!on && options->encoding->skips_null_groups)
        return 0;
    if (row->type == VALUE_RECORD && options->encoding->flattens)
        return 0;
    if (!on && !field->nullable)
        return error_set(
            error, EINVAL, EX_CONFIG,
            "output %s: schema %s: field %s can't be null, but its group %s is off; switch on %s, or allow null in the schema",
            options->output, options->schema->name, field->name, field_group_name(row->group),
            group_switch(row->group));
    size_t at = recorder->field_count++;
    recorder->fields[at] = (struct recorded_field){
        .row = row, .get = row->get, .direction = (uint8_t)field->direction, .is_off = !on};
    recorder->encoded[at] = (struct encoded_field){.name = field->name,
                                                   .members = (uint32_t)field->members,
                                                   .type = (uint8_t)row->type,
                                                   .nullable = field->nullable};
    compile_pseudonym(recorder, options, field, at);
    recorder->values[at].is_null = true;
    return 0;
}

/* Text encodings may have a column that the schema doesn't have: it names the capture that a flow is of. */
static const struct bound_field *recorder_text_column(const struct recorder_options *options) {
    if (options->capture_files == NULL || !options->encoding->flattens)
        return NULL;
    return schema_text_column(options->schema, options->identity->meter->profile);
}

static int compile_fields(struct recorder *recorder, const struct recorder_options *options,
                          struct error *error) {
    const struct schema *schema = options->schema;
    int status = schema_check_profile(schema, options->identity->meter->profile, error);
    if (status < 0)
        return status;
    size_t room = schema->field_count + 1;
    recorder->fields = calloc(room, sizeof *recorder->fields);
    recorder->encoded = calloc(room, sizeof *recorder->encoded);
    recorder->rules = calloc(room, sizeof *recorder->rules);
    recorder->values = calloc(room, sizeof *recorder->values);
    if (recorder->fields == NULL || recorder->encoded == NULL || recorder->rules == NULL ||
        recorder->values == NULL)
        return recorder_no_memory(options, error);
    for (size_t i = 0; status == 0 && i < schema->field_count; i++)
        status = compile_field(recorder, options, &schema->fields[i], error);
    if (status == 0 && recorder_text_column(options) != NULL)
        status = compile_field(recorder, options, recorder_text_column(options), error);
    return status;
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

enum { SPLT_ARRAYS = 3 };

static int allocate_scratch(struct record_scratch *scratch, const struct meter_options *meter) {
    scratch->udps = calloc(udps_field_count(meter) + 1, sizeof *scratch->udps);
    scratch->udps_count = scratch->udps != NULL ? udps_field_count(meter) : 0;
    scratch->integers_capacity = SPLT_ARRAYS * (size_t)meter->splt_analysis;
    scratch->integers = calloc(scratch->integers_capacity + 1, sizeof *scratch->integers);
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

static int recorder_describe_row(struct recorder *recorder, const struct recorder_options *options,
                                 struct error *error) {
    recorder->output = strdup(options->output);
    recorder->features = features_text(options->schema, options->identity, options->live,
                                       options->snapshot_length, options->policy);
    if (recorder->output == NULL || recorder->features == NULL ||
        allocate_scratch(&recorder->scratch, options->identity->meter) < 0)
        return recorder_no_memory(options, error);
    features_hash(recorder->features, recorder->feature_hash);
    options->encoding->header(recorder->encoded, recorder->field_count, &recorder->header);
    if (recorder->header.failed)
        return recorder_no_memory(options, error);
    recorder->encoding = options->encoding;
    recorder->next_seq = options->next_seq != NULL ? options->next_seq : &recorder->own_seq;
    recorder->source = (struct record_source){
        .identity = options->identity,
        .output = recorder->output,
        .feature_hash = recorder->feature_hash,
        .anon_key_id = recorder->anonymizer != NULL ? anonymizer_key_id(recorder->anonymizer) : NULL,
        .capture_files = options->capture_files,
        .places = options->places,
        .verify = options->verify,
        .scratch = &recorder->scratch,
    };
    recorder->origin = (struct message_origin){
        .sensor_id = options->identity->sensor_id,
        .boot_id = options->identity->boot_id,
        .output = recorder->output,
        .feature_hash = recorder->feature_hash,
        .verify = options->verify,
    };
    return 0;
}

int recorder_create(const struct recorder_options *options, struct recorder **recorder, struct error *error) {
    struct recorder *created = calloc(1, sizeof *created);
    if (created == NULL)
        return recorder_no_memory(options, error);
    int status = check_names(options, error);
    if (status == 0)
        status = compile_fields(created, options, error);
    if (status == 0)
        status = open_anonymizer(created, options, error);
    if (status == 0)
        status = recorder_describe_row(created, options, error);
    if (status < 0) {
        recorder_destroy(created);
        return status;
    }
    *recorder = created;
    return 0;
}

size_t recorder_memory_for(const struct meter_options *meter) {
    enum { FIELDS = 64 << 10, SPLT_PLACE = SPLT_ARRAYS * (sizeof(int64_t) + INTEGER_TEXT_MAX + 1) };
    return RECORD_TEXT_SCRATCH + FIELDS + meter->splt_analysis * SPLT_PLACE;
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
    free(recorder->features);
    free(recorder->output);
    free(recorder->values);
    free(recorder->rules);
    free(recorder->encoded);
    free(recorder->fields);
    free(recorder);
}

/* False: a pseudonym could not be made, and the values must not be used. */
static bool fill_values(struct recorder *recorder) {
    struct record_source *source = &recorder->source;
    for (size_t i = 0; i < recorder->field_count; i++) {
        const struct recorded_field *field = &recorder->fields[i];
        enum flow_direction direction = (enum flow_direction)field->direction;
        if (field->is_off)
            continue;
        source->row = field->row;
        if (!field->is_pseudonym)
            field->get(source, direction, &recorder->values[i]);
        else if (!anonymizer_fill(recorder->anonymizer, &recorder->rules[i], field->row, direction,
                                  recorder->encoded[i].nullable, source, &recorder->values[i]))
            return false;
    }
    return true;
}

/* Calls the getters and encodes. The caller sets key and kind of the message. */
static int encode(struct recorder *recorder, struct message *message) {
    const struct record_source *source = &recorder->source;
    recorder->scratch.integers_used = 0;
    recorder->scratch.text_used = 0;
    recorder->scratch.failed = false;
    if (!fill_values(recorder))
        return -EIO;
    recorder->body.length = 0;
    recorder->body.failed = false;
    recorder->encoding->record(recorder->encoded, recorder->values, recorder->field_count, &recorder->body);
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
    return encode(recorder, message);
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

struct text recorder_header(const struct recorder *recorder) {
    return (struct text){(const char *)recorder->header.data, recorder->header.length};
}

const struct message_origin *recorder_origin(const struct recorder *recorder) {
    return &recorder->origin;
}

const char *recorder_features(const struct recorder *recorder) {
    return recorder->features;
}

void recorder_loss(struct recorder *recorder, int64_t time) {
    recorder->loss_time = time;
    recorder->has_loss = true;
}
