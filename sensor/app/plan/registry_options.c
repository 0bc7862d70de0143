#include "app/plan/registry_options.h"

#include "app/host/signals.h"

/* In a run a signal ends the wait. A command has no handler: a signal ends it at once. */
static bool is_stopping(void *context) {
    (void)context;
    return shutdown_asked();
}

struct registry_options registry_options_of(const struct config *config) {
    return (struct registry_options){
        .url = config->registry.url,
        .username = config->registry.username,
        .password_file = config->registry.password_file,
        .bearer_token_file = config->registry.bearer_token_file,
        .oauth_token_url = config->registry.oauth_token_url,
        .oauth_client_id = config->registry.oauth_client_id,
        .oauth_client_secret_file = config->registry.oauth_client_secret_file,
        .oauth_scope = config->registry.oauth_scope,
        .headers = (const char *const *)config->registry.headers.items,
        .header_count = config->registry.headers.count,
        .ca_file = config->registry.ca_file,
        .certificate_file = config->registry.certificate_file,
        .key_file = config->registry.key_file,
        .timeout = config->registry.timeout,
        .max_response_size = (uint64_t)config->registry.max_response_size,
        .cache_directory = config->registry.cache_directory,
        .stop = is_stopping,
    };
}

int registry_open_configured(const struct config *config, struct registry **registry, struct error *error) {
    if (!config->registry.url)
        return 0;
    struct registry_options options = registry_options_of(config);
    return registry_open(&options, registry, error);
}
