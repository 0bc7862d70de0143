/* Kafka by librdkafka: idempotent, acknowledged by all replicas, compressed, with the partitioner of Java's clients.
 *
 * librdkafka's own threads do the network. Delivery reports (kafka_callbacks.c) are handled in this output's thread, within
 * kafka_poll() and the waits below, so the counters need no lock. A record goes to librdkafka at once, or, live, to the
 * spool, if its partition takes nothing now (kafka_lane.h). A file waits instead. */
#include "sink/sink.h"

#include <errno.h>
#include <inttypes.h>
#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/clock.h"
#include "sink/kafka/client/kafka_client.h"
#include "sink/kafka/kafka_errors.h"
#include "sink/kafka/kafka_parts.h"
#include "sink/kafka/client/kafka_properties.h"
#include "sink/kafka/kafka_check.h"

enum {
    WAIT_MILLISECONDS = 50,
    LIVE_PATIENCE_MILLISECONDS = 100, /* of the 300 that a start may take */
    CHECK_MILLISECONDS = 5,
    SILENCE_MICROSECONDS = 400000, /* beyond linger.ms: a partition that acknowledges nothing is held */
    BUFFER_LEAST = 1 << 20,        /* of the spool: a burst may come faster than the disk takes it */
    PARK_MICROSECONDS = 500000,    /* for the disk, at the end */
    TOKENS_MICROSECONDS = 400000,  /* a request for a token is given up in 0.1 s */
    DRAINED_AT_ONCE = 2048,
    DRAINED_BESIDE = 8, /* with each new record */
};

/* The process's deadline; 0: none yet. */
static int64_t kafka_deadline(const struct kafka_sink *sink) {
    return sink->deadline ? sink->deadline(sink->deadline_context) : 0;
}

static void look_at_link(struct kafka_sink *sink) {
    struct sink_statistics *statistics = &sink->statistics;
    int64_t now = clock_monotonic();
    if (sink->spool)
        spool_statistics(sink->spool, &statistics->spool);
    /* While the schema's id is not known, records in the spool don't wait for the broker. */
    uint64_t spooled = kafka_frames(sink) ? statistics->spool.waiting : 0;
    const struct kafka_sight sight = {.now = now,
                                      .oldest_age = ages_oldest(&sink->ages, now),
                                      .waiting = statistics->in_flight + spooled,
                                      .acknowledged = statistics->acknowledged,
                                      .reason = statistics->last_error};
    kafka_link_look(&sink->link, &sight);
}

/* The value of a property in force: our default, or from the configuration. For the number of messages 0 is no limit. */
static double property_of(const struct kafka_sink *sink, const char *name) {
    char value[24] = "0";
    size_t size = sizeof value;
    rd_kafka_conf_get(rd_kafka_conf(sink->producer), name, value, &size);
    return strtod(value, NULL);
}

static void begin_accounts(struct kafka_sink *sink) {
    int64_t linger = (int64_t)(property_of(sink, "linger.ms") * 1000);
    sink->statistics.queue_limit_bytes = (uint64_t)property_of(sink, "queue.buffering.max.kbytes") * 1024;
    sink->records_max = (uint64_t)property_of(sink, "queue.buffering.max.messages");
    sink->silence_limit = linger + SILENCE_MICROSECONDS;
    kafka_link_init(&sink->link, sink->output, sink->topic, linger);
}

static int open_spool(struct kafka_sink *sink, const struct sink_options *options, struct error *error) {
    struct spool_options spool = {
        .output = options->output,
        .directory = options->spool.directory,
        .size = options->spool.size,
        .buffer_size = sink->statistics.queue_limit_bytes / 2 > BUFFER_LEAST
                           ? sink->statistics.queue_limit_bytes / 2
                           : BUFFER_LEAST,
        .when_full = options->spool.drop_oldest ? SPOOL_DROP_OLDEST : SPOOL_DROP_NEWEST,
        .origin = sink->own,
    };
    sink->durable = spool.directory != NULL;
    sink->drain_rate = options->spool.drain_rate;
    int result = options->wait_when_full ? 0 : spool_open(&spool, &sink->spool, error);
    sink->maybe_sent = sink->spool ? spool_end(sink->spool) : 0;
    return result;
}

static int open_origins(struct kafka_sink *sink, const struct sink_options *options, struct error *error) {
    sink->own = (struct spool_origin){
        .message = *options->origin,
        .schema_name = options->schema_name,
        .schema_sha256 = options->schema_sha256,
        .schema_text = options->schema_text,
        .framing = options->framing,
        .schema_id = options->schema_id,
    };
    bool frames = options->schema_id != 0 || strcmp(options->framing, "confluent") != 0;
    return kafka_origins_open(&sink->origins, &sink->own, options->schema_fingerprint, options->headers,
                              frames) < 0
               ? error_set(error, ENOMEM, EX_OSERR, "out of memory")
               : 0;
}

/* Waits for the broker's answer about the topic. While files are read, it waits as long as the check runs. Live it waits
 * for a moment only, so that no packets are lost; kafka_poll() handles a later answer. */
static int wait_for_topic(struct kafka_sink *sink, struct error *error) {
    int64_t patience =
        sink->wait_when_full ? sink->delivery_limit : INT64_C(1000) * LIVE_PATIENCE_MILLISECONDS;
    int64_t began = clock_monotonic();
    int result = kafka_watch_topic(sink, error);
    while (result == 0 && !sink->was_checked && clock_monotonic() - began < patience &&
           kafka_deadline(sink) == 0) {
        rd_kafka_poll(sink->producer, CHECK_MILLISECONDS);
        result = kafka_watch_topic(sink, error);
    }
    return result;
}

static void forget_all(struct kafka_sink *sink) {
    for (size_t i = 0; i < sink->lane_count; i++)
        while (sink->lanes[i].first)
            kafka_forget(sink, sink->lanes[i].first);
}

static void kafka_free(void *context) {
    struct kafka_sink *sink = context;
    MAGIC_CLEAR(sink);
    free(sink);
}

static void kafka_close(void *state) {
    struct kafka_sink *sink = state;
    CHECK(IS_VALID(sink, KAFKA_SINK_MAGIC));
    kafka_renewal_end(sink->renewal);
    kafka_offer_free(sink->offer, &sink->stay);
    kafka_producer_end(sink);
    kafka_tokens_end(sink->tokens, TOKENS_MICROSECONDS);
    spool_close(sink->spool);
    forget_all(sink);
    free(sink->lanes);
    free(sink->last_release.lanes);
    dead_letters_close(&sink->dead_letters);
    kafka_origins_close(&sink->origins);
    if (sink->conf)
        rd_kafka_conf_destroy(sink->conf);
    kafka_stay_leave(&sink->stay);
}

static void complete_conf(struct rd_kafka_conf_s *conf, void *context) {
    kafka_callbacks_set(conf, context);
}

static int kafka_open(const struct sink_options *options, void **state, struct error *error) {
    struct kafka_sink *sink = calloc(1, sizeof *sink);
    if (!sink)
        return error_set(error, ENOMEM, EX_OSERR, "out of memory");
    sink->magic = KAFKA_SINK_MAGIC;
    sink->stay = (struct kafka_stay){.holders = 1, .release = kafka_free, .context = sink};
    sink->dead_letters.descriptor = -1;
    sink->output = options->output;
    sink->topic = options->topic;
    sink->wait_when_full = options->wait_when_full;
    sink->has_neighbours = options->has_neighbours;
    sink->joins = options->joins;
    sink->deadline = options->deadline;
    sink->deadline_context = options->deadline_context;
    sink->delivery_limit = options->delivery_limit;
    int result = kafka_renewal_make(options, complete_conf, sink, &sink->stay, &sink->renewal, error);
    if (result == 0)
        result = kafka_producer_make(sink, options, error);
    if (result == 0)
        result = open_origins(sink, options, error);
    if (result == 0)
        result = dead_letters_open(&sink->dead_letters, options->output, options->dead_letters, error);
    if (result == 0) {
        begin_accounts(sink);
        result = open_spool(sink, options, error);
    }
    if (result == 0)
        result = wait_for_topic(sink, error);
    if (result == 0)
        result = kafka_renewal_start(sink->renewal, error);
    if (result < 0)
        kafka_close(sink);
    else
        *state = sink;
    return result;
}

/* How long a record may wait for room without any progress. */
static int64_t kafka_patience(const struct kafka_sink *sink) {
    int64_t deadline = kafka_deadline(sink);
    int64_t half = (deadline - clock_monotonic()) / 2;
    bool leaves_half = sink->has_neighbours && deadline != 0 && half < sink->delivery_limit;
    return leaves_half ? half : sink->delivery_limit;
}

/* Everything that is due beside the delivery reports. */
static int look(struct kafka_sink *sink, int drained, struct error *error) {
    int result = kafka_watch_topic(sink, error);
    kafka_turn_over(sink);
    if (sink->producer_failed)
        kafka_producer_replace(sink);
    kafka_look_at_lanes(sink);
    kafka_send_again(sink);
    if (sink->spool)
        kafka_drain(sink, drained);
    look_at_link(sink);
    return result;
}

/* What moves while records get through, or are given up. */
static uint64_t progress_of(const struct kafka_sink *sink) {
    const struct sink_statistics *statistics = &sink->statistics;
    uint64_t progress = statistics->acknowledged + statistics->dead_lettered + statistics->renewals +
                        (uint64_t)sink->partitions;
    for (int i = 0; i < SINK_DROP_COUNT; i++)
        progress += statistics->dropped[i];
    return progress;
}

/* Serves delivery reports until there was progress, or the limit passed: false. It flushes instead of polling, because librdkafka
 * then sends at once what it would hold back for `linger.ms`. */
static bool wait_for_progress(struct kafka_sink *sink, int64_t limit) {
    struct error ignored;
    uint64_t before = progress_of(sink);
    sink->waiting_since = clock_monotonic();
    while (progress_of(sink) == before) {
        int64_t now = clock_monotonic(), deadline = kafka_deadline(sink);
        if (now - sink->waiting_since >= limit || (deadline != 0 && now >= deadline))
            return false;
        if (rd_kafka_outq_len(sink->producer) > 0)
            rd_kafka_flush(sink->producer, WAIT_MILLISECONDS);
        else
            rd_kafka_poll(sink->producer, WAIT_MILLISECONDS);
        look(sink, DRAINED_AT_ONCE, &ignored);
    }
    return true;
}

/* Live, what can't be sent now goes to the spool; later records of its partition go there too, until it has drained. */
static enum kafka_sent keep_in_spool(struct kafka_sink *sink, int32_t number, const struct message *message) {
    uint64_t position = 0;
    if (number >= 0 && sink->lanes[number].state == KAFKA_FLOWS)
        kafka_spill(sink, &sink->lanes[number]);
    switch (spool_append(sink->spool, number, message, false, &position)) {
    case SPOOL_FULL: return KAFKA_NO_ROOM;
    case SPOOL_TOO_LARGE: kafka_count_drop(sink, RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE); return KAFKA_GIVEN_UP;
    case SPOOL_OK: break;
    }
    if (number >= 0)
        kafka_lane_queue(&sink->lanes[number], position);
    if (number >= 0 && sink->lanes[number].state == KAFKA_DRAINS)
        sink->sweep.due = true;
    return KAFKA_SENT;
}

static enum kafka_sent send_or_keep(struct kafka_sink *sink, const struct message *message) {
    struct kafka_origin *own = sink->origins.runs[0];
    int32_t number = kafka_partition_of(sink, message->key, message->key_length);
    bool direct = number >= 0 && own->frames && (!sink->spool || sink->lanes[number].state == KAFKA_FLOWS);
    enum kafka_sent sent = direct ? kafka_send(sink, number, message, own, 0) : KAFKA_NO_ROOM;
    return sent == KAFKA_NO_ROOM && sink->spool ? keep_in_spool(sink, number, message) : sent;
}

/* Neither a partition nor the spool's disk takes anything: waiting at the end would only use up its time. */
static bool is_stuck(const struct kafka_sink *sink) {
    bool moves = false;
    for (size_t i = 0; i < sink->lane_count; i++)
        moves |= sink->lanes[i].state != KAFKA_HELD;
    return sink->durable && !moves && sink->statistics.spool.disk_failing_since != 0;
}

static int kafka_write(void *state, const struct message *message, struct error *error) {
    struct kafka_sink *sink = state;
    DEBUG_CHECK(IS_VALID(sink, KAFKA_SINK_MAGIC));
    sink->statistics.bytes += message->body_length;
    enum kafka_sent sent = send_or_keep(sink, message);
    while (sent == KAFKA_NO_ROOM && !is_stuck(sink) && (sink->wait_when_full || kafka_deadline(sink) != 0)) {
        if (!wait_for_progress(sink, kafka_patience(sink))) {
            sink->statistics.dropped[SINK_DROP_undelivered]++;
            return kafka_unavailable(sink, error);
        }
        sent = send_or_keep(sink, message);
    }
    if (sent == KAFKA_NO_ROOM)
        kafka_count_drop(sink, RD_KAFKA_RESP_ERR__QUEUE_FULL);
    if (sink->sweep.due)
        kafka_drain(sink, DRAINED_BESIDE);
    return 0;
}

static int kafka_poll(void *state, struct error *error) {
    struct kafka_sink *sink = state;
    rd_kafka_poll(sink->producer, 0);
    return look(sink, DRAINED_AT_ONCE, error);
}

static void kafka_set_schema_id(void *state, uint32_t id) {
    struct kafka_sink *sink = state;
    DEBUG_CHECK(id == 0 || sink->own.schema_id == 0 || sink->own.schema_id == id);
    kafka_origins_set_id(&sink->origins, id);
    if (id == 0)
        return;
    sink->own.schema_id = id;
    if (sink->spool)
        spool_set_schema_id(sink->spool, id);
}

/* A quarter of the room is left for records that can't wait. Asked for each record, so of the spool it knows what the last
 * poll saw. */
static bool kafka_has_room(const void *state) {
    const struct kafka_sink *sink = state;
    const struct sink_statistics *statistics = &sink->statistics;
    uint64_t records_max = sink->records_max, bytes_max = statistics->queue_limit_bytes;
    if (sink->spool)
        return statistics->spool.bytes <= statistics->spool.size - statistics->spool.size / 4;
    return (records_max == 0 || statistics->in_flight < records_max - records_max / 4) &&
           statistics->queue_bytes < bytes_max - bytes_max / 4;
}

/* The end: what is not acknowledged stays in the spool, if that outlives the process; else it is given up. */
static void give_up_or_park(struct kafka_sink *sink, int64_t limit) {
    if (sink->statistics.in_flight > 0)
        kafka_producer_take_back(sink);
    if (sink->durable) {
        kafka_park(sink, limit > PARK_MICROSECONDS ? limit : PARK_MICROSECONDS);
        return;
    }
    sink->statistics.dropped[SINK_DROP_undelivered] += sink->statistics.in_flight;
    forget_all(sink);
    if (sink->spool) {
        enum sink_drop why = kafka_frames(sink) ? SINK_DROP_undelivered : SINK_DROP_unframed;
        spool_statistics(sink->spool, &sink->statistics.spool);
        sink->statistics.dropped[why] += sink->statistics.spool.waiting;
        sink->given_up = true;
    }
}

/* Records that could still be delivered. A spool that outlives the process need not be emptied, and a broker that is away
 * need not be waited for. */
static bool has_to_wait(struct kafka_sink *sink) {
    struct spool_statistics spool = {0};
    bool moves = false, frames = kafka_frames(sink);
    if (sink->spool)
        spool_statistics(sink->spool, &spool);
    for (size_t i = 0; i < sink->lane_count; i++) {
        const struct kafka_lane *lane = &sink->lanes[i];
        moves |= (frames ? lane->count : lane->sent) > 0 && lane->state != KAFKA_HELD;
    }
    return sink->durable || !frames ? moves : sink->statistics.in_flight + spool.waiting > 0;
}

static int kafka_flush(void *state, int64_t limit, bool patient, struct error *error) {
    struct kafka_sink *sink = state;
    int64_t end = clock_monotonic() + limit;
    uint64_t told = sink->wait_when_full ? 0 : sink->statistics.dropped[SINK_DROP_undelivered];
    uint64_t unframed = sink->statistics.dropped[SINK_DROP_unframed];
    bool progress = true;
    sink->waiting_since = clock_monotonic();
    sink->drain_rate = sink->durable ? 0 : sink->drain_rate;
    rd_kafka_flush(sink->producer, 0);
    while (has_to_wait(sink) && progress) {
        int64_t left = patient ? limit : end - clock_monotonic();
        progress = left > 0 && wait_for_progress(sink, left);
    }
    give_up_or_park(sink, end - clock_monotonic());
    if (sink->unsaved > 0)
        return kafka_not_saved(sink, error);
    if (sink->statistics.dropped[SINK_DROP_undelivered] > told)
        return sink->authentication_failed ? kafka_refused_login(sink->output, sink->statistics.last_error,
                                                                 sink->tokens != NULL, error)
                                           : kafka_unavailable(sink, error);
    unframed = sink->statistics.dropped[SINK_DROP_unframed] - unframed;
    return unframed > 0 ? kafka_never_framed(sink, unframed, error) : kafka_not_taken(sink, error);
}

static void kafka_statistics(const void *state, struct sink_statistics *statistics) {
    const struct kafka_sink *sink = state;
    *statistics = sink->statistics;
    statistics->oldest_age = ages_oldest(&sink->ages, clock_monotonic());
    kafka_renewal_statistics(sink->renewal, statistics);
    statistics->renewals_refused += kafka_tokens_failures(sink->tokens);
    if (!sink->spool)
        return;
    struct spool_statistics *spool = &statistics->spool;
    spool_statistics(sink->spool, spool);
    if (sink->given_up)
        spool->waiting = 0;
    statistics->found = spool->found - spool->skipped;
    statistics->spooled = spool->waiting - sink->unwritten + sink->parked;
    statistics->dropped[SINK_DROP_spool_full] = spool->dropped_oldest;
    statistics->dropped[SINK_DROP_spool_damaged] = spool->damaged;
}

static int64_t kafka_waiting_since(const void *state) {
    const struct kafka_sink *sink = state;
    return sink->link.waiting != 0 ? sink->link.waiting : sink->refused;
}

const struct sink_type sink_kafka = {
    .name = "kafka",
    .open = kafka_open,
    .write = kafka_write,
    .poll = kafka_poll,
    .set_schema_id = kafka_set_schema_id,
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
