#include "sink/spool/upkeep.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "sink/spool/cursor.h"
#include "sink/spool/disk_failure.h"
#include "sink/spool/writer.h"

enum { DAMAGED_KEPT = 2 }; /* beside the size that the spool may have */

static int write_cursor(const struct spool_disk *disk, int folder, const struct buffer *cursor) {
    int file = disk->open(folder, "cursor.new", O_WRONLY | O_CREAT | O_TRUNC);
    if (file < 0)
        return file;
    int result = disk_write(disk, file, cursor->data, cursor->length, 0);
    if (result == 0)
        result = disk->sync(file);
    close(file);
    if (result == 0)
        result = disk->rename(folder, "cursor.new", "cursor");
    return result < 0 ? result : disk->sync_folder(folder);
}

/* Room for all lanes, whose number may change while it is made. */
static bool reserve_cursor(struct spool_log *log) {
    size_t count;
    bool good;
    do {
        count = log->lane_count;
        log->cursor.length = 0;
        log->cursor.failed = false;
        pthread_mutex_unlock(&log->lock);
        good = buffer_reserve(&log->cursor, cursor_size(count)) != NULL;
        pthread_mutex_lock(&log->lock);
    } while (good && log->lane_count > count);
    return good;
}

/* What the log has for sure bounds what may be called done: after a crash its positions are given again. */
static bool is_ahead_of(const struct spool_log *log, uint64_t limit) {
    bool ahead = log->low > limit;
    for (size_t i = 0; i < log->lane_count; i++)
        ahead |= log->lanes[i].lane >= 0 && log->lanes[i].position > limit;
    return ahead;
}

void upkeep_cursor(struct spool_log *log) {
    int result = 0;
    if (log->directory && !reserve_cursor(log))
        result = -ENOMEM;
    uint64_t limit = log->directory ? log->pending.synced_end : log->low;
    uint64_t low = log->low < limit ? log->low : limit;
    bool bounded = log->directory && is_ahead_of(log, limit);
    uint64_t noted = log->cursor_turn, turn = bounded ? log->cursor_written : noted;
    log->note_wanted = false;
    if (log->directory && result == 0) {
        cursor_put(log->cursor.data, log->low, log->lanes, log->lane_count, limit);
        log->cursor.length = cursor_size(log->lane_count);
        pthread_mutex_unlock(&log->lock);
        result = write_cursor(log->disk, log->folder.descriptor, &log->cursor);
        pthread_mutex_lock(&log->lock);
    }
    log->cursor_time = clock_monotonic();
    if (result < 0) {
        disk_failure_note(log, JOB_CURSOR, "write", "the cursor", result);
        return;
    }
    log->durable_low = low;
    log->cursor_written = turn;
    log->cursor_noted = noted;
    log->cursor_bounded = bounded;
    failure_end(log, JOB_CURSOR);
}

bool upkeep_is_due(const struct spool_log *log) {
    const struct segment_list *list = &log->segments;
    if (list->count == (log->writer.open ? 1 : 0))
        return false;
    bool no_room = log->retry_at[JOB_CURSOR] != 0 && (log->last_errno == ENOSPC || log->last_errno == EDQUOT);
    return list->segments[0].end <= log->durable_low || (list->gone > 0 && no_room);
}

int upkeep_set_aside(const struct spool_disk *disk, const struct folder *folder, uint64_t first) {
    char from[SEGMENT_NAME_SIZE], to[SEGMENT_NAME_SIZE];
    segment_name(first, ".spool", from);
    segment_name(first, ".damaged", to);
    int result = disk->rename(folder->descriptor, from, to);
    uint64_t *numbers;
    size_t count;
    if (result < 0 || folder_list(disk, folder, ".damaged", &numbers, &count) < 0)
        return result;
    for (size_t i = 0; i + DAMAGED_KEPT < count; i++) {
        segment_name(numbers[i], ".damaged", to);
        disk->remove(folder->descriptor, to); /* if not now, then with the next one */
    }
    free(numbers);
    return 0;
}

/* All of it is done: what the caller didn't take, it never wanted. */
static void release_first(struct spool_log *log) {
    const struct segment *segment = &log->segments.segments[0];
    uint64_t waiting = segment_waiting(segment);
    log->counts.waiting -= waiting;
    log->counts.skipped += waiting;
    log->bytes -= segment->bytes;
    log->segments.gone = 1;
}

void upkeep_delete(struct spool_log *log) {
    if (log->segments.gone == 0)
        release_first(log);
    const struct segment *segment = &log->segments.segments[0];
    uint64_t first = segment->first;
    int memory = segment->memory;
    bool damaged = log->directory && segment->damaged_from < segment->end && segment->bytes > 0;
    char name[SEGMENT_NAME_SIZE];
    segment_name(first, ".spool", name);
    log_close_ahead(log, first);
    pthread_mutex_unlock(&log->lock);
    int result = 0;
    if (!log->directory)
        close(memory);
    else if (damaged)
        result = upkeep_set_aside(log->disk, &log->folder, first);
    else
        result = log->disk->remove(log->folder.descriptor, name);
    pthread_mutex_lock(&log->lock);
    if (result < 0 && result != -ENOENT) {
        disk_failure_note(log, JOB_DELETE, damaged ? "rename" : "delete", name, result);
        return;
    }
    log->counts.damaged_segments += damaged;
    segment_list_remove(&log->segments, 0);
    failure_end(log, JOB_DELETE);
}

/* The files went with the folder. */
static void lose_segments(struct spool_log *log) {
    if (log->writer.open)
        writer_abandon(log, true);
    for (size_t i = log->segments.gone; i < log->segments.count; i++) {
        struct segment *segment = &log->segments.segments[i];
        log->bytes -= segment->bytes;
        segment->bytes = 0;
        segment->damaged_from = segment->first;
    }
    log->cursor_turn++;
}

void upkeep_folder(struct spool_log *log) {
    struct stat status;
    struct folder folder;
    struct error error = {0};
    if (!log->directory)
        return;
    pthread_mutex_unlock(&log->lock);
    bool gone = log->disk->status(log->folder.descriptor, &status) == 0 && status.st_nlink == 0;
    int result = gone ? folder_open(log->disk, log->output, log->directory, &folder, &error) : -EEXIST;
    if (result == 0) {
        folder_close(&log->folder);
        log->folder = folder;
        log_line(LOG_ERROR,
                 "output %s: spool in %s: the folder was deleted, with all records in it; it is made again",
                 log->output, log->directory);
    }
    pthread_mutex_lock(&log->lock);
    if (result == 0)
        lose_segments(log);
}
