/* A buffer that grows and is kept: after warm-up nothing is allocated. All zero is an empty one; it belongs to one
 * thread at a time. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buffer {
    uint8_t *data;
    size_t length;
    size_t capacity;
    bool failed; /* memory ran out; what was appended since is lost */
};

void buffer_append(struct buffer *buffer, const void *bytes, size_t count);
void buffer_free(struct buffer *buffer);
/* Makes room for `count` more bytes and returns where they go; the caller adds to length. NULL: no memory. */
uint8_t *buffer_reserve(struct buffer *buffer, size_t count);
