#include "sink/spool/from_buffer.h"

#include <errno.h>

#include "sink/spool/disk_failure.h"
#include "sink/spool/read_ahead.h"

/* After a failure no segment is open, and nothing in the buffer counts as written. */
static bool takes_nothing(const struct spool_log *log) {
    return log->retry_at[JOB_COMMIT] != 0 && !log->writer.open;
}

bool from_buffer_is_due(const struct spool_log *log) {
    const struct ahead *ahead = &log->ahead;
    return takes_nothing(log) && ahead->wanted && !log->stopping &&
           ahead->position >= log->pending.written_end && ahead->position < log->pending.end;
}

void from_buffer_read(struct spool_log *log) {
    const struct pending *pending = &log->pending;
    struct ahead *ahead = &log->ahead;
    struct chunk *chunk = read_ahead_chunk(log);
    uint64_t at = pending->written, position = pending->written_end;
    const uint8_t *record;
    chunk->records.length = 0;
    chunk->records.failed = false;
    for (; (record = pending_record(pending, &at, pending->appended)); position++) {
        size_t size = segment_record_whole_size(record);
        at += size;
        if (position < ahead->position)
            continue;
        if (chunk->records.length > 0 && chunk->records.length + size > log->settings.chunk_size)
            break;
        buffer_append(&chunk->records, record, size);
    }
    if (chunk->records.failed) {
        disk_failure_note(log, JOB_READ, "find memory for", "records", -ENOMEM);
        return;
    }
    chunk->opening = 0; /* its origin is no file's */
    chunk->origin = log->origin;
    chunk->at = 0;
    chunk->first = ahead->position;
    chunk->end = position;
    chunk->filled = true;
    ahead->position = position;
}

bool from_buffer_has_done(const struct spool_log *log) {
    return takes_nothing(log) && log->low > log->pending.written_end;
}

void from_buffer_forget(struct spool_log *log) {
    struct pending *pending = &log->pending;
    uint64_t from = pending->written_end;
    uint64_t waiting = log->low - from - pending_count_settled(pending, from, log->low);
    log->counts.waiting -= waiting;
    log->counts.skipped += waiting;
    pending_forget(pending, log->low);
    log->forgotten = log->low;
    log->cursor_turn++;
}

bool from_buffer_needs_cursor(const struct spool_log *log) {
    return !log->writer.open && log->durable_low < log->forgotten;
}
