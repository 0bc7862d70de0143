/* Files and standard output: Avro containers, CSV, JSON lines. Records gather in a block that is written when it is
 * large or old enough; a record is acknowledged when the kernel has it. Live capture doesn't wait for a reader
 * that takes nothing (pipe.h): records gather up to a limit, and more are dropped. While files are read, and at shutdown,
 * the sink waits for the reader. */
#include "sink/sink.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"
#include "sink/compress.h"
#include "sink/container.h"
#include "sink/file_check.h"
#include "sink/file_names.h"
#include "sink/pipe.h"

enum {
    BLOCK_SIZE = 256 * 1024,
    BLOCK_AGE_MICROSECONDS = 200000,
    GATHERED_MAX = 1 << 20,      /* bytes that may wait for a reader, besides the current block */
    ROOM = GATHERED_MAX / 4 * 3, /* a quarter is left for what can't wait */
    WAIT_MILLISECONDS = 50,
};

enum { FILE_SINK_MAGIC = 0x0f11e0aa };

struct file_sink {
    uint32_t magic;
    struct sink_options options; /* texts are borrowed from the output */
    bool avro, rotates;
    bool standard_output; /* not ours: it may hold what others wrote before */
    bool has_reader;      /* who may take nothing for long, or close the pipe */
    int descriptor;       /* -1: none open */
    unsigned number;      /* of the file, in names of a rotated output */
    char *path;           /* of the open file */
    uint64_t file_bytes;  /* written to the open file */
    uint64_t file_records;
    struct buffer block; /* records that are not written yet */
    uint64_t block_records;
    int64_t block_began;
    struct buffer framed; /* header or block that is being written, and how much of it is */
    size_t framed_sent;
    uint64_t framed_records;
    struct container container;
    struct compressor *compressor; /* NULL: none */
    struct sink_statistics statistics;
};

/* The process's deadline; 0: none yet. */
static int64_t file_deadline(const struct file_sink *sink) {
    return sink->options.deadline ? sink->options.deadline() : 0;
}

static uint64_t in_flight(const struct file_sink *sink) {
    return sink->framed_records + sink->block_records;
}

/* A write to a file is repeated after -EINTR: the disk takes it in the end. */
static ssize_t write_some(struct file_sink *sink, const uint8_t *data, size_t length) {
    if (sink->has_reader)
        return pipe_write(sink->descriptor, data, length);
    for (;;) {
        ssize_t written = write(sink->descriptor, data, length);
        if (written >= 0)
            return written > 0 ? written : -EIO;
        if (errno != EINTR)
            return errno == EWOULDBLOCK ? -EAGAIN : -errno;
    }
}

/* Writes what is in `framed`. 0: the kernel has all of it; -EAGAIN: the reader takes no more now. */
static int file_push(struct file_sink *sink) {
    while (sink->framed_sent < sink->framed.length) {
        ssize_t written =
            write_some(sink, sink->framed.data + sink->framed_sent, sink->framed.length - sink->framed_sent);
        if (written < 0)
            return (int)written;
        sink->framed_sent += (size_t)written;
        sink->file_bytes += (uint64_t)written;
    }
    sink->statistics.acknowledged += sink->framed_records;
    sink->framed_records = 0;
    sink->framed.length = sink->framed_sent = 0;
    return 0;
}

static void drop_all(struct file_sink *sink, enum sink_drop reason) {
    sink->statistics.dropped[reason] += in_flight(sink);
    sink->framed_records = sink->block_records = 0;
    sink->framed.length = sink->framed_sent = sink->block.length = 0;
}

static const char *remedy_of(int reason) {
    switch (reason) {
    case ENOSPC:
    case EDQUOT: return "free space or choose another path with -w";
    case EFBIG: return "raise the limit of a file's size (ulimit -f), or rotate with outputs.rotate_size";
    case EPIPE: return "its reader ended first; keep it running, or write to a file with -w";
    default: return "check it, or choose another path with -w";
    }
}

/* A reader may go when it has what it wanted, as head(1) does: then the run ends normally, without a message. */
static int end_quietly(const struct file_sink *sink, int result, struct error *error) {
    if (!sink->standard_output)
        log_line(LOG_INFO, "output \"%s\": the reader of %s went away; the run ends", sink->options.output,
                 sink->path);
    error_set(error, -result, EX_OK, "%s", "");
    return result;
}

static int write_failed(struct file_sink *sink, int result, struct error *error) {
    bool reader_went = sink->has_reader && (result == -EPIPE || result == -ECONNRESET);
    drop_all(sink, SINK_DROP_write_failed);
    if (reader_went)
        return end_quietly(sink, result, error);
    return error_set(error, -result, EX_IOERR, "output \"%s\": cannot write to %s: %s; %s",
                     sink->options.output, sink->path, strerror(-result), remedy_of(-result));
}

/* Cuts off half a block, which would make the file unreadable. Standard output is not cut: with ">>" our bytes don't begin
 * at the file's start. */
static void cut_half_block(struct file_sink *sink) {
    uint64_t whole = sink->file_bytes - sink->framed_sent;
    if (!sink->standard_output && !sink->has_reader && ftruncate(sink->descriptor, (off_t)whole) == 0)
        sink->file_bytes = whole;
}

/* As file_push(), but it is no failure if the reader takes no more now. */
static int push_on(struct file_sink *sink, struct error *error) {
    int result = file_push(sink);
    if (result == 0 || result == -EAGAIN)
        return 0;
    cut_half_block(sink);
    return write_failed(sink, result, error);
}

static int file_give_up(struct file_sink *sink, struct error *error) {
    uint64_t count = in_flight(sink);
    drop_all(sink, SINK_DROP_undelivered);
    return error_set(
        error, ETIMEDOUT, EX_UNAVAILABLE,
        "output \"%s\": the reader of %s takes nothing, %" PRIu64
        " records are not written; keep it reading, or write to a file with -w; delivery.shutdown_timeout is how long the end waits",
        sink->options.output, sink->path, count);
}

/* Writes until `framed` is out. `end`: when to give up (monotonic clock); 0: at the process's deadline only. */
static int push_all(struct file_sink *sink, int64_t end, struct error *error) {
    int result;
    while ((result = push_on(sink, error)) == 0 && sink->framed.length > 0) {
        int64_t now = clock_monotonic(), deadline = file_deadline(sink);
        if ((end != 0 && now >= end) || (deadline != 0 && now >= deadline))
            return file_give_up(sink, error);
        pipe_wait(sink->descriptor, WAIT_MILLISECONDS);
    }
    return result;
}

static int file_open_next(struct file_sink *sink) {
    const struct sink_options *options = &sink->options;
    if (sink->rotates)
        return options->rotate_files > 0 ? file_names_open_next_of_ring(options->path, options->rotate_files,
                                                                        &sink->number, &sink->path)
                                         : file_names_open_next(options->path, &sink->number, &sink->path);
    sink->path = strdup(sink->standard_output ? "standard output" : options->path);
    if (!sink->path)
        return -ENOMEM;
    return sink->standard_output
               ? pipe_open_standard_output()
               : file_names_open(options->output, options->path, sink->framed.length, options->deadline);
}

static int make_header(struct file_sink *sink) {
    if (sink->avro)
        return container_begin(&sink->container, strcmp(sink->options.codec, "deflate") == 0,
                               sink->options.schema_text, &sink->framed);
    if (sink->compressor)
        return compressor_append(sink->compressor, (const uint8_t *)sink->options.header.bytes,
                                 sink->options.header.length, &sink->framed);
    buffer_append(&sink->framed, sink->options.header.bytes, sink->options.header.length);
    return sink->framed.failed ? -ENOMEM : 0;
}

/* Opens a file and begins it with its header. `framed` must be out before. */
static int begin_file(struct file_sink *sink, struct error *error) {
    int result = make_header(sink);
    int descriptor = result == 0 ? file_open_next(sink) : result;
    if (descriptor < 0)
        return error_set(
            error, -descriptor, descriptor == -EACCES || descriptor == -EPERM ? EX_NOPERM : EX_CANTCREAT,
            "output \"%s\": cannot create %s: %s; check the folder and its permissions", sink->options.output,
            sink->path ? sink->path : sink->options.path, strerror(-descriptor));
    sink->descriptor = descriptor;
    sink->has_reader = pipe_has_reader(descriptor);
    sink->file_bytes = 0;
    sink->file_records = 0;
    return push_on(sink, error);
}

static int end_file(struct file_sink *sink, struct error *error) {
    int result = sink->descriptor >= 0 && close(sink->descriptor) != 0 ? -errno : 0;
    sink->descriptor = -1;
    return result < 0 ? write_failed(sink, result, error) : 0;
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
    int result = push_on(sink, error);
    if (result < 0 || sink->framed.length > 0 || sink->block_records == 0)
        return result;
    result = frame_block(sink);
    return result < 0 ? write_failed(sink, result, error) : push_on(sink, error);
}

/* Everything, waiting for a reader as push_all() does. */
static int write_all(struct file_sink *sink, int64_t end, struct error *error) {
    int result;
    do
        result = push_all(sink, end, error);
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
    /* The limit counts compressed bytes, as they are in the file. */
    if (result == 0 && (by_records || sink->file_bytes >= options->rotate_size)) {
        result = end_file(sink, error);
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
    buffer_free(&sink->framed);
    container_end(&sink->container);
    compressor_destroy(sink->compressor);
    free(sink->path);
    MAGIC_CLEAR(sink);
    free(sink);
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
    bool compresses = options->compression && strcmp(options->compression, "none") != 0;
    int result = compresses ? compressor_create(options->compression, &sink->compressor) : 0;
    result = result < 0 ? error_set(error, ENOMEM, EX_OSERR, "out of memory") : begin_file(sink, error);
    if (result < 0)
        file_close(sink);
    else
        *state = sink;
    return result;
}

/* When to give up waiting for the reader; 0: at the process's deadline only. */
static int64_t end_of_patience(const struct file_sink *sink) {
    int64_t deadline = file_deadline(sink), now = clock_monotonic();
    return deadline != 0 && sink->options.has_neighbours ? now + (deadline - now) / 2 : 0;
}

/* Whether there is room for the record; if not, it is counted as dropped. During shutdown it waits for room, live too. */
static bool file_make_room(struct file_sink *sink, int *result, struct error *error) {
    bool waits = sink->options.wait_when_full || file_deadline(sink) != 0;
    *result = waits ? write_all(sink, end_of_patience(sink), error) : write_block(sink, error);
    if (*result == 0 && sink->block.length < GATHERED_MAX)
        return true;
    if (*result == 0 && sink->statistics.dropped[SINK_DROP_queue_full] == 0)
        log_line(
            LOG_ERROR,
            "output \"%s\": the reader of %s is too slow; this and later records are counted as dropped (queue_full)",
            sink->options.output, sink->path);
    enum sink_drop reason = *result == 0            ? SINK_DROP_queue_full
                            : *result == -ETIMEDOUT ? SINK_DROP_undelivered
                                                    : SINK_DROP_write_failed;
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
        return write_failed(sink, -ENOMEM, error);
    return sink->block.length >= BLOCK_SIZE ? write_block(sink, error) : 0;
}

/* So that a reader of the file sees records soon, also of a slow stream. */
static int file_poll(void *state, struct error *error) {
    struct file_sink *sink = state;
    bool old = sink->block_records > 0 && clock_monotonic() - sink->block_began >= BLOCK_AGE_MICROSECONDS;
    return old ? write_block(sink, error) : push_on(sink, error);
}

static bool file_has_room(const void *state) {
    const struct file_sink *sink = state;
    return sink->block.length < ROOM;
}

/* A reader may pause for as long as it likes, as a pager does, until the process is asked to end. */
static int file_flush(void *state, int64_t limit, bool patient, struct error *error) {
    return write_all(state, patient ? 0 : clock_monotonic() + limit, error);
}

static void file_statistics(const void *state, struct sink_statistics *statistics) {
    const struct file_sink *sink = state;
    *statistics = sink->statistics;
    statistics->in_flight = in_flight(sink);
}

const struct sink_type sink_file = {
    .name = "file",
    .open = file_open,
    .write = file_write,
    .poll = file_poll,
    .has_room = file_has_room,
    .flush = file_flush,
    .statistics = file_statistics,
    .close = file_close,
    .check = file_check,
};
