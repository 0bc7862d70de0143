/* CSV as Python's csv.writer has it, and JSON lines read back by jansson. */
#include "record/encoding/encoding.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static struct value text_value(const char *bytes) {
    return (struct value){.text = {bytes, strlen(bytes)}};
}

/* Encodes these values as fields named a, b, c, ... */
static struct buffer encode(const char *encoding, const enum value_type *types, const struct value *values,
                            size_t count, bool with_header) {
    static const char *const names[] = {"a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"};
    struct encoded_field fields[COUNT(names)];
    assert_true(count <= COUNT(names));
    for (size_t i = 0; i < count; i++)
        fields[i] = (struct encoded_field){.name = names[i], .type = (uint8_t)types[i]};
    struct buffer buffer = {0};
    if (with_header)
        encoding_find(encoding)->header(fields, count, &buffer);
    encoding_find(encoding)->record(fields, values, count, &buffer);
    assert_false(buffer.failed);
    return buffer;
}

static void assert_encoded(struct buffer buffer, const char *expected) {
    buffer_append(&buffer, "", 1);
    assert_string_equal((char *)buffer.data, expected);
    buffer_free(&buffer);
}

static const int64_t three[] = {0, 1, -1}, wide[] = {INT64_MIN, INT64_MAX};
static const struct text flags[] = {{"midstream", 9}, {"truncated", 9}};

static void csv_cells(void **state) {
    (void)state;
    const enum value_type types[] = {VALUE_BOOLEAN,      VALUE_INT,    VALUE_LONG,         VALUE_TIMESTAMP,
                                     VALUE_DOUBLE,       VALUE_STRING, VALUE_INT_ARRAY,    VALUE_LONG_ARRAY,
                                     VALUE_STRING_ARRAY, VALUE_STRING, VALUE_STRING_ARRAY, VALUE_INT_ARRAY};
    const struct value values[] = {
        {.boolean = true},     {.integer = -1},     {.integer = INT64_MAX},   {.integer = 1434443394000000},
        {.real = 170},         text_value("plain"), {.integers = {three, 3}}, {.integers = {wide, 2}},
        {.texts = {flags, 2}}, {.is_null = true},   {.texts = {flags, 0}},    {.integers = {three, 1}},
    };
    assert_encoded(
        encode("csv", types, values, COUNT(values), true),
        "a,b,c,d,e,f,g,h,i,j,k,l\r\n"
        "true,-1,9223372036854775807,1434443394000000,170.0,plain,\"[0, 1, -1]\","
        "\"[-9223372036854775808, 9223372036854775807]\",\"[\"\"midstream\"\", \"\"truncated\"\"]\",,[],[0]\r\n");
}

static void csv_quotes_only_where_needed(void **state) {
    (void)state;
    const enum value_type types[] = {VALUE_STRING, VALUE_STRING, VALUE_STRING, VALUE_STRING,
                                     VALUE_STRING, VALUE_STRING, VALUE_BOOLEAN};
    const struct value values[] = {text_value("a b;'c"), text_value("a,b"),  text_value("say \"hi\""),
                                   text_value("x\ny"),   text_value("x\ry"), text_value("caf\xC3\xA9"),
                                   {.boolean = false}};
    assert_encoded(encode("csv", types, values, COUNT(values), false),
                   "a b;'c,\"a,b\",\"say \"\"hi\"\"\",\"x\ny\",\"x\ry\",caf\xC3\xA9,false\r\n");
    /* As Python: a line that would be empty has an empty cell in quotes. */
    const struct value nothing = {.is_null = true};
    assert_encoded(encode("csv", types, &nothing, 1, false), "\"\"\r\n");
}

static void jsonl_members(void **state) {
    (void)state;
    const enum value_type types[] = {VALUE_BOOLEAN,      VALUE_INT,    VALUE_LONG,      VALUE_TIMESTAMP,
                                     VALUE_DOUBLE,       VALUE_STRING, VALUE_INT_ARRAY, VALUE_LONG_ARRAY,
                                     VALUE_STRING_ARRAY, VALUE_STRING, VALUE_DOUBLE};
    const struct value values[] = {
        {.boolean = false},
        {.integer = -1},
        {.integer = INT64_MIN},
        {.integer = 1434443394000000},
        {.real = 247037.037037037},
        text_value("plain"),
        {.integers = {three, 3}},
        {.integers = {wide, 0}},
        {.texts = {flags, 2}},
        {.is_null = true},
        {.real = NAN},
    };
    assert_encoded(
        encode("jsonl", types, values, COUNT(values), true),
        "{\"a\":false,\"b\":-1,\"c\":-9223372036854775808,\"d\":1434443394000000,\"e\":247037.037037037,\"f\":\"plain\","
        "\"g\":[0,1,-1],\"h\":[],\"i\":[\"midstream\",\"truncated\"],\"j\":null,\"k\":null}\n");
}

/* Every byte that UTF-8 text can begin with, back through a JSON reader. */
static void jsonl_texts_survive(void **state) {
    (void)state;
    char text[256 + 8];
    size_t length = 0;
    for (int byte = 1; byte < 0x80; byte++)
        text[length++] = (char)byte;
    memcpy(text + length, "\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80", 10);
    const enum value_type type = VALUE_STRING;
    const struct value value = text_value(text);
    struct buffer buffer = encode("jsonl", &type, &value, 1, false);
    assert_null(memchr(buffer.data, '\n', buffer.length - 1));
    json_error_t error;
    json_t *root = json_loadb((const char *)buffer.data, buffer.length, 0, &error);
    assert_non_null(root);
    assert_string_equal(json_string_value(json_object_get(root, "a")), text);
    json_decref(root);
    buffer_free(&buffer);
}

/* Lengths around what the buffer has left: the room that is asked for must hold the longest form. */
static void buffers_grow(void **state) {
    (void)state;
    static char text[70000];
    static const char *const names[] = {"avro", "csv", "jsonl"};
    const enum value_type type = VALUE_STRING;
    for (size_t length = 0; length < sizeof text; length = length * 3 + 1) {
        memset(text, '"', length);
        text[length] = '\0';
        for (size_t i = 0; i < COUNT(names); i++) {
            const struct value value = text_value(text);
            struct buffer buffer = encode(names[i], &type, &value, 1, false);
            assert_true(buffer.length >= length && buffer.length <= buffer.capacity);
            buffer_free(&buffer);
        }
    }
}

static void encodings_by_name(void **state) {
    (void)state;
    assert_true(encoding_find("csv")->skips_null_groups);
    assert_true(encoding_find("jsonl")->skips_null_groups);
    assert_false(encoding_find("avro")->skips_null_groups);
    assert_null(encoding_find("xml"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(csv_cells),     cmocka_unit_test(csv_quotes_only_where_needed),
        cmocka_unit_test(jsonl_members), cmocka_unit_test(jsonl_texts_survive),
        cmocka_unit_test(buffers_grow),  cmocka_unit_test(encodings_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
