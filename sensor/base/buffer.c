#include "base/buffer.h"

#include <stdlib.h>
#include <string.h>

enum { BUFFER_FIRST_SIZE = 4096 };

uint8_t *buffer_reserve(struct buffer *buffer, size_t count) {
    if (count <= buffer->capacity - buffer->length)
        return buffer->data + buffer->length;
    size_t needed = buffer->length + count;
    size_t capacity = buffer->capacity > 0 ? buffer->capacity : BUFFER_FIRST_SIZE;
    while (capacity < needed && capacity <= SIZE_MAX / 2)
        capacity *= 2;
    uint8_t *data = needed < count || capacity < needed ? NULL : realloc(buffer->data, capacity);
    if (data == NULL) {
        buffer->failed = true;
        return NULL;
    }
    buffer->data = data;
    buffer->capacity = capacity;
    return data + buffer->length;
}

void buffer_append(struct buffer *buffer, const void *bytes, size_t count) {
    uint8_t *room = buffer_reserve(buffer, count);
    if (room == NULL || count == 0)
        return;
    memcpy(room, bytes, count);
    buffer->length += count;
}

void buffer_free(struct buffer *buffer) {
    free(buffer->data);
    *buffer = (struct buffer){0};
}
