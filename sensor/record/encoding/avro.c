/* Avro binary encoding (Avro specification 1.11, "Binary Encoding"), written directly: Avro C's generic values
 * allocate whenever a union changes its branch. */
#include <endian.h>
#include <string.h>

#include "base/check.h"
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

static inline uint8_t *avro_put_bytes(uint8_t *out, struct text bytes) {
    if (bytes.length > 0)
        memcpy(out, bytes.bytes, bytes.length);
    return out + bytes.length;
}

static inline uint8_t *avro_put_text(uint8_t *out, struct text text) {
    return avro_put_bytes(put_long(out, (int64_t)text.length), text);
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
static inline size_t extra_size(enum value_type type, const struct value *value) {
    if (type == VALUE_STRING || type == VALUE_ENCODED)
        return value->text.length;
    if (type == VALUE_RECORD)
        return 0;
    if (type != VALUE_STRING_ARRAY)
        return LONG_MAX_BYTES * value->integers.count + 1;
    size_t size = 1;
    for (size_t i = 0; i < value->texts.count; i++)
        size += LONG_MAX_BYTES + value->texts.items[i].length;
    return size;
}

static inline uint8_t *avro_put_number(uint8_t *out, enum value_type type, const struct value *value) {
    return type == VALUE_DOUBLE ? put_double(out, value->real) : put_long(out, value->integer);
}

static inline uint8_t *avro_put_boolean(uint8_t *out, bool boolean) {
    *out = boolean ? 1 : 0;
    return out + 1;
}

/* Of a nested record nothing: its fields follow. */
static inline uint8_t *avro_put_long_value(uint8_t *out, enum value_type type, const struct value *value) {
    if (type == VALUE_STRING)
        return avro_put_text(out, value->text);
    if (type == VALUE_ENCODED)
        return avro_put_bytes(out, value->text);
    if (type == VALUE_STRING_ARRAY)
        return avro_put_texts(out, value->texts.items, value->texts.count);
    return type == VALUE_RECORD ? out : avro_put_integers(out, value->integers.items, value->integers.count);
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

/* The lint takes unions as ["null", T] only: branch 0 is null, branch 1 (zigzag 2) the value. */
enum { BRANCH_NULL = 0, BRANCH_VALUE = 2 };

/* The numbers of such a run are most of a record. */
static inline uint8_t *avro_put_run(uint8_t *out, const struct encoded_field *fields,
                                    const struct value *values, size_t count) {
    for (size_t i = 0; i < count; i++) {
        DEBUG_CHECK(!values[i].is_null);
        *out = BRANCH_VALUE; /* overwritten where there is no union */
        out = avro_put_number(out + fields[i].nullable, (enum value_type)fields[i].type, &values[i]);
    }
    return out;
}

/* `left` fields are not written yet, this one included. NULL: no memory. */
static inline uint8_t *avro_put_value(struct buffer *buffer, uint8_t *out, const struct encoded_field *field,
                                      const struct value *value, size_t left) {
    enum value_type type = (enum value_type)field->type;
    if (type == VALUE_BOOLEAN)
        return avro_put_boolean(out, value->boolean);
    if (type < VALUE_STRING)
        return avro_put_number(out, type, value);
    size_t size = extra_size(type, value) + left * SCALAR_MAX_BYTES;
    if (size > buffer->capacity - (size_t)(out - buffer->data) &&
        (out = avro_make_room(buffer, out, size)) == NULL)
        return NULL;
    return avro_put_long_value(out, type, value);
}

static void avro_record(const struct encoded_field *fields, const struct value *values, size_t count,
                        struct buffer *buffer) {
    const struct encoded_field *end = fields + count;
    /* There is always room for all remaining fields as scalars; texts and arrays ask for theirs. */
    uint8_t *out = buffer_reserve(buffer, count * SCALAR_MAX_BYTES);
    while (fields < end && out != NULL) {
        size_t taken = 1;
        if (fields->sure_numbers > 0) {
            taken = fields->sure_numbers;
            out = avro_put_run(out, fields, values, taken);
        } else if (fields->nullable && values->is_null) {
            *out++ = BRANCH_NULL;
            taken += fields->members;
        } else {
            *out = BRANCH_VALUE; /* overwritten where there is no union */
            out = avro_put_value(buffer, out + fields->nullable, fields, values, (size_t)(end - fields));
        }
        fields += taken;
        values += taken;
    }
    if (out != NULL)
        buffer->length = (size_t)(out - buffer->data);
}

const struct encoding encoding_avro = {
    .name = "avro",
    .skips_null_groups = false,
    .is_pieces = true,
    .flattens = false,
    .header = avro_header,
    .record = avro_record,
};
