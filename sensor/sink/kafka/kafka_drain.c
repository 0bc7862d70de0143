/* A Kafka output's records in the spool: when partitions are held, and how they are caught up. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/own_sockets.h"
#include "sink/kafka/kafka_parts.h"

enum {
    LOOK_MICROSECONDS = 50000,
    RELEASE_MICROSECONDS = 250000,
    SKIPPED_AT_ONCE = 4096, /* records of partitions that are not ready, in one call */
    SAID_MICROSECONDS = 4000000,
    SECOND = 1000000,
};

/* The topic may have had more partitions when the record was made. */
static int32_t lane_of(struct kafka_sink *sink, const struct spool_record *record) {
    if (record->lane >= 0 && kafka_lanes_grow(sink, (size_t)record->lane + 1))
        return record->lane;
    return kafka_partition_of(sink, record->message.key, record->message.key_length);
}

/* Whether the record is for a partition that is ready, and not in memory yet. One that an earlier run had got through is
 * passed over. */
static bool is_wanted(struct kafka_sink *sink, const struct spool_record *record) {
    int32_t number = lane_of(sink, record); /* there may be more lanes now */
    const struct kafka_lane *lane = &sink->lanes[number];
    if (lane->state == KAFKA_FLOWS || record->position < lane->next)
        return false;
    /* Without a partition of its own it may have been another one's, by another topic or partitioner: it is sent again. */
    if (!record->own && record->lane >= 0 && record->position < lane->done) {
        spool_skip(sink->spool, record);
        return false;
    }
    return lane->state == KAFKA_DRAINS;
}

/* One partition alone; where all are silent, the link says so (kafka_link.h), and they don't take records again all at once. */
static void say_silent(const struct kafka_sink *sink, size_t number, int64_t now) {
    struct kafka_lane *lane = &sink->lanes[number];
    int64_t since = lane->held > sink->link.flowing ? lane->held : sink->link.flowing;
    if (lane->said || lane->state != KAFKA_HELD || lane->reason != 0 || sink->link.waiting != 0 ||
        now - since < SAID_MICROSECONDS)
        return;
    lane->said = true;
    log_line(
        LOG_WARNING,
        "output \"%s\": topic %s [%zu]: no acknowledgement for %.1f s; its records wait and are sent when the "
        "partition has a leader again",
        sink->output, sink->topic, number, (double)(now - lane->held) / SECOND);
}

static void say_flows(const struct kafka_sink *sink, size_t number, int64_t now) {
    struct kafka_lane *lane = &sink->lanes[number];
    if (lane->said)
        log_line(LOG_INFO, "output \"%s\": topic %s [%zu]: takes records again after %.1f s", sink->output,
                 sink->topic, number, (double)(now - lane->held) / SECOND);
    lane->said = false;
}

/* It has caught up. */
static void flow(struct kafka_sink *sink, size_t number) {
    if (kafka_lane_can_flow(&sink->lanes[number])) {
        say_flows(sink, number, clock_monotonic());
        kafka_lane_flow(&sink->lanes[number]);
    }
}

/* Nothing is left in the spool for those that drain. */
static void end_sweep(struct kafka_sink *sink) {
    bool due = false;
    for (size_t i = 0; i < sink->lane_count; i++) {
        flow(sink, i);
        due |= sink->lanes[i].state == KAFKA_DRAINS;
    }
    sink->sweep.due = due;
}

/* The next record that is wanted, in sweep.record. */
static bool next_record(struct kafka_sink *sink) {
    struct kafka_sweep *sweep = &sink->sweep;
    if (sweep->from != 0) {
        spool_seek(sink->spool, sweep->from);
        sweep->at = sweep->from;
        sweep->from = 0;
        sweep->has_record = false;
    }
    for (int i = 0; i < SKIPPED_AT_ONCE && !sweep->has_record; i++) {
        if (!spool_read(sink->spool, &sweep->record)) {
            if (spool_is_at_end(sink->spool))
                end_sweep(sink);
            return false;
        }
        sweep->at = sweep->record.position + 1;
        sweep->has_record = is_wanted(sink, &sweep->record);
    }
    return sweep->has_record;
}

/* A record that can't be framed would be unreadable for all who read the topic: it becomes a dead letter, or is dropped. */
static void give_up_unframed(struct kafka_sink *sink, const struct spool_record *record, int32_t number) {
    const struct message *message = &record->message;
    const struct spool_origin *origin = record->origin;
    uint64_t *dropped = &sink->statistics.dropped[SINK_DROP_unframed];
    bool first = *dropped + sink->unframed_letters == 0;
    char reason[256];
    snprintf(reason, sizeof reason,
             "the registry's id of schema %s (sha256 %s) was never known; the value has no framing",
             origin->schema_name, origin->schema_sha256);
    const struct dead_letter letter = {
        .output = sink->output,
        .topic = sink->topic,
        .record_kind = message->record_kind,
        .reason = reason,
        .partition = number,
        .seq = message->seq,
        .key = message->key,
        .key_length = message->key_length,
        .value = message->body,
        .value_length = message->body_length,
    };
    bool kept = dead_letters_add(&sink->dead_letters, &letter);
    *(kept ? &sink->statistics.dead_lettered : dropped) += 1;
    sink->unframed_letters += kept;
    if (first)
        log_line(
            LOG_ERROR,
            "output \"%s\": the spool has records of schema %s, which is not the one in use, and whose id in the "
            "registry was never known; %s",
            sink->output, origin->schema_name,
            kept ? "they go to outputs.dead_letters" : "they are counted as dropped (unframed)");
}

/* True: it is handed over or given up. */
static bool hand_over_record(struct kafka_sink *sink) {
    struct spool_record *record = &sink->sweep.record;
    int32_t number = lane_of(sink, record);
    struct kafka_lane *lane = &sink->lanes[number];
    struct kafka_origin *origin = kafka_origins_find(&sink->origins, record->origin, record->own);
    if (!origin || lane->state != KAFKA_DRAINS)
        return lane->state != KAFKA_DRAINS;
    if (!origin->frames)
        give_up_unframed(sink, record, number);
    else if (kafka_send(sink, number, &record->message, origin, record->position) == KAFKA_NO_ROOM)
        return false;
    spool_take(sink->spool, record);
    lane->next = record->position + 1;
    return true;
}

static void refill(struct kafka_sink *sink) {
    struct kafka_sweep *sweep = &sink->sweep;
    int64_t now = clock_monotonic();
    double most = sink->drain_rate / 4;
    sweep->allowed += (double)(now - sweep->refilled) / SECOND * sink->drain_rate;
    if (sweep->allowed > most)
        sweep->allowed = most;
    sweep->refilled = now;
}

/* Puts what is done into `cursor`, lane by lane, those alone that are beyond the lowest one. */
static uint64_t find_done(const struct kafka_sink *sink, struct spool_lane *cursor, size_t *count) {
    uint64_t end = spool_end(sink->spool), low = end;
    size_t used = 0;
    for (size_t i = 0; i < sink->lane_count; i++) {
        cursor[i] = (struct spool_lane){(int32_t)i, kafka_lane_low(&sink->lanes[i], end)};
        if (cursor[i].position < low)
            low = cursor[i].position;
    }
    for (size_t i = 0; i < sink->lane_count; i++)
        if (cursor[i].position > low)
            cursor[used++] = cursor[i];
    *count = used;
    return low;
}

static bool is_same(const struct kafka_release *last, uint64_t low, const struct spool_lane *cursor,
                    size_t count) {
    bool same = last->low == low && last->count == count;
    for (size_t i = 0; same && i < count; i++)
        same = last->lanes[i].lane == cursor[i].lane && last->lanes[i].position == cursor[i].position;
    return same;
}

/* From which position on no record was sent, while none of the spool is. What a partition has or had in memory is
 * before its `next`. At the end the records in memory are counted one by one instead. */
static uint64_t find_unsent(const struct kafka_sink *sink, bool ends) {
    uint64_t from = sink->maybe_sent;
    for (size_t i = 0; i < sink->lane_count && !ends; i++)
        if (sink->lanes[i].next > from)
            from = sink->lanes[i].next;
    return from;
}

/* What is done and what may have been sent, for a run after this one. Nothing is written while nothing changes. `ends`: nothing
 * more is sent. */
static void release(struct kafka_sink *sink, bool ends) {
    struct kafka_release *last = &sink->last_release;
    size_t count;
    struct spool_lane *cursor = malloc((sink->lane_count + 1) * sizeof *cursor);
    if (!cursor)
        return;
    uint64_t low = find_done(sink, cursor, &count);
    sink->drain_announced = sink->sweep.due && !ends;
    sink->drain_noted &= sink->drain_announced;
    if (!sink->drain_announced)
        cursor[count++] = (struct spool_lane){KAFKA_UNSENT_FROM, find_unsent(sink, ends)};
    if (is_same(last, low, cursor, count)) {
        free(cursor);
        return;
    }
    spool_release(sink->spool, low, cursor, count);
    free(last->lanes);
    *last = (struct kafka_release){low, cursor, count};
}

void kafka_note_sent(struct kafka_sink *sink) {
    release(sink, false);
    spool_has_noted(sink->spool); /* hurries it */
}

/* A crash from now on leaves records that may have been sent. */
static bool is_noted(struct kafka_sink *sink) {
    if (!sink->durable || sink->drain_noted)
        return true;
    if (!sink->drain_announced)
        release(sink, false);
    sink->drain_noted = sink->drain_announced && spool_has_noted(sink->spool);
    return sink->drain_noted;
}

void kafka_drain(struct kafka_sink *sink, int most) {
    struct kafka_sweep *sweep = &sink->sweep;
    if (!sweep->due || !kafka_frames(sink) || !is_noted(sink))
        return;
    refill(sink);
    for (int i = 0; i < most && sweep->allowed >= 1 && next_record(sink); i++) {
        if (!hand_over_record(sink))
            return;
        sweep->has_record = false;
        sweep->allowed--;
    }
}

void kafka_look_at_lanes(struct kafka_sink *sink) {
    int64_t now = clock_monotonic();
    if (now - sink->looked < LOOK_MICROSECONDS)
        return;
    sink->looked = now;
    bool away = sink->link.lost != 0;
    for (size_t i = 0; i < sink->lane_count; i++) {
        struct kafka_lane *lane = &sink->lanes[i];
        if (sink->spool && kafka_lane_is_silent(lane, sink->silence_limit, now))
            kafka_hold(sink, lane, 0);
        away |= lane->state == KAFKA_HELD;
        if (kafka_lane_retry(lane, now))
            kafka_drains(sink, lane);
        if (!sink->spool)
            flow(sink, i);
        say_silent(sink, i, now);
    }
    if (away)
        own_sockets_cut_unanswered();
    if (sink->spool && sink->lane_count > 0 && now - sink->released >= RELEASE_MICROSECONDS) {
        sink->released = now;
        release(sink, false);
    }
}

/* What the spool has no room for is given up, and what the disk has not taken: from the position `saved` on. */
static void park_lane(struct kafka_sink *sink, struct kafka_lane *lane, uint64_t saved) {
    for (struct kafka_entry *entry = lane->first, *next; entry; entry = next) {
        next = entry->next;
        bool kept = entry->position != 0 && entry->position < saved;
        sink->parked += kept;
        sink->statistics.possibly_duplicated += entry->maybe_there && kept;
        sink->statistics.dropped[SINK_DROP_undelivered] += entry->position == 0;
        sink->unsaved += entry->position >= saved;
        kafka_forget(sink, entry);
    }
}

void kafka_park(struct kafka_sink *sink, int64_t limit) {
    if (sink->lane_count > 0)
        release(sink, true);
    for (size_t i = 0; i < sink->lane_count; i++)
        kafka_spill(sink, &sink->lanes[i]);
    int result = spool_sync(sink->spool, limit);
    uint64_t saved = spool_saved(sink->spool, &sink->unwritten);
    for (size_t i = 0; i < sink->lane_count; i++)
        park_lane(sink, &sink->lanes[i], saved);
    sink->unsaved += sink->unwritten;
    sink->statistics.dropped[SINK_DROP_undelivered] += sink->unsaved;
    if (result < 0)
        log_line(LOG_ERROR, "output \"%s\": not all records that wait are on the disk: %s", sink->output,
                 strerror(-result));
}
