/* How a bound record becomes bytes. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "record/field/value.h"

/* Beside the types: the value's text is the encoded form of fields that are the same in all records, made by record().
 * Only where is_pieces. */
#define VALUE_ENCODED VALUE_TYPES

/* A field as encodings need it with each record: 16 bytes, so that all fields of a record fit into the cache. */
struct encoded_field {
    const char *name; /* borrowed from the schema */
    uint32_t members; /* of a nested record (udps): so many of the next fields belong to it */
    uint8_t type;     /* enum value_type, or VALUE_ENCODED */
    bool nullable;    /* ["null", T] */
    /* So many fields from this one on, this one included, are numbers that are there in each record, also where the schema
     * would allow null. 0: it is no such field, or nobody has counted. */
    uint8_t sure_numbers;
};

struct encoding {
    const char *name;       /* "avro", "csv", "jsonl": the --format */
    bool skips_null_groups; /* text forms: leaves out fields of groups that are off, as NFStream does */
    bool
        is_pieces; /* a record is its fields' encoded forms one behind the other, with nothing between them */
    bool flattens; /* fields of the nested record become fields of the record: udps.NAME */
    /* What a file begins with ("" in avro and jsonl; the column names in csv). */
    void (*header)(const struct encoded_field *fields, size_t count, struct buffer *buffer);
    /* Appends one record: count fields with their values. */
    void (*record)(const struct encoded_field *fields, const struct value *values, size_t count,
                   struct buffer *buffer);
};

#define ENCODING(name) extern const struct encoding encoding_##name;
#include "record/encoding/encodings.def"
#undef ENCODING

/* By name; NULL if there is none. */
const struct encoding *encoding_find(const char *name);
