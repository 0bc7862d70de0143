#include "record/field/value_text.h"

#include <string.h>

#include "record/field/number.h"

static void append(struct buffer *text, const char *bytes) {
    buffer_append(text, bytes, strlen(bytes));
}

static void append_integer(struct buffer *text, int64_t integer) {
    char digits[INTEGER_TEXT_MAX];
    buffer_append(text, digits, (size_t)(integer_format(integer, digits) - digits));
}

static void append_real(struct buffer *text, double real) {
    char digits[DOUBLE_TEXT_MAX];
    buffer_append(text, digits, (size_t)(double_format(real, digits) - digits));
}

static void append_integers(struct buffer *text, const int64_t *items, size_t count) {
    append(text, "[");
    for (size_t i = 0; i < count; i++) {
        append(text, i > 0 ? ", " : "");
        append_integer(text, items[i]);
    }
    append(text, "]");
}

static void append_texts(struct buffer *text, const struct text *items, size_t count) {
    append(text, "[");
    for (size_t i = 0; i < count; i++) {
        append(text, i > 0 ? ", \"" : "\"");
        buffer_append(text, items[i].bytes, items[i].length);
        append(text, "\"");
    }
    append(text, "]");
}

void value_write_text(enum value_type type, const struct value *value, struct buffer *text) {
    text->length = 0;
    switch (type) {
    case VALUE_BOOLEAN: append(text, value->boolean ? "true" : "false"); break;
    case VALUE_INT:
    case VALUE_LONG:
    case VALUE_TIMESTAMP: append_integer(text, value->integer); break;
    case VALUE_DOUBLE: append_real(text, value->real); break;
    case VALUE_STRING: buffer_append(text, value->text.bytes, value->text.length); break;
    case VALUE_INT_ARRAY:
    case VALUE_LONG_ARRAY: append_integers(text, value->integers.items, value->integers.count); break;
    case VALUE_STRING_ARRAY: append_texts(text, value->texts.items, value->texts.count); break;
    case VALUE_RECORD: /* its fields are values of their own */
    case VALUE_TYPES: break;
    }
}
