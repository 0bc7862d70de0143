/* JSON lines: one object (RFC 8259) a line, in the schema's order. Doubles are the shortest text that reads back as the
 * same double; times are integers, as in Avro. */
#include <math.h>
#include <string.h>

#include "record/encoding/encoding.h"
#include "record/field/number.h"

/* Enough for separator, quotes, brackets, and any number. */
enum { MEMBER_MAX = 48 };

/* '\0': the byte stands for itself; 'u': \u00XX; else the letter behind the backslash. */
static char escape_of(unsigned char byte) {
    if (byte >= 0x20)
        return byte == '"' || byte == '\\' ? (char)byte : '\0';
    switch (byte) {
    case '\b': return 'b';
    case '\f': return 'f';
    case '\n': return 'n';
    case '\r': return 'r';
    case '\t': return 't';
    default: return 'u';
    }
}

static uint8_t *jsonl_put_text(uint8_t *out, struct text text) {
    static const char hex[] = "0123456789abcdef";
    *out++ = '"';
    for (size_t i = 0; i < text.length; i++) {
        unsigned char byte = (unsigned char)text.bytes[i];
        char escape = escape_of(byte);
        if (escape == '\0') {
            *out++ = byte;
            continue;
        }
        *out++ = '\\';
        *out++ = (uint8_t)escape;
        if (escape == 'u') {
            *out++ = '0';
            *out++ = '0';
            *out++ = (uint8_t)hex[byte >> 4];
            *out++ = (uint8_t)hex[byte & 15];
        }
    }
    *out++ = '"';
    return out;
}

static uint8_t *jsonl_put_integers(uint8_t *out, const int64_t *items, size_t count) {
    *out++ = '[';
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            *out++ = ',';
        out = (uint8_t *)integer_format(items[i], (char *)out);
    }
    *out++ = ']';
    return out;
}

static uint8_t *jsonl_put_texts(uint8_t *out, const struct text *items, size_t count) {
    *out++ = '[';
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            *out++ = ',';
        out = jsonl_put_text(out, items[i]);
    }
    *out++ = ']';
    return out;
}

static uint8_t *put_word(uint8_t *out, const char *word) {
    size_t length = strlen(word);
    memcpy(out, word, length);
    return out + length;
}

static uint8_t *jsonl_put_value(uint8_t *out, enum value_type type, const struct value *value) {
    switch (type) {
    case VALUE_BOOLEAN: return put_word(out, value->boolean ? "true" : "false");
    case VALUE_INT:
    case VALUE_LONG:
    case VALUE_TIMESTAMP: return (uint8_t *)integer_format(value->integer, (char *)out);
    case VALUE_DOUBLE:
        /* JSON has finite numbers only. */
        return isfinite(value->real) ? (uint8_t *)double_format(value->real, (char *)out)
                                     : put_word(out, "null");
    case VALUE_STRING: return jsonl_put_text(out, value->text);
    case VALUE_INT_ARRAY:
    case VALUE_LONG_ARRAY: return jsonl_put_integers(out, value->integers.items, value->integers.count);
    case VALUE_STRING_ARRAY:
    case VALUE_RECORD:
    case VALUE_TYPES: break;
    }
    return jsonl_put_texts(out, value->texts.items, value->texts.count);
}

/* A byte becomes six at most. */
static size_t member_bound(const struct encoded_field *field, const struct value *value) {
    size_t bound = MEMBER_MAX + strlen(field->name);
    if (field->type < VALUE_STRING || value->is_null)
        return bound;
    if (field->type == VALUE_STRING)
        return bound + 6 * value->text.length;
    if (field->type != VALUE_STRING_ARRAY)
        return bound + (INTEGER_TEXT_MAX + 1) * value->integers.count;
    for (size_t i = 0; i < value->texts.count; i++)
        bound += 6 * value->texts.items[i].length + 3;
    return bound;
}

static void jsonl_header(const struct encoded_field *fields, size_t count, struct buffer *buffer) {
    (void)fields;
    (void)count;
    (void)buffer;
}

static void jsonl_record(const struct encoded_field *fields, const struct value *values, size_t count,
                         struct buffer *buffer) {
    size_t bound = 4;
    for (size_t i = 0; i < count; i++)
        bound += member_bound(&fields[i], &values[i]);
    uint8_t *begin = buffer_reserve(buffer, bound);
    if (begin == NULL)
        return;
    uint8_t *out = begin;
    *out++ = '{';
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            *out++ = ',';
        /* Field names are Avro names: nothing in them needs an escape. */
        *out++ = '"';
        out = put_word(out, fields[i].name);
        *out++ = '"';
        *out++ = ':';
        out = values[i].is_null ? put_word(out, "null")
                                : jsonl_put_value(out, (enum value_type)fields[i].type, &values[i]);
    }
    memcpy(out, "}\n", 2);
    buffer->length += (size_t)(out + 2 - begin);
}

const struct encoding encoding_jsonl = {
    .name = "jsonl",
    .skips_null_groups = true,
    .is_pieces = false,
    .flattens = true,
    .header = jsonl_header,
    .record = jsonl_record,
};
