/* Checks that take more than one option. */
#include "app/config/config.h"

#include <errno.h>
#include <string.h>

#include "app/config/listen_address.h"

enum { REPORT_INTERVAL_MIN = 1000000 };

static int check_source(const struct config *config, struct error *error) {
    bool files = config->capture.files.count > 0;
    bool live = config->capture.interfaces.count > 0;
    if (files && live)
        return error_set(error, EINVAL, EX_USAGE,
                         "both files (-r) and an interface (-i) are given; a run reads one or the other");
    if (!files && !live)
        return error_set(
            error, EINVAL, EX_USAGE,
            "nothing to read; give a capture with -r FILE or an interface with -i IFACE (auto: the default route's)");
    size_t standard_inputs = 0;
    for (size_t i = 0; i < config->capture.files.count; i++)
        standard_inputs += strcmp(config->capture.files.items[i], "-") == 0;
    if (standard_inputs > 1)
        return error_set(error, EINVAL, EX_USAGE,
                         "standard input is given twice in capture.files; it can be read once");
    return 0;
}

static int given_in_vain(const char *option, const char *needed, struct error *error) {
    return error_set(error, EINVAL, EX_CONFIG,
                     "%s is given, and means nothing without %s; give both or neither", option, needed);
}

/* A login or TLS file without a registry would be ignored: it is refused, since whoever gives it believes it is used. */
int config_check_registry(const struct config *config, struct error *error) {
    const char *url = config->registry.url, *token_url = config->registry.oauth_token_url;
    const char *client = config->registry.oauth_client_id;
    const char *bearer = config->registry.bearer_token_file, *username = config->registry.username;
    const struct {
        const char *option, *value, *needed, *needs;
    } pairs[] = {
        {"registry.username", config->registry.username, "registry.url", url},
        {"registry.password_file", config->registry.password_file, "registry.username",
         config->registry.username},
        {"registry.bearer_token_file", bearer, "registry.url", url},
        {"registry.oauth_token_url", token_url, "registry.url", url},
        {"registry.oauth_token_url", token_url, "registry.oauth_client_id", client},
        {"registry.oauth_client_id", client, "registry.oauth_token_url", token_url},
        {"registry.oauth_client_id", client, "registry.oauth_client_secret_file",
         config->registry.oauth_client_secret_file},
        {"registry.oauth_client_secret_file", config->registry.oauth_client_secret_file,
         "registry.oauth_client_id", client},
        {"registry.oauth_scope", config->registry.oauth_scope, "registry.oauth_token_url", token_url},
        {"registry.headers", config->registry.headers.count > 0 ? config->registry.headers.items[0] : NULL,
         "registry.url", url},
        {"registry.ca_file", config->registry.ca_file, "registry.url", url},
        {"registry.certificate_file", config->registry.certificate_file, "registry.url", url},
        {"registry.key_file", config->registry.key_file, "registry.certificate_file",
         config->registry.certificate_file},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
        if (pairs[i].value && !pairs[i].needs)
            return given_in_vain(pairs[i].option, pairs[i].needed, error);
    if ((username != NULL) + (bearer != NULL) + (token_url != NULL) > 1)
        return error_set(
            error, EINVAL, EX_CONFIG,
            "registry.username, registry.bearer_token_file and registry.oauth_token_url are three "
            "ways to log in; give one");
    return 0;
}

static int check_interval(const char *option, int64_t interval, struct error *error) {
    if (interval <= 0 || interval >= REPORT_INTERVAL_MIN)
        return 0;
    return error_set(error, EINVAL, EX_CONFIG,
                     "%s is less than 1s, the shortest interval; set it to \"1s\" or more", option);
}

static int check_reports(const struct config *config, struct error *error) {
    int result = check_interval("performance_report", config->performance_report, error);
    return result == 0 ? check_interval("heartbeat_interval", config->heartbeat_interval, error) : result;
}

static int check_monitoring(const struct config *config, struct error *error) {
    struct listen_address address;
    return config->monitoring.listen ? listen_address_parse(config->monitoring.listen, &address, error) : 0;
}

static int check_schema_id(const struct config *config, size_t index, struct error *error) {
    const struct output_config *output = &config->outputs[index];
    if (output->framing && strcmp(output->framing, "confluent") == 0 && !config->registry.url &&
        output->schema_id == 0)
        return error_set(
            error, EINVAL, EX_CONFIG,
            "output %zu: framing \"confluent\" needs registry.url or schema_id; or set framing = \"single_object\"",
            index);
    if (output->schema_id != 0 &&
        (!output->topic || (output->framing && strcmp(output->framing, "confluent") != 0)))
        return error_set(
            error, EINVAL, EX_CONFIG,
            "output %zu: schema_id is given, and means something only with topic and framing \"confluent\"",
            index);
    return 0;
}

static int check_output(const struct config *config, size_t index, struct error *error) {
    const struct output_config *output = &config->outputs[index];
    const char *sink = output->sink ? output->sink : "";
    if (!output->sink && !output->topic && !output->path)
        return error_set(error, EINVAL, EX_CONFIG,
                         "output %zu: no sink; give topic (kafka), path (file), or sink = \"null\"", index);
    if (strcmp(sink, "file") == 0 && !output->path)
        return error_set(error, EINVAL, EX_CONFIG, "output %zu: sink \"file\" needs a path", index);
    if (strcmp(sink, "kafka") == 0 && !output->topic)
        return error_set(error, EINVAL, EX_CONFIG, "output %zu: sink \"kafka\" needs a topic", index);
    if (output->topic && output->path)
        return error_set(error, EINVAL, EX_CONFIG,
                         "output %zu: both topic and path are given; an output goes to one place", index);
    if (output->kafka.count > 0 && !output->topic)
        return error_set(error, EINVAL, EX_CONFIG,
                         "output %zu: kafka is given, and means nothing without topic; give both or neither",
                         index);
    if (output->framing && !output->topic)
        return error_set(error, EINVAL, EX_CONFIG,
                         "output %zu: framing is given, and means nothing without topic; take it off", index);
    if (output->checksum && strcmp(sink, "null") != 0)
        return error_set(error, EINVAL, EX_CONFIG,
                         "output %zu: checksum is of the sink \"null\"; take it off", index);
    if (output->rotate_files > 0 && output->rotate_size == 0 && output->rotate_flows == 0)
        return error_set(
            error, EINVAL, EX_CONFIG,
            "output %zu: rotate_files needs rotate_flows or rotate_size, which say when a new file begins; set one of them",
            index);
    return check_schema_id(config, index, error);
}

/* Where an output writes; NULL for null. */
static const char *target_of(const struct output_config *output) {
    return output->topic ? output->topic : output->path;
}

static int check_pair(const struct output_config *a, const struct output_config *b, struct error *error) {
    const char *first = target_of(a);
    const char *second = target_of(b);
    bool same_kind = (a->topic != NULL) == (b->topic != NULL);
    if (first && second && same_kind && strcmp(first, second) == 0)
        return error_set(error, EINVAL, EX_CONFIG, "two outputs write to %s \"%s\"; give each its own",
                         a->topic ? "topic" : "path", first);
    if (strcmp(config_output_name(a), config_output_name(b)) == 0)
        return error_set(
            error, EINVAL, EX_CONFIG,
            "two outputs are named \"%s\"; records tell outputs apart by name, so give each its own line name = \"...\"",
            config_output_name(a));
    return 0;
}

int config_check_outputs(const struct config *config, struct error *error) {
    int result = 0;
    for (size_t i = 0; result == 0 && i < config->output_count; i++) {
        result = check_output(config, i, error);
        for (size_t j = 0; result == 0 && j < i; j++)
            result = check_pair(&config->outputs[j], &config->outputs[i], error);
    }
    return result;
}

int config_check(const struct config *config, struct error *error) {
    int result = check_source(config, error);
    if (result == 0)
        result = check_reports(config, error);
    if (result == 0)
        result = check_monitoring(config, error);
    if (result == 0)
        result = config_check_outputs(config, error);
    return result == 0 ? config_check_overwrites(config, error) : result;
}
