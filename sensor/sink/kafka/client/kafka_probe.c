#include "sink/kafka/client/kafka_probe.h"

#include <errno.h>
#include <librdkafka/rdkafka.h>
#include <string.h>

#include "sink/kafka/client/kafka_client.h"

/* A server that refuses a client's certificate may say so after the handshake, by an alert. */
static bool tls_failed(const struct kafka_client *client) {
    const char *text = client->last_error;
    return client->last_code == RD_KAFKA_RESP_ERR__SSL ||
           ((strstr(text, "ssl") || strstr(text, "SSL")) && strstr(text, "alert"));
}

static enum kafka_probed judge_silence(const struct kafka_client *client, struct error *error) {
    kafka_client_gave_up(client, error);
    if (client->authentication_failed || error->exit_code == EX_NOPERM)
        return KAFKA_BAD;
    if (!tls_failed(client))
        return KAFKA_UNDECIDED;
    error_set(error, EACCES, EX_NOPERM, "output \"%s\": no TLS connection: %s", client->options->output,
              client->last_error);
    return KAFKA_BAD;
}

/* Whether the topic exists is no matter of the login; whether it may be used is. */
static enum kafka_probed judge_answer(const struct sink_options *options,
                                      const struct rd_kafka_metadata *metadata, struct error *error) {
    bool forbidden =
        metadata->topic_cnt > 0 && metadata->topics[0].err == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED;
    if (forbidden)
        kafka_topic_error(options->output, options->topic, metadata->topics[0].err, error);
    return forbidden ? KAFKA_BAD : KAFKA_GOOD;
}

static enum kafka_probed ask(struct kafka_client *client, atomic_bool *stop, struct error *error) {
    const struct sink_options *options = client->options;
    const struct rd_kafka_metadata *metadata = NULL;
    int patience = KAFKA_PATIENCE;
    rd_kafka_topic_t *topic = rd_kafka_topic_new(client->handle, options->topic, NULL);
    rd_kafka_resp_err_t code = topic ? RD_KAFKA_RESP_ERR__TIMED_OUT : rd_kafka_last_error();
    while (topic && code != RD_KAFKA_RESP_ERR_NO_ERROR && !atomic_load(stop) && kafka_client_may_wait(client))
        code = kafka_ask_for_topic(client->handle, topic, &patience,
                                   kafka_client_milliseconds(client, KAFKA_PATIENCE_MAX), &metadata);
    enum kafka_probed result =
        metadata ? judge_answer(options, metadata, error) : judge_silence(client, error);
    if (metadata)
        rd_kafka_metadata_destroy(metadata);
    if (topic)
        rd_kafka_topic_destroy(topic);
    return result;
}

enum kafka_probed kafka_probe(const struct sink_options *options, atomic_bool *stop, struct error *error) {
    struct kafka_client client;
    enum kafka_probed result = KAFKA_BAD;
    if (kafka_client_open(&client, options, error) == 0)
        result = ask(&client, stop, error);
    kafka_client_close(&client);
    return result;
}
