/* CSV (RFC 4180) in the form of NFStream's to_csv, which is Python's csv.writer: a line of column names, \r\n after
 * each line, quotes only where needed, doubles as Python's repr() has them, lists like "[0, 1, -1]". Texts in lists
 * stand in quotes, so that a list is also JSON. null is an empty cell. */
#include <string.h>

#include "record/encoding/encoding.h"
#include "record/field/number.h"

/* Enough for brackets and quotes of a cell, its separator, and any number. */
enum { CELL_MAX = 40 };

static bool needs_quotes(struct text text) {
    for (size_t i = 0; i < text.length; i++) {
        char c = text.bytes[i];
        if (c == ',' || c == '"' || c == '\r' || c == '\n')
            return true;
    }
    return false;
}

static uint8_t *csv_put_text(uint8_t *out, struct text text) {
    if (!needs_quotes(text)) {
        if (text.length > 0)
            memcpy(out, text.bytes, text.length);
        return out + text.length;
    }
    *out++ = '"';
    for (size_t i = 0; i < text.length; i++) {
        if (text.bytes[i] == '"')
            *out++ = '"';
        *out++ = (uint8_t)text.bytes[i];
    }
    *out++ = '"';
    return out;
}

/* A list has commas, hence quotes, as soon as it has two items. */
static uint8_t *csv_put_integers(uint8_t *out, const int64_t *items, size_t count) {
    if (count > 1)
        *out++ = '"';
    *out++ = '[';
    for (size_t i = 0; i < count; i++) {
        if (i > 0) {
            *out++ = ',';
            *out++ = ' ';
        }
        out = (uint8_t *)integer_format(items[i], (char *)out);
    }
    *out++ = ']';
    if (count > 1)
        *out++ = '"';
    return out;
}

/* A JSON string whose quotes are doubled. */
static uint8_t *put_item(uint8_t *out, struct text text) {
    static const char hex[] = "0123456789abcdef";
    memcpy(out, "\"\"", 2);
    out += 2;
    for (size_t i = 0; i < text.length; i++) {
        unsigned char byte = (unsigned char)text.bytes[i];
        if (byte < 0x20) {
            memcpy(out, "\\u00", 4);
            out[4] = (uint8_t)hex[byte >> 4];
            out[5] = (uint8_t)hex[byte & 15];
            out += 6;
            continue;
        }
        if (byte == '"' || byte == '\\')
            *out++ = '\\';
        if (byte == '"')
            *out++ = '"';
        *out++ = byte;
    }
    memcpy(out, "\"\"", 2);
    return out + 2;
}

static uint8_t *csv_put_texts(uint8_t *out, const struct text *items, size_t count) {
    if (count == 0) {
        memcpy(out, "[]", 2);
        return out + 2;
    }
    memcpy(out, "\"[", 2);
    out += 2;
    for (size_t i = 0; i < count; i++) {
        if (i > 0) {
            *out++ = ',';
            *out++ = ' ';
        }
        out = put_item(out, items[i]);
    }
    memcpy(out, "]\"", 2);
    return out + 2;
}

static size_t cell_bound(enum value_type type, const struct value *value) {
    if (type < VALUE_STRING || value->is_null)
        return CELL_MAX;
    if (type == VALUE_STRING)
        return CELL_MAX + 2 * value->text.length;
    if (type != VALUE_STRING_ARRAY)
        return CELL_MAX + (INTEGER_TEXT_MAX + 2) * value->integers.count;
    size_t bound = CELL_MAX;
    for (size_t i = 0; i < value->texts.count; i++)
        bound += 6 * value->texts.items[i].length + 6;
    return bound;
}

static uint8_t *put_boolean(uint8_t *out, bool boolean) {
    size_t length = boolean ? 4 : 5;
    memcpy(out, boolean ? "true" : "false", length);
    return out + length;
}

static uint8_t *csv_put_value(uint8_t *out, enum value_type type, const struct value *value) {
    switch (type) {
    case VALUE_BOOLEAN: return put_boolean(out, value->boolean);
    case VALUE_INT:
    case VALUE_LONG:
    case VALUE_TIMESTAMP: return (uint8_t *)integer_format(value->integer, (char *)out);
    case VALUE_DOUBLE: return (uint8_t *)double_format(value->real, (char *)out);
    case VALUE_STRING: return csv_put_text(out, value->text);
    case VALUE_INT_ARRAY:
    case VALUE_LONG_ARRAY: return csv_put_integers(out, value->integers.items, value->integers.count);
    case VALUE_STRING_ARRAY:
    case VALUE_RECORD:
    case VALUE_TYPES: break;
    }
    return csv_put_texts(out, value->texts.items, value->texts.count);
}

static void csv_header(const struct encoded_field *fields, size_t count, struct buffer *buffer) {
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            buffer_append(buffer, ",", 1);
        buffer_append(buffer, fields[i].name, strlen(fields[i].name));
    }
    buffer_append(buffer, "\r\n", 2);
}

static void csv_record(const struct encoded_field *fields, const struct value *values, size_t count,
                       struct buffer *buffer) {
    size_t bound = 2;
    for (size_t i = 0; i < count; i++)
        bound += cell_bound((enum value_type)fields[i].type, &values[i]);
    uint8_t *begin = buffer_reserve(buffer, bound);
    if (begin == NULL)
        return;
    uint8_t *out = begin;
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            *out++ = ',';
        if (!values[i].is_null)
            out = csv_put_value(out, (enum value_type)fields[i].type, &values[i]);
    }
    /* Readers don't take an empty line for a record, so a single empty cell is written in quotes, as Python does. */
    if (out == begin) {
        memcpy(out, "\"\"", 2);
        out += 2;
    }
    memcpy(out, "\r\n", 2);
    buffer->length += (size_t)(out + 2 - begin);
}

const struct encoding encoding_csv = {
    .name = "csv",
    .skips_null_groups = true,
    .is_pieces = false,
    .flattens = true,
    .header = csv_header,
    .record = csv_record,
};
