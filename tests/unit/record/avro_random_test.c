/* Records of random values under each shipped schema, read back by Avro C's generic reader: equal value for value. The seed is
 * fixed; a failure names it, the schema, the record and the field. */
#include "record/recorder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/utf8.h"
#include "record/avro_reader.h"

enum { RECORDS = 200, MANY = 65535, SHORT = 24, ONE_IN = 100, TEXTS_ROOM = 1 << 22, ITEMS_ROOM = 1 << 20 };
static const uint64_t seed = 20261128;

/* Where a failure is. */
static struct {
    const char *schema, *field;
    int record;
} place;

static uint64_t state_of_random;

/* SplitMix64. */
static uint64_t random_64(void) {
    uint64_t mixed = state_of_random += 0x9e3779b97f4a7c15;
    mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111eb;
    return mixed ^ (mixed >> 31);
}

static size_t below(size_t limit) {
    return (size_t)(random_64() % limit);
}

/* Memory of one record's values. */
static char *texts_room;
static struct text *items_room;
static int64_t *integers_room;
static size_t texts_used, items_used, integers_used;

/* Lengths of Avro's numbers are all met: of 0 to 64 bits. */
static int64_t random_long(void) {
    static const int64_t extremes[] = {0,   -1,        1,         63,        64,       -64,
                                       -65, INT32_MAX, INT32_MIN, INT64_MAX, INT64_MIN};
    if (below(4) == 0)
        return extremes[below(sizeof extremes / sizeof *extremes)];
    int64_t number = (int64_t)(random_64() >> below(64));
    return below(2) == 0 ? number : ~number;
}

static int64_t random_int(void) {
    int64_t number = random_long();
    return number < INT32_MIN || number > INT32_MAX ? (int32_t)(uint32_t)number : number;
}

/* All bits: NaN, infinities and denormal numbers too. */
static double random_double(void) {
    static const double extremes[] = {0.0, -0.0, 1.7976931348623157e308, 5e-324};
    uint64_t bits = random_64();
    double real;
    memcpy(&real, &bits, sizeof real);
    return below(4) == 0 ? extremes[below(sizeof extremes / sizeof *extremes)] : real;
}

/* Random bytes as a packet has them, made fit for a record; most are no UTF-8. Empty ones, and some of the greatest length. */
static struct text random_text(size_t longest) {
    char raw[SHORT];
    size_t length = below(longest + 1);
    char *room = texts_room + texts_used;
    if (longest == TEXT_MAX && below(ONE_IN) == 0) {
        memset(room, 'l', TEXT_MAX);
        texts_used += TEXT_MAX;
        return (struct text){room, TEXT_MAX};
    }
    for (size_t i = 0; i < length % SHORT; i++)
        raw[i] = (char)(below(2) == 0 ? random_64() : 0x20 + below(0x5f));
    struct text text = text_sanitize(raw, length % SHORT, room);
    memmove(room, text.bytes, text.length);
    texts_used += text.length;
    assert_true(text_is_clean(room, text.length));
    assert_true(texts_used + TEXT_MAX < TEXTS_ROOM);
    return (struct text){room, text.length};
}

static size_t random_count(void) {
    size_t kind = below(ONE_IN);
    return kind == 0 ? MANY : kind < ONE_IN / 3 ? 0 : 1 + below(SHORT);
}

static void fill_integers(struct value *value, bool wide) {
    value->integers.count = random_count();
    value->integers.items = integers_room + integers_used;
    for (size_t i = 0; i < value->integers.count; i++)
        integers_room[integers_used++] = wide ? random_long() : random_int();
    assert_true(integers_used + MANY < ITEMS_ROOM);
}

static void fill_texts(struct value *value) {
    value->texts.count = random_count();
    value->texts.items = items_room + items_used;
    for (size_t i = 0; i < value->texts.count; i++)
        items_room[items_used++] = random_text(SHORT - 1);
    assert_true(items_used + MANY < ITEMS_ROOM);
}

static void fill(struct value *value, enum value_type type, bool nullable) {
    *value = (struct value){.is_null = nullable && below(3) == 0};
    if (value->is_null)
        return;
    switch (type) {
    case VALUE_BOOLEAN: value->boolean = below(2) == 0; return;
    case VALUE_INT: value->integer = random_int(); return;
    case VALUE_LONG:
    case VALUE_TIMESTAMP: value->integer = random_long(); return;
    case VALUE_DOUBLE: value->real = random_double(); return;
    case VALUE_STRING: value->text = random_text(TEXT_MAX); return;
    case VALUE_INT_ARRAY: fill_integers(value, false); return;
    case VALUE_LONG_ARRAY: fill_integers(value, true); return;
    case VALUE_STRING_ARRAY: fill_texts(value); return;
    default: fail_msg("a type that this test doesn't know: %s", value_type_name(type));
    }
}

static void check_record(struct reader *reader, const struct schema *schema,
                         const struct encoded_field *fields, struct value *values, struct buffer *buffer) {
    texts_used = items_used = integers_used = 0;
    for (size_t i = 0; i < schema->field_count; i++)
        fill(&values[i], (enum value_type)fields[i].type, fields[i].nullable);
    buffer->length = 0;
    encoding_find("avro")->record(fields, values, schema->field_count, buffer);
    assert_false(buffer->failed);
    place.field = "(as a whole)";
    reader_read(reader, buffer->data, buffer->length);
    for (size_t i = 0; i < schema->field_count; i++) {
        place.field = fields[i].name;
        avro_value_t field = {0};
        must(avro_value_get_by_name(&reader->value, fields[i].name, &field, NULL));
        assert_value(field, (enum value_type)fields[i].type, &values[i]);
    }
    place.field = NULL;
}

static void check_schema(const char *name) {
    struct schema *schema;
    struct error error;
    struct reader reader;
    struct buffer buffer = {0};
    if (schema_load(name, NULL, false, &schema, &error) < 0)
        fail_msg("%s", error.text);
    struct encoded_field *fields = calloc(schema->field_count, sizeof *fields);
    struct value *values = calloc(schema->field_count, sizeof *values);
    assert_true(fields != NULL && values != NULL);
    for (size_t i = 0; i < schema->field_count; i++)
        fields[i] = (struct encoded_field){.name = schema->fields[i].name,
                                           .type = (uint8_t)schema->fields[i].row->type,
                                           .nullable = schema->fields[i].nullable};
    reader_open(&reader, schema->text, schema->text_length);
    place.schema = name;
    for (place.record = 0; place.record < RECORDS; place.record++)
        check_record(&reader, schema, fields, values, &buffer);
    reader_close(&reader);
    buffer_free(&buffer);
    free(values);
    free(fields);
    schema_free(schema);
}

static void values_are_read_as_they_were_written(void **state) {
    (void)state;
    state_of_random = seed;
    for (const char *const *name = schema_embedded_names(); *name != NULL; name++)
        check_schema(*name);
}

static int make_room(void **state) {
    (void)state;
    texts_room = malloc(TEXTS_ROOM);
    items_room = malloc(ITEMS_ROOM * sizeof *items_room);
    integers_room = malloc(ITEMS_ROOM * sizeof *integers_room);
    return texts_room != NULL && items_room != NULL && integers_room != NULL ? 0 : -1;
}

static int say_where_it_failed(void **state) {
    (void)state;
    if (place.field != NULL)
        print_message("seed %llu, schema %s, record %d, field %s\n", (unsigned long long)seed, place.schema,
                      place.record, place.field);
    free(texts_room);
    free(items_room);
    free(integers_room);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(values_are_read_as_they_were_written, make_room, say_where_it_failed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
