/* Has librdkafka check an output's properties, without a connection. */
#include "sink/kafka/kafka_check.h"

#include <ctype.h>
#include <errno.h>
#include <librdkafka/rdkafka.h>
#include <netdb.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "sink/dead_letters.h"
#include "sink/kafka/client/kafka_client.h"
#include "sink/kafka/client/kafka_end.h"
#include "sink/kafka/client/kafka_oauth.h"
#include "sink/kafka/client/kafka_properties.h"

enum { SERVERS_SIZE = 8192, TOPIC_LENGTH_MAX = 249 };

static void check_on_log(const rd_kafka_t *handle, int level, const char *facility, const char *text) {
    (void)handle, (void)level;
    log_line(LOG_DEBUG, "librdkafka: %s: %s", facility, text);
}

/* No name is looked up, so no broker has an address to connect to. */
static int resolve_nothing(const char *node, const char *service, const struct addrinfo *hints,
                           struct addrinfo **addresses, void *opaque) {
    (void)node, (void)service, (void)hints, (void)addresses, (void)opaque;
    return EAI_FAIL;
}

static int check_topic_name(const struct sink_options *options, struct error *error) {
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    const char *topic = options->topic;
    size_t length = strlen(topic);
    bool is_name = length > 0 && length <= TOPIC_LENGTH_MAX && strspn(topic, letters) == length &&
                   strcmp(topic, ".") != 0 && strcmp(topic, "..") != 0;
    return is_name ? 0 : kafka_topic_error(options->output, topic, RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION, error);
}

/* "HOST", "HOST:PORT", "[IPV6]:PORT" or any of them behind "PROTOCOL://". librdkafka takes a port that is no number for
 * 0. */
static bool is_server(const char *text) {
    const char *scheme = strstr(text, "://");
    const char *host = scheme ? scheme + strlen("://") : text;
    const char *bracket = *host == '[' ? strchr(host, ']') : NULL;
    const char *colon = strrchr(bracket ? bracket : host, ':');
    size_t length = colon ? (size_t)(colon - host) : strlen(host);
    char *end = NULL;
    long port = colon ? strtol(colon + 1, &end, 10) : 1;
    bool is_port =
        port >= 1 && port <= UINT16_MAX && (!end || (*end == '\0' && isdigit((unsigned char)colon[1])));
    return length > 0 && is_port && strcspn(host, " /@") == strlen(host);
}

static int bad_server(const char *output, const char *server, struct error *error) {
    return error_set(error, EINVAL, EX_CONFIG,
                     "output \"%s\": kafka: bootstrap.servers: \"%s\" is not of the form HOST:PORT", output,
                     server);
}

/* Checks each of the brokers; the producer checks what stands before "://". */
static int check_servers(rd_kafka_t *producer, const char *output, char *servers, struct error *error) {
    char *rest = NULL;
    for (char *server = strtok_r(servers, ",", &rest); server; server = strtok_r(NULL, ",", &rest)) {
        server += strspn(server, " ");
        if (!is_server(server) || rd_kafka_brokers_add(producer, server) != 1)
            return bad_server(output, server, error);
    }
    return 0;
}

/* librdkafka doesn't read this file itself: it passes it to a program that it runs. */
static int check_keytab(const rd_kafka_conf_t *conf, const char *output, struct error *error) {
    char path[SERVERS_SIZE] = "";
    size_t size = sizeof path;
    bool given = rd_kafka_conf_get(conf, "sasl.kerberos.keytab", path, &size) == RD_KAFKA_CONF_OK && *path;
    if (!given || access(path, R_OK) == 0)
        return 0;
    return error_set(error, errno, EX_CONFIG, "output \"%s\": kafka: sasl.kerberos.keytab %s: %s", output,
                     path, strerror(errno));
}

/* A producer without brokers: they are moved from `conf` to `servers`. */
static rd_kafka_t *make_producer(rd_kafka_conf_t *conf, char *servers, size_t size, char *reason,
                                 size_t reason_size) {
    if (rd_kafka_conf_get(conf, "bootstrap.servers", servers, &size) != RD_KAFKA_CONF_OK)
        *servers = '\0';
    rd_kafka_conf_set(conf, "bootstrap.servers", "", NULL, 0);
    rd_kafka_conf_set(conf, "sasl.kerberos.min.time.before.relogin", "0", NULL, 0); /* runs no kinit */
    rd_kafka_conf_set_log_cb(conf, check_on_log);
    rd_kafka_conf_set_resolve_cb(conf, resolve_nothing);
    return rd_kafka_new(RD_KAFKA_PRODUCER, conf, reason, reason_size);
}

int kafka_check(const struct sink_options *options, struct error *error) {
    char reason[512], servers[SERVERS_SIZE];
    rd_kafka_conf_t *conf = NULL;
    int result = check_topic_name(options, error);
    if (result == 0)
        result = dead_letters_check(options->output, options->dead_letters, error);
    if (result == 0)
        result = kafka_oauth_check(options, error);
    if (result == 0)
        result = kafka_properties_make(options, &conf, error);
    if (result == 0 && (result = check_keytab(conf, options->output, error)) < 0)
        rd_kafka_conf_destroy(conf);
    if (result < 0)
        return result;
    rd_kafka_t *producer = make_producer(conf, servers, sizeof servers, reason, sizeof reason);
    if (!producer) {
        rd_kafka_conf_destroy(conf);
        return error_set(error, EINVAL, EX_CONFIG, "output \"%s\": kafka: %s", options->output, reason);
    }
    result = check_servers(producer, options->output, servers, error);
    kafka_end(producer, NULL);
    return result;
}
