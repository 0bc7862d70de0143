/* Kafka by librdkafka: idempotent, acknowledged by all replicas, compressed, with the partitioner of Java's clients.
 *
 * librdkafka's own threads do the network. Delivery reports (kafka_callbacks.c) are handled in this output's thread, within
 * kafka_poll() and the waits below, so the counters need no lock. */
#include "sink/sink.h"

#include <errno.h>
#include <inttypes.h>
#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/clock.h"
#include "sink/kafka_client.h"
#include "sink/kafka_end.h"
#include "sink/kafka_parts.h"
#include "sink/kafka_properties.h"
#include "sink/kafka_topic.h"

enum {
    WAIT_MILLISECONDS = 50,
    METADATA_MILLISECONDS = 5000,
    LIVE_PATIENCE_MILLISECONDS = 100, /* of the 300 that a start may take */
    CHECK_MILLISECONDS = 5,
    PURGE_MILLISECONDS = 1000,
};

/* The process's deadline; 0: none yet. */
static int64_t kafka_deadline(const struct kafka_sink *sink) {
    return sink->deadline ? sink->deadline() : 0;
}

static void look_at_link(struct kafka_sink *sink) {
    int64_t now = clock_monotonic();
    kafka_link_look(&sink->link, now, ages_oldest(&sink->ages, now), sink->statistics.in_flight,
                    sink->statistics.last_error);
}

static int create_producer(struct kafka_sink *sink, const struct sink_options *options, struct error *error) {
    char reason[512];
    rd_kafka_conf_t *conf = NULL;
    int result = kafka_properties_make(options, &conf, error);
    if (result == 0) {
        kafka_warn_of_scram(options);
        kafka_callbacks_set(conf, sink);
        sink->producer = rd_kafka_new(RD_KAFKA_PRODUCER, conf, reason, sizeof reason);
        if (!sink->producer)
            result = error_set(error, EINVAL, EX_CONFIG, "output \"%s\": kafka: %s", options->output, reason);
    }
    if (conf && !sink->producer)
        rd_kafka_conf_destroy(conf);
    if (result == 0 && !(sink->handle = rd_kafka_topic_new(sink->producer, sink->topic, NULL)))
        result = error_set(error, EINVAL, EX_CONFIG, "output \"%s\": kafka: topic \"%s\": %s",
                           options->output, sink->topic, rd_kafka_err2str(rd_kafka_last_error()));
    return result;
}

/* The value of a property in force: our default, or from the configuration. For the number of messages 0 is no limit. */
static double property_of(const struct kafka_sink *sink, const char *name) {
    char value[24] = "0";
    size_t size = sizeof value;
    rd_kafka_conf_get(rd_kafka_conf(sink->producer), name, value, &size);
    return strtod(value, NULL);
}

static void begin_accounts(struct kafka_sink *sink) {
    sink->statistics.queue_limit_bytes = (uint64_t)property_of(sink, "queue.buffering.max.kbytes") * 1024;
    sink->records_max = (uint64_t)property_of(sink, "queue.buffering.max.messages");
    kafka_link_init(&sink->link, sink->output, sink->topic, (int64_t)(property_of(sink, "linger.ms") * 1000));
}

static int kafka_refused(const struct kafka_sink *sink, struct error *error) {
    return kafka_refused_login(sink->output, sink->statistics.last_error, error);
}

/* Ends the check of the topic. Only kafka_on_error() hears of a refused login. */
static int end_check(struct kafka_sink *sink, struct error *error) {
    int result = kafka_topic_check_end(sink->check, error);
    sink->check = NULL;
    return result == 0 && sink->authentication_failed ? kafka_refused(sink, error) : result;
}

static bool is_checked(const struct kafka_sink *sink) {
    return sink->authentication_failed || kafka_topic_check_is_over(sink->check);
}

/* Waits for the broker's answer about the topic. While files are read, it waits as long as the check runs. Live it waits
 * for a moment only, so that no packets are lost; kafka_poll() handles a later answer. */
static int kafka_check_topic(struct kafka_sink *sink, struct error *error) {
    int64_t longest = INT64_C(1000) * METADATA_MILLISECONDS;
    int64_t limit = sink->delivery_limit < longest ? sink->delivery_limit : longest;
    int64_t patience = sink->wait_when_full ? limit : INT64_C(1000) * LIVE_PATIENCE_MILLISECONDS;
    int64_t began = clock_monotonic();
    int result =
        kafka_topic_check_begin(sink->producer, sink->output, sink->topic, limit, &sink->check, error);
    if (result < 0)
        return result;
    while (!is_checked(sink) && clock_monotonic() - began < patience && kafka_deadline(sink) == 0)
        rd_kafka_poll(sink->producer, CHECK_MILLISECONDS);
    return sink->wait_when_full || is_checked(sink) ? end_check(sink, error) : 0;
}

static void kafka_close(void *state) {
    struct kafka_sink *sink = state;
    CHECK(IS_VALID(sink, KAFKA_SINK_MAGIC));
    struct error ignored;
    kafka_topic_check_end(sink->check, &ignored);
    if (sink->producer) {
        rd_kafka_purge(sink->producer,
                       RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT | RD_KAFKA_PURGE_F_NON_BLOCKING);
        if (sink->handle)
            rd_kafka_topic_destroy(sink->handle);
        if (!kafka_end(sink->producer))
            return;
    }
    kafka_headers_close(&sink->headers);
    buffer_free(&sink->framed);
    MAGIC_CLEAR(sink);
    free(sink);
}

static int kafka_open(const struct sink_options *options, void **state, struct error *error) {
    struct kafka_sink *sink = calloc(1, sizeof *sink);
    if (!sink)
        return error_set(error, ENOMEM, EX_OSERR, "out of memory");
    sink->magic = KAFKA_SINK_MAGIC;
    sink->output = options->output;
    sink->topic = options->topic;
    sink->wait_when_full = options->wait_when_full;
    sink->has_neighbours = options->has_neighbours;
    sink->deadline = options->deadline;
    sink->delivery_limit = options->delivery_limit;
    framing_make(&sink->framing, options->framing, options->schema_id, options->schema_fingerprint);
    int result = create_producer(sink, options, error);
    if (result == 0 && kafka_headers_open(&sink->headers, options->origin, options->headers) < 0)
        result = error_set(error, ENOMEM, EX_OSERR, "out of memory");
    if (result == 0) {
        begin_accounts(sink);
        result = kafka_check_topic(sink, error);
    }
    if (result < 0)
        kafka_close(sink);
    else
        *state = sink;
    return result;
}

static rd_kafka_resp_err_t kafka_produce(struct kafka_sink *sink, const struct message *message) {
    int64_t now = clock_monotonic();
    rd_kafka_headers_t *headers = NULL;
    if (kafka_headers_take(&sink->headers, message, &headers) < 0)
        return RD_KAFKA_RESP_ERR__FAIL;
    rd_kafka_resp_err_t code = rd_kafka_producev(
        sink->producer, RD_KAFKA_V_RKT(sink->handle), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
        RD_KAFKA_V_VALUE(sink->framed.data, sink->framed.length),
        RD_KAFKA_V_KEY(message->key, message->key_length), RD_KAFKA_V_HEADERS(headers),
        RD_KAFKA_V_OPAQUE(kafka_time_to_opaque(now)), RD_KAFKA_V_END);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        kafka_headers_give(&sink->headers, headers);
        return code;
    }
    sink->statistics.in_flight++;
    sink->statistics.queue_bytes += sink->framed.length + message->key_length;
    ages_add(&sink->ages, now);
    return code;
}

/* How long a record may wait for room without any progress. */
static int64_t kafka_patience(const struct kafka_sink *sink) {
    int64_t deadline = kafka_deadline(sink);
    int64_t half = (deadline - clock_monotonic()) / 2;
    bool leaves_half = sink->has_neighbours && deadline != 0 && half < sink->delivery_limit;
    return leaves_half ? half : sink->delivery_limit;
}

/* Serves delivery reports until one came or the limit passed; true if there was progress. It flushes instead of polling,
 * because librdkafka then sends at once what it would hold back for `linger.ms`. */
static bool wait_for_progress(struct kafka_sink *sink, int64_t limit) {
    uint64_t before = sink->statistics.in_flight;
    sink->waiting_since = clock_monotonic();
    while (sink->statistics.in_flight >= before && before > 0) {
        int64_t now = clock_monotonic(), deadline = kafka_deadline(sink);
        if (now - sink->waiting_since >= limit || (deadline != 0 && now >= deadline))
            return false;
        rd_kafka_flush(sink->producer, WAIT_MILLISECONDS);
        look_at_link(sink);
    }
    return before > 0;
}

static int kafka_unavailable(const struct kafka_sink *sink, struct error *error) {
    return error_set(
        error, ETIMEDOUT, EX_UNAVAILABLE,
        "output \"%s\": topic %s: no acknowledgement for %.1f s, %" PRIu64
        " records not delivered (%s); check bootstrap.servers and that the broker runs, or raise delivery.timeout",
        sink->output, sink->topic, (double)(clock_monotonic() - sink->waiting_since) / 1e6,
        sink->statistics.in_flight + sink->statistics.dropped[SINK_DROP_undelivered],
        sink->statistics.last_error[0] ? sink->statistics.last_error : "no answer");
}

static int kafka_give_up(struct kafka_sink *sink, rd_kafka_resp_err_t code, struct error *error) {
    char reason[256];
    kafka_count_drop(sink, code);
    if (rd_kafka_fatal_error(sink->producer, reason, sizeof reason) == RD_KAFKA_RESP_ERR_NO_ERROR)
        return 0;
    return error_set(error, EIO, EX_UNAVAILABLE, "output \"%s\": the producer can't go on: %s; start again",
                     sink->output, reason);
}

static int kafka_write(void *state, const struct message *message, struct error *error) {
    struct kafka_sink *sink = state;
    DEBUG_CHECK(IS_VALID(sink, KAFKA_SINK_MAGIC));
    sink->statistics.bytes += message->body_length;
    sink->framed.length = 0;
    buffer_append(&sink->framed, sink->framing.prefix, sink->framing.length);
    buffer_append(&sink->framed, message->body, message->body_length);
    if (sink->framed.failed) {
        sink->framed.failed = false;
        return kafka_give_up(sink, RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, error);
    }
    rd_kafka_resp_err_t code = kafka_produce(sink, message);
    /* A record that doesn't fit into an empty queue never will. */
    while (code == RD_KAFKA_RESP_ERR__QUEUE_FULL && sink->statistics.in_flight > 0 &&
           (sink->wait_when_full || kafka_deadline(sink) != 0)) {
        if (!wait_for_progress(sink, kafka_patience(sink))) {
            sink->statistics.dropped[SINK_DROP_undelivered]++;
            return kafka_unavailable(sink, error);
        }
        code = kafka_produce(sink, message);
    }
    return code == RD_KAFKA_RESP_ERR_NO_ERROR ? 0 : kafka_give_up(sink, code, error);
}

static int kafka_poll(void *state, struct error *error) {
    struct kafka_sink *sink = state;
    rd_kafka_poll(sink->producer, 0);
    look_at_link(sink);
    return sink->check && is_checked(sink) ? end_check(sink, error) : 0;
}

/* A quarter of the queue is left for records that can't wait. */
static bool kafka_has_room(const void *state) {
    const struct kafka_sink *sink = state;
    const struct sink_statistics *statistics = &sink->statistics;
    uint64_t records_max = sink->records_max, bytes_max = statistics->queue_limit_bytes;
    return (records_max == 0 || statistics->in_flight < records_max - records_max / 4) &&
           statistics->queue_bytes < bytes_max - bytes_max / 4;
}

/* Gives up the records in flight: librdkafka then reports each, so that it is counted. */
static void kafka_purge(struct kafka_sink *sink) {
    int64_t end = clock_monotonic() + INT64_C(1000) * PURGE_MILLISECONDS;
    rd_kafka_purge(sink->producer, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    while (sink->statistics.in_flight > 0 && clock_monotonic() < end)
        rd_kafka_poll(sink->producer, WAIT_MILLISECONDS);
    sink->statistics.dropped[SINK_DROP_undelivered] += sink->statistics.in_flight;
    sink->statistics.in_flight = 0;
    sink->statistics.queue_bytes = 0;
    sink->ages.first = sink->ages.end;
}

/* The error for records that the broker or the producer refused although the broker could be reached. */
static int not_taken(const struct kafka_sink *sink, struct error *error) {
    const uint64_t *dropped = sink->statistics.dropped;
    uint64_t count =
        dropped[SINK_DROP_rejected] + dropped[SINK_DROP_too_large] + dropped[SINK_DROP_queue_full];
    bool forbidden = sink->last_refusal == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED;
    if (count == 0 || !sink->wait_when_full)
        return 0;
    const char *remedy = forbidden ? "allow Write on the topic"
                         : kafka_drop_of(sink->last_refusal) == SINK_DROP_rejected
                             ? "look into the broker's log"
                             : "raise message.max.bytes of the producer and max.message.bytes of the topic";
    return error_set(error, EIO, forbidden ? EX_NOPERM : EX_IOERR,
                     "output \"%s\": topic %s: %" PRIu64 " records were not taken and are dropped: %s; %s",
                     sink->output, sink->topic, count, rd_kafka_err2str(sink->last_refusal), remedy);
}

static int kafka_flush(void *state, int64_t limit, bool patient, struct error *error) {
    struct kafka_sink *sink = state;
    int64_t end = clock_monotonic() + limit;
    uint64_t told = sink->wait_when_full ? 0 : sink->statistics.dropped[SINK_DROP_undelivered];
    bool progress = true;
    sink->waiting_since = clock_monotonic();
    rd_kafka_flush(sink->producer, 0);
    while (sink->statistics.in_flight > 0 && progress) {
        int64_t left = patient ? limit : end - clock_monotonic();
        progress = left > 0 && wait_for_progress(sink, left);
    }
    if (sink->statistics.in_flight > 0)
        kafka_purge(sink);
    if (sink->statistics.dropped[SINK_DROP_undelivered] > told)
        return sink->authentication_failed ? kafka_refused(sink, error) : kafka_unavailable(sink, error);
    return not_taken(sink, error);
}

static void kafka_statistics(const void *state, struct sink_statistics *statistics) {
    const struct kafka_sink *sink = state;
    *statistics = sink->statistics;
    statistics->oldest_age = ages_oldest(&sink->ages, clock_monotonic());
}

static int64_t kafka_waiting_since(const void *state) {
    const struct kafka_sink *sink = state;
    return sink->link.waiting;
}

const struct sink_type sink_kafka = {
    .name = "kafka",
    .open = kafka_open,
    .write = kafka_write,
    .poll = kafka_poll,
    .has_room = kafka_has_room,
    .flush = kafka_flush,
    .statistics = kafka_statistics,
    .waiting_since = kafka_waiting_since,
    .close = kafka_close,
    .memory = kafka_memory,
    .check = kafka_check,
};

const char *sink_library_version(void) {
    static char version[64];
    snprintf(version, sizeof version, "librdkafka %s", rd_kafka_version_str());
    return version;
}
