/* A Kafka output's records in memory: to librdkafka, and back from it. */
#include <inttypes.h>
#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"
#include "sink/kafka/kafka_errors.h"
#include "sink/kafka/kafka_parts.h"

enum { QUIET_MICROSECONDS = 60000000 };

/* Other partitions are held for the same reason, as a rule. A new producer is told of where it is made. */
static void say_held(struct kafka_sink *sink, struct kafka_lane *lane, int reason) {
    int64_t now = clock_monotonic();
    if (reason == 0 || reason == RD_KAFKA_RESP_ERR__FATAL || (lane->said && lane->reason == reason))
        return;
    lane->said = true;
    if (reason == sink->said_reason && now < sink->quiet)
        return;
    sink->said_reason = reason;
    sink->quiet = now + QUIET_MICROSECONDS;
    log_line(LOG_WARNING, "output \"%s\": topic %s [%td]: %s; its records wait and are sent again%s",
             sink->output, sink->topic, lane - sink->lanes, rd_kafka_err2str(reason),
             kafka_remedy_of(reason));
}

void kafka_spill(struct kafka_sink *sink, struct kafka_lane *lane) {
    for (struct kafka_entry *entry = lane->first; entry; entry = entry->next) {
        if (!sink->durable || entry->position != 0)
            continue;
        size_t prefix = entry->origin->framing.length;
        struct message message = {
            .body = entry->bytes + prefix,
            .body_length = entry->value_length - prefix,
            .key = (const char *)entry->bytes + entry->value_length,
            .key_length = entry->key_length,
            .seq = entry->seq,
            .record_kind = entry->record_kind,
            .origin = &sink->own.message,
        };
        memcpy(message.anon_key_id, entry->anon_key_id, sizeof message.anon_key_id);
        if (spool_append(sink->spool, entry->lane, &message, true, &entry->position) != SPOOL_OK)
            entry->position = 0;
    }
}

void kafka_hold(struct kafka_sink *sink, struct kafka_lane *lane, int reason) {
    bool flowed = lane->state == KAFKA_FLOWS;
    say_held(sink, lane, reason);
    if (flowed)
        kafka_spill(sink, lane);
    kafka_lane_hold(lane, reason, sink->spool ? spool_end(sink->spool) : 0, clock_monotonic());
    if (flowed && sink->durable)
        kafka_note_sent(sink);
}

void kafka_drains(struct kafka_sink *sink, const struct kafka_lane *lane) {
    struct kafka_sweep *sweep = &sink->sweep;
    if (!sink->spool)
        return;
    sweep->due = true;
    if (lane->next < sweep->at && (sweep->from == 0 || lane->next < sweep->from))
        sweep->from = lane->next;
}

void kafka_forget(struct kafka_sink *sink, struct kafka_entry *entry) {
    sink->statistics.in_flight--;
    sink->statistics.queue_bytes -= kafka_entry_size(entry);
    ages_remove(&sink->ages, entry->handed_over);
    kafka_lane_remove(&sink->lanes[entry->lane], entry);
    entry->origin->entries--;
    free(entry);
}

/* A topic that was made again may have fewer partitions. */
static int32_t partition_of(const struct kafka_sink *sink, const struct kafka_entry *entry) {
    return entry->lane < sink->partitions
               ? entry->lane
               : kafka_partition_of(sink, (const char *)entry->bytes + entry->value_length,
                                    entry->key_length);
}

static rd_kafka_resp_err_t produce(struct kafka_sink *sink, struct kafka_entry *entry) {
    struct message message = {.seq = entry->seq, .record_kind = entry->record_kind};
    rd_kafka_headers_t *headers = NULL;
    memcpy(message.anon_key_id, entry->anon_key_id, sizeof message.anon_key_id);
    if (kafka_headers_take(&entry->origin->headers, &message, &headers) < 0)
        return RD_KAFKA_RESP_ERR__QUEUE_FULL;
    rd_kafka_resp_err_t code = rd_kafka_producev(
        sink->producer, RD_KAFKA_V_RKT(sink->handle), RD_KAFKA_V_PARTITION(partition_of(sink, entry)),
        RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_VALUE(entry->bytes, entry->value_length),
        RD_KAFKA_V_KEY((void *)(entry->bytes + entry->value_length), entry->key_length),
        RD_KAFKA_V_HEADERS(headers), RD_KAFKA_V_OPAQUE(entry), RD_KAFKA_V_END);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
        kafka_headers_give(&entry->origin->headers, headers);
    return code;
}

void kafka_give_up(struct kafka_sink *sink, struct kafka_entry *entry, int code) {
    const struct dead_letter letter = {
        .output = sink->output,
        .topic = sink->topic,
        .record_kind = entry->record_kind,
        .reason = rd_kafka_err2str(code),
        .partition = entry->lane,
        .seq = entry->seq,
        .key = entry->bytes + entry->value_length,
        .key_length = entry->key_length,
        .value = entry->bytes,
        .value_length = entry->value_length,
    };
    sink->last_refusal = code;
    if (!dead_letters_add(&sink->dead_letters, &letter))
        kafka_count_drop(sink, code);
    else if (sink->statistics.dead_lettered++ == 0)
        log_line(LOG_ERROR, "output \"%s\": topic %s: %s; this and later ones go to outputs.dead_letters",
                 sink->output, sink->topic, rd_kafka_err2str(code));
    kafka_forget(sink, entry);
}

/* Hands an entry of a lane to librdkafka. */
static enum kafka_sent hand_over(struct kafka_sink *sink, struct kafka_lane *lane,
                                 struct kafka_entry *entry) {
    rd_kafka_resp_err_t code = produce(sink, entry);
    switch (code) {
    case RD_KAFKA_RESP_ERR_NO_ERROR:
        sink->statistics.possibly_duplicated += entry->maybe_there;
        kafka_lane_sent(lane, entry, clock_monotonic());
        return KAFKA_SENT;
    case RD_KAFKA_RESP_ERR__QUEUE_FULL: return KAFKA_NO_ROOM;
    default: break;
    }
    enum kafka_class class = kafka_class_of(code);
    if (class == KAFKA_PRODUCER_FAILED)
        sink->producer_failed = true;
    if (class == KAFKA_HOLD || class == KAFKA_PRODUCER_FAILED) {
        kafka_hold(sink, lane, code);
        return KAFKA_NO_ROOM;
    }
    kafka_give_up(sink, entry, code);
    return KAFKA_GIVEN_UP;
}

/* Half of the room is left for the other partitions. */
static bool has_room(const struct kafka_sink *sink, const struct kafka_lane *lane, size_t size) {
    const struct sink_statistics *statistics = &sink->statistics;
    uint64_t limit = statistics->queue_limit_bytes;
    if (sink->records_max > 0 && statistics->in_flight >= sink->records_max)
        return false;
    if (sink->spool && sink->lane_count > 1 && lane->bytes + size > limit / 2)
        return false;
    return statistics->queue_bytes + size <= limit;
}

static void keep(struct kafka_sink *sink, struct kafka_lane *lane, struct kafka_entry *entry) {
    entry->handed_over = clock_monotonic();
    ages_add(&sink->ages, entry->handed_over);
    kafka_lane_add(lane, entry);
    entry->origin->entries++;
    sink->statistics.in_flight++;
    sink->statistics.queue_bytes += kafka_entry_size(entry);
}

enum kafka_sent kafka_send(struct kafka_sink *sink, int32_t number, const struct message *message,
                           struct kafka_origin *origin, uint64_t position) {
    DEBUG_CHECK(number >= 0 && (size_t)number < sink->lane_count);
    struct kafka_lane *lane = &sink->lanes[number];
    size_t size = origin->framing.length + message->body_length + message->key_length;
    /* What doesn't fit into the empty memory never will; librdkafka says how. */
    bool fits = has_room(sink, lane, size) || sink->statistics.in_flight == 0;
    if (sink->offer || !fits || lane->unsent || !kafka_lane_may_send(lane))
        return KAFKA_NO_ROOM;
    struct kafka_entry *entry = kafka_entry_make(message, origin->framing.prefix, origin->framing.length);
    if (!entry)
        return KAFKA_NO_ROOM;
    entry->origin = origin;
    entry->lane = number;
    entry->position = position;
    entry->maybe_there = position != 0 && position < sink->maybe_sent;
    keep(sink, lane, entry);
    bool alone = sink->statistics.in_flight == 1;
    enum kafka_sent sent = hand_over(sink, lane, entry);
    if (sent != KAFKA_NO_ROOM)
        return sent;
    kafka_forget(sink, entry);
    if (!alone || lane->state == KAFKA_HELD)
        return KAFKA_NO_ROOM;
    kafka_count_drop(sink, RD_KAFKA_RESP_ERR__QUEUE_FULL);
    return KAFKA_GIVEN_UP;
}

/* An entry that is given up is no longer the lane's `unsent`, which kafka_lane.c sees to.
 * NOLINTBEGIN(clang-analyzer-unix.Malloc) */
static void lane_send_again(struct kafka_sink *sink, struct kafka_lane *lane) {
    while (lane->unsent && kafka_lane_may_send(lane) && hand_over(sink, lane, lane->unsent) != KAFKA_NO_ROOM)
        ;
}
/* NOLINTEND(clang-analyzer-unix.Malloc) */

void kafka_send_again(struct kafka_sink *sink) {
    if (!kafka_frames(sink) || sink->offer)
        return;
    for (size_t i = 0; i < sink->lane_count; i++)
        if (sink->lanes[i].unsent)
            lane_send_again(sink, &sink->lanes[i]);
}

void kafka_count_drop(struct kafka_sink *sink, int code) {
    enum sink_drop drop = code == RD_KAFKA_RESP_ERR__QUEUE_FULL     ? SINK_DROP_queue_full
                          : kafka_class_of(code) == KAFKA_TOO_LARGE ? SINK_DROP_too_large
                                                                    : SINK_DROP_rejected;
    bool first = sink->statistics.dropped[drop]++ == 0;
    sink->last_refusal = code;
    if (first && !sink->wait_when_full)
        log_line(LOG_ERROR, "output \"%s\": topic %s: %s; this and later ones are counted as dropped (%s)",
                 sink->output, sink->topic, rd_kafka_err2str(code), sink_drop_name(drop));
}
