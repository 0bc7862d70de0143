/* A Kafka output's producer: made, ended, and made afresh where it can't go on; and the partitions of its topic. */
#include <errno.h>
#include <inttypes.h>
#include <librdkafka/rdkafka.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "sink/kafka/client/kafka_end.h"
#include "sink/kafka/client/kafka_client.h"
#include "sink/kafka/kafka_parts.h"
#include "sink/kafka/client/kafka_properties.h"
#include "sink/kafka/kafka_topic.h"

enum {
    PURGE_MILLISECONDS = 1000,
    PURGE_STEP_MILLISECONDS = 20,
    CHECK_MICROSECONDS = 5000000, /* how long one look at the topic may take */
    SOON_MICROSECONDS = 1000000,  /* to the next, while partitions are unknown or held */
    LATER_MICROSECONDS = 60000000,
    LANES_MAX = 1 << 20,
    SECOND = 1000000,
};

/* The values of the property "partitioner". */
static const struct {
    const char *name;
    kafka_partitioner *partitioner;
} partitioners[] = {
    {"murmur2_random", rd_kafka_msg_partitioner_murmur2_random},
    {"murmur2", rd_kafka_msg_partitioner_murmur2},
    {"consistent", rd_kafka_msg_partitioner_consistent},
    {"consistent_random", rd_kafka_msg_partitioner_consistent_random},
    {"fnv1a", rd_kafka_msg_partitioner_fnv1a},
    {"fnv1a_random", rd_kafka_msg_partitioner_fnv1a_random},
    {"random", rd_kafka_msg_partitioner_random},
};

static kafka_partitioner *partitioner_of(const rd_kafka_conf_t *conf) {
    char name[32] = "";
    size_t size = sizeof name;
    rd_kafka_conf_get(conf, "partitioner", name, &size);
    for (size_t i = 0; i < sizeof partitioners / sizeof *partitioners; i++)
        if (strcmp(partitioners[i].name, name) == 0)
            return partitioners[i].partitioner;
    return partitioners[0].partitioner;
}

int32_t kafka_partition_of(const struct kafka_sink *sink, const char *key, size_t length) {
    return sink->partitions > 0 ? sink->partitioner(sink->handle, key, length, sink->partitions, NULL, NULL)
                                : -1;
}

/* Puts another producer, and its handle of the topic, in place of those that are there; on failure these stay. librdkafka takes
 * the configuration, unless it fails. */
static int make_of_conf(struct kafka_sink *sink, struct error *error) {
    char reason[512];
    rd_kafka_conf_t *conf = rd_kafka_conf_dup(sink->conf);
    rd_kafka_t *producer = rd_kafka_new(RD_KAFKA_PRODUCER, conf, reason, sizeof reason);
    if (!producer) {
        rd_kafka_conf_destroy(conf);
        return error_set(error, EINVAL, EX_CONFIG, "output \"%s\": kafka: %s", sink->output, reason);
    }
    rd_kafka_topic_t *handle = rd_kafka_topic_new(producer, sink->topic, NULL);
    if (!handle) {
        kafka_end(producer, &sink->stay);
        return error_set(error, EINVAL, EX_CONFIG, "output \"%s\": kafka: topic \"%s\": %s", sink->output,
                         sink->topic, rd_kafka_err2str(rd_kafka_last_error()));
    }
    kafka_tokens_serve(sink->tokens, producer);
    sink->producer = producer;
    sink->handle = handle;
    return 0;
}

int kafka_producer_make(struct kafka_sink *sink, const struct sink_options *options, struct error *error) {
    int result = kafka_properties_make(options, &sink->conf, error);
    if (result < 0)
        return result;
    kafka_warn_of_scram(options);
    kafka_callbacks_set(sink->conf, sink);
    sink->partitioner = partitioner_of(sink->conf);
    result = kafka_tokens_make(options, &sink->tokens, error);
    return result < 0 ? result : make_of_conf(sink, error);
}

static void end_check_of(struct kafka_sink *sink) {
    struct error ignored;
    kafka_topic_check_end(sink->check, NULL, &ignored);
    sink->check = NULL;
}

static void end_handles(struct kafka_sink *sink, rd_kafka_t *producer, rd_kafka_topic_t *handle) {
    rd_kafka_purge(producer,
                   RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT | RD_KAFKA_PURGE_F_NON_BLOCKING);
    rd_kafka_topic_destroy(handle);
    kafka_tokens_leave(sink->tokens, producer);
    kafka_end(producer, &sink->stay);
}

void kafka_producer_end(struct kafka_sink *sink) {
    end_check_of(sink);
    if (!sink->producer)
        return;
    end_handles(sink, sink->producer, sink->handle);
    sink->producer = NULL;
    sink->handle = NULL;
}

size_t kafka_count_sent(const struct kafka_sink *sink) {
    size_t sent = 0;
    for (size_t i = 0; i < sink->lane_count; i++)
        sent += sink->lanes[i].sent;
    return sent;
}

/* Delivery reports give the entries back. What is not reported in time comes back all the same: nobody polls the old producer
 * any more. */
void kafka_producer_take_back(struct kafka_sink *sink) {
    int64_t end = clock_monotonic() + INT64_C(1000) * PURGE_MILLISECONDS;
    rd_kafka_purge(sink->producer, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    while (kafka_count_sent(sink) > 0 && clock_monotonic() < end)
        rd_kafka_poll(sink->producer, PURGE_STEP_MILLISECONDS);
    for (size_t i = 0; i < sink->lane_count; i++)
        for (struct kafka_entry *entry = sink->lanes[i].first; entry; entry = entry->next)
            if (entry->sent) {
                kafka_lane_came_back(&sink->lanes[i], entry);
                entry->maybe_there = true;
            }
}

/* There is no memory or no thread for another one. The one that failed takes nothing more, so records wait. */
static void put_off(struct kafka_sink *sink, int64_t now, const char *reason) {
    if (sink->next_replacement == 0)
        log_line(LOG_ERROR, "%s; its producer can't go on, and making another is tried each second", reason);
    sink->next_replacement = now + SOON_MICROSECONDS;
}

void kafka_producer_replace(struct kafka_sink *sink) {
    char reason[256] = "";
    struct error error = {0};
    int64_t now = clock_monotonic();
    rd_kafka_t *failed = sink->producer;
    rd_kafka_topic_t *handle = sink->handle;
    if (now < sink->next_replacement)
        return;
    if (sink->check && !kafka_topic_check_is_over(sink->check)) { /* which has the producer */
        kafka_topic_check_stop(sink->check);
        return;
    }
    int code = rd_kafka_fatal_error(failed, reason, sizeof reason);
    kafka_producer_take_back(sink);
    if (make_of_conf(sink, &error) < 0) {
        put_off(sink, now, error.text);
        return;
    }
    end_check_of(sink);
    end_handles(sink, failed, handle);
    sink->next_check = sink->next_replacement = 0;
    sink->producer_failed = false;
    log_line(
        LOG_WARNING,
        "output \"%s\": topic %s: the producer can't go on (%s); a new one sends what was not acknowledged again: "
        "%" PRIu64 " records, some of them perhaps twice",
        sink->output, sink->topic, reason[0] ? reason : rd_kafka_err2str(code), sink->statistics.in_flight);
    for (size_t i = 0; i < sink->lane_count; i++)
        if (sink->lanes[i].count > 0)
            kafka_hold(sink, &sink->lanes[i], RD_KAFKA_RESP_ERR__FATAL);
}

bool kafka_lanes_grow(struct kafka_sink *sink, size_t count) {
    if (count <= sink->lane_count)
        return true;
    struct kafka_lane *lanes = count <= LANES_MAX ? realloc(sink->lanes, count * sizeof *lanes) : NULL;
    if (!lanes)
        return false;
    sink->lanes = lanes;
    memset(lanes + sink->lane_count, 0, (count - sink->lane_count) * sizeof *lanes);
    /* The spool may have records of theirs. */
    bool queue = sink->spool && spool_first(sink->spool) < spool_end(sink->spool);
    for (size_t i = sink->lane_count; queue && i < count; i++) {
        lanes[i].state = KAFKA_DRAINS;
        lanes[i].next = spool_first(sink->spool);
        kafka_drains(sink, &lanes[i]);
    }
    sink->lane_count = count;
    return true;
}

/* Up to where an earlier run got the records of each partition through, and sent them. */
static void remember_done(struct kafka_sink *sink) {
    uint64_t low = 0;
    const struct spool_lane *done = NULL;
    size_t count = spool_lanes(sink->spool, &low, &done);
    for (size_t i = 0; i < count; i++)
        if (done[i].lane == KAFKA_UNSENT_FROM && done[i].position < sink->maybe_sent)
            sink->maybe_sent = done[i].position;
        else if (done[i].lane >= 0 && kafka_lanes_grow(sink, (size_t)done[i].lane + 1))
            sink->lanes[done[i].lane].done = done[i].position;
}

static void learn_partitions(struct kafka_sink *sink, int32_t partitions) {
    if (partitions == sink->partitions)
        return;
    if (sink->partitions != 0)
        log_line(LOG_INFO, "output \"%s\": topic %s has %d partitions now, and had %d", sink->output,
                 sink->topic, partitions, sink->partitions);
    if (!kafka_lanes_grow(sink, (size_t)partitions))
        return;
    if (sink->spool && sink->partitions == 0)
        remember_done(sink);
    sink->partitions = partitions;
}

static bool is_troubled(const struct kafka_sink *sink) {
    for (size_t i = 0; i < sink->lane_count; i++)
        if (sink->lanes[i].state == KAFKA_HELD)
            return true;
    return sink->partitions == 0;
}

static int begin_check(struct kafka_sink *sink, int64_t now, struct error *error) {
    sink->next_check = now + SOON_MICROSECONDS;
    int64_t limit = sink->was_checked || sink->delivery_limit > CHECK_MICROSECONDS ? CHECK_MICROSECONDS
                                                                                   : sink->delivery_limit;
    int result =
        kafka_topic_check_begin(sink->producer, sink->output, sink->topic, limit, &sink->check, error);
    return sink->was_checked ? 0 : result; /* in a run it is tried again */
}

/* Where partitions are known, kafka_hold() says what is wrong with them. */
static void say_refused(struct kafka_sink *sink, const struct error *error, int64_t now) {
    if (sink->partitions != 0 || strcmp(sink->refusal, error->text) == 0)
        return;
    memcpy(sink->refusal, error->text, sizeof sink->refusal);
    sink->refused = sink->refused == 0 ? now : sink->refused;
    log_line(LOG_WARNING, "%s; its records wait, and are sent when that is done", error->text);
}

static void say_granted(struct kafka_sink *sink, int64_t now) {
    if (sink->refused != 0)
        log_line(LOG_INFO, "output \"%s\": topic %s: takes records after %.1f s", sink->output, sink->topic,
                 (double)(now - sink->refused) / SECOND);
    sink->refused = 0;
    sink->refusal[0] = '\0';
}

/* The first one fails where a run begins. */
static bool is_decisive(const struct kafka_sink *sink) {
    return !sink->was_checked && !sink->joins;
}

/* Only kafka_on_error() hears of a refused login. */
static int end_check(struct kafka_sink *sink, int64_t now, struct error *error) {
    int32_t partitions = sink->partitions;
    int result = kafka_topic_check_end(sink->check, &partitions, error);
    sink->check = NULL;
    if (result == 0 && is_decisive(sink) && sink->authentication_failed)
        result = kafka_refused_login(sink->output, sink->statistics.last_error, sink->tokens != NULL, error);
    bool fails = result < 0 && is_decisive(sink);
    sink->was_checked = true;
    if (result == 0)
        learn_partitions(sink, partitions);
    else if (!fails)
        say_refused(sink, error, now);
    if (sink->partitions != 0)
        say_granted(sink, now);
    sink->next_check = now + (is_troubled(sink) ? SOON_MICROSECONDS : LATER_MICROSECONDS);
    return fails ? result : 0;
}

int kafka_watch_topic(struct kafka_sink *sink, struct error *error) {
    int64_t now = clock_monotonic();
    if (!sink->check && sink->offer) /* another producer is about to come */
        return 0;
    if (!sink->check) {
        bool soon = sink->next_check - now > SOON_MICROSECONDS && is_troubled(sink);
        if (soon)
            sink->next_check = now + SOON_MICROSECONDS;
        return now >= sink->next_check ? begin_check(sink, now, error) : 0;
    }
    bool over = kafka_topic_check_is_over(sink->check) || (sink->authentication_failed && is_decisive(sink));
    return over ? end_check(sink, now, error) : 0;
}
