/* Reads one capture after another: opens the file, finds out compression and format, and gives its frames. There is one
 * reader for all captures of a run. Only the capture's owner uses it (capture.h). */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "capture/capture.h"
#include "capture/format.h"

struct reader {
    struct recording recording;
    const struct format *format; /* NULL: not known yet */
    int descriptor;              /* -1: no capture is open */
    bool by_libpcap;             /* as NFStream reads */
    bool is_open;                /* frames may be read */
    uint64_t frames;             /* of the capture, that passed the filter */
    char *filter;                /* NULL: none */
};

bool reader_is_standard_input(const char *path);
const char *reader_name_of(const char *path); /* for messages */
/* The error of a path that can't be opened: EX_NOINPUT, EX_NOPERM. */
int reader_refuse_path(const char *path, int reason, struct error *error);

/* -ENOMEM. `broken` ends waits for silent pipes. */
int reader_create(struct reader *reader, const struct capture_options *options, const atomic_bool *broken);
void reader_destroy(struct reader *reader); /* also after a failure, and of zeros */

/* Opens the file; nothing is read. */
int reader_open(struct reader *reader, const char *path, struct error *error);
void reader_close(struct reader *reader); /* nothing, if none is open */

/* READ_GOOD: the open file is a capture; READ_IDLE: not known yet. reader_next() calls this by itself. */
enum read_result reader_recognize(struct reader *reader);
/* The next frame that passes the filter: bytes, lengths, time and link type. */
enum read_result reader_next(struct reader *reader, struct frame *frame);
/* The error after READ_FAILED: EX_DATAERR, or the filter's. */
int reader_failed(const struct reader *reader, struct error *error);

/* The window that the last frame's bytes lie in; NULL: they don't stay. */
static inline struct window *reader_window(const struct reader *reader) {
    return reader->by_libpcap ? NULL : reader->recording.stream->window;
}

static inline uint64_t reader_position(const struct reader *reader) {
    return reader->recording.stream->taken;
}
