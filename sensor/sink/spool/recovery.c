#include "sink/spool/recovery.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "sink/spool/cursor.h"
#include "sink/spool/upkeep.h"

/* The whole cursor file; false: there is none, or it can't be what we wrote. */
static bool read_cursor_bytes(struct spool_log *log, struct buffer *bytes) {
    struct stat status;
    int file = log->disk->open(log->folder.descriptor, "cursor", O_RDONLY);
    if (file < 0)
        return false;
    bool good = log->disk->status(file, &status) == 0 && status.st_size > 0 &&
                (uint64_t)status.st_size <= cursor_size(CURSOR_LANES_MAX) &&
                buffer_reserve(bytes, (size_t)status.st_size) != NULL;
    if (good) {
        ssize_t have = disk_read(log->disk, file, bytes->data, (size_t)status.st_size, 0);
        bytes->length = have > 0 ? (size_t)have : 0;
        good = have == status.st_size;
    }
    close(file);
    return good;
}

static bool read_cursor(struct spool_log *log) {
    struct buffer bytes = {0};
    bool good = read_cursor_bytes(log, &bytes);
    if (good) {
        struct bytes view = {bytes.data, bytes.length};
        size_t count = cursor_lanes(view);
        log->lanes = count > 0 ? malloc(count * sizeof *log->lanes) : NULL;
        good = (count == 0 || log->lanes) && cursor_get(view, &log->low, log->lanes);
        log->lane_count = good ? count : 0;
        log->lane_capacity = log->lanes ? count : 0;
    }
    buffer_free(&bytes);
    return good;
}

/* What is left of a file that can't be used: one that a crash kept from getting its header, or a damaged one. */
static void put_away(struct spool_log *log, uint64_t first, bool torn) {
    char name[SEGMENT_NAME_SIZE];
    segment_name(first, ".spool", name);
    if (torn) {
        log->disk->remove(log->folder.descriptor, name);
        return;
    }
    int result = upkeep_set_aside(log->disk, &log->folder, first);
    log->counts.damaged_segments++;
    log_line(LOG_ERROR, "output %s: spool in %s: %s has no header that can be read: %s", log->output,
             log->directory, name, result < 0 ? strerror(-result) : "it is set aside as .damaged");
}

/* The header of an open segment into `bytes`. 1: it has none (yet); -EBADMSG: it can't be read. */
static int read_header(struct spool_log *log, int file, uint64_t first, struct buffer *bytes,
                       struct segment_header *header, uint64_t *size) {
    struct stat status;
    uint8_t fixed[SEGMENT_FIXED_SIZE];
    if (log->disk->status(file, &status) < 0)
        return -EBADMSG;
    *size = (uint64_t)status.st_size;
    ssize_t have = disk_read(log->disk, file, fixed, sizeof fixed, 0);
    if (have >= 0 && have < (ssize_t)sizeof fixed)
        return 1;
    uint32_t length = have < 0 ? 0 : segment_header_length(fixed);
    if (length == 0)
        return -EBADMSG;
    if (length > *size)
        return 1;
    bytes->length = 0;
    if (!buffer_reserve(bytes, length))
        return -ENOMEM;
    have = disk_read(log->disk, file, bytes->data, length, 0);
    bool good = have == (ssize_t)length && segment_header_get((struct bytes){bytes->data, length}, header) &&
                header->first == first;
    return good ? 0 : -EBADMSG;
}

/* How far the records of a file go: *end is the position behind them; gives the place. */
static uint64_t scan(struct spool_log *log, int file, struct segment *segment, uint64_t offset,
                     uint64_t *end) {
    struct buffer bytes = {0};
    size_t needed = log->settings.chunk_size;
    bool more = true;
    while (more && buffer_reserve(&bytes, needed)) {
        ssize_t have = disk_read(log->disk, file, bytes.data, bytes.capacity, offset);
        struct bytes view = {bytes.data, have > 0 ? (size_t)have : 0};
        size_t at = 0;
        enum segment_answer answer;
        while ((answer = segment_record_check(bytes_from(view, at), *end, &needed)) == SEGMENT_WHOLE) {
            segment_mark(segment, offset + at, *end, segment_record_time(view.data + at));
            at += needed;
            ++*end;
        }
        offset += at;
        more = answer == SEGMENT_SHORT && view.length == bytes.capacity;
    }
    buffer_free(&bytes);
    return offset;
}

/* Cuts the newest segment behind its last good record. What a killed process wrote may not be on disk yet: it is now. */
static void mend_newest(struct spool_log *log, int file, struct segment *segment, uint64_t header_length) {
    uint64_t good = scan(log, file, segment, header_length, &segment->end);
    if (good < segment->bytes) {
        log_line(
            LOG_WARNING,
            "output %s: spool in %s: the newest segment ends within a record, and is cut behind position %llu (%llu bytes less)",
            log->output, log->directory, (unsigned long long)segment->end - 1,
            (unsigned long long)(segment->bytes - good));
        log->disk->cut(file, good); /* if not, the next segment's name says where it ends */
        segment->bytes = good;
    }
    log->disk->sync(file);
    log->disk->sync_folder(log->folder.descriptor);
}

/* Adds the segment of that name to the list, unless it can't be used. `end`: the next one's position; 0: it is the
 * newest. 0, or -errno: no memory, no descriptor. */
static int add_segment(struct spool_log *log, uint64_t first, uint64_t end, struct buffer *bytes) {
    char name[SEGMENT_NAME_SIZE];
    struct segment_header header;
    uint64_t size = 0;
    segment_name(first, ".spool", name);
    int file = log->disk->open(log->folder.descriptor, name, end == 0 ? O_RDWR : O_RDONLY);
    if (file == -EMFILE || file == -ENFILE || file == -ENOMEM)
        return file;
    int result = file < 0 ? -EBADMSG : read_header(log, file, first, bytes, &header, &size);
    struct segment *segment = result == 0 ? segment_list_add(&log->segments, first, size) : NULL;
    if (segment) {
        segment->bytes = size;
        segment->end = end;
        segment_mark(segment, 0, first, header.begun);
        if (end == 0) {
            segment->end = first;
            mend_newest(log, file, segment, header.length);
        }
        if (segment->end == first) { /* the header alone */
            segment_list_remove(&log->segments, log->segments.count - 1);
            put_away(log, first, true);
        }
    }
    if (file >= 0)
        close(file);
    if (result == 0)
        return segment ? 0 : -ENOMEM;
    if (result == -ENOMEM)
        return result;
    put_away(log, first, result == 1);
    return 0;
}

/* The newest one is the newest that can be read. */
static int add_segments(struct spool_log *log, const uint64_t *numbers, size_t count, uint64_t *end) {
    struct buffer bytes = {0};
    int result = 0;
    *end = 1;
    if (count > 0)
        *end = numbers[count - 1];
    for (size_t i = 0; result == 0 && i + 1 < count; i++)
        result = add_segment(log, numbers[i], numbers[i + 1], &bytes);
    if (result == 0 && count > 0)
        result = add_segment(log, numbers[count - 1], 0, &bytes);
    const struct segment *last = segment_list_last(&log->segments);
    if (result == 0 && last && last->end > *end)
        *end = last->end;
    buffer_free(&bytes);
    return result;
}

/* found = waiting + damaged; segments that are done are left out. */
static void begin_counts(struct spool_log *log, uint64_t end) {
    uint64_t waiting = 0;
    for (size_t i = 0; i < log->segments.count; i++) {
        struct segment *segment = &log->segments.segments[i];
        segment->counted_from = log->low > segment->first ? log->low : segment->first;
        waiting += segment_waiting(segment);
        log->bytes += segment->bytes;
    }
    log->counts.found = end - log->low;
    log->counts.waiting = waiting;
    log->counts.damaged = log->counts.found - waiting;
}

int recovery_read(struct spool_log *log, struct error *error) {
    uint64_t *numbers, end;
    size_t count;
    bool have_cursor = read_cursor(log);
    int result = folder_list(log->disk, &log->folder, ".spool", &numbers, &count);
    if (result < 0)
        return error_set(error, -result, result == -ENOMEM ? EX_OSERR : EX_CANTCREAT,
                         "output %s: spool folder %s can't be listed: %s", log->output, log->directory,
                         strerror(-result));
    result = add_segments(log, numbers, count, &end);
    free(numbers);
    if (result < 0)
        return error_set(error, -result, EX_OSERR, "output %s: spool in %s can't be read: %s", log->output,
                         log->directory, strerror(-result));
    if (!have_cursor) {
        log->low = log->segments.count > 0 ? log->segments.segments[0].first : end;
        if (count > 0) {
            log->counts.lost_cursors++;
            log_line(
                LOG_WARNING,
                "output %s: spool in %s: no cursor can be read; all %llu records are sent again, though some may have arrived",
                log->output, log->directory, (unsigned long long)(end - log->low));
        }
    }
    if (end < log->low)
        end = log->low;
    for (size_t i = 0; i < log->lane_count; i++)
        if (log->lanes[i].lane >= 0 && end < log->lanes[i].position)
            end = log->lanes[i].position;
    begin_counts(log, end);
    log->run_first = end;
    log->durable_low = have_cursor ? log->low : 0;
    log->cursor_turn = !have_cursor; /* so that a later run knows that none was lost */
    return 0;
}
