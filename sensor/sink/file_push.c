/* Gets the file sink's bytes into the file. A reader who takes nothing is waited for, and so is a disk that is full, has
 * errors or is away: live, `framed` stays as it is meanwhile; while files are read, up to the output's limit. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "sink/file_names.h"
#include "sink/file_parts.h"
#include "sink/pipe.h"

enum { WAIT_MILLISECONDS = 50, SYNC_BYTES = 16 };

int64_t file_deadline(const struct file_sink *sink) {
    const struct sink_options *options = &sink->options;
    return options->deadline ? options->deadline(options->deadline_context) : 0;
}

uint64_t file_in_flight(const struct file_sink *sink) {
    return sink->framed_records + sink->block_records;
}

/* A file that can be cut, and that others can remove. */
static bool is_regular(const struct file_sink *sink) {
    return !sink->standard_output && !sink->has_reader && sink->descriptor >= 0;
}

static const char *path_of(const struct file_sink *sink) {
    return sink->path ? sink->path : sink->options.path;
}

static bool header_is_out(const struct file_sink *sink) {
    return sink->header_sent == sink->header.length;
}

static int open_rotated(struct file_sink *sink) {
    const struct sink_options *options = &sink->options;
    unsigned number = sink->number;
    int descriptor =
        options->rotate_files > 0
            ? file_names_open_next_of_ring(options->path, options->rotate_files, &sink->number, &sink->path)
            : file_names_open_next(options->path, &sink->number, &sink->path);
    if (descriptor < 0)
        sink->number = number; /* the next try has the same one */
    return descriptor;
}

static int open_named(struct file_sink *sink) {
    const struct file_names_empty empty = {sink->header.data, sink->header.length,
                                           sink->avro ? SYNC_BYTES : 0};
    int descriptor = file_names_open(sink->options.output, sink->options.path, &empty);
    if (descriptor == -EAGAIN && !sink->told_of_reader) {
        sink->told_of_reader = true;
        log_line(LOG_INFO, "output \"%s\": nobody reads %s yet; waiting for a reader", sink->options.output,
                 sink->path);
    }
    return descriptor;
}

static int open_file(struct file_sink *sink) {
    int descriptor = sink->rotates           ? open_rotated(sink)
                     : sink->standard_output ? pipe_open_standard_output()
                                             : open_named(sink);
    if (descriptor < 0)
        return descriptor;
    sink->descriptor = descriptor;
    sink->has_reader = pipe_has_reader(descriptor);
    sink->file_bytes = 0;
    sink->file_records = file_in_flight(sink);
    sink->header_sent = sink->framed_sent = 0;
    return 0;
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

static int write_out(struct file_sink *sink, const struct buffer *bytes, size_t *sent) {
    while (*sent < bytes->length) {
        ssize_t written = write_some(sink, bytes->data + *sent, bytes->length - *sent);
        if (written < 0)
            return (int)written;
        *sent += (size_t)written;
        sink->file_bytes += (uint64_t)written;
    }
    return 0;
}

/* What is written to a file without a name is lost when it is closed. */
static bool is_removed(const struct file_sink *sink) {
    struct stat status;
    return is_regular(sink) && fstat(sink->descriptor, &status) == 0 && S_ISREG(status.st_mode) &&
           status.st_nlink == 0;
}

/* 0: the kernel has all of it; -EAGAIN: the reader takes no more now. */
static int push_once(struct file_sink *sink) {
    int result = sink->descriptor < 0 ? open_file(sink) : 0;
    if (result == 0)
        result = write_out(sink, &sink->header, &sink->header_sent);
    if (result == 0)
        result = write_out(sink, &sink->framed, &sink->framed_sent);
    if (result < 0)
        return result;
    if (sink->framed.length > 0 && is_removed(sink)) {
        close(sink->descriptor);
        sink->descriptor = -1;
        return -ENOENT;
    }
    sink->statistics.acknowledged += sink->framed_records;
    sink->framed_records = 0;
    sink->framed.length = sink->framed_sent = 0;
    return 0;
}

static void drop_all(struct file_sink *sink, enum sink_drop reason) {
    sink->statistics.dropped[reason] += file_in_flight(sink);
    sink->framed_records = sink->block_records = 0;
    sink->framed.length = sink->framed_sent = sink->block.length = 0;
    sink->ended = true;
}

/* A reader may go when it has what it wanted, as head(1) does: that is no failure. */
static int end_quietly(const struct file_sink *sink, int result, struct error *error) {
    if (!sink->standard_output || sink->options.has_neighbours)
        log_line(LOG_INFO, "output \"%s\": the reader of %s went away; %s", sink->options.output, sink->path,
                 sink->options.has_neighbours ? "later records of it are dropped (output_failed)"
                                              : "the run ends");
    error_set(error, -result, EX_OK, "%s", "");
    return result;
}

static int cannot_create(const struct file_sink *sink, int result, struct error *error) {
    int code = file_outage_is_of_disk(-result)         ? EX_IOERR
               : result == -EACCES || result == -EPERM ? EX_NOPERM
                                                       : EX_CANTCREAT;
    return error_set(error, -result, code,
                     "output \"%s\": cannot create %s: %s; check the folder and its permissions",
                     sink->options.output, path_of(sink), strerror(-result));
}

int file_failed(struct file_sink *sink, int result, struct error *error) {
    bool reader_went = sink->has_reader && (result == -EPIPE || result == -ECONNRESET);
    drop_all(sink, SINK_DROP_write_failed);
    if (reader_went)
        return end_quietly(sink, result, error);
    if (sink->descriptor < 0)
        return cannot_create(sink, result, error);
    return error_set(error, -result, EX_IOERR, "output \"%s\": cannot write to %s: %s; %s",
                     sink->options.output, sink->path, strerror(-result), file_outage_remedy(-result));
}

/* Cuts off half a block or header, which would make the file unreadable; it is written again as a whole. Standard output is
 * not cut: with ">>" our bytes don't begin at the file's start. */
static void cut_half_block(struct file_sink *sink) {
    bool whole_header = header_is_out(sink);
    uint64_t whole = whole_header ? sink->file_bytes - sink->framed_sent : 0;
    if (!is_regular(sink) || ftruncate(sink->descriptor, (off_t)whole) < 0 ||
        lseek(sink->descriptor, (off_t)whole, SEEK_SET) < 0)
        return;
    sink->file_bytes = whole;
    sink->framed_sent = 0;
    if (!whole_header)
        sink->header_sent = 0;
}

/* A run that reads captures into one file has lost nothing before it began: it fails at once. */
static bool may_pass(const struct file_sink *sink, int reason) {
    if (sink->begun)
        return file_outage_passes(reason);
    return file_outage_is_of_disk(reason) && (!sink->options.wait_when_full || sink->options.has_neighbours);
}

/* Microseconds that a file may take nothing; 0: live, for ever. */
static int64_t outage_limit(const struct file_sink *sink) {
    return sink->options.wait_when_full ? sink->options.delivery_limit : 0;
}

int file_push(struct file_sink *sink, struct error *error) {
    bool all_is_out = sink->descriptor >= 0 && header_is_out(sink) && sink->framed.length == 0;
    if (sink->ended || all_is_out || !file_outage_tries(&sink->outage))
        return 0;
    int result = push_once(sink);
    uint64_t lost = sink->statistics.dropped[SINK_DROP_write_failed];
    if (result == 0)
        file_outage_end(&sink->outage, sink->options.output, path_of(sink), lost);
    if (result == 0 || result == -EAGAIN)
        return 0;
    cut_half_block(sink);
    if (!may_pass(sink, -result))
        return file_failed(sink, result, error);
    file_outage_note(&sink->outage, -result, sink->options.output, path_of(sink), lost, outage_limit(sink));
    return 0;
}

static int give_up_reader(struct file_sink *sink, struct error *error) {
    uint64_t count = file_in_flight(sink);
    drop_all(sink, SINK_DROP_undelivered);
    return error_set(
        error, ETIMEDOUT, EX_UNAVAILABLE,
        "output \"%s\": the reader of %s takes nothing, %" PRIu64
        " records are not written; keep it reading, or write to a file with -w; delivery.shutdown_timeout is how long the end waits",
        sink->options.output, sink->path, count);
}

static int give_up(struct file_sink *sink, struct error *error) {
    return file_outage_is_on(&sink->outage) ? file_failed(sink, -sink->outage.reason, error)
                                            : give_up_reader(sink, error);
}

/* A reader may pause for as long as it likes, a disk may not. */
static int64_t end_of_outage(const struct file_sink *sink) {
    return file_outage_is_on(&sink->outage) ? sink->outage.since + sink->options.delivery_limit : INT64_MAX;
}

int file_push_all(struct file_sink *sink, int64_t end, struct error *error) {
    int result;
    while ((result = file_push(sink, error)) == 0 && sink->framed.length > 0) {
        int64_t now = clock_monotonic(), deadline = file_deadline(sink);
        if (end == 0 && deadline != 0 && sink->options.has_neighbours)
            end = now + (deadline - now) / 2;
        bool is_late = deadline != 0 ? now >= deadline : now >= end_of_outage(sink);
        if (is_late || (end != 0 && now >= end))
            return give_up(sink, error);
        bool blocks = sink->has_reader && !file_outage_is_on(&sink->outage);
        pipe_wait(blocks ? sink->descriptor : -1, WAIT_MILLISECONDS);
    }
    return result;
}

int file_end(struct file_sink *sink, struct error *error) {
    int result = sink->descriptor >= 0 && close(sink->descriptor) != 0 ? -errno : 0;
    if (result < 0 && sink->options.wait_when_full)
        return file_failed(sink, result, error);
    sink->descriptor = -1;
    if (result < 0)
        log_line(LOG_WARNING, "output \"%s\": closing %s failed: %s; its last records may be missing",
                 sink->options.output, sink->path, strerror(-result));
    return 0;
}
