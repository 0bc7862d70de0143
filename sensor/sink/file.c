/* Files and standard output: Avro containers, CSV, JSON lines. Records gather in a buffer that is written as one block
 * when it is large or old enough; a record is acknowledged when the kernel has it. */
#include "sink/sink.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "sink/compress.h"
#include "sink/container.h"
#include "sink/file_ending.h"

enum { BLOCK_SIZE = 256 * 1024, BLOCK_AGE_MICROSECONDS = 200000 };

struct file_sink {
    struct sink_options options; /* texts are borrowed from the output */
    bool avro, rotates;
    bool standard_output; /* not ours: it may hold what others wrote before */
    int descriptor;       /* -1: none open */
    unsigned number;      /* of the file, in names of a rotated output */
    char *path;           /* of the open file */
    uint64_t file_bytes;  /* written to the open file */
    uint64_t file_records;
    struct buffer block; /* records that are not written yet */
    uint64_t block_records;
    int64_t block_began;
    struct buffer framed; /* header or container block on its way out */
    struct container container;
    struct compressor *compressor; /* NULL: none */
    struct sink_statistics statistics;
};

static int write_all(struct file_sink *sink, const uint8_t *data, size_t length) {
    while (length > 0) {
        ssize_t written = write(sink->descriptor, data, length);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return -errno;
        data += written;
        length -= (size_t)written;
        sink->file_bytes += (uint64_t)written;
    }
    return 0;
}

/* "flows.csv.gz" rotates through "flows.1.csv.gz", "flows.2.csv.gz", ...: the number goes before the endings. */
static char *numbered_path(const char *path, unsigned number) {
    struct file_ending ending;
    char *numbered;
    file_ending_of(path, &ending);
    return asprintf(&numbered, "%.*s.%u%s", (int)ending.stem, path, number, path + ending.stem) < 0
               ? NULL
               : numbered;
}

/* Makes `path` (may be NULL: no memory) the sink's and opens it. The descriptor or -errno. */
static int open_path(struct file_sink *sink, char *path, int flags) {
    free(sink->path);
    sink->path = path;
    if (!path)
        return -ENOMEM;
    int descriptor = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | flags, 0666);
    return descriptor < 0 ? -errno : descriptor;
}

static bool is_later(struct timespec a, struct timespec b) {
    return a.tv_sec != b.tv_sec ? a.tv_sec > b.tv_sec : a.tv_nsec >= b.tv_nsec;
}

/* The number of the ring's file that was written last, by an earlier run; 0: there is none. */
static unsigned newest_number(const struct file_sink *sink) {
    unsigned newest = 0;
    struct timespec latest = {0};
    for (unsigned number = 1; number <= sink->options.rotate_files; number++) {
        char *path = numbered_path(sink->options.path, number);
        struct stat status;
        if (path && stat(path, &status) == 0 && is_later(status.st_mtim, latest)) {
            newest = number;
            latest = status.st_mtim;
        }
        free(path);
    }
    return newest;
}

/* Whoever still reads the file that is replaced keeps it to its end. */
static int open_next_of_ring(struct file_sink *sink) {
    sink->number = sink->number % sink->options.rotate_files + 1;
    char *path = numbered_path(sink->options.path, sink->number);
    if (path)
        unlink(path); /* where that is not possible, open says it */
    return open_path(sink, path, O_EXCL);
}

static int open_next_path(struct file_sink *sink) {
    if (!sink->rotates)
        return open_path(sink, strdup(sink->options.path), O_TRUNC);
    if (sink->options.rotate_files > 0)
        return open_next_of_ring(sink);
    /* A rotated output goes on behind the files of an earlier run. */
    int descriptor;
    do
        descriptor = open_path(sink, numbered_path(sink->options.path, ++sink->number), O_EXCL);
    while (descriptor == -EEXIST);
    return descriptor;
}

/* A descriptor of our own for standard output, or -errno. */
static int open_standard_output(struct file_sink *sink) {
    sink->path = strdup("standard output");
    int descriptor = sink->path ? fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3) : -1;
    return descriptor < 0 ? -errno : descriptor;
}

static const char *remedy(int reason) {
    switch (reason) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG: return "free space or choose another path with -w";
    case EPIPE: return "its reader ended first; keep it running, or write to a file with -w";
    default: return "check it, or choose another path with -w";
    }
}

static int write_failed(struct file_sink *sink, int result, struct error *error) {
    sink->statistics.dropped[SINK_DROP_write_failed] += sink->block_records;
    sink->block_records = 0;
    sink->block.length = 0;
    return error_set(error, -result, EX_IOERR, "output \"%s\": cannot write to %s: %s; %s",
                     sink->options.output, sink->path, strerror(-result), remedy(-result));
}

static int begin_file(struct file_sink *sink, struct error *error) {
    int descriptor = sink->standard_output ? open_standard_output(sink) : open_next_path(sink);
    if (descriptor < 0)
        return error_set(
            error, -descriptor, descriptor == -EACCES || descriptor == -EPERM ? EX_NOPERM : EX_CANTCREAT,
            "output \"%s\": cannot create %s: %s; check the folder and its permissions", sink->options.output,
            sink->path ? sink->path : sink->options.path, strerror(-descriptor));
    sink->descriptor = descriptor;
    sink->file_bytes = 0;
    sink->file_records = 0;
    sink->framed.length = 0;
    int result = 0;
    if (sink->avro)
        result = container_begin(&sink->container, strcmp(sink->options.codec, "deflate") == 0,
                                 sink->options.schema_text, &sink->framed);
    else if (sink->compressor)
        result = compressor_append(sink->compressor, (const uint8_t *)sink->options.header.bytes,
                                   sink->options.header.length, &sink->framed);
    else
        buffer_append(&sink->framed, sink->options.header.bytes, sink->options.header.length);
    if (result == 0)
        result = write_all(sink, sink->framed.data, sink->framed.length);
    return result < 0 ? write_failed(sink, result, error) : 0;
}

static int end_file(struct file_sink *sink, struct error *error) {
    int result = sink->descriptor >= 0 && close(sink->descriptor) != 0 ? -errno : 0;
    sink->descriptor = -1;
    return result < 0 ? write_failed(sink, result, error) : 0;
}

static int write_block(struct file_sink *sink, struct error *error) {
    if (sink->block_records == 0)
        return 0;
    int result = 0;
    struct buffer *out = sink->avro || sink->compressor ? &sink->framed : &sink->block;
    sink->framed.length = 0;
    if (sink->avro)
        result = container_block(&sink->container, sink->block.data, sink->block.length, sink->block_records,
                                 &sink->framed);
    else if (sink->compressor)
        result = compressor_append(sink->compressor, sink->block.data, sink->block.length, &sink->framed);
    uint64_t whole = sink->file_bytes;
    if (result == 0)
        result = write_all(sink, out->data, out->length);
    if (result < 0) {
        /* Half a block would spoil the file for readers of what came before. Standard output stays as it is: behind
         * ">>" our bytes don't begin at the file's beginning. */
        if (!sink->standard_output && ftruncate(sink->descriptor, (off_t)whole) == 0)
            sink->file_bytes = whole;
        return write_failed(sink, result, error);
    }
    sink->statistics.acknowledged += sink->block_records;
    sink->block_records = 0;
    sink->block.length = 0;
    return 0;
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
    /* What compression saved counts: the file goes on until it really has its size. */
    if (result == 0 && (by_records || sink->file_bytes >= options->rotate_size)) {
        result = end_file(sink, error);
        if (result == 0)
            result = begin_file(sink, error);
    }
    return result;
}

static void file_close(void *state) {
    struct file_sink *sink = state;
    if (sink->descriptor >= 0)
        close(sink->descriptor);
    buffer_free(&sink->block);
    buffer_free(&sink->framed);
    container_end(&sink->container);
    compressor_destroy(sink->compressor);
    free(sink->path);
    free(sink);
}

static int file_open(const struct sink_options *options, void **state, struct error *error) {
    struct file_sink *sink = calloc(1, sizeof *sink);
    if (!sink)
        return error_set(error, ENOMEM, EX_OSERR, "out of memory");
    sink->options = *options;
    sink->avro = strcmp(options->format, "avro") == 0;
    sink->standard_output = strcmp(options->path, "-") == 0;
    sink->rotates = (options->rotate_size > 0 || options->rotate_flows > 0) && !sink->standard_output;
    sink->descriptor = -1;
    if (sink->rotates)
        sink->number = newest_number(sink);
    bool compresses = options->compression && strcmp(options->compression, "none") != 0;
    int result = compresses ? compressor_create(options->compression, &sink->compressor) : 0;
    result = result < 0 ? error_set(error, ENOMEM, EX_OSERR, "out of memory") : begin_file(sink, error);
    if (result < 0)
        file_close(sink);
    else
        *state = sink;
    return result;
}

static int file_write(void *state, const struct message *message, struct error *error) {
    struct file_sink *sink = state;
    sink->statistics.bytes += message->body_length;
    /* Before the record, not behind it: no file stays empty because the records ended with the one before. */
    int result = sink->rotates ? rotate_if_due(sink, error) : 0;
    if (result < 0) {
        sink->statistics.dropped[SINK_DROP_write_failed]++;
        return result;
    }
    if (sink->block_records == 0)
        sink->block_began = clock_monotonic();
    buffer_append(&sink->block, message->body, message->body_length);
    sink->block_records++;
    sink->file_records++;
    if (sink->block.failed)
        return write_failed(sink, -ENOMEM, error);
    return sink->block.length >= BLOCK_SIZE ? write_block(sink, error) : 0;
}

/* A slow stream is still seen soon by who reads along. */
static int file_poll(void *state, struct error *error) {
    struct file_sink *sink = state;
    bool old = sink->block_records > 0 && clock_monotonic() - sink->block_began >= BLOCK_AGE_MICROSECONDS;
    return old ? write_block(sink, error) : 0;
}

static int file_flush(void *state, int64_t limit, bool patient, struct error *error) {
    (void)limit, (void)patient;
    return write_block(state, error);
}

static void file_statistics(const void *state, struct sink_statistics *statistics) {
    const struct file_sink *sink = state;
    *statistics = sink->statistics;
    statistics->in_flight = sink->block_records;
}

const struct sink_type sink_file = {
    .name = "file",
    .open = file_open,
    .write = file_write,
    .poll = file_poll,
    .flush = file_flush,
    .statistics = file_statistics,
    .close = file_close,
};
