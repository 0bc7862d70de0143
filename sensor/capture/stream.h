/* The bytes of one capture, from a file or a pipe, plain or compressed (decompressors.def). The format that reads them
 * looks ahead in windows of fixed size (window.h), so memory is bounded with any content. It allocates only in
 * stream_create() and, for a compressed capture, in stream_recognize(). Only the capture's owner uses it (capture.h). */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "capture/window.h"

/* The most that can be looked at together. */
enum { STREAM_WINDOW = WINDOW_BYTES };

enum stream_state {
    STREAM_GOOD,
    /* A pipe is silent or has been read for a tenth of a second, or a signal came, or all windows are held: ask again. */
    STREAM_IDLE,
    STREAM_END,    /* fewer bytes than asked for remain */
    STREAM_FAILED, /* stream->reason says why */
};

struct decompressor;

struct stream {
    struct window_set *windows;
    struct window *window;   /* that is read into */
    size_t next, end;        /* what is left in it: window->bytes[next .. end) */
    uint64_t to_skip;        /* bytes to skip that are not read yet; the window is empty then */
    enum stream_state state; /* why stream_more() gave nothing */
    int descriptor;
    int64_t told_idle;                       /* last time of STREAM_IDLE (monotonic clock) */
    bool waits;                              /* no regular file: reading may block */
    bool is_recognized;                      /* whether it is compressed is known */
    const struct decompressor *decompressor; /* NULL: bytes are as they are */
    void *decompression;
    uint8_t *packed; /* a window of compressed bytes: packed[packed_next .. packed_end) */
    size_t packed_next, packed_end;
    bool packed_at_end;
    bool told_full; /* that all windows are held */
    uint64_t taken; /* bytes read from the descriptor */
    char reason[160];
};

/* With so many windows, at least 1, which serve one capture after another. Bytes that were looked at stay as long as their
 * window is held; some windows must be free of that for the stream to go on. NULL: no memory. */
struct stream *stream_create(size_t windows);
void stream_destroy(struct stream *stream); /* NULL is fine */

/* Begins with the bytes of `descriptor`, which stays the caller's. */
void stream_begin(struct stream *stream, int descriptor);
/* Finds out by the first bytes whether and how the capture is compressed. To be called until it gives STREAM_GOOD, before
 * stream_peek(). */
enum stream_state stream_recognize(struct stream *stream);
void stream_end(struct stream *stream);

/* The slow part of stream_peek(). */
const uint8_t *stream_more(struct stream *stream, size_t count);

/* At least `count` bytes (at most STREAM_WINDOW) of stream->window, or NULL and stream->state. They are valid until the next
 * call, or as long as that window is held. No bytes are
 * consumed. After STREAM_IDLE call it again. */
static inline const uint8_t *stream_peek(struct stream *stream, size_t count) {
    return stream->end - stream->next >= count && stream->to_skip == 0 ? stream->window->bytes + stream->next
                                                                       : stream_more(stream, count);
}

/* Skips bytes, also those that were not looked at. If there are fewer, the next stream_peek() fails. */
static inline void stream_skip(struct stream *stream, uint64_t count) {
    size_t there = stream->end - stream->next;
    if (count <= there) {
        stream->next += (size_t)count;
        return;
    }
    stream->next = stream->end;
    stream->to_skip += count - there;
}

/* After STREAM_END: whether the capture ends between two of its parts. */
static inline bool stream_is_used_up(const struct stream *stream) {
    return stream->next == stream->end && stream->to_skip == 0;
}

/* Moves at most `size` bytes into `buffer`, and returns how many; waits for a silent pipe until `broken`. 0: end, -errno:
 * failed. */
ptrdiff_t stream_read(struct stream *stream, void *buffer, size_t size, const atomic_bool *broken);
