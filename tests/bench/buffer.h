// Appends to a byte array, with length prefixes that are filled in once what they measure is complete.
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct buffer {
    uint8_t *bytes; // Not owned; the caller knows that it is large enough.
    size_t length;
};

static inline void buffer_bytes(struct buffer *buffer, const void *bytes, size_t length) {
    memcpy(buffer->bytes + buffer->length, bytes, length);
    buffer->length += length;
}

static inline void buffer_text(struct buffer *buffer, const char *text) {
    buffer_bytes(buffer, text, strlen(text));
}

// Big-endian, `width` bytes.
static inline void buffer_number(struct buffer *buffer, uint64_t value, size_t width) {
    for (size_t i = width; i > 0; i--)
        buffer->bytes[buffer->length++] = (uint8_t)(value >> 8 * (i - 1));
}

// Reserves a length prefix; buffer_end() with the returned mark and the same width fills it in.
static inline size_t buffer_begin(struct buffer *buffer, size_t width) {
    buffer->length += width;
    return buffer->length;
}

static inline void buffer_end(struct buffer *buffer, size_t mark, size_t width) {
    for (size_t i = 0; i < width; i++)
        buffer->bytes[mark - 1 - i] = (uint8_t)((buffer->length - mark) >> 8 * i);
}
