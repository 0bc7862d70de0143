#include "sink/kafka/kafka_admin.h"

#include <errno.h>
#include <librdkafka/rdkafka.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "sink/kafka/client/kafka_client.h"
#include "sink/kafka/client/kafka_properties.h"

enum { PAUSE_MILLISECONDS = 50, CALL_MILLISECONDS = 3600000, CONFIG_NAME_SIZE = 256 };

/* What the brokers know of the topic. */
struct topic_state {
    rd_kafka_resp_err_t code; /* NO_ERROR: it exists */
    int partitions, replication_factor, leaderless;
};

struct admin {
    struct kafka_client client;
    const struct sink_options *options;
    const struct topic_wish *wish;
    struct topic_report *report;
    rd_kafka_queue_t *queue;
    struct topic_state state;
};

int topic_wish_check(const struct topic_wish *wish, struct error *error) {
    for (size_t i = 0; i < wish->config_count; i++) {
        size_t length = strcspn(wish->config[i], "=");
        if (length == 0 || length >= CONFIG_NAME_SIZE || wish->config[i][length] != '=')
            return error_set(
                error, EINVAL, EX_CONFIG,
                "topics.config: \"%s\" is not of the form name=value, as in retention.ms=86400000",
                wish->config[i]);
    }
    const char *colon = wish->principal ? strchr(wish->principal, ':') : NULL;
    if (!wish->principal || (colon && colon != wish->principal && colon[1] != '\0'))
        return 0;
    return error_set(error, EINVAL, EX_CONFIG,
                     "topics.principal \"%s\" is not of the form TYPE:NAME, as in User:flowsensor",
                     wish->principal);
}

static int admin_open(struct admin *admin, const struct sink_options *options, const struct topic_wish *wish,
                      struct topic_report *report, struct error *error) {
    *admin = (struct admin){.options = options, .wish = wish, .report = report};
    *report = (struct topic_report){0};
    int result = kafka_client_open(&admin->client, options, error);
    if (result < 0)
        return result;
    kafka_warn_of_scram(options);
    admin->queue = rd_kafka_queue_new(admin->client.handle);
    return 0;
}

static void admin_close(struct admin *admin) {
    if (admin->queue)
        rd_kafka_queue_destroy(admin->queue);
    kafka_client_close(&admin->client);
}

/* --- what is there ------------------------------------------------------------------------------------------------ */

static void read_state(const struct rd_kafka_metadata_topic *topic, struct topic_state *state) {
    *state = (struct topic_state){.code = topic->err, .partitions = topic->partition_cnt};
    for (int i = 0; i < topic->partition_cnt; i++) {
        const struct rd_kafka_metadata_partition *partition = &topic->partitions[i];
        state->leaderless += partition->leader < 0;
        if (i == 0 || partition->replica_cnt < state->replication_factor)
            state->replication_factor = partition->replica_cnt;
    }
}

/* It asks in short tries, because only the client's callbacks hear of a refused login. */
static int look_up_topic(struct admin *admin, struct error *error) {
    const struct rd_kafka_metadata *metadata = NULL;
    rd_kafka_topic_t *topic = rd_kafka_topic_new(admin->client.handle, admin->options->topic, NULL);
    if (!topic)
        return error_set(error, EINVAL, EX_CONFIG, "output \"%s\": topic %s: %s", admin->options->output,
                         admin->options->topic, rd_kafka_err2str(rd_kafka_last_error()));
    rd_kafka_resp_err_t code;
    int patience = KAFKA_PATIENCE;
    do
        code = kafka_ask_for_topic(admin->client.handle, topic, &patience,
                                   kafka_client_milliseconds(&admin->client, KAFKA_PATIENCE_MAX), &metadata);
    while (code != RD_KAFKA_RESP_ERR_NO_ERROR && kafka_client_may_wait(&admin->client));
    rd_kafka_topic_destroy(topic);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR || metadata->topic_cnt == 0)
        return kafka_client_gave_up(&admin->client, error);
    read_state(&metadata->topics[0], &admin->state);
    rd_kafka_metadata_destroy(metadata);
    return 0;
}

static bool is_missing(const struct admin *admin) {
    return admin->state.code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
}

/* Whether the topic was created a moment ago, or its leader is moving. */
static bool is_settling(const struct admin *admin) {
    return admin->state.code == RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE || admin->state.leaderless > 0 ||
           (admin->report->created && is_missing(admin));
}

static int look_until_settled(struct admin *admin, struct error *error) {
    int result = look_up_topic(admin, error);
    while (result == 0 && is_settling(admin) && kafka_client_may_wait(&admin->client)) {
        rd_kafka_poll(admin->client.handle, PAUSE_MILLISECONDS);
        result = look_up_topic(admin, error);
    }
    return result;
}

/* --- requests ----------------------------------------------------------------------------------------------------- */

static rd_kafka_AdminOptions_t *request_options(const struct admin *admin, rd_kafka_admin_op_t operation) {
    char ignored[256];
    rd_kafka_AdminOptions_t *options = rd_kafka_AdminOptions_new(admin->client.handle, operation);
    rd_kafka_AdminOptions_set_request_timeout(
        options, kafka_client_milliseconds(&admin->client, CALL_MILLISECONDS), ignored, sizeof ignored);
    return options;
}

static bool is_forbidden(rd_kafka_resp_err_t code) {
    return code == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED ||
           code == RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED;
}

static bool is_absence(rd_kafka_resp_err_t code) {
    return code == RD_KAFKA_RESP_ERR__TIMED_OUT || code == RD_KAFKA_RESP_ERR__TRANSPORT ||
           code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN || code == RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT;
}

/* The result of a request: `what` was asked for, and the user must be allowed `operation` for it. */
static int judge_topic(const struct admin *admin, rd_kafka_resp_err_t code, const char *words,
                       const char *what, const char *operation, struct error *error) {
    const struct sink_options *options = admin->options;
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
        return 0;
    if (is_absence(code))
        return kafka_client_gave_up(&admin->client, error);
    if (is_forbidden(code))
        return error_set(error, EACCES, EX_NOPERM, "output \"%s\": %s is refused; allow %s, or ask who may",
                         options->output, what, operation);
    if (code == RD_KAFKA_RESP_ERR_SECURITY_DISABLED)
        return error_set(
            error, EINVAL, EX_CONFIG,
            "output \"%s\": %s is refused: the brokers have no authorizer, so there are no ACLs; remove topics.principal",
            options->output, what);
    return error_set(error, EINVAL, EX_CONFIG,
                     "output \"%s\": %s is refused: %s; check the options of the group topics",
                     options->output, what, words ? words : rd_kafka_err2str(code));
}

/* The answer to the request that was sent last; the caller destroys it. */
static rd_kafka_event_t *wait_for_answer(struct admin *admin) {
    rd_kafka_event_t *event = NULL;
    while (!event && kafka_client_may_wait(&admin->client))
        event = rd_kafka_queue_poll(admin->queue, PAUSE_MILLISECONDS);
    return event;
}

/* --- create ------------------------------------------------------------------------------------------------------- */

static void set_topic_config(rd_kafka_NewTopic_t *topic, const struct topic_wish *wish) {
    for (size_t i = 0; i < wish->config_count; i++) {
        char name[CONFIG_NAME_SIZE];
        const char *item = wish->config[i];
        size_t length = strcspn(item, "=");
        snprintf(name, sizeof name, "%.*s", (int)length, item);
        rd_kafka_NewTopic_set_config(topic, name, item + length + 1);
    }
}

static int ask_for_topic(struct admin *admin, rd_kafka_NewTopic_t *topic, struct error *error) {
    char what[320];
    rd_kafka_AdminOptions_t *options = request_options(admin, RD_KAFKA_ADMIN_OP_CREATETOPICS);
    snprintf(what, sizeof what, "to create topic %s", admin->options->topic);
    rd_kafka_CreateTopics(admin->client.handle, &topic, 1, options, admin->queue);
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_event_t *event = wait_for_answer(admin);
    if (!event)
        return kafka_client_gave_up(&admin->client, error);
    rd_kafka_resp_err_t code = rd_kafka_event_error(event);
    const char *words = rd_kafka_event_error_string(event);
    size_t count = 0;
    const rd_kafka_CreateTopics_result_t *answer = rd_kafka_event_CreateTopics_result(event);
    const rd_kafka_topic_result_t **topics =
        answer ? rd_kafka_CreateTopics_result_topics(answer, &count) : NULL;
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR && count > 0) {
        code = rd_kafka_topic_result_error(topics[0]);
        words = rd_kafka_topic_result_error_string(topics[0]);
    }
    admin->report->created = code == RD_KAFKA_RESP_ERR_NO_ERROR;
    /* somebody else has created it in between */
    int result = code == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS
                     ? 0
                     : judge_topic(admin, code, words, what, "Create on the topic or the cluster", error);
    rd_kafka_event_destroy(event);
    return result;
}

static int create_topic(struct admin *admin, struct error *error) {
    char reason[256];
    const struct topic_wish *wish = admin->wish;
    rd_kafka_NewTopic_t *topic = rd_kafka_NewTopic_new(admin->options->topic, (int)wish->partitions,
                                                       (int)wish->replication_factor, reason, sizeof reason);
    if (!topic)
        return error_set(error, EINVAL, EX_CONFIG, "output \"%s\": topic %s: %s", admin->options->output,
                         admin->options->topic, reason);
    set_topic_config(topic, wish);
    int result = ask_for_topic(admin, topic, error);
    rd_kafka_NewTopic_destroy(topic);
    return result;
}

/* --- permissions -------------------------------------------------------------------------------------------------- */

enum { GRANTS_MAX = 4 };

static int ask_for_grants(struct admin *admin, rd_kafka_AclBinding_t **grants, size_t grant_count,
                          struct error *error) {
    char what[640];
    rd_kafka_AdminOptions_t *options = request_options(admin, RD_KAFKA_ADMIN_OP_CREATEACLS);
    snprintf(what, sizeof what, "to give %s its permissions", admin->wish->principal);
    rd_kafka_CreateAcls(admin->client.handle, grants, grant_count, options, admin->queue);
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_event_t *event = wait_for_answer(admin);
    if (!event)
        return kafka_client_gave_up(&admin->client, error);
    rd_kafka_resp_err_t code = rd_kafka_event_error(event);
    const char *words = rd_kafka_event_error_string(event);
    size_t count = 0;
    const rd_kafka_CreateAcls_result_t *answer = rd_kafka_event_CreateAcls_result(event);
    const rd_kafka_acl_result_t **results = answer ? rd_kafka_CreateAcls_result_acls(answer, &count) : NULL;
    for (size_t i = 0; code == RD_KAFKA_RESP_ERR_NO_ERROR && i < count; i++) {
        const rd_kafka_error_t *refusal = rd_kafka_acl_result_error(results[i]);
        code = refusal ? rd_kafka_error_code(refusal) : RD_KAFKA_RESP_ERR_NO_ERROR;
        words = refusal ? rd_kafka_error_string(refusal) : NULL;
    }
    int result = judge_topic(admin, code, words, what, "Alter on the cluster", error);
    rd_kafka_event_destroy(event);
    return result;
}

static rd_kafka_AclBinding_t *make_grant(const struct admin *admin, rd_kafka_ResourceType_t type,
                                         const char *name, rd_kafka_AclOperation_t operation) {
    char ignored[256];
    return rd_kafka_AclBinding_new(type, name, RD_KAFKA_RESOURCE_PATTERN_LITERAL, admin->wish->principal, "*",
                                   operation, RD_KAFKA_ACL_PERMISSION_TYPE_ALLOW, ignored, sizeof ignored);
}

static int grant_access(struct admin *admin, struct error *error) {
    const char *topic = admin->options->topic;
    rd_kafka_AclBinding_t *grants[GRANTS_MAX] = {
        make_grant(admin, RD_KAFKA_RESOURCE_TOPIC, topic, RD_KAFKA_ACL_OPERATION_DESCRIBE),
        make_grant(admin, RD_KAFKA_RESOURCE_TOPIC, topic, RD_KAFKA_ACL_OPERATION_WRITE),
        make_grant(admin, RD_KAFKA_RESOURCE_BROKER, "kafka-cluster", RD_KAFKA_ACL_OPERATION_IDEMPOTENT_WRITE),
    };
    size_t wanted = 3, made = 0;
    if (admin->wish->readable)
        grants[wanted++] = make_grant(admin, RD_KAFKA_RESOURCE_TOPIC, topic, RD_KAFKA_ACL_OPERATION_READ);
    while (made < wanted && grants[made])
        made++;
    int result = made == wanted ? ask_for_grants(admin, grants, wanted, error)
                                : error_set(error, ENOMEM, EX_OSERR, "out of memory");
    for (size_t i = 0; i < wanted; i++)
        if (grants[i])
            rd_kafka_AclBinding_destroy(grants[i]);
    return result;
}

/* --- compare ------------------------------------------------------------------------------------------------------ */

__attribute__((format(printf, 2, 3))) static void differ(struct admin *admin, const char *format, ...) {
    char *to = admin->report->differences;
    size_t size = sizeof admin->report->differences, used = strlen(to);
    va_list arguments;
    if (used > 0 && used + 3 < size)
        used += (size_t)snprintf(to + used, size - used, "; ");
    va_start(arguments, format);
    vsnprintf(to + used, size - used, format, arguments);
    va_end(arguments);
}

static const rd_kafka_ConfigEntry_t *find_entry(const rd_kafka_ConfigEntry_t **entries, size_t count,
                                                const char *name, size_t length) {
    for (size_t i = 0; i < count; i++) {
        const char *candidate = rd_kafka_ConfigEntry_name(entries[i]);
        if (strlen(candidate) == length && memcmp(candidate, name, length) == 0)
            return entries[i];
    }
    return NULL;
}

static void compare_config(struct admin *admin, const rd_kafka_ConfigEntry_t **entries, size_t count) {
    for (size_t i = 0; i < admin->wish->config_count; i++) {
        const char *item = admin->wish->config[i];
        size_t length = strcspn(item, "=");
        const char *wanted = item + length + 1;
        const rd_kafka_ConfigEntry_t *entry = find_entry(entries, count, item, length);
        const char *value = entry ? rd_kafka_ConfigEntry_value(entry) : NULL;
        if (!value || strcmp(value, wanted) != 0)
            differ(admin, "%.*s %s, not %s", (int)length, item, value ? value : "unknown to the broker",
                   wanted);
    }
}

/* Whether a record is acknowledged only when all in-sync replicas have it. Idempotence requires that. */
static bool wants_all_replicas(const struct sink_options *options) {
    for (size_t i = options->kafka_count; i > 0; i--) {
        const char *property = options->kafka[i - 1], *value = strchr(property, '=');
        if (strncmp(property, "acks=", 5) == 0 || strncmp(property, "request.required.acks=", 22) == 0)
            return strcmp(value, "=all") == 0 || strcmp(value, "=-1") == 0;
    }
    return true;
}

static int check_replicas(const struct admin *admin, const rd_kafka_ConfigEntry_t **entries, size_t count,
                          struct error *error) {
    static const char name[] = "min.insync.replicas";
    const rd_kafka_ConfigEntry_t *entry = find_entry(entries, count, name, sizeof name - 1);
    const char *value = entry ? rd_kafka_ConfigEntry_value(entry) : NULL;
    if (!value || strtol(value, NULL, 10) <= admin->state.replication_factor ||
        !wants_all_replicas(admin->options))
        return 0;
    return error_set(
        error, EINVAL, EX_CONFIG,
        "output \"%s\": no record can be acknowledged: topic %s has replication factor %d and %s %s; lower that, or raise the replication factor",
        admin->options->output, admin->options->topic, admin->state.replication_factor, name, value);
}

/* A user may be allowed to write a topic, and not to read its configuration: that is no failure. */
static int compare_with_config(struct admin *admin, struct error *error) {
    rd_kafka_AdminOptions_t *options = request_options(admin, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS);
    rd_kafka_ConfigResource_t *resource =
        rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, admin->options->topic);
    rd_kafka_DescribeConfigs(admin->client.handle, &resource, 1, options, admin->queue);
    rd_kafka_ConfigResource_destroy(resource);
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_event_t *event = wait_for_answer(admin);
    if (!event)
        return kafka_client_gave_up(&admin->client, error);
    rd_kafka_resp_err_t code = rd_kafka_event_error(event);
    size_t count = 0, entry_count = 0;
    const rd_kafka_DescribeConfigs_result_t *answer = rd_kafka_event_DescribeConfigs_result(event);
    const rd_kafka_ConfigResource_t **resources =
        answer ? rd_kafka_DescribeConfigs_result_resources(answer, &count) : NULL;
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR && count > 0)
        code = rd_kafka_ConfigResource_error(resources[0]);
    int result = 0;
    if (is_forbidden(code) && admin->wish->config_count > 0) {
        differ(admin, "its configuration may not be read (DescribeConfigs)");
    } else if (code == RD_KAFKA_RESP_ERR_NO_ERROR && count > 0) {
        const rd_kafka_ConfigEntry_t **entries = rd_kafka_ConfigResource_configs(resources[0], &entry_count);
        compare_config(admin, entries, entry_count);
        result = check_replicas(admin, entries, entry_count, error);
    } else if (!is_forbidden(code)) {
        result = judge_topic(admin, code, NULL, "to read the topic's configuration",
                             "DescribeConfigs on the topic", error);
    }
    rd_kafka_event_destroy(event);
    return result;
}

static int compare_topic(struct admin *admin, struct error *error) {
    const struct topic_wish *wish = admin->wish;
    const struct topic_state *state = &admin->state;
    const char *output = admin->options->output, *topic = admin->options->topic;
    admin->report->partitions = state->partitions;
    admin->report->replication_factor = state->replication_factor;
    int result = kafka_topic_error(output, topic, state->code, error);
    if (result == 0 && (state->code != RD_KAFKA_RESP_ERR_NO_ERROR || state->leaderless > 0))
        result = error_set(
            error, EAGAIN, EX_CONFIG,
            "output \"%s\": topic %s can't be written: %d of its %d partitions have no leader; look after the brokers",
            output, topic, state->leaderless, state->partitions);
    if (result < 0)
        return result;
    if (state->partitions != wish->partitions)
        differ(admin, "partitions %d, not %d", state->partitions, (int)wish->partitions);
    if (wish->replication_factor > 0 && state->replication_factor != wish->replication_factor)
        differ(admin, "replication factor %d, not %d", state->replication_factor,
               (int)wish->replication_factor);
    return compare_with_config(admin, error);
}

int kafka_topic_check(const struct sink_options *options, const struct topic_wish *wish,
                      struct topic_report *report, struct error *error) {
    struct admin admin;
    int result = admin_open(&admin, options, wish, report, error);
    if (result == 0)
        result = look_until_settled(&admin, error);
    if (result == 0)
        result = compare_topic(&admin, error);
    admin_close(&admin);
    return result;
}

int kafka_topic_create(const struct sink_options *options, const struct topic_wish *wish,
                       struct topic_report *report, struct error *error) {
    struct admin admin;
    int result = admin_open(&admin, options, wish, report, error);
    if (result == 0)
        result = look_up_topic(&admin, error);
    if (result == 0 && is_missing(&admin))
        result = create_topic(&admin, error);
    if (result == 0)
        result = look_until_settled(&admin, error);
    if (result == 0 && wish->principal)
        result = grant_access(&admin, error);
    if (result == 0)
        result = compare_topic(&admin, error);
    admin_close(&admin);
    return result;
}
