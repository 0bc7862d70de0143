#include "app/run/output_schema.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "app/plan/registry_options.h"
#include "base/log.h"

/* How often the registry is asked while it has not confirmed the id. */
enum { WATCH_MICROSECONDS = 10 * 1000000 };

static void tell(_Atomic bool *told, bool value) {
    atomic_store_explicit(told, value, memory_order_relaxed);
}

int output_schema_ask(struct output_schema *schema, const struct output_plan *output, const struct plan *plan,
                      struct error *error) {
    const struct config *config = plan->config;
    const struct output_config *from = output->config;
    *schema = (struct output_schema){
        .output = output->name,
        .url = config->registry.url,
        .holds = !plan->waits_for_room,
        .trusts_cache = config->registry.trust_cache,
        .pinned = (uint32_t)from->schema_id,
    };
    bool has_id = from->topic && strcmp(output->framing, "confluent") == 0;
    if (!has_id || !config->registry.url || (schema->pinned != 0 && !schema->holds))
        return 0;
    schema->subject = registry_subject(from->subject_strategy, from->topic, output->schema);
    if (!schema->subject)
        return error_set(error, ENOMEM, EX_OSERR, "out of memory");
    const struct registry_question question = {
        .options = registry_options_of(config),
        .subject = schema->subject,
        .schema = output->schema,
        .pinned = schema->pinned,
        .auto_register = config->registry.auto_register,
        .interval = WATCH_MICROSECONDS,
    };
    return registry_watch_start(&question, &schema->watch, error);
}

/* `why`: the registry did not answer. */
static void begin_cached(struct output_schema *schema, struct output_health *health, uint32_t *id,
                         const struct error *why) {
    bool waits = schema->holds && !schema->trusts_cache;
    schema->from_cache = true;
    tell(&health->schema_cached, true);
    log_line(LOG_WARNING, "%s; going on with the cached id %u of subject %s%s", why->text, *id,
             schema->subject, waits ? ", and records wait until the registry confirms it" : "");
    if (waits)
        *id = 0;
}

int output_schema_settle(struct output_schema *schema, int64_t until, struct output_health *health,
                         uint32_t *id, struct error *error) {
    struct error why = {0};
    bool from_cache = false;
    *id = schema->pinned;
    if (!schema->watch || schema->pinned != 0)
        return 0;
    int result = registry_watch_first(schema->watch, until, id, &from_cache, &why);
    if (result == 0 && from_cache) {
        begin_cached(schema, health, id, &why);
    } else if (result == 0) {
        schema->heard = REGISTRY_WATCH_CONFIRMED;
    } else if (result == -EHOSTUNREACH && schema->holds) {
        tell(&health->schema_unknown, true);
        log_line(LOG_WARNING, "%s; the records of output \"%s\" wait until it tells the id of subject %s",
                 why.text, schema->output, schema->subject);
        result = 0;
    } else {
        *error = why;
    }
    return result;
}

static void say_confirmed(const struct output_schema *schema, uint32_t id) {
    if (schema->pinned == 0 && !schema->from_cache)
        log_line(LOG_INFO, "registry %s: it has the id %u for subject %s; records of output \"%s\" go",
                 schema->url, id, schema->subject, schema->output);
    else
        log_line(LOG_INFO, "registry %s: it confirms the %s id %u of subject %s", schema->url,
                 schema->pinned != 0 ? "pinned" : "cached", id, schema->subject);
}

int output_schema_hear(struct output_schema *schema, const struct sink_type *type, void *sink,
                       struct output_health *health, struct error *error) {
    struct error own;
    uint32_t id;
    if (!schema->watch || schema->heard == REGISTRY_WATCH_CONFIRMED)
        return 0;
    enum registry_watch_state state = registry_watch_state(schema->watch, &id, &own);
    if (state == REGISTRY_WATCH_PENDING && own.exit_code == EX_NOPERM && !schema->refusal_said) {
        log_line(LOG_WARNING, "%s; it is asked again and again", own.text);
        schema->refusal_said = true;
    }
    if (state == schema->heard)
        return 0;
    schema->heard = state;
    bool mismatch = state == REGISTRY_WATCH_MISMATCH;
    tell(&health->mismatch, mismatch);
    tell(&health->schema_cached, false);
    tell(&health->schema_unknown, false);
    if (schema->holds && type->set_schema_id)
        type->set_schema_id(sink, mismatch ? 0 : id);
    if (!mismatch)
        say_confirmed(schema, id);
    else if (schema->holds)
        log_line(LOG_ERROR,
                 "%s; output \"%s\" stops: its records wait, and the registry is asked again and again",
                 own.text, schema->output);
    else
        *error = own;
    return mismatch && !schema->holds ? -EINVAL : 0;
}

bool output_schema_drops(const struct output_schema *schema, const struct output_health *health) {
    return !schema->holds && atomic_load_explicit(&health->mismatch, memory_order_relaxed);
}

void output_schema_close(struct output_schema *schema) {
    registry_watch_stop(schema->watch);
    schema->watch = NULL;
    free(schema->subject);
    schema->subject = NULL;
}
