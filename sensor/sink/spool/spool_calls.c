#include "sink/spool/spool.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/check.h"
#include "base/clock.h"
#include "sink/spool/cursor.h"
#include "sink/spool/spool_parts.h"

enum { GONE_MAX = 2, TRIES = 4, TRIES_READ_ONLY = 2 };

/* The log of a handle, locked. */
static struct spool_log *lock_log(const struct spool *spool) {
    DEBUG_CHECK(IS_VALID(spool, SPOOL_MAGIC));
    pthread_mutex_lock(&spool->log->lock);
    return spool->log;
}

/* Drops the oldest segment, unless it is the only one or the one that is written, or others are yet to be deleted, whose
 * room is not free. Holding the lock. */
static bool drop_oldest(struct spool *spool, struct spool_log *log) {
    struct segment_list *list = &log->segments;
    if (list->count - list->gone <= (log->writer.open ? 1 : 0) || list->gone >= GONE_MAX)
        return false;
    const struct segment *segment = &list->segments[list->gone];
    uint64_t waiting = segment_waiting(segment);
    /* The caller may still take the record that it has just read. */
    if (waiting > 0 && log->held == 0 && spool->read >= segment->first && spool->read < segment->end) {
        log->held = spool->read;
        waiting--;
    }
    log->counts.waiting -= waiting;
    log->counts.dropped_oldest += waiting;
    log->bytes -= segment->bytes;
    list->gone++;
    if (log->low < segment->end)
        log->low = segment->end;
    log->cursor_turn++;
    if (spool->next < segment->end)
        spool->next = segment->end;
    return true;
}

/* Room on disk for so many bytes more, as the policy has it. Holding the lock. */
static bool make_room(struct spool *spool, struct spool_log *log, size_t size, int64_t now) {
    while (log_bytes(log) + size + log->reserve > log->size) {
        spool->growth.last_loss = now;
        if (log->when_full == SPOOL_DROP_NEWEST || !drop_oldest(spool, log))
            return false;
    }
    return true;
}

enum spool_answer spool_append(struct spool *spool, int32_t lane, const struct message *message, bool taken,
                               uint64_t *position) {
    size_t size = segment_record_size(message);
    int64_t now = clock_monotonic(), time = clock_realtime();
    struct spool_log *log = lock_log(spool);
    struct pending *pending = &log->pending;
    enum spool_answer answer = SPOOL_OK;
    uint8_t *place = NULL;
    if (size == 0 || size > pending_record_max(pending) ||
        size + log->header_size > log->settings.segment_size)
        answer = SPOOL_TOO_LARGE;
    else if (!make_room(spool, log, size, now) || !(place = pending_reserve(pending, size)))
        answer = SPOOL_FULL;
    if (answer == SPOOL_OK) {
        segment_record_put(place, size, pending->end, time, lane, message);
        if (position)
            *position = pending->end;
        pending_append(pending, size, taken, now);
        log->last_append = now;
        log->counts.appended++;
        log->counts.taken += taken;
        log->counts.waiting += !taken;
        bool at_once = pending->unwritten + pending->unsynced >= log->settings.commit_size;
        log_wake(log, at_once ? now : pending->unwritten_since + log->settings.write_after);
    } else {
        log->counts.refused++;
    }
    growth_sample(&spool->growth, now, log_bytes(log));
    pthread_mutex_unlock(&log->lock);
    if (answer == SPOOL_FULL)
        spool->growth.last_loss = now;
    return answer;
}

/* The record that was held can't be taken any more. */
static void let_go(struct spool *spool) {
    spool->read = 0;
    if (spool->log->held == 0) /* only this thread sets it */
        return;
    struct spool_log *log = lock_log(spool);
    log->held = 0;
    log->counts.waiting--;
    log->counts.dropped_oldest++;
    pthread_mutex_unlock(&log->lock);
}

void spool_seek(struct spool *spool, uint64_t position) {
    let_go(spool);
    struct spool_log *log = lock_log(spool);
    uint64_t first = log_first(log);
    if (position < first)
        position = first;
    if (position > log->pending.end)
        position = log->pending.end;
    spool->next = position;
    spool->chunk = NULL;
    log->chunks[0].filled = log->chunks[1].filled = false;
    log->ahead.turn++;
    log->ahead.position = position;
    log->ahead.wanted = true;
    log_wake(log, 0);
    pthread_mutex_unlock(&log->lock);
}

/* The reader goes on at `to`. What lies before it in damaged segments is lost. Holding the lock. */
static void go_on_at(struct spool *spool, struct spool_log *log, uint64_t to) {
    uint64_t from = spool->next;
    if (to <= from)
        return;
    spool->next = to;
    for (size_t i = log->segments.gone; i < log->segments.count; i++) {
        struct segment *segment = &log->segments.segments[i];
        if (segment->damage_passed || segment->damaged_from >= segment->end || segment->end <= from ||
            segment->end > to)
            continue;
        uint64_t lost = segment->end - segment->damaged_from, waiting = segment_waiting(segment);
        lost = lost < waiting ? lost : waiting;
        segment->damage_passed = true;
        segment->settled += lost;
        log->counts.waiting -= lost;
        log->counts.damaged += lost;
    }
}

/* Gives the chunk that was read back, and takes the next one. */
static bool next_chunk(struct spool *spool) {
    struct spool_log *log = lock_log(spool);
    if (spool->chunk) {
        spool->chunk->filled = false;
        log->reading = 1 - log->reading;
    }
    struct chunk *chunk = &log->chunks[log->reading];
    spool->chunk = chunk->filled ? chunk : NULL;
    go_on_at(spool, log, chunk->filled ? chunk->first : log->ahead.position);
    log->ahead.wanted = true;
    log_wake(log, 0);
    pthread_mutex_unlock(&log->lock);
    return spool->chunk != NULL;
}

bool spool_read(struct spool *spool, struct spool_record *record) {
    DEBUG_CHECK(IS_VALID(spool, SPOOL_MAGIC));
    let_go(spool);
    do {
        struct chunk *chunk = spool->chunk;
        while (chunk && chunk->first < chunk->end) {
            const uint8_t *bytes = chunk->records.data + chunk->at;
            chunk->at += segment_record_whole_size(bytes);
            if (chunk->first++ < spool->next)
                continue; /* its segment was dropped */
            segment_record_get(bytes, record);
            record->origin = &chunk->origin;
            record->message.origin = &chunk->origin.message;
            record->own = record->position >= spool->log->run_first;
            spool->next = chunk->first;
            spool->read = record->position;
            return true;
        }
    } while (next_chunk(spool));
    return false;
}

bool spool_is_at_end(const struct spool *spool) {
    return spool->next >= spool->log->pending.end; /* only this thread appends */
}

/* The record stops waiting, and is counted there. */
static void settle(struct spool *spool, uint64_t position, uint64_t *count) {
    struct spool_log *log = lock_log(spool);
    struct segment *segment = segment_list_find(&log->segments, position);
    bool waits = log->held != 0 && log->held == position;
    if (waits)
        log->held = 0;
    if (!waits && segment && position >= segment->first) {
        segment->settled++;
        waits = true;
    }
    if (position >= log->pending.synced_end) {
        pending_settle(&log->pending, position);
        waits = true;
    }
    log->counts.waiting -= waits;
    *count += waits;
    pthread_mutex_unlock(&log->lock);
    spool->read = 0;
}

void spool_take(struct spool *spool, const struct spool_record *record) {
    settle(spool, record->position, &spool->log->counts.taken);
}

void spool_skip(struct spool *spool, const struct spool_record *record) {
    settle(spool, record->position, &spool->log->counts.skipped);
}

uint64_t spool_end(const struct spool *spool) {
    return spool->log->pending.end;
}

uint64_t spool_first(const struct spool *spool) {
    struct spool_log *log = lock_log(spool);
    uint64_t first = log_first(log);
    pthread_mutex_unlock(&log->lock);
    return first;
}

/* Room for so many lanes; false: no memory. They are the caller's to change, under the lock. */
static bool reserve_lanes(struct spool_log *log, size_t count) {
    if (count <= log->lane_capacity)
        return true;
    struct spool_lane *lanes = malloc(count * sizeof *lanes), *old = log->lanes;
    if (!lanes)
        return false;
    pthread_mutex_lock(&log->lock);
    if (log->lane_count > 0)
        memcpy(lanes, old, log->lane_count * sizeof *lanes);
    log->lanes = lanes;
    log->lane_capacity = count;
    pthread_mutex_unlock(&log->lock);
    free(old);
    return true;
}

void spool_release(struct spool *spool, uint64_t low, const struct spool_lane *lanes, size_t count) {
    count = count < CURSOR_LANES_MAX ? count : CURSOR_LANES_MAX;
    bool room = reserve_lanes(spool->log, count);
    struct spool_log *log = lock_log(spool);
    if (log->low < low)
        log->low = low < log->pending.end ? low : log->pending.end;
    if (room) { /* else the old ones hold: they are not above the new */
        if (count > 0)
            memcpy(log->lanes, lanes, count * sizeof *lanes);
        log->lane_count = count;
    }
    log->cursor_turn++;
    log_wake(log, log->cursor_time + log->settings.commit_after);
    pthread_mutex_unlock(&log->lock);
}

bool spool_has_noted(struct spool *spool) {
    struct spool_log *log = lock_log(spool);
    bool noted = !log->directory || log->cursor_noted == log->cursor_turn || log->retry_at[JOB_CURSOR] != 0;
    log->note_wanted = !noted;
    if (!noted)
        log_wake(log, 0);
    pthread_mutex_unlock(&log->lock);
    return noted;
}

size_t spool_lanes(const struct spool *spool, uint64_t *low, const struct spool_lane **lanes) {
    struct spool_log *log = lock_log(spool);
    size_t count = log->lane_count;
    *low = log->low;
    *lanes = log->lanes;
    pthread_mutex_unlock(&log->lock);
    return count;
}

void spool_set_schema_id(struct spool *spool, uint32_t id) {
    struct spool_log *log = lock_log(spool);
    log->new_segment |= log->origin.schema_id != id;
    log->origin.schema_id = id;
    pthread_mutex_unlock(&log->lock);
}

/* Whether trying again soon has little chance. Room may be made on a full disk. Holding the lock. */
static bool is_hopeless(const struct spool_log *log) {
    bool full = log->last_errno == ENOSPC || log->last_errno == EDQUOT;
    return !full && log->hurry_failures >= (log->last_errno == EROFS ? TRIES_READ_ONLY : TRIES);
}

int spool_sync(struct spool *spool, int64_t limit) {
    int64_t until = clock_monotonic() + limit;
    struct timespec moment = {.tv_sec = until / 1000000, .tv_nsec = until % 1000000 * 1000};
    struct spool_log *log = lock_log(spool);
    bool done, late = false;
    log->hurry = true;
    log->hurry_failures = 0;
    for (int i = 0; i < SPOOL_JOBS; i++)
        log->retry_at[i] = log->retry_at[i] != 0;
    log_wake(log, 0);
    while (!(done = log->pending.synced_end == log->pending.end && log->cursor_written == log->cursor_turn) &&
           !late && !is_hopeless(log))
        late = pthread_cond_clockwait(&log->done, &log->lock, CLOCK_MONOTONIC, &moment) == ETIMEDOUT;
    log->hurry = false;
    log->late = late && !done;
    int result = done                                                     ? 0
                 : log->retry_at[JOB_COMMIT] || log->retry_at[JOB_CURSOR] ? -log->last_errno
                                                                          : -ETIMEDOUT;
    pthread_mutex_unlock(&log->lock);
    return result;
}

uint64_t spool_saved(const struct spool *spool, uint64_t *waiting) {
    struct spool_log *log = lock_log(spool);
    const struct pending *pending = &log->pending;
    uint64_t saved = pending->written_end;
    *waiting = pending->end - saved - pending_count_settled(pending, saved, pending->end);
    pthread_mutex_unlock(&log->lock);
    return saved;
}

/* When the oldest record that is not done was appended. Holding the lock. */
static int64_t oldest_time(const struct spool_log *log) {
    uint64_t position = log_first(log);
    const struct segment *segment = segment_list_find(&log->segments, position);
    if (position >= log->pending.end)
        return 0;
    if (segment)
        return segment_time(segment, position > segment->first ? position : segment->first);
    uint64_t at = log->pending.written; /* it is in the buffer alone */
    const uint8_t *record = pending_record(&log->pending, &at, log->pending.appended);
    return record ? segment_record_time(record) : 0;
}

/* Bytes that it may have: a disk that fails takes no more than the buffer. Holding the lock. */
static uint64_t bytes_max(const struct spool_log *log) {
    const struct pending *pending = &log->pending;
    uint64_t whole = log->size - log->reserve;
    uint64_t buffered = log_bytes(log) + pending->size - (pending->appended - pending->synced);
    return log->failing_since != 0 && buffered < whole ? buffered : whole;
}

void spool_statistics(const struct spool *spool, struct spool_statistics *statistics) {
    int64_t now = clock_monotonic();
    struct spool_log *log = lock_log(spool);
    const struct spool_counts *counts = &log->counts;
    *statistics = (struct spool_statistics){
        .found = counts->found,
        .appended = counts->appended,
        .waiting = counts->waiting,
        .taken = counts->taken,
        .skipped = counts->skipped,
        .dropped_oldest = counts->dropped_oldest,
        .damaged = counts->damaged,
        .refused = counts->refused,
        .bytes = log_bytes(log),
        .size = log->size,
        .segments = log->segments.count - log->segments.gone,
        .damaged_segments = counts->damaged_segments,
        .lost_cursors = counts->lost_cursors,
        .disk_errors = counts->disk_errors,
        .disk_failing_since = log->failing_since,
        .oldest = oldest_time(log),
        .seconds_until_full = growth_until_full(&spool->growth, now, log_bytes(log), bytes_max(log)),
    };
    memcpy(statistics->disk_error, log->disk_error, sizeof statistics->disk_error);
    pthread_mutex_unlock(&log->lock);
}
