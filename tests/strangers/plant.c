/* Makes records of flows that no capture has: the shipped recorder, encoders and sinks, fed with flows written by hand.
 *
 *   plant SPEC FOLDER [BOOTSTRAP TOPIC SCHEMA_ID]
 *
 * Writes flows.csv, flows.jsonl, null.avro, deflate.avro and features.txt (what feature_hash covers) into FOLDER, and with
 * three more arguments produces to Kafka. SPEC is in the language of plant_spec.c. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "plant_spec.h"

#include "record/encoding/encoding.h"
#include "record/recorder.h"
#include "sink/kafka/kafka_header_set.h"
#include "sink/sink.h"

enum { OUTPUTS = 5, DELIVERY_LIMIT_MICROSECONDS = 30000000, PATH_SIZE = 4096 };

static const struct output_kind {
    const char *name, *sink, *format, *codec, *file;
} kinds[OUTPUTS] = {
    {"csv", "file", "csv", "null", "flows.csv"},   {"jsonl", "file", "jsonl", "null", "flows.jsonl"},
    {"null", "file", "avro", "null", "null.avro"}, {"deflate", "file", "avro", "deflate", "deflate.avro"},
    {"kafka", "kafka", "avro", "null", NULL},
};

struct output {
    struct recorder *recorder;
    const struct sink_type *sink;
    void *state;
    char path[PATH_SIZE];
};

/* Broker, topic and schema's id; NULL without Kafka. */
struct target {
    char bootstrap[256];
    const char *topic;
    uint32_t schema_id;
};

static int open_output(const struct output_kind *kind, const char *folder, const struct plant_header *header,
                       const struct schema *schema, const struct anonymize_policy *policy,
                       const struct target *target, struct output *output, struct error *error) {
    struct recorder_options recorder = {
        .output = kind->name,
        .schema = schema,
        .encoding = encoding_find(kind->format),
        .identity = &header->identity,
        .groups_on = header->groups_on,
        .policy = policy,
        .key = &header->anonymize_key,
    };
    int result = recorder_create(&recorder, &output->recorder, error);
    if (result < 0)
        return result;
    if (header->has_loss)
        recorder_loss(output->recorder, header->loss_time);
    const char *const properties[] = {target != NULL ? target->bootstrap : ""};
    struct sink_options options = {
        .output = kind->name,
        .path = output->path,
        .format = kind->format,
        .codec = kind->codec,
        .header = recorder_header(output->recorder),
        .schema_text = schema->text,
        .topic = target != NULL ? target->topic : NULL,
        .kafka = properties,
        .kafka_count = target != NULL ? 1 : 0,
        .framing = "confluent",
        .schema_id = target != NULL ? target->schema_id : 0,
        .origin = recorder_origin(output->recorder),
        .headers = KAFKA_HEADERS_ALL,
        .wait_when_full = true,
        .delivery_limit = DELIVERY_LIMIT_MICROSECONDS,
    };
    snprintf(output->path, sizeof output->path, "%s/%s", folder, kind->file != NULL ? kind->file : "");
    output->sink = sink_find(kind->sink);
    return output->sink->open(&options, &output->state, error);
}

static int write_flows(FILE *spec, const struct plant_header *header, struct output *outputs, int count,
                       struct error *error) {
    const struct flow *flow;
    struct message message;
    int result;
    while ((result = plant_read_flow(spec, header, &flow)) > 0) {
        for (int i = 0; i < count; i++) {
            if (recorder_make(outputs[i].recorder, flow, &message) < 0)
                return error_set(error, ENOMEM, EX_OSERR, "no memory for a record");
            if (outputs[i].sink->write(outputs[i].state, &message, error) < 0)
                return -1;
        }
    }
    return result < 0 ? error_set(error, EINVAL, EX_DATAERR, "the flows can't be read") : 0;
}

static int save_features(const char *folder, const struct recorder *recorder, struct error *error) {
    char path[PATH_SIZE];
    snprintf(path, sizeof path, "%s/features.txt", folder);
    FILE *file = fopen(path, "we");
    if (file == NULL)
        return error_set(error, errno, EX_CANTCREAT, "can't create %s", path);
    fputs(recorder_features(recorder), file);
    fclose(file);
    return 0;
}

static int make_policy(const struct plant_header *header, const struct schema *schema,
                       struct anonymize_policy *policy, struct error *error) {
    static const char *const items[] = {"user_agent=short_hash"};
    const struct anonymize_request request = {.output = "plant",
                                              .schema = schema,
                                              .profile = header->meter.profile,
                                              .items = items,
                                              .item_count = header->anonymizes ? 1 : 0};
    return anonymize_policy_make(&request, policy, error);
}

static int plant_all(FILE *spec, const char *folder, const struct target *target, struct error *error) {
    static struct output outputs[OUTPUTS];
    struct plant_header header;
    struct schema *schema = NULL;
    struct anonymize_policy policy = {0};
    int count = target != NULL ? OUTPUTS : OUTPUTS - 1;
    if (!plant_read_header(spec, &header))
        return error_set(error, EINVAL, EX_DATAERR, "the header can't be read");
    int result = schema_load(header.schema, NULL, false, &schema, error);
    if (result == 0)
        result = make_policy(&header, schema, &policy, error);
    for (int i = 0; result == 0 && i < count; i++)
        result = open_output(&kinds[i], folder, &header, schema, &policy, target, &outputs[i], error);
    if (result == 0)
        result = save_features(folder, outputs[0].recorder, error);
    if (result == 0)
        result = write_flows(spec, &header, outputs, count, error);
    for (int i = 0; i < count; i++) {
        if (result == 0)
            result = outputs[i].sink->flush(outputs[i].state, DELIVERY_LIMIT_MICROSECONDS, true, error);
        if (outputs[i].state != NULL)
            outputs[i].sink->close(outputs[i].state);
        recorder_destroy(outputs[i].recorder);
    }
    anonymize_policy_release(&policy);
    schema_free(schema);
    return result;
}

int main(int argc, char **argv) {
    struct target target = {0};
    struct error error = {0};
    if (argc != 3 && argc != 6) {
        fputs("usage: plant SPEC FOLDER [BOOTSTRAP TOPIC SCHEMA_ID]\n", stderr);
        return EX_USAGE;
    }
    if (argc == 6) {
        snprintf(target.bootstrap, sizeof target.bootstrap, "bootstrap.servers=%s", argv[3]);
        target.topic = argv[4];
        target.schema_id = (uint32_t)strtoul(argv[5], NULL, 10);
    }
    FILE *spec = fopen(argv[1], "re");
    if (spec == NULL) {
        perror(argv[1]);
        return EX_NOINPUT;
    }
    int result = plant_all(spec, argv[2], argc == 6 ? &target : NULL, &error);
    fclose(spec);
    if (result < 0)
        fprintf(stderr, "plant: %s\n", error.text);
    return result < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
