#include "sink/spool/writer.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"
#include "sink/spool/disk_failure.h"

enum { RUN_MAX = 1 << 20 }; /* bytes of one call */

/* Opens a file and puts the header into it. 0 or -errno; *file is -1, or open. */
static int make_file(struct spool_log *log, const char *name, int *file, const char **failed) {
    const struct spool_disk *disk = log->disk;
    *failed = "make";
    *file = log->directory ? disk->open(log->folder.descriptor, name, O_RDWR | O_CREAT | O_TRUNC)
                           : disk->open_memory(name);
    if (*file < 0)
        return *file;
    *failed = "write to";
    return disk_write(disk, *file, log->header.data, log->header.length, 0);
}

static bool begin_failed(struct spool_log *log, const char *name, const char *failed, int file, int result) {
    segment_list_remove(&log->segments, log->segments.count - 1);
    log->writer.open = false;
    disk_failure_note(log, JOB_COMMIT, failed, name, result);
    if (file >= 0) {
        pthread_mutex_unlock(&log->lock);
        if (log->directory)
            log->disk->remove(log->folder.descriptor, name); /* if not, the next one has the same name */
        close(file);
        pthread_mutex_lock(&log->lock);
    }
    return false;
}

/* Begins a segment with the record that is written next. */
static bool begin_segment(struct spool_log *log, int64_t time) {
    uint64_t first = log->pending.written_end;
    char name[SEGMENT_NAME_SIZE];
    const char *failed = "find memory for";
    int file = -1, result = -ENOMEM;
    segment_name(first, ".spool", name);
    log->header.length = 0;
    log->header.failed = false;
    size_t size = segment_header_size(&log->origin);
    uint8_t *header = buffer_reserve(&log->header, size);
    if (!header || !segment_list_add(&log->segments, first, log->settings.segment_size)) {
        disk_failure_note(log, JOB_COMMIT, failed, name, -ENOMEM);
        return false;
    }
    segment_header_put(header, first, time, &log->origin);
    log->header.length = size;
    log->writer.open = true;
    log->new_segment = false;
    pthread_mutex_unlock(&log->lock);
    result = make_file(log, name, &file, &failed);
    pthread_mutex_lock(&log->lock);
    if (result < 0)
        return begin_failed(log, name, failed, file, result);
    struct segment *segment = segment_list_last(&log->segments);
    segment->bytes = size;
    segment->memory = log->directory ? -1 : file;
    log->bytes += size;
    log->writer.file = file;
    log->writer.durable_name = !log->directory;
    log->writer.synced_bytes = size;
    return true;
}

/* Has a segment with room for the next record, of that size. */
static bool have_segment(struct spool_log *log, size_t size, int64_t time) {
    const struct segment *segment = log->writer.open ? segment_list_last(&log->segments) : NULL;
    if (segment && (log->new_segment || segment->bytes + size > log->settings.segment_size)) {
        if (!writer_commit(log)) /* only the newest segment may be torn */
            return false;
        writer_finish(log);
        segment = NULL;
    }
    return segment || begin_segment(log, time);
}

/* Records that lie together in the buffer, up to so many bytes. */
struct run {
    const uint8_t *bytes;
    size_t size;
    uint64_t records;
    uint64_t behind; /* the place in the buffer */
};

/* Seals them, too. */
static struct run gather(const struct pending *pending, uint64_t at, uint64_t to, size_t size_max) {
    struct run run = {.behind = at};
    uint8_t *record = pending_record(pending, &at, to);
    run.bytes = record;
    while (record && record == run.bytes + run.size) {
        size_t size = segment_record_whole_size(record);
        if (run.records > 0 && run.size + size > size_max)
            break;
        segment_record_seal(record);
        run.size += size;
        run.records++;
        at += size;
        run.behind = at;
        record = pending_record(pending, &at, to);
    }
    return run;
}

static void run_is_written(struct spool_log *log, const struct run *run, int64_t time) {
    struct segment *segment = segment_list_last(&log->segments);
    uint64_t from = log->pending.written_end, to = from + run->records;
    segment_mark(segment, segment->bytes, from, time);
    segment->bytes += run->size;
    log->bytes += run->size;
    segment->end = to;
    segment->settled += pending_count_settled(&log->pending, from, to);
    pending_written(&log->pending, run->behind, to, run->size, clock_monotonic());
}

static bool write_failed(struct spool_log *log, const char *what, int result, bool lost) {
    char name[SEGMENT_NAME_SIZE];
    segment_name(segment_list_last(&log->segments)->first, ".spool", name);
    writer_abandon(log, lost);
    disk_failure_note(log, JOB_COMMIT, what, name, result);
    return false;
}

bool writer_write(struct spool_log *log) {
    struct pending *pending = &log->pending;
    uint64_t to = pending->appended;
    while (pending->unwritten > 0) {
        uint64_t at = pending->written;
        const uint8_t *record = pending_record(pending, &at, to);
        if (!record)
            break; /* what came meanwhile is for the next time */
        int64_t time = segment_record_time(record);
        if (!have_segment(log, segment_record_whole_size(record), time))
            return false;
        const struct segment *segment = segment_list_last(&log->segments);
        uint64_t offset = segment->bytes;
        uint64_t room = log->settings.segment_size - offset;
        at = pending->written;
        pthread_mutex_unlock(&log->lock);
        struct run run = gather(pending, at, to, room < RUN_MAX ? room : RUN_MAX);
        int result = disk_write(log->disk, log->writer.file, run.bytes, run.size, offset);
        pthread_mutex_lock(&log->lock);
        if (result < 0)
            return write_failed(log, "write to", result, false);
        run_is_written(log, &run, time);
    }
    return true;
}

bool writer_commit(struct spool_log *log) {
    if (!log->writer.open)
        return true;
    struct stat status = {.st_nlink = 1};
    int result = 0;
    if (log->directory) {
        const struct spool_disk *disk = log->disk;
        bool new_name = !log->writer.durable_name;
        pthread_mutex_unlock(&log->lock);
        result = disk->sync(log->writer.file);
        if (result == 0 && new_name)
            result = disk->sync_folder(log->folder.descriptor);
        if (result == 0)
            result = disk->status(log->writer.file, &status);
        pthread_mutex_lock(&log->lock);
    }
    if (result < 0)
        return write_failed(log, "sync", result, false);
    if (status.st_nlink == 0) /* somebody deleted it under us */
        return write_failed(log, "find", -ENOENT, true);
    log->writer.durable_name = true;
    log->writer.synced_bytes = segment_list_last(&log->segments)->bytes;
    log->cursor_bounded = false;
    pending_synced(&log->pending, clock_monotonic());
    failure_end(log, JOB_COMMIT);
    return true;
}

void writer_finish(struct spool_log *log) {
    DEBUG_CHECK(log->writer.open && log->pending.unsynced == 0);
    log->writer.open = false;
    if (log->directory) /* what failed, failed in the sync */
        close(log->writer.file);
}

void writer_abandon(struct spool_log *log, bool lost) {
    struct segment *segment = segment_list_last(&log->segments);
    struct pending *pending = &log->pending;
    int file = log->writer.file;
    uint64_t bytes = log->writer.synced_bytes;
    char name[SEGMENT_NAME_SIZE];
    bool empty = pending->synced_end <= segment->first;
    segment_name(segment->first, ".spool", name);
    log_close_ahead(log, segment->first);
    segment->settled -= pending_count_settled(pending, pending->synced_end, segment->end);
    segment->end = pending->synced_end;
    log->bytes -= segment->bytes - (lost ? 0 : bytes);
    segment->bytes = lost ? 0 : bytes;
    if (lost)
        segment->damaged_from = segment->first;
    if (empty) {
        log->bytes -= segment->bytes;
        segment_list_remove(&log->segments, log->segments.count - 1);
    }
    pending_rewind(pending);
    log->writer.open = false;
    pthread_mutex_unlock(&log->lock);
    /* If neither can be done, a reader sees by the next one's name where this one ends. */
    if (!empty)
        log->disk->cut(file, bytes);
    else if (log->directory)
        log->disk->remove(log->folder.descriptor, name);
    if (log->directory || empty)
        close(file);
    pthread_mutex_lock(&log->lock);
}
