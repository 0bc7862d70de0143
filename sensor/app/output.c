#include "app/output.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "app/control.h"
#include "app/registry_options.h"

/* How often the registry is asked again while an id from the cache is in use. */
enum { WATCH_MICROSECONDS = 10 * 1000000 };

static int resolve_schema_id(struct output *output, const struct config *config, struct registry *registry,
                             uint32_t *id, struct error *error) {
    const struct output_plan *plan = output->plan;
    bool from_cache = false;
    char *subject = registry_subject(plan->config->subject_strategy, plan->config->topic, plan->schema);
    if (!subject)
        return error_set(error, ENOMEM, EX_OSERR, "out of memory");
    int result = registry_resolve(registry, subject, plan->schema, config->registry.auto_register, id,
                                  &from_cache, error);
    if (result == 0 && from_cache) {
        output->registry = registry_options_of(config);
        result = registry_watch_start(&output->registry, subject, plan->schema, *id, WATCH_MICROSECONDS,
                                      &output->watch, error);
    }
    free(subject);
    return result;
}

static int open_sink(struct output *output, const struct plan *plan, uint32_t schema_id,
                     struct error *error) {
    const struct output_config *config = output->plan->config;
    struct sink_options options = {
        .output = output->plan->name,
        .path = config->path,
        .format = output->plan->encoding->name,
        .codec = config->codec,
        .rotate_size = (uint64_t)config->rotate_size,
        .rotate_flows = (uint64_t)config->rotate_flows,
        .rotate_files = (unsigned)config->rotate_files,
        .header = recorder_header(output->recorder),
        .schema_text = output->plan->schema->text,
        .topic = config->topic,
        .kafka = (const char *const *)config->kafka.items,
        .kafka_count = config->kafka.count,
        .framing = output->plan->framing,
        .schema_id = schema_id,
        .schema_fingerprint = output->plan->schema->fingerprint,
        .origin = recorder_origin(output->recorder),
        .wait_when_full = !plan->live,
        .delivery_limit = plan->config->delivery.timeout,
        .deadline = control_deadline,
    };
    return output->plan->sink->open(&options, &output->sink, error);
}

int output_open(struct output *output, const struct output_plan *output_plan, const struct plan *plan,
                struct registry *registry, struct error *error) {
    output->plan = output_plan;
    struct recorder_options options = {
        .output = output_plan->name,
        .schema = output_plan->schema,
        .encoding = output_plan->encoding,
        .identity = &plan->identity,
        .groups_on = plan->groups,
        .live = plan->live,
        .snapshot_length = plan->capture.snapshot_length,
    };
    uint32_t schema_id = 0;
    int result = recorder_create(&options, &output->recorder, error);
    if (result == 0 && output_plan->config->topic && strcmp(output_plan->framing, "confluent") == 0)
        result = resolve_schema_id(output, plan->config, registry, &schema_id, error);
    return result == 0 ? open_sink(output, plan, schema_id, error) : result;
}

void output_close(struct output *output) {
    if (output->sink)
        output->plan->sink->close(output->sink);
    registry_watch_stop(output->watch);
    recorder_destroy(output->recorder);
    *output = (struct output){0};
}

int output_write(struct output *output, const struct flow *flow, struct error *error) {
    struct message message;
    output->made++;
    if (recorder_make(output->recorder, flow, &message) < 0) {
        output->unencoded++;
        return 0;
    }
    if (output->mismatch) {
        output->mismatched++;
        return 0;
    }
    int result = output->plan->sink->write(output->sink, &message, error);
    output->failed = result < 0;
    return result;
}

int output_poll(struct output *output, struct error *error) {
    int result = output->plan->sink->poll ? output->plan->sink->poll(output->sink, error) : 0;
    output->failed = result < 0;
    if (result == 0 && output->watch && !output->mismatch &&
        registry_watch_state(output->watch, error) == REGISTRY_WATCH_MISMATCH) {
        output->mismatch = true;
        result = -EINVAL;
    }
    return result;
}
