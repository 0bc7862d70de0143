#include "app/command/preflight.h"

#include "app/config/key_file.h"
#include "app/plan/anonymization_key.h"
#include "app/plan/plan_check.h"
#include "app/plan/registry_options.h"
#include "record/registry/tls_files.h"
#include "sink/kafka/kafka_admin.h"

/* Opening connects nowhere, and reads the password. */
static int check_registry(const struct config *config, struct error *error) {
    struct registry *registry = NULL;
    const struct registry_options options = registry_options_of(config);
    int result = registry_open_configured(config, &registry, error);
    registry_close(registry);
    return result == 0 ? registry_check_files(&options, error) : result;
}

/* Also where no output makes pseudonyms yet. */
static int check_key(const struct config *config, struct error *error) {
    struct anonymize_key key;
    int result =
        config->anonymization.key_file ? anonymization_load_key(config, KEY_FILE_START_WAIT, &key, error) : 0;
    if (config->anonymization.key_file)
        anonymize_key_wipe(&key);
    return result;
}

static int check_topics(const struct config *config, struct error *error) {
    const struct topic_wish wish = {
        .config = (const char *const *)config->topics.config.items,
        .config_count = config->topics.config.count,
        .principal = config->topics.principal,
    };
    return topic_wish_check(&wish, error);
}

int preflight(const struct plan *plan, struct error *error) {
    const char *filter = plan->config->capture.bpf_filter;
    int result = filter ? capture_check_filter(filter, error) : 0;
    if (result == 0)
        result = check_registry(plan->config, error);
    if (result == 0)
        result = check_key(plan->config, error);
    if (result == 0)
        result = check_topics(plan->config, error);
    for (size_t i = 0; result == 0 && i < plan->output_count; i++)
        result = plan_check_output(plan, &plan->outputs[i], error);
    return result;
}
