#include "sink/kafka/client/kafka_properties.h"

#include <errno.h>
#include <inttypes.h>
#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "sink/kafka/client/kafka_oauth.h"
#include "sink/kafka/client/kafka_secrets.h"
#include "sink/kafka/client/kafka_tls.h"

enum {
    BYTES_PER_MESSAGE = 640, /* of the queue's limit, see limit_messages() */
    KBYTE = 1024,
};

/* Our defaults. The properties of the configuration are set after them and win. */
static const char *const our_properties[] = {
    "enable.idempotence=true", "acks=all", "compression.codec=zstd", "partitioner=murmur2_random",
    "linger.ms=100", "message.timeout.ms=0",
    "queue.buffering.max.kbytes=16384", /* what can't be delivered now goes to the spool */
    "reconnect.backoff.max.ms=1000",    /* so that a broker that is back is found soon */
    "client.id=flowsensor",
    /* A client takes memory for an answer as its first bytes say how long it is: 100 MB by default. The longest that a run
     * gets tells of a topic's partitions, 27 bytes each and 4 for each replica. */
    "receive.message.max.bytes=8388608", "statistics.interval.ms=2000", /* sink/kafka/kafka_link.h */
};

/* A file waits for the broker, so its queue need not last for an outage. What a short queue holds stays in the cache. */
static const char queue_of_files[] = "queue.buffering.max.kbytes=8192";

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
    return kafka_secrets_check_file(output, property, error);
}

void kafka_warn_of_scram(const struct sink_options *options) {
    bool scram = false;
    for (size_t i = 0; i < options->kafka_count; i++)
        scram |= strncmp(options->kafka[i], "sasl.mechanism", 14) == 0 && strstr(options->kafka[i], "SCRAM");
    if (scram && rd_kafka_version() < 0x020601ff)
        log_line(
            LOG_WARNING,
            "output \"%s\": librdkafka %s can't log in to Kafka 4 by SCRAM even with the right password; use 2.6.1 or newer, or SASL PLAIN over TLS",
            options->output, rd_kafka_version_str());
}

static int set_properties(rd_kafka_conf_t *conf, const struct sink_options *options, struct error *error) {
    int result = 0;
    for (size_t i = 0; result == 0 && i < sizeof our_properties / sizeof *our_properties; i++)
        result = set_property(conf, options->output, our_properties[i], error);
    if (result == 0 && options->wait_when_full)
        result = set_property(conf, options->output, queue_of_files, error);
    for (size_t i = 0; result == 0 && i < options->kafka_count; i++)
        if (!kafka_oauth_is_ours(options->kafka[i]))
            result = set_property(conf, options->output, options->kafka[i], error);
    return result;
}

/* Clients get tokens without being asked (kafka_tokens.h), but librdkafka wants somebody to ask. */
static void ask_nobody(rd_kafka_t *client, const char *config, void *opaque) {
    (void)client, (void)config, (void)opaque;
}

static int set_tokens(rd_kafka_conf_t *conf, const struct sink_options *options, struct error *error) {
    struct kafka_oauth oauth;
    bool needed = false;
    int result = kafka_oauth_read(options, &oauth, &needed, error);
    if (needed)
        rd_kafka_conf_set_oauthbearer_token_refresh_cb(conf, ask_nobody);
    return result;
}

uint64_t kafka_property_number(const rd_kafka_conf_t *conf, const char *property) {
    char text[32] = "";
    size_t size = sizeof text;
    return rd_kafka_conf_get(conf, property, text, &size) == RD_KAFKA_CONF_OK ? strtoull(text, NULL, 10) : 0;
}

/* The queue is limited in bytes of records, but each message needs about as much memory again. So the number of messages is
 * limited too, to one for each 640 bytes (the size of a record), unless the configuration sets it. Then the limit in bytes
 * tells how much memory the queue takes. */
static int limit_messages(rd_kafka_conf_t *conf, const struct sink_options *options, struct error *error) {
    static const char property[] = "queue.buffering.max.messages=";
    char assignment[sizeof property + 24];
    for (size_t i = 0; i < options->kafka_count; i++)
        if (strncmp(options->kafka[i], property, sizeof property - 1) == 0)
            return 0;
    uint64_t messages = kafka_property_number(conf, "queue.buffering.max.kbytes") * KBYTE / BYTES_PER_MESSAGE;
    snprintf(assignment, sizeof assignment, "%s%" PRIu64, property,
             messages < INT32_MAX ? messages : INT32_MAX);
    return set_property(conf, options->output, assignment, error);
}

static int check_broker(const rd_kafka_conf_t *conf, const char *output, struct error *error) {
    size_t size = 0;
    if (rd_kafka_conf_get(conf, "bootstrap.servers", NULL, &size) == RD_KAFKA_CONF_OK && size > 1)
        return 0;
    return error_set(
        error, EINVAL, EX_CONFIG,
        "output \"%s\": no broker; add kafka = [ \"bootstrap.servers=HOST:PORT\" ] to the output", output);
}

int kafka_properties_make(const struct sink_options *options, rd_kafka_conf_t **made, struct error *error) {
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    kafka_tls_watch(conf);
    int result = set_properties(conf, options, error);
    if (result == 0)
        result = set_tokens(conf, options, error);
    if (result == 0)
        result = limit_messages(conf, options, error);
    if (result == 0)
        result = check_broker(conf, options->output, error);
    if (result == 0)
        *made = conf;
    else
        rd_kafka_conf_destroy(conf);
    return result;
}
