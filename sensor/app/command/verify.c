#include "app/command/verify.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/account/reporter.h"
#include "app/command/sample_flow.h"
#include "app/host/failure.h"
#include "app/plan/kafka_options.h"
#include "app/plan/registry_options.h"
#include "app/run/output.h"
#include "base/clock.h"
#include "meter/dissect.h"
#include "record/avro_decode.h"
#include "sink/framing.h"
#include "sink/kafka/kafka_header_set.h"
#include "sink/kafka/kafka_read.h"

enum { REPORT_MICROSECONDS = 1000000 };

/* One output under way. */
struct verification {
    const struct plan *plan;
    const struct output_plan *output_plan;
    struct registry *registry; /* NULL: none configured */
    struct output output;
    struct message message;         /* what was made of it first */
    struct sink_statistics sent;    /* after it was acknowledged */
    struct stored_message received; /* what was read back */
    struct framing framing;         /* what precedes the record in it */
    uint32_t schema_id;             /* framing confluent: from the received message */
    bool has_message;
};

/* What went wrong with the output at hand. */
static int fail_different(const struct verification *verification, const char *what, const char *received,
                          const char *sent, struct error *error) {
    return error_set(error, EBADMSG, EX_CONFIG,
                     "output \"%s\": topic %s: the record that was read back is not the one that was sent: "
                     "%s is %s, not %s",
                     verification->output_plan->name, verification->output_plan->config->topic, what,
                     received, sent);
}

/* --- send --------------------------------------------------------------------------------------------------------- */

/* The meter's export call. */
static bool take_flow(void *context, const struct flow *flow) {
    struct verification *verification = context;
    if (!verification->has_message)
        verification->has_message = output_make(&verification->output, 0, flow, &verification->message);
    return true;
}

static int make_report(struct verification *verification, struct error *error) {
    struct reporter *reporter = NULL;
    const struct ledger ledger = {.meters = 1};
    int result = reporter_open(REPORT_MICROSECONDS, false, &reporter, error);
    if (result < 0)
        return result;
    const struct sensor_report *report = reporter_make(reporter, &ledger, clock_monotonic(), true);
    verification->has_message = output_make_report(&verification->output, report, &verification->message);
    reporter_close(reporter);
    return 0;
}

/* That of number 0, as each start sends it too: a table that is made of the topic stays true. */
static int make_protocol(struct verification *verification, struct error *error) {
    const struct dissector_options options = {
        .n_dissections = verification->plan->meter.n_dissections, .flow_table_size = 1, .states = 1};
    struct dissector *dissector = NULL;
    struct l7_protocol unknown;
    int result = dissector_check_library(error);
    if (result == 0)
        result = dissector_create(&options, &dissector, error);
    if (result < 0)
        return result;
    dissector_protocol(dissector, 0, &unknown);
    verification->has_message = output_make_protocol(&verification->output, &unknown, &verification->message);
    dissector_destroy(dissector);
    return 0;
}

static int make_what_the_schema_is_of(struct verification *verification, struct error *error) {
    switch (verification->output_plan->schema->records) {
    case OF_SENSOR: return make_report(verification, error);
    case OF_PROTOCOL: return make_protocol(verification, error);
    default: return sample_flow_meter(verification->plan, take_flow, verification, error);
    }
}

static int make_record(struct verification *verification, struct error *error) {
    int result = make_what_the_schema_is_of(verification, error);
    if (result == 0 && !verification->has_message)
        return error_set(error, ENOMEM, EX_OSERR, "output \"%s\": no record could be made",
                         verification->output_plan->name);
    return result;
}

static int send_record(struct verification *verification, struct error *error) {
    const struct sink_type *sink = verification->output_plan->sink;
    struct output *output = &verification->output;
    int result = output_send(output, &verification->message, error);
    if (result == 0)
        result = sink->flush(output->sink, verification->plan->config->delivery.timeout, false, error);
    if (result < 0)
        return result;
    sink->statistics(output->sink, &verification->sent);
    if (verification->sent.acknowledged == 1 && verification->sent.last_offset >= 0)
        return 0;
    return error_set(
        error, EIO, EX_UNAVAILABLE,
        "output \"%s\": topic %s: the broker doesn't say where it put the record; take acks away from the output's kafka, or try again",
        verification->output_plan->name, verification->output_plan->config->topic);
}

/* --- compare ------------------------------------------------------------------------------------------------------ */

/* A very long one was kept in part, up to `size` - 1 bytes. */
static int check_header(const struct verification *verification, const char *name, const char *received,
                        size_t size, const char *sent, struct error *error) {
    return strncmp(received, sent, size - 1) == 0 ? 0
                                                  : fail_different(verification, name, received, sent, error);
}

/* Those that the output's records carry. */
static int check_headers(const struct verification *verification, struct error *error) {
    const struct stored_message *received = &verification->received;
    const struct message_origin *origin = verification->message.origin;
    char seq[24];
    const struct {
        enum kafka_header header;
        const char *what, *received, *sent;
        size_t size;
    } headers[] = {
        {KAFKA_HEADER_boot_id, "its header boot_id", received->boot_id, origin->boot_id,
         sizeof received->boot_id},
        {KAFKA_HEADER_sensor_id, "its header sensor_id", received->sensor_id, origin->sensor_id,
         sizeof received->sensor_id},
        {KAFKA_HEADER_output, "its header output", received->output, origin->output, sizeof received->output},
        {KAFKA_HEADER_seq, "its header seq", received->seq, seq, sizeof received->seq},
    };
    int result = 0;
    snprintf(seq, sizeof seq, "%" PRIu64, verification->message.seq);
    for (size_t i = 0; result == 0 && i < sizeof headers / sizeof *headers; i++)
        if (verification->output_plan->headers & 1u << headers[i].header)
            result = check_header(verification, headers[i].what, headers[i].received, headers[i].size,
                                  headers[i].sent, error);
    return result;
}

static int check_key(const struct verification *verification, struct error *error) {
    const char *received = verification->received.key;
    char sent[MESSAGE_KEY_SIZE + 1];
    snprintf(sent, sizeof sent, "%.*s", (int)verification->message.key_length, verification->message.key);
    return check_header(verification, "its key", received ? received : "none", PTRDIFF_MAX, sent, error);
}

/* The registry's id is whatever the message says, as it is for a consumer. */
static void read_framing(struct verification *verification) {
    const struct output_plan *plan = verification->output_plan;
    const struct stored_message *received = &verification->received;
    if (strcmp(plan->framing, "confluent") == 0 && received->length >= 5)
        for (int i = 1; i < 5; i++)
            verification->schema_id = verification->schema_id << 8 | received->value[i];
    framing_make(&verification->framing, plan->framing, verification->schema_id, plan->schema->fingerprint);
}

static int check_bytes(const struct verification *verification, struct error *error) {
    const struct stored_message *received = &verification->received;
    const struct framing *framing = &verification->framing;
    const struct message *sent = &verification->message;
    if (received->length != framing->length + sent->body_length)
        return fail_different(verification, "its length", "another", "that of what was sent", error);
    if (memcmp(received->value, framing->prefix, framing->length) != 0)
        return fail_different(verification, "its prefix", "another", verification->output_plan->framing,
                              error);
    if (memcmp(received->value + framing->length, sent->body, sent->body_length) != 0)
        return fail_different(verification, "its content", "another", "what was sent", error);
    return 0;
}

/* Whether the schema has the field, and the policy leaves it as it is. */
static bool shows_field(const struct output_plan *plan, const char *name) {
    const struct schema *schema = plan->schema;
    for (size_t i = 0; i < schema->field_count; i += 1 + schema->fields[i].members)
        if (strcmp(schema->fields[i].name, name) == 0)
            return plan->policy.rules[i].method == ANONYMIZE_KEEP;
    return false;
}

static int check_text(const struct verification *verification, const struct avro_decoded *decoded,
                      const char *field, const char *sent, struct error *error) {
    const char *received = "not a text";
    if (!shows_field(verification->output_plan, field) ||
        (avro_decoded_text(decoded, field, &received) && strcmp(received, sent) == 0))
        return 0;
    return fail_different(verification, field, received, sent, error);
}

static int check_seq(const struct verification *verification, const struct avro_decoded *decoded,
                     struct error *error) {
    int64_t received = -1;
    if (!shows_field(verification->output_plan, "seq") ||
        (avro_decoded_integer(decoded, "seq", &received) && received == (int64_t)verification->message.seq))
        return 0;
    return fail_different(verification, "seq", "another", "that of what was sent", error);
}

static int check_fields(const struct verification *verification, const struct avro_decoded *decoded,
                        struct error *error) {
    const struct message_origin *origin = verification->message.origin;
    int result = check_text(verification, decoded, "sensor_id", origin->sensor_id, error);
    if (result == 0)
        result = check_text(verification, decoded, "boot_id", origin->boot_id, error);
    if (result == 0)
        result = check_seq(verification, decoded, error);
    if (result == 0)
        result = check_text(verification, decoded, "src_ip", SAMPLE_FLOW_SOURCE, error);
    return result;
}

/* Decodes as a consumer with this schema does; *count fields. */
static int check_record(const struct verification *verification, const char *schema, size_t *count,
                        struct error *error) {
    const struct stored_message *received = &verification->received;
    size_t prefix = verification->framing.length;
    struct avro_decoded *decoded = NULL;
    struct error reason = {0};
    if (avro_decode(schema, received->value + prefix, received->length - prefix, &decoded, &reason) < 0)
        return error_set(error, EBADMSG, reason.exit_code, "output \"%s\": topic %s: %s",
                         verification->output_plan->name, verification->output_plan->config->topic,
                         reason.text);
    *count = avro_decoded_field_count(decoded);
    int result = check_fields(verification, decoded, error);
    avro_decoded_free(decoded);
    return result;
}

/* The schema is compared first: nothing is decoded by one that somebody else chose. */
static int check_registered_schema(const struct verification *verification, const char *found,
                                   struct error *error) {
    char what[512];
    struct error reason = {0};
    snprintf(what, sizeof what, "schema id %" PRIu32 " of registry %s", verification->schema_id,
             verification->plan->config->registry.url);
    if (avro_same_schema(verification->output_plan->schema->text, found, what, &reason) == 0)
        return 0;
    return error_set(error, EBADMSG, reason.exit_code,
                     "output \"%s\": topic %s: consumers can't read its records: %s",
                     verification->output_plan->name, verification->output_plan->config->topic, reason.text);
}

static int check_by_registry(const struct verification *verification, size_t *count, struct error *error) {
    char *schema = NULL;
    int result = registry_schema_text(verification->registry, verification->schema_id, &schema, error);
    if (result == 0)
        result = check_registered_schema(verification, schema, error);
    if (result == 0)
        result = check_record(verification, schema, count, error);
    free(schema);
    return result;
}

static void print_place(const struct verification *verification) {
    printf("%s: record %" PRIu64 " of boot_id %s read back at partition %" PRId32 " offset %" PRId64,
           verification->output_plan->name, verification->message.seq, verification->message.origin->boot_id,
           verification->sent.last_partition, verification->sent.last_offset);
}

static int check_content(struct verification *verification, struct error *error) {
    const struct output_plan *plan = verification->output_plan;
    size_t count = 0;
    int result = check_bytes(verification, error);
    if (result < 0)
        return result;
    if (plan->encoding != &encoding_avro) {
        print_place(verification);
        printf(", %s as it was sent\n", plan->encoding->name);
        return 0;
    }
    bool has_id = strcmp(plan->framing, "confluent") == 0;
    result = has_id && verification->registry ? check_by_registry(verification, &count, error)
                                              : check_record(verification, plan->schema->text, &count, error);
    if (result < 0)
        return result;
    print_place(verification);
    if (has_id)
        printf(", schema id %" PRIu32, verification->schema_id);
    printf(", %zu fields\n", count);
    return 0;
}

/* --- one output after another --------------------------------------------------------------------------------------- */

static int verify_output(struct verification *verification, const struct anonymize_key *key,
                         struct error *error) {
    const struct plan *plan = verification->plan;
    const struct sink_options options = kafka_options_of(plan->config, verification->output_plan->config);
    int result = output_begin(&verification->output, verification->output_plan, plan, key, error);
    if (result == 0)
        result = output_open(&verification->output, plan, INT64_MAX, error);
    if (result == 0)
        output_start(&verification->output);
    if (result == 0)
        result = make_record(verification, error);
    if (result == 0)
        result = send_record(verification, error);
    if (result == 0)
        result = kafka_read(&options, verification->sent.last_partition, verification->sent.last_offset,
                            &verification->received, error);
    if (result == 0)
        result = check_headers(verification, error);
    if (result == 0)
        result = check_key(verification, error);
    if (result == 0) {
        read_framing(verification);
        result = check_content(verification, error);
    }
    stored_message_free(&verification->received);
    output_close(&verification->output);
    return result;
}

static int verify_outputs(const struct plan *plan, struct registry *registry, struct error *error) {
    struct progress progress = {0};
    struct failure failure;
    failure_init(&failure, &progress);
    for (size_t i = 0; i < plan->output_count; i++) {
        struct verification verification = {
            .plan = plan, .output_plan = &plan->outputs[i], .registry = registry};
        if (config_output_is_kafka(plan->outputs[i].config) &&
            verify_output(&verification, &plan->key, error) < 0)
            failure_note(&failure, error);
    }
    return failure_result(&failure, error);
}

int verify_command(struct plan *plan, struct error *error) {
    struct registry *registry = NULL;
    plan->verify = true;
    plan->meters = 1;
    plan->waits_for_room = true;
    plan->groups &= ~(1u << GROUP_PROCESS); /* the flow has no socket here */
    for (size_t i = 0; i < plan->output_count; i++)
        plan->outputs[i].kinds |= 1u << RECORD_FINAL; /* the flow has ended, whatever the output takes */
    int result = registry_open_configured(plan->config, &registry, error);
    if (result == 0)
        result = verify_outputs(plan, registry, error);
    registry_close(registry);
    return result;
}
