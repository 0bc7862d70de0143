#include "sink/container.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>
#include <zlib.h>

static void append_long(struct buffer *out, uint64_t value) {
    uint8_t bytes[10];
    size_t count = 0;
    value <<= 1; /* zigzag of a number that is never negative */
    do {
        bytes[count++] = (uint8_t)((value & 0x7f) | (value > 0x7f ? 0x80 : 0));
        value >>= 7;
    } while (value > 0);
    buffer_append(out, bytes, count);
}

static void append_bytes(struct buffer *out, const void *data, size_t length) {
    append_long(out, length);
    buffer_append(out, data, length);
}

static void append_entry(struct buffer *out, const char *key, const char *value) {
    append_bytes(out, key, strlen(key));
    append_bytes(out, value, strlen(value));
}

int container_begin(struct container *container, bool deflate, const char *schema_text, struct buffer *out) {
    static const uint8_t magic[4] = {'O', 'b', 'j', 1};
    container->deflate = deflate;
    if (getrandom(container->sync, sizeof container->sync, 0) != (ssize_t)sizeof container->sync)
        return -errno;
    buffer_append(out, magic, sizeof magic);
    append_long(out, 2); /* entries of the metadata map */
    append_entry(out, "avro.schema", schema_text);
    append_entry(out, "avro.codec", deflate ? "deflate" : "null");
    append_long(out, 0); /* end of the map */
    buffer_append(out, container->sync, sizeof container->sync);
    return out->failed ? -ENOMEM : 0;
}

/* Raw deflate (RFC 1951), as the codec wants it, into container->packed. */
static int container_pack(struct container *container, const uint8_t *data, size_t length) {
    z_stream stream = {.next_in = (z_const Bytef *)data, .avail_in = (uInt)length};
    if (deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY) != Z_OK)
        return -ENOMEM;
    container->packed.length = 0;
    uLong bound = deflateBound(&stream, (uLong)length);
    stream.next_out = buffer_reserve(&container->packed, bound);
    stream.avail_out = (uInt)bound;
    int result = stream.next_out ? deflate(&stream, Z_FINISH) : Z_MEM_ERROR;
    container->packed.length = stream.total_out;
    deflateEnd(&stream);
    return result == Z_STREAM_END ? 0 : -ENOMEM;
}

int container_block(struct container *container, const uint8_t *data, size_t length, uint64_t records,
                    struct buffer *out) {
    if (container->deflate) {
        int result = container_pack(container, data, length);
        if (result < 0)
            return result;
        data = container->packed.data;
        length = container->packed.length;
    }
    append_long(out, records);
    append_bytes(out, data, length);
    buffer_append(out, container->sync, sizeof container->sync);
    return out->failed ? -ENOMEM : 0;
}

void container_end(struct container *container) {
    buffer_free(&container->packed);
}
