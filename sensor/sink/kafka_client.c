#include "sink/kafka_client.h"

#include <errno.h>
#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"

/* What is set before the person's own properties, which win. */
static const char *const our_properties[] = {
    "enable.idempotence=true",
    "acks=all",
    "compression.codec=zstd",
    "partitioner=murmur2_random",
    "linger.ms=100",
    "message.timeout.ms=0",
    "queue.buffering.max.kbytes=65536",
    "client.id=flowsensor",
};

static void on_log(const rd_kafka_t *handle, int level, const char *facility, const char *text) {
    (void)handle, (void)level;
    log_line(LOG_DEBUG, "librdkafka: %s: %s", facility, text);
}

static int set_property(rd_kafka_conf_t *conf, const char *output, const char *property,
                        struct error *error) {
    char reason[512], name[256];
    const char *equals = strchr(property, '=');
    if (!equals || equals == property || (size_t)(equals - property) >= sizeof name)
        return error_set(
            error, EINVAL, EX_CONFIG,
            "output \"%s\": kafka: expected \"name=value\", got a string without name or =", output);
    snprintf(name, sizeof name, "%.*s", (int)(equals - property), property);
    if (rd_kafka_conf_set(conf, name, equals + 1, reason, sizeof reason) != RD_KAFKA_CONF_OK)
        return error_set(error, EINVAL, EX_CONFIG, "output \"%s\": kafka: %s", output, reason);
    return 0;
}

/* librdkafka before 2.6.1 fails SCRAM against Kafka 4 with the right password. */
void kafka_warn(const struct sink_options *options) {
    for (size_t i = 0; i < options->kafka_count && rd_kafka_version() < 0x020601ff; i++)
        if (strncmp(options->kafka[i], "sasl.mechanism", 14) == 0 && strstr(options->kafka[i], "SCRAM"))
            log_line(
                LOG_WARNING,
                "output \"%s\": librdkafka %s can't log in to Kafka 4 by SCRAM even with the right password; use 2.6.1 or newer, or SASL PLAIN over TLS",
                options->output, rd_kafka_version_str());
}

int kafka_configure(const struct sink_options *options, rd_kafka_conf_t **configured, struct error *error) {
    size_t size = 0;
    int result = 0;
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    for (size_t i = 0; result == 0 && i < sizeof our_properties / sizeof *our_properties; i++)
        result = set_property(conf, options->output, our_properties[i], error);
    for (size_t i = 0; result == 0 && i < options->kafka_count; i++)
        result = set_property(conf, options->output, options->kafka[i], error);
    if (result == 0 &&
        (rd_kafka_conf_get(conf, "bootstrap.servers", NULL, &size) != RD_KAFKA_CONF_OK || size <= 1))
        result = error_set(
            error, EINVAL, EX_CONFIG,
            "output \"%s\": no broker; add kafka = [ \"bootstrap.servers=HOST:PORT\" ] to the output",
            options->output);
    if (result < 0) {
        rd_kafka_conf_destroy(conf);
        return result;
    }
    rd_kafka_conf_set_log_cb(conf, on_log);
    *configured = conf;
    return 0;
}

int kafka_refused_login(const char *output, const char *reason, struct error *error) {
    return error_set(error, EACCES, EX_NOPERM,
                     "output \"%s\": the broker refuses the login: %s; check sasl.username and sasl.password",
                     output, reason);
}

int kafka_topic_error(const char *output, const char *topic, int code, struct error *error) {
    if (code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART || code == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC)
        return error_set(
            error, ENOENT, EX_CONFIG,
            "output \"%s\": topic %s does not exist; create it: flowsensor topics create with the same configuration, or kafka-topics.sh --create --topic %s --bootstrap-server HOST:PORT",
            output, topic, topic);
    if (code == RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION)
        return error_set(
            error, EINVAL, EX_CONFIG,
            "output \"%s\": \"%s\" is no topic name; use letters, digits, '.', '_' and '-', at most 249",
            output, topic);
    if (code == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED)
        return error_set(error, EACCES, EX_NOPERM,
                         "output \"%s\": no permission for topic %s; allow Describe and Write on it", output,
                         topic);
    return 0;
}

static void on_error(rd_kafka_t *handle, int code, const char *reason, void *opaque) {
    struct kafka_client *client = opaque;
    (void)handle;
    /* "All brokers are down" hides the reason that came before it. */
    if (code != RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN || client->last_code == RD_KAFKA_RESP_ERR_NO_ERROR) {
        client->last_code = code;
        snprintf(client->last_error, sizeof client->last_error, "%s", reason);
    }
    if (code == RD_KAFKA_RESP_ERR__AUTHENTICATION)
        client->authentication_failed = true;
}

int kafka_client_open(struct kafka_client *client, const struct sink_options *options, struct error *error) {
    char reason[512];
    rd_kafka_conf_t *conf = NULL;
    *client = (struct kafka_client){
        .options = options,
        .deadline = clock_monotonic() + options->delivery_limit,
    };
    int result = kafka_configure(options, &conf, error);
    /* What comes from the broker is checked by its sums; a topic that isn't there stays so; an offset that isn't there is
     * an error, and no other one's record. */
    if (result == 0)
        result = set_property(conf, options->output, "check.crcs=true", error);
    if (result == 0)
        result = set_property(conf, options->output, "allow.auto.create.topics=false", error);
    if (result == 0)
        result = set_property(conf, options->output, "auto.offset.reset=error", error);
    if (result == 0) {
        rd_kafka_conf_set_opaque(conf, client);
        rd_kafka_conf_set_error_cb(conf, on_error);
        client->handle = rd_kafka_new(RD_KAFKA_CONSUMER, conf, reason, sizeof reason);
        if (!client->handle)
            result = error_set(error, EINVAL, EX_CONFIG, "output \"%s\": kafka: %s", options->output, reason);
    }
    if (conf && !client->handle)
        rd_kafka_conf_destroy(conf);
    return result;
}

void kafka_client_close(struct kafka_client *client) {
    if (client->handle)
        rd_kafka_destroy(client->handle);
    client->handle = NULL;
}

bool kafka_client_may_wait(struct kafka_client *client) {
    rd_kafka_poll(client->handle, 0);
    return !client->authentication_failed && clock_monotonic() < client->deadline;
}

int kafka_client_milliseconds(const struct kafka_client *client, int most) {
    int64_t left = (client->deadline - clock_monotonic()) / 1000;
    return left < 1 ? 1 : left < most ? (int)left : most;
}

int kafka_client_gave_up(const struct kafka_client *client, struct error *error) {
    const struct sink_options *options = client->options;
    const char *reason = client->last_error[0] ? client->last_error : "no answer";
    if (client->authentication_failed)
        return kafka_refused_login(options->output, reason, error);
    return error_set(
        error, ETIMEDOUT, EX_UNAVAILABLE,
        "output \"%s\": topic %s: no broker answered within %.1f s (%s); check bootstrap.servers and that the broker runs, or raise delivery.timeout",
        options->output, options->topic, (double)options->delivery_limit / 1e6, reason);
}
