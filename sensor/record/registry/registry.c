#include "record/registry/registry.h"

#include <avro.h>
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/log.h"
#include "record/registry/cache.h"
#include "record/registry/request.h"

enum { SUBJECT_NOT_FOUND = 40401, VERSION_NOT_FOUND = 40402, SCHEMA_NOT_FOUND = 40403 };

enum { REGISTRY_MAGIC = 0x4e915719 };

struct registry {
    uint32_t magic;
    struct registry_http *http;
    char *cache_directory;
};

int registry_open(const struct registry_options *options, struct registry **opened, struct error *error) {
    struct registry *registry = calloc(1, sizeof *registry);
    if (!registry)
        return error_set(error, ENOMEM, EX_OSERR, "out of memory");
    registry->magic = REGISTRY_MAGIC;
    int result = registry_http_open(options, &registry->http, error);
    if (result == 0 && options->cache_directory &&
        !(registry->cache_directory = strdup(options->cache_directory)))
        result = error_set(error, ENOMEM, EX_OSERR, "out of memory");
    if (result < 0)
        registry_close(registry);
    else
        *opened = registry;
    return result;
}

void registry_close(struct registry *registry) {
    if (!registry)
        return;
    CHECK(IS_VALID(registry, REGISTRY_MAGIC));
    MAGIC_CLEAR(registry);
    registry_http_close(registry->http);
    free(registry->cache_directory);
    free(registry);
}

/* The error for an unexpected answer. */
static int unexpected_answer(const struct registry *registry, const char *subject,
                             const struct registry_answer *answer, struct error *error) {
    const char *url = registry_http_url(registry->http);
    if (answer->status == 401 || answer->status == 403)
        return error_set(
            error, EACCES, EX_NOPERM,
            "registry %s: it refuses access (%ld); check registry.username and registry.password_file, or the token",
            url, answer->status);
    if (answer->status == 422 && answer->code != 0)
        return error_set(error, EINVAL, EX_CONFIG,
                         "registry %s: it does not take the schema for subject %s: %s", url, subject,
                         answer->message);
    return error_set(
        error, EPROTO, EX_UNAVAILABLE,
        "registry %s: this is not how a schema registry answers (%ld, \"%s\"); check the path in registry.url",
        url, answer->status, answer->message);
}

/* The member "id" of a good answer. No registry gives 0, which stands for "not known" elsewhere. */
static int take_id(const struct registry *registry, const char *subject, const struct registry_answer *answer,
                   uint32_t *id, struct error *error) {
    const json_t *number = json_object_get(answer->body, "id");
    if (answer->status != 200 || !json_is_integer(number) || json_integer_value(number) <= 0 ||
        json_integer_value(number) > INT32_MAX)
        return unexpected_answer(registry, subject, answer, error);
    *id = (uint32_t)json_integer_value(number);
    return 0;
}

static void registry_remember(const struct registry *registry, const char *subject,
                              const struct schema *schema, uint32_t id) {
    if (!registry->cache_directory)
        return;
    int result = registry_cache_write(registry->cache_directory, registry_http_url(registry->http), subject,
                                      schema->sha256, id);
    if (result < 0)
        log_line(LOG_WARNING, "registry.cache_directory %s: %s; a later start needs the registry",
                 registry->cache_directory, strerror(-result));
}

int registry_register(struct registry *registry, const char *subject, const struct schema *schema,
                      uint32_t *id, struct error *error) {
    struct registry_answer answer;
    int result = registry_http_post_schema(registry->http, "/subjects/%s/versions", subject, schema->text,
                                           &answer, error);
    if (result < 0)
        return result;
    if (answer.status == 409 && answer.code != 0)
        result = error_set(
            error, EINVAL, EX_CONFIG,
            "registry %s: subject %s refuses schema %s as incompatible (409): %s; give a changed meaning a new field name, or a new subject",
            registry_http_url(registry->http), subject, schema->name, answer.message);
    else
        result = take_id(registry, subject, &answer, id, error);
    registry_answer_free(&answer);
    if (result == 0)
        registry_remember(registry, subject, schema, *id);
    return result;
}

static int not_registered(const struct registry *registry, const char *subject, const struct schema *schema,
                          struct error *error) {
    return error_set(
        error, ENOENT, EX_CONFIG,
        "registry %s: subject %s does not have schema %s; register it: flowsensor schema register with the same configuration, or set registry.auto_register = true",
        registry_http_url(registry->http), subject, schema->name);
}

int registry_recall(const struct registry *registry, const char *subject, const struct schema *schema,
                    uint32_t *id) {
    return registry->cache_directory
               ? registry_cache_read(registry->cache_directory, registry_http_url(registry->http), subject,
                                     schema->sha256, id)
               : -ENOENT;
}

int registry_resolve(struct registry *registry, const char *subject, const struct schema *schema,
                     bool auto_register, uint32_t *id, struct error *error) {
    struct registry_answer answer;
    int result =
        registry_http_post_schema(registry->http, "/subjects/%s", subject, schema->text, &answer, error);
    if (result < 0)
        return result;
    bool absent =
        answer.status == 404 && (answer.code == SUBJECT_NOT_FOUND || answer.code == SCHEMA_NOT_FOUND);
    if (!absent)
        result = take_id(registry, subject, &answer, id, error);
    registry_answer_free(&answer);
    if (absent)
        return auto_register ? registry_register(registry, subject, schema, id, error)
                             : not_registered(registry, subject, schema, error);
    if (result == 0)
        registry_remember(registry, subject, schema, *id);
    return result;
}

int registry_schema_text(struct registry *registry, uint32_t id, char **text, struct error *error) {
    struct registry_answer answer;
    char number[16];
    snprintf(number, sizeof number, "%" PRIu32, id);
    int result = registry_http_get(registry->http, "/schemas/ids/%s", number, &answer, error);
    if (result < 0)
        return result;
    const char *schema = json_string_value(json_object_get(answer.body, "schema"));
    if (answer.status == 404 && answer.code == SCHEMA_NOT_FOUND)
        result = error_set(
            error, ENOENT, EX_CONFIG,
            "registry %s: it has no schema with the id %" PRIu32
            ", although it gave that id; check that registry.url is one registry and has lost no data",
            registry_http_url(registry->http), id);
    else if (answer.status != 200 || !schema)
        result = unexpected_answer(registry, "of an id", &answer, error);
    else if (!(*text = strdup(schema)))
        result = error_set(error, ENOMEM, EX_OSERR, "out of memory");
    registry_answer_free(&answer);
    return result;
}

/* The registry's reasons, joined by "; ". */
static void join_messages(const json_t *messages, const char *otherwise, char *reason, size_t size) {
    size_t used = 0;
    size_t index;
    json_t *message;
    snprintf(reason, size, "%s", otherwise);
    json_array_foreach(messages, index, message) {
        const char *text = json_string_value(message);
        if (text && used < size)
            used += (size_t)snprintf(reason + used, size - used, "%s%s", used > 0 ? "; " : "", text);
    }
}

/* Whether the registry doesn't have this resource. If it has the resource, a 404 has a code of its own. */
static bool is_no_resource(const struct registry_answer *answer) {
    return answer->status == 405 ||
           (answer->status == 404 && answer->code != SUBJECT_NOT_FOUND && answer->code != VERSION_NOT_FOUND);
}

static const char all_versions[] = "/compatibility/subjects/%s/versions?verbose=true";
static const char latest_version[] = "/compatibility/subjects/%s/versions/latest?verbose=true";

/* Asks at this path. -ENOSYS without a line: the registry has no such resource. */
static int ask_compatibility(struct registry *registry, const char *path, const char *subject,
                             const struct schema *schema, enum registry_compatibility *compatibility,
                             char *reason, size_t reason_size, struct error *error) {
    struct registry_answer answer;
    int result = registry_http_post_schema(registry->http, path, subject, schema->text, &answer, error);
    if (result < 0)
        return result;
    const json_t *compatible = json_object_get(answer.body, "is_compatible");
    if (answer.status == 404 && (answer.code == SUBJECT_NOT_FOUND || answer.code == VERSION_NOT_FOUND))
        *compatibility = REGISTRY_NO_SUBJECT;
    else if (answer.status == 200 && json_is_boolean(compatible))
        *compatibility = json_is_true(compatible) ? REGISTRY_COMPATIBLE : REGISTRY_INCOMPATIBLE;
    else if (path == all_versions && is_no_resource(&answer))
        result = -ENOSYS;
    else
        result = unexpected_answer(registry, subject, &answer, error);
    join_messages(json_object_get(answer.body, "messages"), "the registry gives no reason", reason,
                  reason_size);
    registry_answer_free(&answer);
    return result;
}

/* Whether the subject's level compares with the latest version alone; false if the registry doesn't say. */
static bool compares_with_latest(struct registry *registry, const char *subject) {
    struct registry_answer answer;
    if (registry_http_get(registry->http, "/config/%s?defaultToGlobal=true", subject, &answer, NULL) < 0)
        return false;
    const char *level = json_string_value(json_object_get(answer.body, "compatibilityLevel"));
    bool latest = answer.status == 200 && level && !strstr(level, "TRANSITIVE");
    registry_answer_free(&answer);
    return latest;
}

/* Apicurio answers about the latest version only where the path names that, even if the level is transitive. And it answers
 * about all versions where the path names all, even if the level is not transitive. */
int registry_check(struct registry *registry, const char *subject, const struct schema *schema,
                   enum registry_compatibility *compatibility, char *reason, size_t reason_size,
                   struct error *error) {
    int result =
        ask_compatibility(registry, all_versions, subject, schema, compatibility, reason, reason_size, error);
    bool latest_only = result == -ENOSYS;
    if (!latest_only &&
        (result < 0 || *compatibility != REGISTRY_INCOMPATIBLE || !compares_with_latest(registry, subject)))
        return result;
    result = ask_compatibility(registry, latest_version, subject, schema, compatibility, reason, reason_size,
                               error);
    if (result == 0 && latest_only && *compatibility == REGISTRY_COMPATIBLE)
        *compatibility = REGISTRY_COMPATIBLE_WITH_LATEST;
    return result;
}

char *registry_subject(const char *strategy, const char *topic, const struct schema *schema) {
    char *subject = NULL;
    int length = -1;
    if (strcmp(strategy, "topic") == 0)
        length = asprintf(&subject, "%s-value", topic);
    else if (strcmp(strategy, "record") == 0)
        length = asprintf(&subject, "%s", schema->full_name);
    else if (strcmp(strategy, "topic_record") == 0)
        length = asprintf(&subject, "%s-%s", topic, schema->full_name);
    return length < 0 ? NULL : subject;
}

const char *registry_library_version(void) {
    static char version[512];
    snprintf(version, sizeof version, "%s\njansson %s\nAvro C %s", registry_http_version(), JANSSON_VERSION,
             FLOWSENSOR_AVRO_VERSION);
    return version;
}
