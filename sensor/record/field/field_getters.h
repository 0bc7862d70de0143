/* The catalogue's getters, declared from its rows, and the few lines that they share. For the room's own files and for
 * feature/. */
#pragma once

#include <string.h>

#include "base/utf8.h"
#include "record/field/catalogue.h"
#include "record/field/record_source.h"

#define FIELD(name, type, group, pii, profiles, null, version, unit, getter, help) field_getter get_##getter;
#define DIRECTIONAL                                                                FIELD
#define TOGETHER                                                                   FIELD
#define WAYS                                                                       FIELD
#define SENSOR                                                                     FIELD
#define COMMON                                                                     FIELD
#define PROTOCOL                                                                   FIELD
#define LABEL                                                                      FIELD
#include "record/field/catalogue.def"
#undef LABEL
#undef PROTOCOL
#undef COMMON
#undef SENSOR
#undef WAYS
#undef TOGETHER
#undef DIRECTIONAL
#undef FIELD

/* Of all rows of record/field/udps_rows.h. */
field_getter get_udps_field;

/* Of the blocks in field_block.c, whose names are not rows'. Each is where its members are. */
field_getter get_source_macs, get_destination_macs, get_counters, get_sizes, get_intervals, get_tcp_flags,
    get_payload_sizes, get_splt, get_l7_texts;

static inline void value_null(struct value *value) {
    value->is_null = true;
}

static inline void value_boolean(struct value *value, bool boolean) {
    value->is_null = false;
    value->boolean = boolean;
}

static inline void value_integer(struct value *value, int64_t integer) {
    value->is_null = false;
    value->integer = integer;
}

/* Counters are unsigned; Avro's long is not. No real counter gets there. */
static inline void value_counter(struct value *value, uint64_t counter) {
    value_integer(value, counter > INT64_MAX ? INT64_MAX : (int64_t)counter);
}

/* A size of a packet as Avro's int: what a capture file claims may lie beyond. */
static inline void value_size(struct value *value, uint64_t size) {
    value_integer(value, size > INT32_MAX ? INT32_MAX : (int64_t)size);
}

static inline void value_real(struct value *value, double real) {
    value->is_null = false;
    value->real = real;
}

static inline void value_text(struct value *value, const char *bytes, size_t length) {
    value->is_null = false;
    value->text = (struct text){bytes, length};
}

/* Bytes of text memory that the record keeps until the next one; sized so that all texts of a record fit. */
static inline char *scratch_text(const struct record_source *source, size_t length) {
    struct record_scratch *scratch = source->scratch;
    if (length > RECORD_TEXT_SCRATCH - scratch->text_used)
        return NULL;
    char *bytes = scratch->text + scratch->text_used;
    scratch->text_used += length;
    return bytes;
}

/* The same of integers. */
static inline int64_t *scratch_integers(const struct record_source *source, size_t count) {
    struct record_scratch *scratch = source->scratch;
    if (count > scratch->integers_capacity - scratch->integers_used)
        return NULL;
    int64_t *integers = scratch->integers + scratch->integers_used;
    scratch->integers_used += count;
    return integers;
}

/* A text as others give it, whatever is in it: made clean, and cut to TEXT_MAX. */
static inline void value_foreign_text(const struct record_source *source, const char *bytes,
                                      struct value *value) {
    size_t length = strlen(bytes);
    if (text_is_clean(bytes, length) && length <= TEXT_MAX) {
        value_text(value, bytes, length);
        return;
    }
    char *room = scratch_text(source, text_sanitized_bound(length));
    value->is_null = false;
    value->text = room != NULL ? text_sanitize(bytes, length, room) : (struct text){"", 0};
}

/* The same, or null of an empty one. */
static inline void value_foreign_text_or_null(const struct record_source *source, const char *bytes,
                                              struct value *value) {
    if (bytes[0] == '\0')
        value_null(value);
    else
        value_foreign_text(source, bytes, value);
}
