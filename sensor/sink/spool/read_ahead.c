#include "sink/spool/read_ahead.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/log.h"
#include "sink/spool/disk_failure.h"
#include "sink/spool/writer.h"

enum { FAILURES_MAX = 20 }; /* in a row: then what can't be read is taken for damaged */

/* Of the segment that is read: what the lock guards, as it was when the disk was asked. */
struct source {
    uint64_t first, end, bytes;
    int memory;
    uint64_t start; /* the first record wanted */
};

enum { FILLED = 0, DAMAGED = 1 }; /* or -errno */

struct chunk *read_ahead_chunk(struct spool_log *log) {
    for (unsigned i = 0; i < 2; i++) {
        struct chunk *chunk = &log->chunks[(log->reading + i) % 2];
        if (!chunk->filled)
            return chunk;
    }
    return NULL;
}

/* Opens the segment's file, unless it is open and not yet read beyond what is wanted. */
static int open_source(struct spool_log *log, const struct source *source) {
    struct ahead *ahead = &log->ahead;
    if (ahead->segment == source->first && ahead->at <= source->start)
        return 0;
    if (ahead->segment != source->first) {
        char name[SEGMENT_NAME_SIZE];
        segment_name(source->first, ".spool", name);
        log_close_ahead(log, ahead->segment);
        ahead->file =
            log->directory ? log->disk->open(log->folder.descriptor, name, O_RDONLY) : source->memory;
        if (ahead->file < 0)
            return ahead->file;
    }
    ahead->segment = source->first;
    ahead->opening++;
    ahead->at = source->first;
    ahead->offset = 0;
    return 0;
}

/* Into the chunk, which keeps it for its records. */
static int load_header(struct spool_log *log, const struct source *source, struct chunk *chunk) {
    struct ahead *ahead = &log->ahead;
    uint8_t fixed[SEGMENT_FIXED_SIZE];
    ssize_t have = disk_read(log->disk, ahead->file, fixed, sizeof fixed, 0);
    uint32_t length = have == sizeof fixed ? segment_header_length(fixed) : 0;
    if (have < 0 || length == 0 || length > source->bytes)
        return have < 0 ? (int)have : DAMAGED;
    chunk->header.length = 0;
    if (!buffer_reserve(&chunk->header, length))
        return -ENOMEM;
    have = disk_read(log->disk, ahead->file, chunk->header.data, length, 0);
    struct segment_header header;
    if (have < 0)
        return (int)have;
    if (!segment_header_get((struct bytes){chunk->header.data, (size_t)have}, &header) ||
        header.first != source->first)
        return DAMAGED;
    chunk->origin = header.origin;
    chunk->opening = ahead->opening;
    if (ahead->offset == 0)
        ahead->offset = header.length;
    return 0;
}

/* Takes the whole records at the start of what was read; those before `start` are left out. */
static enum segment_answer take_records(struct ahead *ahead, const struct source *source, struct bytes view,
                                        struct chunk *chunk, size_t *needed) {
    size_t at = 0;
    enum segment_answer answer = SEGMENT_WHOLE;
    chunk->at = 0;
    while (ahead->at < source->end) {
        size_t size;
        answer = segment_record_check(bytes_from(view, at), ahead->at, &size);
        *needed = size;
        if (answer != SEGMENT_WHOLE)
            break;
        at += size;
        ahead->at++;
        if (ahead->at <= source->start)
            chunk->at = at;
    }
    ahead->offset += at;
    chunk->first = source->start;
    chunk->end = ahead->at;
    return at > 0 ? SEGMENT_WHOLE : answer;
}

/* Reads on until the chunk has a record that is wanted. */
static int fill(struct spool_log *log, const struct source *source, struct chunk *chunk) {
    struct ahead *ahead = &log->ahead;
    int result = open_source(log, source);
    if (result == 0 && chunk->opening != ahead->opening)
        result = load_header(log, source, chunk);
    size_t needed = log->settings.chunk_size;
    while (result == 0) {
        if (source->bytes <= ahead->offset)
            return DAMAGED; /* it has fewer records than the next one's name says */
        chunk->records.length = 0;
        chunk->records.failed = false;
        if (!buffer_reserve(&chunk->records, needed))
            return -ENOMEM;
        uint64_t left = source->bytes - ahead->offset;
        size_t wanted = chunk->records.capacity < left ? chunk->records.capacity : (size_t)left;
        ssize_t have = disk_read(log->disk, ahead->file, chunk->records.data, wanted, ahead->offset);
        if (have < 0)
            return (int)have;
        struct bytes view = {chunk->records.data, (size_t)have};
        enum segment_answer answer = take_records(ahead, source, view, chunk, &needed);
        if (answer == SEGMENT_WHOLE && chunk->first < chunk->end)
            return FILLED;
        if (answer == SEGMENT_BAD || (answer == SEGMENT_SHORT && (view.length < wanted || needed > left)))
            return DAMAGED;
    }
    return result;
}

static void mark_damaged(struct spool_log *log, uint64_t first) {
    if (log->writer.open && segment_list_last(&log->segments)->first == first)
        writer_abandon(log, false); /* what isn't synced is written again, and then to another file */
    struct segment *segment = segment_list_find(&log->segments, first);
    uint64_t position = log->ahead.at > log->ahead.position ? log->ahead.at : log->ahead.position;
    if (!segment || segment->first != first || position >= segment->end || segment->damaged_from <= position)
        return;
    segment->damaged_from = position;
    unsigned long long records = segment->end - position;
    pthread_mutex_unlock(&log->lock);
    char name[SEGMENT_NAME_SIZE];
    segment_name(first, ".spool", name);
    log_line(
        LOG_ERROR,
        "output %s: spool in %s: %s is damaged: %llu records from position %llu on can't be read, and are left out",
        log->output, log->directory ? log->directory : "memory", name, records, (unsigned long long)position);
    pthread_mutex_lock(&log->lock);
}

static bool is_want_of_means(int result) {
    return result == -ENOMEM || result == -EMFILE || result == -ENFILE;
}

static void read_failed(struct spool_log *log, const struct source *source, int result) {
    char name[SEGMENT_NAME_SIZE];
    segment_name(source->first, ".spool", name);
    if (result != -ENOENT && (is_want_of_means(result) || ++log->ahead.failures <= FAILURES_MAX)) {
        log_close_ahead(log, source->first);
        disk_failure_note(log, JOB_READ, "read", name, result);
        return;
    }
    log->ahead.failures = 0;
    log->ahead.at = 0;
    failure_end(log, JOB_READ);
    mark_damaged(log, source->first);
}

void read_ahead(struct spool_log *log) {
    struct ahead *ahead = &log->ahead;
    struct chunk *chunk = read_ahead_chunk(log);
    struct segment *segment = segment_list_find(&log->segments, ahead->position);
    if (!segment) { /* the newest ended before what was appended in this run */
        ahead->position = log->pending.written_end;
        return;
    }
    struct source source = {segment->first, segment->end, segment->bytes, segment->memory,
                            segment->first > ahead->position ? segment->first : ahead->position};
    ahead->position = source.start;
    if (segment->damaged_from <= source.start) {
        ahead->position = source.end;
        return;
    }
    unsigned turn = ahead->turn;
    pthread_mutex_unlock(&log->lock);
    int result = fill(log, &source, chunk);
    pthread_mutex_lock(&log->lock);
    if (turn != ahead->turn)
        return; /* the caller reads elsewhere */
    if (result < 0) {
        read_failed(log, &source, result);
        return;
    }
    ahead->failures = 0;
    failure_end(log, JOB_READ);
    if (turn != ahead->turn)
        return;
    if (result == DAMAGED) {
        mark_damaged(log, source.first);
        return;
    }
    chunk->filled = true;
    ahead->position = chunk->end;
    segment = segment_list_find(&log->segments, chunk->first);
    if (segment && segment->first == source.first)
        segment_mark(segment, ahead->offset, chunk->first,
                     segment_record_time(chunk->records.data + chunk->at));
}
