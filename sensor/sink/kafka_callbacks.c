/* What librdkafka calls back: delivery reports, errors, statistics, its log, and its sockets. */
#include "sink/kafka_parts.h"

#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/own_sockets.h"

enum sink_drop kafka_drop_of(int code) {
    switch (code) {
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
    case RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE: return SINK_DROP_too_large;
    case RD_KAFKA_RESP_ERR__MSG_TIMED_OUT:
    case RD_KAFKA_RESP_ERR__PURGE_QUEUE:
    case RD_KAFKA_RESP_ERR__PURGE_INFLIGHT: return SINK_DROP_undelivered;
    case RD_KAFKA_RESP_ERR__QUEUE_FULL: return SINK_DROP_queue_full;
    default: return SINK_DROP_rejected;
    }
}

static void kafka_remember_error(struct kafka_sink *sink, int code, const char *text) {
    sink->last_error = code;
    snprintf(sink->statistics.last_error, sizeof sink->statistics.last_error, "%s", text);
}

void kafka_count_drop(struct kafka_sink *sink, int code) {
    enum sink_drop drop = kafka_drop_of(code);
    bool first = sink->statistics.dropped[drop]++ == 0;
    if (drop == SINK_DROP_undelivered)
        return;
    sink->last_refusal = code;
    if (first && !sink->wait_when_full)
        log_line(LOG_ERROR, "output \"%s\": topic %s: %s; this and later ones are counted as dropped (%s)",
                 sink->output, sink->topic, rd_kafka_err2str(code), sink_drop_name(drop));
}

static void kafka_delivered(rd_kafka_t *producer, const rd_kafka_message_t *message, void *opaque) {
    struct kafka_sink *sink = opaque;
    int64_t handed_over = kafka_time_from_opaque(message->_private);
    (void)producer;
    sink->statistics.in_flight--;
    sink->statistics.queue_bytes -= message->len + message->key_len;
    ages_remove(&sink->ages, handed_over);
    kafka_headers_take_back(&sink->headers, (rd_kafka_message_t *)message);
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        kafka_count_drop(sink, message->err);
        return;
    }
    kafka_link_connected(&sink->link);
    sink->statistics.acknowledged++;
    sink->statistics.last_partition = message->partition;
    sink->statistics.last_offset = message->offset;
    delays_add(&sink->statistics.delays, clock_monotonic() - handed_over);
}

static void kafka_on_error(rd_kafka_t *producer, int code, const char *reason, void *opaque) {
    struct kafka_sink *sink = opaque;
    (void)producer;
    sink->statistics.errors++;
    /* "All brokers are down" hides the reason that came before it. */
    if (code != RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN || sink->last_error == RD_KAFKA_RESP_ERR_NO_ERROR)
        kafka_remember_error(sink, code, reason);
    if (code == RD_KAFKA_RESP_ERR__AUTHENTICATION)
        sink->authentication_failed = true;
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

void kafka_callbacks_set(rd_kafka_conf_t *conf, struct kafka_sink *sink) {
    rd_kafka_conf_set_opaque(conf, sink);
    rd_kafka_conf_set_dr_msg_cb(conf, kafka_delivered);
    rd_kafka_conf_set_error_cb(conf, kafka_on_error);
    rd_kafka_conf_set_stats_cb(conf, kafka_on_statistics);
    rd_kafka_conf_set_log_cb(conf, kafka_on_log);
    if (own_sockets_enabled()) {
        rd_kafka_conf_set_connect_cb(conf, kafka_connect_own);
        rd_kafka_conf_set_closesocket_cb(conf, kafka_close_socket);
    }
}
