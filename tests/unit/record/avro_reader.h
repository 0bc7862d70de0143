/* Records as Avro C's generic reader sees them, and what their values must be. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <avro.h>

#include "record/field/value.h"

/* A call of Avro C that has to succeed. That nothing goes on without is plain for the static analysis, too. */
static inline void must(int status) {
    assert_int_equal(status, 0);
    if (status != 0)
        abort();
}

/* A record as Avro C sees it. */
struct reader {
    avro_schema_t schema;
    avro_value_iface_t *iface;
    avro_value_t value;
};

static inline void reader_open(struct reader *reader, const char *text, size_t length) {
    must(avro_schema_from_json_length(text, length, &reader->schema));
    reader->iface = avro_generic_class_from_schema(reader->schema);
    must(avro_generic_value_new(reader->iface, &reader->value));
}

static inline void reader_close(struct reader *reader) {
    avro_value_decref(&reader->value);
    avro_value_iface_decref(reader->iface);
    avro_schema_decref(reader->schema);
}

static inline void reader_read(struct reader *reader, const void *body, size_t length) {
    avro_reader_t bytes = avro_reader_memory(body, (int64_t)length);
    avro_value_reset(&reader->value);
    must(avro_value_read(bytes, &reader->value));
    char more;
    assert_int_not_equal(avro_read(bytes, &more, 1), 0); /* nothing is left */
    avro_reader_free(bytes);
}

/* The value of a field without its union; false: null. */
static inline bool branch_of(avro_value_t *field) {
    if (avro_value_get_type(field) != AVRO_UNION)
        return true;
    avro_value_t branch = {0};
    must(avro_value_get_current_branch(field, &branch));
    *field = branch;
    return avro_value_get_type(&branch) != AVRO_NULL;
}

static inline int64_t integer_of(const avro_value_t *value) {
    int32_t narrow = 0;
    int64_t wide = 0;
    if (avro_value_get_type(value) == AVRO_INT32) {
        must(avro_value_get_int(value, &narrow));
        return narrow;
    }
    must(avro_value_get_long(value, &wide));
    return wide;
}

static inline void assert_text(const avro_value_t *value, struct text expected) {
    const char *text = NULL;
    size_t size = 0;
    must(avro_value_get_string(value, &text, &size));
    assert_int_equal(size, expected.length + 1);
    assert_memory_equal(text, expected.bytes, expected.length);
}

static inline void assert_items(const avro_value_t *array, enum value_type type,
                                const struct value *expected) {
    size_t size = 0;
    must(avro_value_get_size(array, &size));
    assert_int_equal(size, type == VALUE_STRING_ARRAY ? expected->texts.count : expected->integers.count);
    for (size_t i = 0; i < size; i++) {
        avro_value_t item = {0};
        must(avro_value_get_by_index(array, i, &item, NULL));
        if (type == VALUE_STRING_ARRAY)
            assert_text(&item, expected->texts.items[i]);
        else
            assert_int_equal(integer_of(&item), expected->integers.items[i]);
    }
}

static inline void assert_value(avro_value_t field, enum value_type type, const struct value *expected) {
    bool present = branch_of(&field);
    assert_int_equal(present, !expected->is_null);
    if (!present)
        return;
    double real = 0;
    int boolean = 0;
    switch (type) {
    case VALUE_BOOLEAN:
        must(avro_value_get_boolean(&field, &boolean));
        assert_int_equal(boolean, expected->boolean);
        return;
    case VALUE_INT:
    case VALUE_LONG:
    case VALUE_TIMESTAMP: assert_int_equal(integer_of(&field), expected->integer); return;
    case VALUE_DOUBLE:
        must(avro_value_get_double(&field, &real));
        assert_memory_equal(&real, &expected->real, sizeof real);
        return;
    case VALUE_STRING: assert_text(&field, expected->text); return;
    default: assert_items(&field, type, expected);
    }
}
