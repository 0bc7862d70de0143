/* Files and standard output: Avro containers, CSV, JSON lines. Records gather in a block that is written when it is
 * large or old enough; a record is acknowledged when the kernel has it. Live capture doesn't wait for a reader that takes
 * nothing (pipe.h), nor for a disk that is full (file_outage.h): records gather up to a limit, and more are dropped. While
 * files are read, and at shutdown, the sink waits. */
#include "sink/sink.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"
#include "sink/file_check.h"
#include "sink/file_names.h"
#include "sink/file_parts.h"
#include "sink/pipe.h"

enum {
    BLOCK_SIZE = 256 * 1024,
    BLOCK_AGE_MICROSECONDS = 200000,
    GATHERED_MAX = 1 << 20,      /* bytes that may wait for a reader or the disk, besides the current block */
    ROOM = GATHERED_MAX / 4 * 3, /* a quarter is left for what can't wait */
    READER_MILLISECONDS = 50,
};

enum { FILE_SINK_MAGIC = 0x0f11e0aa };

static int make_header(struct file_sink *sink) {
    sink->header.length = sink->header_sent = 0;
    if (sink->avro)
        return container_begin(&sink->container, strcmp(sink->options.codec, "deflate") == 0,
                               sink->options.schema_text, &sink->header);
    if (sink->compressor)
        return compressor_append(sink->compressor, (const uint8_t *)sink->options.header.bytes,
                                 sink->options.header.length, &sink->header);
    buffer_append(&sink->header, sink->options.header.bytes, sink->options.header.length);
    return sink->header.failed ? -ENOMEM : 0;
}

/* Opens a file and begins it with its header. None is open, and `framed` is out. */
static int begin_file(struct file_sink *sink, struct error *error) {
    int result = make_header(sink);
    return result < 0 ? file_failed(sink, result, error) : file_push(sink, error);
}

/* Moves the gathered records to `framed`, as the file will have them. */
static int frame_block(struct file_sink *sink) {
    int result = 0;
    if (sink->avro) {
        result = container_block(&sink->container, sink->block.data, sink->block.length, sink->block_records,
                                 &sink->framed);
    } else if (sink->compressor) {
        result = compressor_append(sink->compressor, sink->block.data, sink->block.length, &sink->framed);
    } else {
        struct buffer empty = sink->framed;
        sink->framed = sink->block;
        sink->block = empty;
    }
    sink->framed_records = sink->block_records;
    sink->block_records = 0;
    sink->block.length = 0;
    return result;
}

/* Writes what a reader has not taken yet; the block stays until that is out. */
static int write_block(struct file_sink *sink, struct error *error) {
    int result = file_push(sink, error);
    if (result < 0 || sink->framed.length > 0 || sink->block_records == 0)
        return result;
    result = frame_block(sink);
    return result < 0 ? file_failed(sink, result, error) : file_push(sink, error);
}

/* Everything, waiting for a reader as file_push_all() does. */
static int write_all(struct file_sink *sink, int64_t end, struct error *error) {
    int result;
    do
        result = file_push_all(sink, end, error);
    while (result == 0 && sink->block_records > 0 && (result = write_block(sink, error)) == 0);
    return result;
}

static int rotate_if_due(struct file_sink *sink, struct error *error) {
    const struct sink_options *options = &sink->options;
    if (sink->file_records == 0)
        return 0;
    bool by_size = options->rotate_size > 0 && sink->file_bytes + sink->block.length >= options->rotate_size;
    bool by_records = options->rotate_flows > 0 && sink->file_records >= options->rotate_flows;
    if (!by_size && !by_records)
        return 0;
    int result = write_block(sink, error);
    /* What waits for the disk goes into this file still. The limit counts compressed bytes, as they are in the file. */
    bool is_out = result == 0 && file_in_flight(sink) == 0;
    if (is_out && (by_records || sink->file_bytes >= options->rotate_size)) {
        result = file_end(sink, error);
        if (result == 0)
            result = begin_file(sink, error);
    }
    return result;
}

static void file_close(void *state) {
    struct file_sink *sink = state;
    CHECK(IS_VALID(sink, FILE_SINK_MAGIC));
    if (sink->descriptor >= 0)
        close(sink->descriptor);
    buffer_free(&sink->block);
    buffer_free(&sink->header);
    buffer_free(&sink->framed);
    container_end(&sink->container);
    compressor_destroy(sink->compressor);
    free(sink->path);
    MAGIC_CLEAR(sink);
    free(sink);
}

/* While files are read nothing else is to be done; live, the FIFO is opened once somebody reads it. */
static int wait_for_reader(struct file_sink *sink, struct error *error) {
    int result = 0;
    while (result == 0 && sink->descriptor < 0 && sink->options.wait_when_full &&
           !file_outage_is_on(&sink->outage)) {
        if (file_deadline(sink) != 0)
            return file_failed(sink, -EINTR, error);
        pipe_wait(-1, READER_MILLISECONDS);
        result = file_push(sink, error);
    }
    return result;
}

static int file_begin(struct file_sink *sink, struct error *error) {
    const struct sink_options *options = &sink->options;
    bool compresses = options->compression && strcmp(options->compression, "none") != 0;
    if (!sink->rotates)
        sink->path = strdup(sink->standard_output ? "standard output" : options->path);
    if ((!sink->rotates && !sink->path) ||
        (compresses && compressor_create(options->compression, &sink->compressor) < 0))
        return error_set(error, ENOMEM, EX_OSERR, "out of memory");
    int result = begin_file(sink, error);
    return result == 0 ? wait_for_reader(sink, error) : result;
}

static int file_open(const struct sink_options *options, void **state, struct error *error) {
    struct file_sink *sink = calloc(1, sizeof *sink);
    if (!sink)
        return error_set(error, ENOMEM, EX_OSERR, "out of memory");
    sink->magic = FILE_SINK_MAGIC;
    sink->options = *options;
    sink->avro = strcmp(options->format, "avro") == 0;
    sink->standard_output = strcmp(options->path, "-") == 0;
    sink->rotates = (options->rotate_size > 0 || options->rotate_flows > 0) && !sink->standard_output;
    sink->descriptor = -1;
    if (sink->rotates)
        sink->number = file_names_newest(options->path, options->rotate_files);
    int result = file_begin(sink, error);
    sink->begun = true;
    if (result < 0)
        file_close(sink);
    else
        *state = sink;
    return result;
}

static enum sink_drop reason_of(const struct file_sink *sink, int result) {
    if (result == -ETIMEDOUT)
        return SINK_DROP_undelivered;
    return result < 0 || file_outage_is_on(&sink->outage) ? SINK_DROP_write_failed : SINK_DROP_queue_full;
}

/* Whether there is room for the record; if not, it is counted as dropped. During shutdown it waits for room, live too. */
static bool file_make_room(struct file_sink *sink, int *result, struct error *error) {
    bool waits = sink->options.wait_when_full || file_deadline(sink) != 0;
    *result = waits ? write_all(sink, 0, error) : write_block(sink, error);
    if (*result == 0 && sink->block.length < GATHERED_MAX)
        return true;
    enum sink_drop reason = reason_of(sink, *result);
    if (reason == SINK_DROP_queue_full && sink->statistics.dropped[reason] == 0)
        log_line(
            LOG_ERROR,
            "output \"%s\": the reader of %s is too slow; this and later records are counted as dropped (queue_full)",
            sink->options.output, sink->path);
    sink->statistics.dropped[reason]++;
    return false;
}

static int file_write(void *state, const struct message *message, struct error *error) {
    struct file_sink *sink = state;
    DEBUG_CHECK(IS_VALID(sink, FILE_SINK_MAGIC));
    sink->statistics.bytes += message->body_length;
    /* Rotates before a record, not after it: so no empty file is left when the records end. */
    int result = sink->rotates ? rotate_if_due(sink, error) : 0;
    if (result < 0) {
        sink->statistics.dropped[SINK_DROP_write_failed]++;
        return result;
    }
    if (sink->block.length >= GATHERED_MAX && !file_make_room(sink, &result, error))
        return result;
    if (sink->block_records == 0)
        sink->block_began = clock_monotonic();
    buffer_append(&sink->block, message->body, message->body_length);
    sink->block_records++;
    sink->file_records++;
    if (sink->block.failed)
        return file_failed(sink, -ENOMEM, error);
    return sink->block.length >= BLOCK_SIZE ? write_block(sink, error) : 0;
}

/* So that a reader of the file sees records soon, also of a slow stream. */
static int file_poll(void *state, struct error *error) {
    struct file_sink *sink = state;
    bool old = sink->block_records > 0 && clock_monotonic() - sink->block_began >= BLOCK_AGE_MICROSECONDS;
    return old ? write_block(sink, error) : file_push(sink, error);
}

static bool file_has_room(const void *state) {
    const struct file_sink *sink = state;
    /* Others don't wait for a disk, which may be full for hours. */
    return file_outage_is_on(&sink->outage) || sink->block.length < ROOM;
}

/* A reader may pause for as long as it likes, as a pager does, until the process is asked to end. */
static int file_flush(void *state, int64_t limit, bool patient, struct error *error) {
    return write_all(state, patient ? INT64_MAX : clock_monotonic() + limit, error);
}

static void file_statistics(const void *state, struct sink_statistics *statistics) {
    const struct file_sink *sink = state;
    *statistics = sink->statistics;
    statistics->in_flight = file_in_flight(sink);
}

static int64_t file_waiting_since(const void *state) {
    return ((const struct file_sink *)state)->outage.since;
}

const struct sink_type sink_file = {
    .name = "file",
    .open = file_open,
    .write = file_write,
    .poll = file_poll,
    .has_room = file_has_room,
    .flush = file_flush,
    .statistics = file_statistics,
    .waiting_since = file_waiting_since,
    .close = file_close,
    .check = file_check,
};
