/* Avro binary encoding (Avro specification 1.11, "Binary Encoding"), written directly: Avro C's generic values
 * allocate whenever a union changes its branch. */
#include <endian.h>
#include <string.h>

#include "record/encoding/encoding.h"

/* A long takes ten bytes at most, a union's branch one, an array's end one. */
enum { LONG_MAX_BYTES = 10, SCALAR_MAX_BYTES = 1 + LONG_MAX_BYTES };

/* Zigzag: small magnitudes become small numbers; then seven bits a byte, lowest first. */
static inline uint8_t *put_long(uint8_t *out, int64_t number) {
    uint64_t rest = ((uint64_t)number << 1) ^ (uint64_t)(number >> 63);
    while (rest >= 0x80) {
        *out++ = (uint8_t)(rest | 0x80);
        rest >>= 7;
    }
    *out++ = (uint8_t)rest;
    return out;
}

static inline uint8_t *put_double(uint8_t *out, double real) {
    uint64_t bits;
    memcpy(&bits, &real, sizeof bits);
    bits = htole64(bits);
    memcpy(out, &bits, sizeof bits);
    return out + sizeof bits;
}

static inline uint8_t *avro_put_text(uint8_t *out, struct text text) {
    out = put_long(out, (int64_t)text.length);
    if (text.length > 0)
        memcpy(out, text.bytes, text.length);
    return out + text.length;
}

/* One block with all items, then the empty block that ends an array. */
static uint8_t *avro_put_integers(uint8_t *out, const int64_t *items, size_t count) {
    if (count > 0)
        out = put_long(out, (int64_t)count);
    for (size_t i = 0; i < count; i++)
        out = put_long(out, items[i]);
    *out++ = 0;
    return out;
}

static uint8_t *avro_put_texts(uint8_t *out, const struct text *items, size_t count) {
    if (count > 0)
        out = put_long(out, (int64_t)count);
    for (size_t i = 0; i < count; i++)
        out = avro_put_text(out, items[i]);
    *out++ = 0;
    return out;
}

/* Bytes that a text or an array may take beyond a scalar's. */
static size_t extra_size(enum value_type type, const struct value *value) {
    if (type == VALUE_STRING)
        return value->text.length;
    if (type != VALUE_STRING_ARRAY)
        return LONG_MAX_BYTES * value->integers.count + 1;
    size_t size = 1;
    for (size_t i = 0; i < value->texts.count; i++)
        size += LONG_MAX_BYTES + value->texts.items[i].length;
    return size;
}

/* Most values are integers. */
static inline uint8_t *avro_put_scalar(uint8_t *out, enum value_type type, const struct value *value) {
    if (type == VALUE_DOUBLE)
        return put_double(out, value->real);
    if (type != VALUE_BOOLEAN)
        return put_long(out, value->integer);
    *out = value->boolean ? 1 : 0;
    return out + 1;
}

static inline uint8_t *avro_put_long_value(uint8_t *out, enum value_type type, const struct value *value) {
    if (type == VALUE_STRING)
        return avro_put_text(out, value->text);
    if (type == VALUE_STRING_ARRAY)
        return avro_put_texts(out, value->texts.items, value->texts.count);
    return avro_put_integers(out, value->integers.items, value->integers.count);
}

static void avro_header(const struct encoded_field *fields, size_t count, struct buffer *buffer) {
    (void)fields;
    (void)count;
    (void)buffer;
}

/* Makes room for `size` bytes after `out`, and returns where they go; NULL: no memory. */
static uint8_t *avro_make_room(struct buffer *buffer, const uint8_t *out, size_t size) {
    buffer->length = (size_t)(out - buffer->data);
    return buffer_reserve(buffer, size);
}

static void avro_record(const struct encoded_field *fields, const struct value *values, size_t count,
                        struct buffer *buffer) {
    const struct encoded_field *end = fields + count;
    /* There is always room for all remaining fields as scalars; texts and arrays ask for theirs. */
    uint8_t *out = buffer_reserve(buffer, count * SCALAR_MAX_BYTES);
    for (; fields < end && out != NULL; fields++, values++) {
        enum value_type type = (enum value_type)fields->type;
        /* The lint takes unions as ["null", T] only: branch 0 is null, branch 1 (zigzag 2) the value. */
        if (fields->nullable) {
            *out++ = values->is_null ? 0 : 2;
            if (values->is_null) {
                values += fields->members;
                fields += fields->members;
                continue;
            }
        }
        if (type < VALUE_STRING) {
            out = avro_put_scalar(out, type, values);
        } else if (type != VALUE_RECORD) { /* of which the fields follow */
            size_t size = extra_size(type, values) + (size_t)(end - fields) * SCALAR_MAX_BYTES;
            if (size > buffer->capacity - (size_t)(out - buffer->data) &&
                (out = avro_make_room(buffer, out, size)) == NULL)
                return;
            out = avro_put_long_value(out, type, values);
        }
    }
    if (out != NULL)
        buffer->length = (size_t)(out - buffer->data);
}

const struct encoding encoding_avro = {
    .name = "avro",
    .skips_null_groups = false,
    .flattens = false,
    .header = avro_header,
    .record = avro_record,
};
