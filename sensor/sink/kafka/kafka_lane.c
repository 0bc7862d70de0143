#include "sink/kafka/kafka_lane.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"

/* A broker that is back takes a record within two seconds, so the pauses stay short. */
enum { GROWS_AFTER = 4, MOST_LIMIT = 4096 };
enum { SHORTEST_PAUSE = 100000, LONGEST_PAUSE = 800000 };

static void copy_text(char *to, size_t size, const char *from) {
    size_t length = strnlen(from, size - 1);
    memcpy(to, from, length);
    to[length] = '\0';
}

struct kafka_entry *kafka_entry_make(const struct message *message, const void *prefix,
                                     size_t prefix_length) {
    size_t value = prefix_length + message->body_length;
    if (value > UINT32_MAX || message->key_length > UINT32_MAX)
        return NULL;
    struct kafka_entry *entry = malloc(sizeof *entry + value + message->key_length);
    if (!entry)
        return NULL;
    *entry = (struct kafka_entry){
        .seq = message->seq, .value_length = (uint32_t)value, .key_length = (uint32_t)message->key_length};
    copy_text(entry->record_kind, sizeof entry->record_kind, message->record_kind);
    copy_text(entry->anon_key_id, sizeof entry->anon_key_id, message->anon_key_id);
    memcpy(entry->bytes, prefix, prefix_length);
    memcpy(entry->bytes + prefix_length, message->body, message->body_length);
    memcpy(entry->bytes + value, message->key, message->key_length);
    return entry;
}

void kafka_lane_add(struct kafka_lane *lane, struct kafka_entry *entry) {
    entry->next = NULL;
    entry->previous = lane->last;
    *(lane->last ? &lane->last->next : &lane->first) = entry;
    lane->last = entry;
    entry->order = lane->order++;
    if (!lane->unsent)
        lane->unsent = entry;
    lane->count++;
    lane->bytes += kafka_entry_size(entry);
}

static void pass_unsent(struct kafka_lane *lane, const struct kafka_entry *entry) {
    if (lane->unsent != entry)
        return;
    do
        lane->unsent = lane->unsent->next;
    while (lane->unsent && lane->unsent->sent);
}

void kafka_lane_remove(struct kafka_lane *lane, struct kafka_entry *entry) {
    DEBUG_CHECK(lane->count > 0);
    pass_unsent(lane, entry);
    *(entry->previous ? &entry->previous->next : &lane->first) = entry->next;
    *(entry->next ? &entry->next->previous : &lane->last) = entry->previous;
    lane->count--;
    lane->bytes -= kafka_entry_size(entry);
    if (entry->sent)
        lane->sent--;
}

void kafka_lane_sent(struct kafka_lane *lane, struct kafka_entry *entry, int64_t now) {
    DEBUG_CHECK(!entry->sent);
    if (lane->sent++ == 0)
        lane->progress = now;
    entry->sent = true;
    pass_unsent(lane, entry);
}

void kafka_lane_came_back(struct kafka_lane *lane, struct kafka_entry *entry) {
    DEBUG_CHECK(entry->sent && lane->sent > 0);
    lane->sent--;
    entry->sent = false;
    if (!lane->unsent || entry->order < lane->unsent->order)
        lane->unsent = entry;
}

/* What it still has in memory, and what the spool has, goes on from where it stopped. */
static void begin_to_drain(struct kafka_lane *lane, bool probing) {
    lane->state = KAFKA_DRAINS;
    lane->probing = probing;
}

/* Batches get larger again, to find out whether it was their size or one bad record. */
static void grow_batches(struct kafka_lane *lane) {
    if (lane->most == 0 || ++lane->well < GROWS_AFTER * lane->most)
        return;
    lane->well = 0;
    lane->most = lane->most < MOST_LIMIT ? lane->most * 2 : 0;
}

bool kafka_lane_acknowledged(struct kafka_lane *lane, int64_t now) {
    lane->progress = now;
    grow_batches(lane);
    if (!lane->probing && (lane->state != KAFKA_HELD || lane->reason != 0))
        return false;
    lane->pause = 0;
    begin_to_drain(lane, false);
    return true;
}

void kafka_lane_hold(struct kafka_lane *lane, int reason, uint64_t end, int64_t now) {
    if (lane->state == KAFKA_FLOWS)
        lane->next = end;
    if (lane->state != KAFKA_HELD)
        lane->pause = lane->probing ? lane->pause * 2 : SHORTEST_PAUSE;
    if (lane->pause < SHORTEST_PAUSE)
        lane->pause = SHORTEST_PAUSE;
    if (lane->pause > LONGEST_PAUSE)
        lane->pause = LONGEST_PAUSE;
    if (lane->state == KAFKA_FLOWS || lane->held == 0)
        lane->held = now;
    lane->state = KAFKA_HELD;
    lane->probing = false;
    lane->reason = reason;
    lane->retry = now + lane->pause;
}

bool kafka_lane_is_silent(const struct kafka_lane *lane, int64_t limit, int64_t now) {
    return lane->state != KAFKA_HELD && lane->sent > 0 && now - lane->progress >= limit;
}

/* While librdkafka still has records of the lane, they come first. */
bool kafka_lane_retry(struct kafka_lane *lane, int64_t now) {
    if (lane->state != KAFKA_HELD || lane->sent > 0 || now < lane->retry)
        return false;
    begin_to_drain(lane, true);
    return true;
}

bool kafka_lane_may_send(const struct kafka_lane *lane) {
    if (lane->state == KAFKA_HELD || (lane->probing && lane->sent > 0))
        return false;
    return lane->most == 0 || lane->sent < lane->most;
}

/* The first of the batch's records tells; those that come back after it find the lane HELD. */
bool kafka_lane_halve(struct kafka_lane *lane) {
    if (lane->state == KAFKA_HELD)
        return true;
    if (lane->sent <= 1)
        return false;
    lane->most = lane->sent / 2;
    lane->well = 0;
    return true;
}

void kafka_lane_queue(struct kafka_lane *lane, uint64_t position) {
    if (lane->state != KAFKA_FLOWS)
        return;
    lane->next = position;
    begin_to_drain(lane, false);
}

bool kafka_lane_can_flow(const struct kafka_lane *lane) {
    return lane->state == KAFKA_DRAINS && !lane->probing && !lane->unsent;
}

void kafka_lane_flow(struct kafka_lane *lane) {
    lane->state = KAFKA_FLOWS;
    lane->held = 0;
}

uint64_t kafka_lane_low(const struct kafka_lane *lane, uint64_t end) {
    uint64_t low = lane->state == KAFKA_FLOWS ? end : lane->next;
    for (const struct kafka_entry *entry = lane->first; entry; entry = entry->next)
        if (entry->position != 0)
            return entry->position < low ? entry->position : low;
    return low;
}
