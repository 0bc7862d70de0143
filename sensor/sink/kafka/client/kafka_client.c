#include "sink/kafka/client/kafka_client.h"

#include <errno.h>
#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/own_sockets.h"
#include "sink/kafka/client/kafka_properties.h"
#include "sink/kafka/client/kafka_tls.h"
#include "sink/kafka/client/kafka_tokens.h"

enum { TOKENS_MICROSECONDS = 400000 /* a request is given up in 0.1 s */ };

static void client_on_log(const rd_kafka_t *handle, int level, const char *facility, const char *text) {
    (void)handle, (void)level;
    log_line(LOG_DEBUG, "librdkafka: %s: %s", facility, text);
}

/* The broker's thread; sockets don't block. */
static int kafka_connect_own(int descriptor, const struct sockaddr *peer, int length, const char *id,
                             void *opaque) {
    (void)id, (void)opaque;
    return own_socket_connect(descriptor, peer, (socklen_t)length);
}

static int kafka_close_socket(int descriptor, void *opaque) {
    (void)opaque;
    return own_socket_close(descriptor);
}

void kafka_use_own_sockets(rd_kafka_conf_t *conf) {
    if (!own_sockets_enabled())
        return;
    rd_kafka_conf_set_connect_cb(conf, kafka_connect_own);
    rd_kafka_conf_set_closesocket_cb(conf, kafka_close_socket);
}

int kafka_refused_login(const char *output, const char *reason, bool by_token, struct error *error) {
    return error_set(error, EACCES, EX_NOPERM, "output \"%s\": the broker refuses the login: %s; check %s",
                     output, reason,
                     by_token ? "the token's issuer, audience and end, and what the broker expects of them"
                              : "sasl.username and sasl.password");
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

int kafka_ask_for_topic(rd_kafka_t *handle, rd_kafka_topic_t *topic, int *patience, int most,
                        const struct rd_kafka_metadata **metadata) {
    rd_kafka_resp_err_t code =
        rd_kafka_metadata(handle, 0, topic, metadata, *patience < most ? *patience : most);
    if (code == RD_KAFKA_RESP_ERR__TIMED_OUT && *patience < KAFKA_PATIENCE_MAX)
        *patience *= 2;
    return code;
}

static void client_on_error(rd_kafka_t *handle, int code, const char *reason, void *opaque) {
    struct kafka_client *client = opaque;
    (void)handle;
    /* "All brokers are down" hides the reason that came before it. */
    if (code != RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN || client->last_code == RD_KAFKA_RESP_ERR_NO_ERROR) {
        client->last_code = code;
        kafka_tls_explain(reason, client->last_error, sizeof client->last_error);
    }
    if (code == RD_KAFKA_RESP_ERR__AUTHENTICATION)
        client->authentication_failed = true;
}

/* Checks the CRCs of what comes from the broker, creates no topic, and reports an offset that isn't there instead of
 * reading another record. An answer with records must be allowed to be shorter than the longest answer at all, and librdkafka
 * raises that limit to the size of messages, of which this client sends none. */
static void set_own_properties(rd_kafka_conf_t *conf) {
    rd_kafka_conf_set(conf, "check.crcs", "true", NULL, 0);
    rd_kafka_conf_set(conf, "allow.auto.create.topics", "false", NULL, 0);
    rd_kafka_conf_set(conf, "auto.offset.reset", "error", NULL, 0);
    rd_kafka_conf_set(conf, "fetch.max.bytes", "4194304", NULL, 0);
    rd_kafka_conf_set(conf, "message.max.bytes", "1000000", NULL, 0);
    rd_kafka_conf_set_log_cb(conf, client_on_log);
    kafka_use_own_sockets(conf);
}

int kafka_client_open(struct kafka_client *client, const struct sink_options *options, struct error *error) {
    char reason[512];
    rd_kafka_conf_t *conf = NULL;
    *client = (struct kafka_client){
        .options = options,
        .deadline = clock_monotonic() + options->delivery_limit,
    };
    int result = kafka_properties_make(options, &conf, error);
    if (result == 0) {
        set_own_properties(conf);
        rd_kafka_conf_set_opaque(conf, client);
        rd_kafka_conf_set_error_cb(conf, client_on_error);
        client->handle = rd_kafka_new(RD_KAFKA_CONSUMER, conf, reason, sizeof reason);
        if (!client->handle)
            result = error_set(error, EINVAL, EX_CONFIG, "output \"%s\": kafka: %s", options->output, reason);
    }
    if (conf && !client->handle)
        rd_kafka_conf_destroy(conf);
    if (result == 0)
        result = kafka_tokens_make(options, &client->tokens, error);
    if (result == 0)
        kafka_tokens_serve(client->tokens, client->handle);
    return result;
}

void kafka_client_close(struct kafka_client *client) {
    kafka_tokens_end(client->tokens, TOKENS_MICROSECONDS);
    client->tokens = NULL;
    if (client->handle)
        rd_kafka_destroy(client->handle);
    client->handle = NULL;
}

bool kafka_client_may_wait(struct kafka_client *client) {
    struct error lack = {0};
    rd_kafka_poll(client->handle, 0);
    if (kafka_tokens_lack(client->tokens, &lack) && lack.exit_code == EX_NOPERM)
        return false;
    return !client->authentication_failed && clock_monotonic() < client->deadline;
}

int kafka_client_milliseconds(const struct kafka_client *client, int most) {
    int64_t left = (client->deadline - clock_monotonic()) / 1000;
    return left < 1 ? 1 : left < most ? (int)left : most;
}

int kafka_client_gave_up(const struct kafka_client *client, struct error *error) {
    const struct sink_options *options = client->options;
    const char *reason = client->last_error[0] ? client->last_error : "no answer";
    struct error lack = {0};
    if (kafka_tokens_lack(client->tokens, &lack))
        return error_set(error, EACCES, lack.exit_code, "output \"%s\": kafka: %s", options->output,
                         lack.text);
    if (client->authentication_failed)
        return kafka_refused_login(options->output, reason, client->tokens != NULL, error);
    return error_set(
        error, ETIMEDOUT, EX_UNAVAILABLE,
        "output \"%s\": topic %s: no broker answered within %.1f s (%s); check bootstrap.servers and that the broker runs, or raise delivery.timeout",
        options->output, options->topic, (double)options->delivery_limit / 1e6, reason);
}
