#include "capture/stream.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cache_line.h"
#include "base/check.h"
#include "base/clock.h"
#include "capture/decompressor.h"

enum {
    IDLE_MILLISECONDS = 100,   /* of a silent pipe, until the caller is told that time goes on */
    FULL_MICROSECONDS = 50000, /* of waiting for a window, until the caller is told again that all are held */
    READ_BYTES = WINDOW_BYTES / 4, /* at once */
};

static const struct decompressor *const decompressors[] = {
#define DECOMPRESSOR(name) &decompressor_##name,
#include "capture/decompressors.def"
#undef DECOMPRESSOR
};

/* Nothing is in its window, and nothing may come: what was in it may be held. */
static void stream_leave_window(struct stream *stream) {
    stream->next = stream->end = WINDOW_BYTES;
}

struct stream *stream_create(size_t windows) {
    struct stream *stream = cache_line_calloc(1, sizeof *stream);
    if (stream == NULL || (stream->windows = window_set_create(windows)) == NULL) {
        free(stream);
        return NULL;
    }
    stream->window = window_set_take(stream->windows, 0);
    stream_leave_window(stream);
    return stream;
}

void stream_destroy(struct stream *stream) {
    if (stream == NULL)
        return;
    stream_end(stream);
    window_set_destroy(stream->windows);
    free(stream);
}

void stream_begin(struct stream *stream, int descriptor) {
    struct stat status;
    stream->descriptor = descriptor;
    stream->told_idle = clock_monotonic();
    stream->waits = fstat(descriptor, &status) < 0 || !S_ISREG(status.st_mode);
}

void stream_end(struct stream *stream) {
    if (stream->decompressor != NULL)
        stream->decompressor->close(stream->decompression);
    free(stream->packed);
    *stream = (struct stream){.windows = stream->windows, .window = stream->window, .descriptor = -1};
    stream_leave_window(stream);
}

static ptrdiff_t stream_fail(struct stream *stream, int reason) {
    snprintf(stream->reason, sizeof stream->reason, "reading it failed: %s", strerror(reason));
    return -reason;
}

static ptrdiff_t failed_call(struct stream *stream) {
    return errno == EAGAIN || errno == EINTR ? -EAGAIN : stream_fail(stream, errno);
}

/* 0: there is something to read. A pipe that always brings a little is never silent. It still counts as idle a few times a
 * second, so that time goes on. */
static ptrdiff_t wait_for_bytes(struct stream *stream) {
    struct pollfd wait = {.fd = stream->descriptor, .events = POLLIN};
    int64_t now = clock_monotonic();
    bool due = now - stream->told_idle >= IDLE_MILLISECONDS * INT64_C(1000);
    int ready = due ? 0 : poll(&wait, 1, IDLE_MILLISECONDS);
    if (ready == 0)
        stream->told_idle = due ? now : clock_monotonic();
    return ready > 0 ? 0 : ready == 0 ? -EAGAIN : failed_call(stream);
}

/* As read(), but for a pipe it gives -EAGAIN a few times a second, and after a signal. */
static ptrdiff_t stream_take(struct stream *stream, uint8_t *bytes, size_t size) {
    ptrdiff_t result = stream->waits ? wait_for_bytes(stream) : 0;
    if (result < 0)
        return result;
    ptrdiff_t length = read(stream->descriptor, bytes, size);
    if (length < 0)
        return failed_call(stream);
    stream->taken += (uint64_t)length;
    return length;
}

/* More compressed bytes, after all were used up. */
static int fill_packed(struct stream *stream) {
    ptrdiff_t length = stream_take(stream, stream->packed, STREAM_WINDOW);
    if (length < 0)
        return (int)length;
    stream->packed_next = 0;
    stream->packed_end = (size_t)length;
    stream->packed_at_end = length == 0;
    return 0;
}

/* Gives unpacked bytes before it reports damage, and before it waits for a pipe. */
static ptrdiff_t stream_unpack(struct stream *stream, uint8_t *bytes, size_t size) {
    while (stream->reason[0] == '\0') {
        const char *reason = NULL;
        size_t in = stream->packed_end - stream->packed_next, out = size;
        int result = stream->decompressor->run(stream->decompression, stream->packed + stream->packed_next,
                                               &in, bytes, &out, stream->packed_at_end, &reason);
        stream->packed_next += in;
        if (result < 0)
            snprintf(stream->reason, sizeof stream->reason, "%s: %s", stream->decompressor->name, reason);
        if (out > 0)
            return (ptrdiff_t)out;
        if (result < 0 || in > 0)
            continue;
        if (stream->packed_at_end)
            return 0;
        if ((result = fill_packed(stream)) < 0)
            return result;
    }
    return -EBADMSG;
}

static ptrdiff_t stream_fill(struct stream *stream, uint8_t *bytes, size_t size) {
    return stream->decompressor != NULL ? stream_unpack(stream, bytes, size)
                                        : stream_take(stream, bytes, size);
}

/* The owner may have windows to give back, so it is told at once that all are held, and waited for only then. */
static struct window *take_window(struct stream *stream) {
    struct window *window = window_set_take(stream->windows, stream->told_full ? FULL_MICROSECONDS : 0);
    stream->told_full = window == NULL;
    return window;
}

/* Makes room for `count` bytes from stream->next on. A window that is held is filled to its end. Otherwise what is left moves to
 * the front of a free one, which with one meter is the same window. */
static bool make_room(struct stream *stream, size_t count) {
    bool fits = stream->end < WINDOW_BYTES && stream->next + count <= WINDOW_BYTES;
    if (fits && window_is_held(stream->window))
        return true;
    struct window *window = take_window(stream);
    if (window == NULL)
        return false;
    memmove(window->bytes, stream->window->bytes + stream->next, stream->end - stream->next);
    stream->window = window;
    stream->end -= stream->next;
    stream->next = 0;
    return true;
}

/* Reads once. Not the whole window, so that what is read is still in the processor's cache when it is looked at. */
static bool more_into_window(struct stream *stream, size_t count) {
    if (!make_room(stream, count)) {
        stream->state = STREAM_IDLE;
        return false;
    }
    size_t room = WINDOW_BYTES - stream->end;
    ptrdiff_t length =
        stream_fill(stream, stream->window->bytes + stream->end, room < READ_BYTES ? room : READ_BYTES);
    if (length > 0)
        stream->end += (size_t)length;
    else
        stream->state = length == 0 ? STREAM_END : length == -EAGAIN ? STREAM_IDLE : STREAM_FAILED;
    return length > 0;
}

static void skip_what_is_there(struct stream *stream) {
    uint64_t count = stream->to_skip;
    stream->to_skip = 0;
    stream_skip(stream, count);
}

const uint8_t *stream_more(struct stream *stream, size_t count) {
    DEBUG_CHECK(count <= STREAM_WINDOW);
    while (stream->to_skip > 0 || stream->end - stream->next < count) {
        if (!more_into_window(stream, count))
            return NULL;
        skip_what_is_there(stream);
    }
    return stream->window->bytes + stream->next;
}

ptrdiff_t stream_read(struct stream *stream, void *buffer, size_t size, const atomic_bool *broken) {
    size_t there = stream->end - stream->next;
    ptrdiff_t length;
    if (there > 0) {
        size = size < there ? size : there;
        memcpy(buffer, stream->window->bytes + stream->next, size);
        stream->next += size;
        return (ptrdiff_t)size;
    }
    do
        length = stream_fill(stream, buffer, size);
    while (length == -EAGAIN && !atomic_load_explicit(broken, memory_order_relaxed));
    return length;
}

/* What was looked at is compressed. */
static bool begin_to_unpack(struct stream *stream, const struct decompressor *decompressor) {
    uint8_t *packed = malloc(STREAM_WINDOW);
    void *decompression = packed != NULL ? decompressor->open() : NULL;
    if (decompression == NULL) {
        free(packed);
        stream_fail(stream, ENOMEM);
        return false;
    }
    stream->packed = packed;
    stream->packed_next = 0;
    stream->packed_end = stream->end - stream->next;
    memcpy(packed, stream->window->bytes + stream->next, stream->packed_end);
    stream_leave_window(stream);
    stream->decompressor = decompressor;
    stream->decompression = decompression;
    return true;
}

enum stream_state stream_recognize(struct stream *stream) {
    if (stream->is_recognized)
        return STREAM_GOOD;
    const uint8_t *magic = stream_peek(stream, DECOMPRESSOR_MAGIC);
    if (magic == NULL && stream->state != STREAM_END)
        return stream->state;
    stream->is_recognized = true;
    for (size_t i = 0; magic != NULL && i < sizeof decompressors / sizeof *decompressors; i++)
        if (decompressors[i]->recognizes(magic))
            return begin_to_unpack(stream, decompressors[i]) ? STREAM_GOOD : STREAM_FAILED;
    return STREAM_GOOD;
}
