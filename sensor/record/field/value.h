/* One value on its way from a flow into a record. Borrowed memory lives until the next record. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/utf8.h"

/* Types of Avro that records use (no enum, map, fixed; timestamps are longs). */
enum value_type {
    VALUE_BOOLEAN,
    VALUE_INT,       /* 32 bits */
    VALUE_LONG,      /* 64 bits */
    VALUE_TIMESTAMP, /* Avro long with logicalType timestamp-micros */
    VALUE_DOUBLE,
    VALUE_STRING,       /* valid UTF-8 */
    VALUE_INT_ARRAY,    /* array<int> */
    VALUE_LONG_ARRAY,   /* array<long> */
    VALUE_STRING_ARRAY, /* array<string>, each valid UTF-8 */
    VALUE_RECORD,       /* the nested record `udps`: its fields are the next ones */
    VALUE_TYPES
};

/* "int", "long", "timestamp-micros", "array<int>", ... for messages and documents. */
const char *value_type_name(enum value_type type);

struct value {
    bool is_null; /* then nothing else is set */
    union {
        bool boolean;
        int64_t integer; /* VALUE_INT, VALUE_LONG, VALUE_TIMESTAMP */
        double real;
        struct text text;
        struct {
            const int64_t *items; /* VALUE_INT_ARRAY and VALUE_LONG_ARRAY alike */
            size_t count;
        } integers;
        struct {
            const struct text *items;
            size_t count;
        } texts;
    };
};
