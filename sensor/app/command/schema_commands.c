#include "app/command/schema_commands.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/plan/registry_options.h"
#include "record/contract/features.h"
#include "record/contract/metering.h"
#include "record/contract/used_fields.h"
#include "record/ddl/ddl.h"
#include "record/registry/registry.h"

/* Frees the text. */
static int print_hashed(char *text, const char *name, struct error *error) {
    char hash[CANONICAL_HASH_SIZE];
    if (!text)
        return error_set(error, ENOMEM, EX_OSERR, "out of memory");
    canonical_hash(text, hash);
    printf("%s# %s %s\n", text, name, hash);
    free(text);
    return 0;
}

/* The metering's lines are among the others, so its hash alone is new. */
static int print_features(const struct plan *plan, const struct output_plan *output, struct error *error) {
    char hash[CANONICAL_HASH_SIZE];
    if (!metering_hash(&plan->identity, hash))
        return error_set(error, ENOMEM, EX_OSERR, "out of memory");
    int result = print_hashed(features_text(output->schema, &plan->identity, plan->live,
                                            plan->capture.snapshot_length, &output->policy),
                              "feature_hash", error);
    if (result == 0)
        printf("# metering_hash %s\n", hash);
    return result;
}

/* Pseudonyms of another key are other values. A random key would be another one in each run. */
static int find_key_id(const struct plan *plan, const struct output_plan *output, const char *fields,
                       char id[ANONYMIZE_KEY_ID_SIZE], struct error *error) {
    *id = '\0';
    if (!anonymize_policy_is_keyed(&output->policy) ||
        !used_fields_are_personal(output->schema, plan->meter.profile, fields))
        return 0;
    if (!plan->config->anonymization.key_file)
        return error_set(
            error, EINVAL, EX_CONFIG,
            "--fields: output \"%s\" makes pseudonyms with another key in each run; set anonymization.key_file",
            output->name);
    return anonymize_key_id(&plan->key, id) ? 0 : error_set(error, ENOMEM, EX_OSERR, "out of memory");
}

static int print_used_fields(const struct plan *plan, const struct output_plan *output, const char *fields,
                             struct error *error) {
    char id[ANONYMIZE_KEY_ID_SIZE];
    const struct used_fields used = {
        .schema = output->schema, .identity = &plan->identity, .policy = &output->policy, .anon_key_id = id};
    char *text = NULL;
    int result = find_key_id(plan, output, fields, id, error);
    if (result == 0)
        result = used_fields_text(&used, fields, &text, error);
    return result == 0 ? print_hashed(text, "fields_hash", error) : result;
}

static int check_schema(struct registry *registry, const char *subject, const struct schema *schema,
                        struct error *error) {
    enum registry_compatibility compatibility;
    char reason[512] = "";
    int result = registry_check(registry, subject, schema, &compatibility, reason, sizeof reason, error);
    if (result < 0)
        return result;
    if (compatibility == REGISTRY_INCOMPATIBLE)
        return error_set(
            error, EINVAL, EX_CONFIG,
            "schema %s is not compatible with subject %s: %s; give a changed meaning a new field name, or a new subject",
            schema->name, subject, reason);
    static const char *const words[] = {
        [REGISTRY_COMPATIBLE] = "is compatible",
        [REGISTRY_COMPATIBLE_WITH_LATEST] =
            "is compatible with the latest version (the registry can't compare with all)",
        [REGISTRY_NO_SUBJECT] = "would be the first version",
    };
    printf("%s: %s %s\n", subject, schema->name, words[compatibility]);
    return 0;
}

static int find_schema(struct registry *registry, const char *subject, const struct schema *schema,
                       struct error *error) {
    uint32_t id;
    int result = registry_resolve(registry, subject, schema, false, &id, error);
    if (result == 0)
        printf("%s: %s has id %u\n", subject, schema->name, id);
    return result;
}

static int register_schema(struct registry *registry, const char *subject, const struct schema *schema,
                           struct error *error) {
    uint32_t id;
    int result = registry_register(registry, subject, schema, &id, error);
    if (result == 0)
        printf("%s: %s has id %u\n", subject, schema->name, id);
    return result;
}

/* One document, even if several outputs have the schema. */
static int print_composed(const struct plan *plan, struct error *error) {
    if (plan->udps_rows == NULL || plan->udps_rows->count == 0)
        return error_set(
            error, EINVAL, EX_CONFIG,
            "nothing to compose: no user-defined field is configured; set udps.packets, udps.bytes or udps.plugins (-c, --set)");
    for (size_t i = 1; i < plan->output_count; i++)
        if (strcmp(plan->outputs[i].schema->sha256, plan->outputs[0].schema->sha256) != 0)
            return error_set(
                error, EINVAL, EX_CONFIG,
                "outputs \"%s\" and \"%s\" have different schemas; choose the one to compose with --schema",
                plan->outputs[0].name, plan->outputs[i].name);
    fputs(plan->outputs[0].schema->text, stdout);
    return 0;
}

static int ask_registry(enum command command, struct registry *registry, const struct output_plan *output,
                        struct error *error) {
    const char *strategy = output->config->topic ? output->config->subject_strategy : "record";
    char *subject = registry_subject(strategy, output->config->topic, output->schema);
    if (!subject)
        return error_set(error, ENOMEM, EX_OSERR, "out of memory");
    int result = command == COMMAND_SCHEMA_CHECK  ? check_schema(registry, subject, output->schema, error)
                 : command == COMMAND_SCHEMA_FIND ? find_schema(registry, subject, output->schema, error)
                                                  : register_schema(registry, subject, output->schema, error);
    free(subject);
    return result;
}

static int open_registry(enum command command, const struct config *config, struct registry **registry,
                         struct error *error) {
    struct registry_options options = registry_options_of(config);
    /* Whoever only looks leaves nothing in the folder of a run. */
    if (command == COMMAND_SCHEMA_FIND)
        options.cache_directory = NULL;
    return registry_open(&options, registry, error);
}

static bool wants_registry(enum command command) {
    return command == COMMAND_SCHEMA_CHECK || command == COMMAND_SCHEMA_FIND ||
           command == COMMAND_SCHEMA_REGISTER;
}

int schema_command(const struct command_request *request, const struct plan *plan, struct error *error) {
    enum command command = request->command;
    struct registry *registry = NULL;
    int result = 0;
    if (command == COMMAND_SCHEMA_COMPOSE)
        return print_composed(plan, error);
    if (wants_registry(command) && !plan->config->registry.url)
        return error_set(
            error, EINVAL, EX_CONFIG,
            "no registry: set registry.url in the configuration, or --set registry.url=http://HOST:PORT");
    if (wants_registry(command))
        result = open_registry(command, plan->config, &registry, error);
    for (size_t i = 0; result == 0 && i < plan->output_count; i++) {
        const struct output_plan *output = &plan->outputs[i];
        if (command == COMMAND_SCHEMA_PRINT)
            fputs(output->schema->text, stdout);
        else if (command == COMMAND_SCHEMA_FEATURES)
            result = request->fields ? print_used_fields(plan, output, request->fields, error)
                                     : print_features(plan, output, error);
        else
            result = ask_registry(command, registry, output, error);
    }
    registry_close(registry);
    return result;
}

/* The output's schema, as a run takes it. */
static const char *schema_name(const struct config *config, size_t output) {
    const char *name = config->outputs[output].schema;
    bool nfstream = strcmp(config->profile, "nfstream") == 0;
    return name ? name : schema_default_name(nfstream ? PROFILE_NFSTREAM : PROFILE_NATIVE);
}

static bool is_first_of_schema(const struct config *config, size_t output) {
    for (size_t i = 0; i < output; i++)
        if (strcmp(schema_name(config, i), schema_name(config, output)) == 0)
            return false;
    return true;
}

int schema_ddl_command(const char *dialect, const struct config *config, struct error *error) {
    int result = 0;
    for (size_t i = 0; result == 0 && i < config->output_count; i++)
        if (is_first_of_schema(config, i))
            result = ddl_write(dialect, schema_name(config, i), stdout, error);
    return result;
}
