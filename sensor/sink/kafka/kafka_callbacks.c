/* What librdkafka calls back: delivery reports, errors, statistics, its log, and its sockets. */
#include "sink/kafka/kafka_parts.h"

#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "sink/kafka/client/kafka_client.h"
#include "sink/kafka/kafka_errors.h"
#include "sink/kafka/client/kafka_tls.h"

static void kafka_remember_error(struct kafka_sink *sink, int code, const char *text) {
    char plain[512];
    sink->last_error = code;
    kafka_error_text(text, plain, sizeof plain);
    kafka_tls_explain(plain, sink->statistics.last_error, sizeof sink->statistics.last_error);
}

static void acknowledged(struct kafka_sink *sink, struct kafka_entry *entry,
                         const rd_kafka_message_t *message) {
    struct kafka_lane *lane = &sink->lanes[entry->lane];
    int64_t now = clock_monotonic();
    kafka_link_connected(&sink->link);
    sink->statistics.acknowledged++;
    sink->statistics.last_partition = message->partition;
    sink->statistics.last_offset = message->offset;
    delays_add(&sink->statistics.delays, now - entry->handed_over);
    kafka_forget(sink, entry);
    if (kafka_lane_acknowledged(lane, now))
        kafka_drains(sink, lane);
}

/* The record goes back among those that wait. */
static void came_back(struct kafka_sink *sink, struct kafka_entry *entry, const rd_kafka_message_t *message) {
    if (rd_kafka_message_status(message) != RD_KAFKA_MSG_STATUS_NOT_PERSISTED)
        entry->maybe_there = true;
    kafka_lane_came_back(&sink->lanes[entry->lane], entry);
}

static void failed(struct kafka_sink *sink, struct kafka_entry *entry, const rd_kafka_message_t *message) {
    struct kafka_lane *lane = &sink->lanes[entry->lane];
    enum kafka_class class = kafka_class_of(message->err);
    if ((class == KAFKA_REFUSED || class == KAFKA_TOO_LARGE) && !kafka_lane_halve(lane)) {
        kafka_give_up(sink, entry, message->err);
        return;
    }
    came_back(sink, entry, message);
    if (message->err == RD_KAFKA_RESP_ERR__PURGE_QUEUE || message->err == RD_KAFKA_RESP_ERR__PURGE_INFLIGHT)
        return;
    if (class == KAFKA_PRODUCER_FAILED)
        sink->producer_failed = true;
    sink->last_refusal = message->err;
    kafka_hold(sink, lane, message->err);
}

static void kafka_delivered(rd_kafka_t *producer, const rd_kafka_message_t *message, void *opaque) {
    struct kafka_sink *sink = opaque;
    struct kafka_entry *entry = message->_private;
    (void)producer;
    kafka_headers_take_back(&entry->origin->headers, (rd_kafka_message_t *)message);
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR)
        acknowledged(sink, entry, message);
    else
        failed(sink, entry, message);
}

static void kafka_on_error(rd_kafka_t *producer, int code, const char *reason, void *opaque) {
    struct kafka_sink *sink = opaque;
    (void)producer;
    sink->statistics.errors++;
    /* "All brokers are down" hides the reason that came before it. */
    if (code != RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN || sink->last_error == RD_KAFKA_RESP_ERR_NO_ERROR)
        kafka_remember_error(sink, code, reason);
    if (code == RD_KAFKA_RESP_ERR__AUTHENTICATION) {
        sink->authentication_failed = true;
        kafka_tokens_refused(sink->tokens);
    }
    if (code == RD_KAFKA_RESP_ERR__FATAL)
        sink->producer_failed = true;
    if (code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN)
        kafka_link_lost(&sink->link, clock_monotonic());
}

/* There is no callback for a connection that was made, but the client's statistics tell each broker's state. */
static int kafka_on_statistics(rd_kafka_t *producer, char *json, size_t length, void *opaque) {
    struct kafka_sink *sink = opaque;
    static const char up[] = "\"state\":\"UP\"";
    (void)producer;
    if (memmem(json, length, up, sizeof up - 1))
        kafka_link_connected(&sink->link);
    else
        kafka_link_lost(&sink->link, clock_monotonic());
    return 0; /* the client frees it */
}

static void kafka_on_log(const rd_kafka_t *producer, int level, const char *facility, const char *text) {
    (void)producer, (void)level;
    log_line(LOG_DEBUG, "librdkafka: %s: %s", facility, text);
}

void kafka_callbacks_set(rd_kafka_conf_t *conf, struct kafka_sink *sink) {
    rd_kafka_conf_set_opaque(conf, sink);
    rd_kafka_conf_set_dr_msg_cb(conf, kafka_delivered);
    rd_kafka_conf_set_error_cb(conf, kafka_on_error);
    rd_kafka_conf_set_stats_cb(conf, kafka_on_statistics);
    rd_kafka_conf_set_log_cb(conf, kafka_on_log);
    kafka_use_own_sockets(conf);
}
