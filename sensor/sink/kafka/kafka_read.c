#include "sink/kafka/kafka_read.h"

#include <errno.h>
#include <inttypes.h>
#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sink/kafka/client/kafka_client.h"

enum { TRY_MILLISECONDS = 200 };

static void copy_header(const rd_kafka_headers_t *headers, const char *name, char *text, size_t size) {
    const void *value = NULL;
    size_t length = 0;
    text[0] = '\0';
    if (rd_kafka_header_get_last(headers, name, &value, &length) == RD_KAFKA_RESP_ERR_NO_ERROR && value)
        snprintf(text, size, "%.*s", (int)length, (const char *)value);
}

static int copy_message(const rd_kafka_message_t *from, struct stored_message *to, struct error *error) {
    rd_kafka_headers_t *headers = NULL;
    *to = (struct stored_message){.value = malloc(from->len + 1), .length = from->len};
    if (from->key)
        to->key = strndup(from->key, from->key_len);
    if (!to->value || (from->key && !to->key)) {
        stored_message_free(to);
        return error_set(error, ENOMEM, EX_OSERR, "out of memory");
    }
    if (from->len > 0)
        memcpy(to->value, from->payload, from->len);
    if (rd_kafka_message_headers(from, &headers) == RD_KAFKA_RESP_ERR_NO_ERROR) {
        copy_header(headers, "sensor_id", to->sensor_id, sizeof to->sensor_id);
        copy_header(headers, "boot_id", to->boot_id, sizeof to->boot_id);
        copy_header(headers, "output", to->output, sizeof to->output);
        copy_header(headers, "seq", to->seq, sizeof to->seq);
    }
    return 0;
}

static int kafka_read_refuse(const struct sink_options *options, const rd_kafka_message_t *message,
                             struct error *error) {
    if (message->err == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED)
        return error_set(
            error, EACCES, EX_NOPERM,
            "output \"%s\": topic %s: the record was taken, but reading it back is refused; allow Read on the topic: kafka-acls.sh --add --allow-principal User:NAME --operation Read --topic %s",
            options->output, options->topic, options->topic);
    return error_set(
        error, EIO, EX_CONFIG,
        "output \"%s\": topic %s: the record can't be read back: %s; check the topic's retention and cleanup.policy",
        options->output, options->topic, rd_kafka_message_errstr(message));
}

/* Errors after which librdkafka goes on by itself while there is time. */
static bool is_passing(rd_kafka_resp_err_t code) {
    return code == RD_KAFKA_RESP_ERR__TRANSPORT || code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN ||
           code == RD_KAFKA_RESP_ERR__PARTITION_EOF || code == RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE ||
           code == RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION || code == RD_KAFKA_RESP_ERR__TIMED_OUT;
}

static int take_message(const struct sink_options *options, const rd_kafka_message_t *from, int64_t offset,
                        struct stored_message *message, struct error *error) {
    if (from->err != RD_KAFKA_RESP_ERR_NO_ERROR)
        return kafka_read_refuse(options, from, error);
    if (from->offset != offset)
        return error_set(error, ENOENT, EX_CONFIG,
                         "output \"%s\": topic %s: the record of offset %" PRId64
                         " is gone, the next one there is %" PRId64
                         "; check the topic's retention and cleanup.policy",
                         options->output, options->topic, offset, from->offset);
    return copy_message(from, message, error);
}

static int kafka_read_consume(struct kafka_client *client, rd_kafka_topic_t *topic, int32_t partition,
                              int64_t offset, struct stored_message *message, struct error *error) {
    rd_kafka_message_t *from = NULL;
    if (rd_kafka_consume_start(topic, partition, offset) != 0)
        return error_set(error, EINVAL, EX_CONFIG, "output \"%s\": topic %s: %s", client->options->output,
                         client->options->topic, rd_kafka_err2str(rd_kafka_last_error()));
    while (!from && kafka_client_may_wait(client)) {
        from = rd_kafka_consume(topic, partition, kafka_client_milliseconds(client, TRY_MILLISECONDS));
        if (from && is_passing(from->err)) {
            rd_kafka_message_destroy(from);
            from = NULL;
        }
    }
    int result = from ? take_message(client->options, from, offset, message, error)
                      : kafka_client_gave_up(client, error);
    if (from)
        rd_kafka_message_destroy(from);
    rd_kafka_consume_stop(topic, partition);
    return result;
}

int kafka_read(const struct sink_options *options, int32_t partition, int64_t offset,
               struct stored_message *message, struct error *error) {
    struct kafka_client client;
    *message = (struct stored_message){0};
    int result = kafka_client_open(&client, options, error);
    if (result == 0) {
        rd_kafka_topic_t *topic = rd_kafka_topic_new(client.handle, options->topic, NULL);
        result = topic ? kafka_read_consume(&client, topic, partition, offset, message, error)
                       : error_set(error, EINVAL, EX_CONFIG, "output \"%s\": topic %s: %s", options->output,
                                   options->topic, rd_kafka_err2str(rd_kafka_last_error()));
        if (topic)
            rd_kafka_topic_destroy(topic);
    }
    kafka_client_close(&client);
    return result;
}

void stored_message_free(struct stored_message *message) {
    free(message->value);
    free(message->key);
    message->value = NULL;
    message->key = NULL;
}
