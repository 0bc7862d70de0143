#include "sink/spool/keeper.h"

#include <time.h>

#include "base/clock.h"
#include "sink/spool/disk_failure.h"
#include "sink/spool/from_buffer.h"
#include "sink/spool/read_ahead.h"
#include "sink/spool/upkeep.h"
#include "sink/spool/writer.h"

enum todo { READ, READ_BUFFER, FORGET, WRITE, COMMIT, CURSOR, DELETE, FINISH, NOTHING };

/* True if it is due; else *until is at most that moment. */
static bool is_due(int64_t when, int64_t now, int64_t *until) {
    if (when > now && when < *until)
        *until = when;
    return when <= now;
}

static int64_t later(int64_t one, int64_t other) {
    return one > other ? one : other;
}

/* Whether there is something for the reader; it sees to it that he gets what is only in the buffer. */
static bool is_read_due(struct spool_log *log, int64_t now, int64_t *until) {
    struct ahead *ahead = &log->ahead;
    if (!ahead->wanted || log->stopping || ahead->position >= log->pending.written_end) {
        if (ahead->wanted && log->pending.unwritten == 0)
            ahead->wanted = false; /* until he asks again */
        if (log->retry_at[JOB_READ] != 0)
            failure_end(log, JOB_READ);
        return false;
    }
    return read_ahead_chunk(log) && is_due(log->retry_at[JOB_READ], now, until);
}

static bool is_reader_at_end(const struct spool_log *log) {
    return log->ahead.wanted && log->ahead.position >= log->pending.written_end &&
           !log->chunks[log->reading].filled;
}

static bool is_write_due(const struct spool_log *log, int64_t now, int64_t *until) {
    const struct pending *pending = &log->pending;
    if (pending->unwritten == 0 || from_buffer_needs_cursor(log))
        return false;
    bool at_once = log->stopping || log->hurry || is_reader_at_end(log) ||
                   pending->unwritten + pending->unsynced >= log->settings.commit_size;
    int64_t when = at_once ? 0 : pending->unwritten_since + log->settings.write_after;
    return is_due(later(when, log->retry_at[JOB_COMMIT]), now, until);
}

static bool is_commit_due(const struct spool_log *log, int64_t now, int64_t *until) {
    const struct pending *pending = &log->pending;
    if (pending->unsynced == 0)
        return false;
    bool at_once = log->stopping || log->hurry || pending->unsynced >= log->settings.commit_size;
    int64_t when = at_once ? 0 : pending->unsynced_since + log->settings.commit_after;
    return is_due(later(when, log->retry_at[JOB_COMMIT]), now, until);
}

static bool is_cursor_due(const struct spool_log *log, int64_t now, int64_t *until) {
    if (log->cursor_turn == log->cursor_written)
        return false;
    bool at_once = log->stopping || log->hurry || log->segments.gone > 0 || from_buffer_needs_cursor(log);
    at_once = (at_once && !log->cursor_bounded) || log->note_wanted;
    int64_t when = at_once ? 0 : log->cursor_time + log->settings.commit_after;
    return is_due(later(when, log->retry_at[JOB_CURSOR]), now, until);
}

static bool is_delete_due(const struct spool_log *log, int64_t now, int64_t *until) {
    return upkeep_is_due(log) && is_due(log->retry_at[JOB_DELETE], now, until);
}

/* All is done, and nothing has come for a while: the segment may go. */
static bool is_finish_due(const struct spool_log *log, int64_t now, int64_t *until) {
    const struct pending *pending = &log->pending;
    return log->writer.open && pending->unwritten == 0 && pending->unsynced == 0 &&
           log->low >= pending->end && !log->stopping &&
           is_due(log->last_append + log->settings.idle_after, now, until);
}

static enum todo what_next(struct spool_log *log, int64_t *until) {
    int64_t now = clock_monotonic();
    *until = INT64_MAX;
    if (from_buffer_has_done(log))
        return FORGET;
    if (from_buffer_is_due(log) && read_ahead_chunk(log) && is_due(log->retry_at[JOB_READ], now, until))
        return READ_BUFFER;
    if (is_read_due(log, now, until))
        return READ;
    if (is_write_due(log, now, until))
        return WRITE;
    if (is_commit_due(log, now, until))
        return COMMIT;
    if (is_cursor_due(log, now, until))
        return CURSOR;
    if (is_delete_due(log, now, until))
        return DELETE;
    return is_finish_due(log, now, until) ? FINISH : NOTHING;
}

static void keeper_sleep(struct spool_log *log, int64_t until) {
    log->sleeping = true;
    log->sleeping_until = until;
    if (until == INT64_MAX) {
        pthread_cond_wait(&log->wake, &log->lock);
    } else {
        struct timespec moment = {.tv_sec = until / 1000000, .tv_nsec = until % 1000000 * 1000};
        pthread_cond_clockwait(&log->wake, &log->lock, CLOCK_MONOTONIC, &moment);
    }
    log->sleeping = false;
}

static void keeper_do(struct spool_log *log, enum todo todo) {
    bool again = false; /* after a failure: the folder itself may be gone */
    for (int i = 0; i < SPOOL_JOBS; i++)
        again |= log->retry_at[i] != 0;
    if (again) {
        int64_t until;
        upkeep_folder(log);
        todo = what_next(log, &until); /* it let go of the lock: the caller may have sought meanwhile */
    }
    switch (todo) {
    case READ: read_ahead(log); break;
    case READ_BUFFER: from_buffer_read(log); break;
    case FORGET: from_buffer_forget(log); break;
    case WRITE: writer_write(log); break;
    case COMMIT: writer_commit(log); break;
    case CURSOR: upkeep_cursor(log); break;
    case DELETE: upkeep_delete(log); break;
    case FINISH: writer_finish(log); break;
    case NOTHING: break;
    }
}

void *keeper_run(void *context) {
    struct spool_log *log = context;
    pthread_mutex_lock(&log->lock);
    for (;;) {
        int64_t until;
        enum todo todo = what_next(log, &until);
        if (todo == NOTHING && log->stopping)
            break;
        if (todo == NOTHING)
            keeper_sleep(log, until);
        else
            keeper_do(log, todo);
        if (log->hurry)
            pthread_cond_broadcast(&log->done);
    }
    log->over = true;
    pthread_cond_broadcast(&log->done);
    bool left = log->left;
    pthread_mutex_unlock(&log->lock);
    if (left)
        log_free(log);
    return NULL;
}
