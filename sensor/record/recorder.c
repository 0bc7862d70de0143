#include "record/recorder.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "record/features.h"
#include "record/text.h"

struct recorder {
    struct bound_field *fields;          /* those that this output's records have, with the profile's row */
    const struct bound_field **pointers; /* to each of them, as encodings want them */
    struct value *values;
    size_t field_count;
    bool *is_off; /* the field's group is off: null without asking its getter */
    const struct encoding *encoding;
    char *output;
    char *features; /* canonical text */
    char feature_hash[FEATURE_HASH_SIZE];
    struct record_source source;
    struct record_scratch scratch;
    struct buffer body, header;
    struct message_origin origin;
    uint64_t next_seq;
    int64_t loss_time; /* of the latest loss, in ticks */
    bool has_loss;
};

static int no_memory(const struct recorder_options *options, struct error *error) {
    return error_set(error, ENOMEM, EX_OSERR, "output %s: no memory for its recorder", options->output);
}

/* What switches a group on, for the message to someone whose schema needs it. */
static const char *group_switch(enum field_group group) {
    static const char *const switches[GROUP_COUNT] = {
        [GROUP_TUNNEL] = "meter.decode_tunnels",
        [GROUP_STATS] = "meter.statistical_analysis",
        [GROUP_SPLT] = "meter.splt_analysis",
        [GROUP_L7] = "meter.n_dissections",
        [GROUP_PROCESS] = "meter.system_visibility_mode",
    };
    return switches[group] != NULL ? switches[group] : field_group_name(group);
}

/* Takes one of the schema's fields into the recorder, or leaves it out with its group. */
static int compile_field(struct recorder *recorder, const struct recorder_options *options,
                         const struct bound_field *field, struct error *error) {
    const struct catalogue_row *row = bound_field_row(field, options->identity->meter->profile);
    bool on = (options->groups_on & 1u << row->group) != 0;
    if (!on && options->encoding->skips_null_groups)
        return 0;
    if (!on && !field->nullable)
        return error_set(
            error, EINVAL, EX_CONFIG,
            "output %s: schema %s: field %s can't be null, but its group %s is off; switch on %s, or allow null in the schema",
            options->output, options->schema->name, field->name, field_group_name(row->group),
            group_switch(row->group));
    size_t at = recorder->field_count++;
    recorder->fields[at] = *field;
    recorder->fields[at].row = row;
    recorder->pointers[at] = &recorder->fields[at];
    recorder->is_off[at] = !on;
    recorder->values[at].is_null = true;
    return 0;
}

static int compile_fields(struct recorder *recorder, const struct recorder_options *options,
                          struct error *error) {
    const struct schema *schema = options->schema;
    int status = schema_check_profile(schema, options->identity->meter->profile, error);
    if (status < 0)
        return status;
    recorder->fields = calloc(schema->field_count, sizeof *recorder->fields);
    recorder->pointers = calloc(schema->field_count, sizeof *recorder->pointers);
    recorder->values = calloc(schema->field_count, sizeof *recorder->values);
    recorder->is_off = calloc(schema->field_count, sizeof *recorder->is_off);
    if (recorder->fields == NULL || recorder->pointers == NULL || recorder->values == NULL ||
        recorder->is_off == NULL)
        return no_memory(options, error);
    for (size_t i = 0; status == 0 && i < schema->field_count; i++)
        status = compile_field(recorder, options, &schema->fields[i], error);
    return status;
}

/* Names that stand in each record come from the configuration; what is no UTF-8 there would spoil every record. */
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

static int allocate_scratch(struct record_scratch *scratch, const struct meter_options *meter) {
    enum { SPLT_ARRAYS = 3 };
    scratch->integers_capacity = SPLT_ARRAYS * (size_t)meter->splt_analysis;
    scratch->integers = calloc(scratch->integers_capacity + 1, sizeof *scratch->integers);
    scratch->text = malloc(RECORD_TEXT_SCRATCH);
    return scratch->integers != NULL && scratch->text != NULL ? 0 : -ENOMEM;
}

static int describe(struct recorder *recorder, const struct recorder_options *options, struct error *error) {
    recorder->output = strdup(options->output);
    recorder->features =
        features_text(options->schema, options->identity, options->live, options->snapshot_length);
    if (recorder->output == NULL || recorder->features == NULL ||
        allocate_scratch(&recorder->scratch, options->identity->meter) < 0)
        return no_memory(options, error);
    features_hash(recorder->features, recorder->feature_hash);
    options->encoding->header(recorder->pointers, recorder->field_count, &recorder->header);
    if (recorder->header.failed)
        return no_memory(options, error);
    recorder->encoding = options->encoding;
    recorder->source = (struct record_source){
        .identity = options->identity,
        .output = recorder->output,
        .feature_hash = recorder->feature_hash,
        .scratch = &recorder->scratch,
    };
    recorder->origin = (struct message_origin){
        .sensor_id = options->identity->sensor_id,
        .boot_id = options->identity->boot_id,
        .output = recorder->output,
        .feature_hash = recorder->feature_hash,
    };
    return 0;
}

int recorder_create(const struct recorder_options *options, struct recorder **recorder, struct error *error) {
    struct recorder *created = calloc(1, sizeof *created);
    if (created == NULL)
        return no_memory(options, error);
    int status = check_names(options, error);
    if (status == 0)
        status = compile_fields(created, options, error);
    if (status == 0)
        status = describe(created, options, error);
    if (status < 0) {
        recorder_destroy(created);
        return status;
    }
    *recorder = created;
    return 0;
}

void recorder_destroy(struct recorder *recorder) {
    if (recorder == NULL)
        return;
    buffer_free(&recorder->header);
    buffer_free(&recorder->body);
    free(recorder->scratch.text);
    free(recorder->scratch.integers);
    free(recorder->features);
    free(recorder->output);
    free(recorder->is_off);
    free(recorder->values);
    free(recorder->pointers);
    free(recorder->fields);
    free(recorder);
}

static uint8_t *put_big_endian(uint8_t *out, uint64_t number, int bytes) {
    for (int i = bytes - 1; i >= 0; i--)
        *out++ = (uint8_t)(number >> (8 * i));
    return out;
}

/* The hashed bytes are written out one by one: with a kept key, the uid is the same on every architecture. */
static void make_flow_uid(const struct record_source *source, char uid[33]) {
    static const char hex[] = "0123456789abcdef";
    const struct flow_key *key = &source->flow->key;
    uint8_t bytes[16 + 16 + 2 + 2 + 2 + 3 + 8];
    memcpy(bytes, key->address_a, 16);
    memcpy(bytes + 16, key->address_b, 16);
    uint8_t *out = put_big_endian(bytes + 32, key->port_a, 2);
    out = put_big_endian(out, key->port_b, 2);
    out = put_big_endian(out, key->vlan_id, 2);
    *out++ = key->protocol;
    *out++ = key->ip_version;
    *out++ = key->tunnel;
    put_big_endian(out, (uint64_t)source->flow->uid_time, 8);
    struct hash128 hash = hash_identity(&source->identity->key, bytes, sizeof bytes);
    for (size_t i = 0; i < 16; i++) {
        uid[2 * i] = hex[hash.bytes[i] >> 4];
        uid[2 * i + 1] = hex[hash.bytes[i] & 15];
    }
    uid[32] = '\0';
}

int recorder_make(struct recorder *recorder, const struct flow *flow, struct message *message) {
    struct record_source *source = &recorder->source;
    source->flow = flow;
    source->seq = recorder->next_seq++;
    /* Flows that begin after the loss have a later first packet. */
    source->loss_window =
        recorder->has_loss && flow->counters[BIDIRECTIONAL].first_seen <= recorder->loss_time;
    make_flow_uid(source, source->flow_uid);
    recorder->scratch.integers_used = 0;
    recorder->scratch.text_used = 0;

    for (size_t i = 0; i < recorder->field_count; i++) {
        if (!recorder->is_off[i])
            recorder->fields[i].row->get(source, recorder->fields[i].direction, &recorder->values[i]);
    }
    recorder->body.length = 0;
    recorder->body.failed = false;
    recorder->encoding->record(recorder->pointers, recorder->values, recorder->field_count, &recorder->body);
    if (recorder->body.failed)
        return -ENOMEM;
    *message = (struct message){
        .body = recorder->body.data,
        .body_length = recorder->body.length,
        .key = source->flow_uid,
        .key_length = sizeof source->flow_uid - 1,
        .seq = source->seq,
        .record_kind = record_kind_name((enum record_kind)flow->record_kind),
        .origin = &recorder->origin,
    };
    return 0;
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
