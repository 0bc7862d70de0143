#include "record/avro_decode.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define RECORD(name, fields) \
    "{\"type\": \"record\", \"name\": \"" name "\", \"namespace\": \"test\", \"fields\": [" fields "]}"
#define SEQ "{\"name\": \"seq\", \"type\": \"long\"}"
#define IP \
    "{\"name\": \"src_ip\", \"type\": [\"null\", \"string\"], \"default\": null, \"doc\": \"An address.\"}"

static const char schema[] = RECORD("R", SEQ ", " IP);
/* seq 42, src_ip "ab". */
static const uint8_t record[] = {84, 2, 4, 'a', 'b'};

static void assert_line(const struct error *error, const char *text) {
    assert_int_equal(error->exit_code, EX_CONFIG);
    if (!strstr(error->text, text))
        fail_msg("\"%s\" is not in: %s", text, error->text);
}

static void fields_are_read_by_name(void **state) {
    (void)state;
    struct avro_decoded *decoded = NULL;
    struct error error = {0};
    const char *text = NULL;
    int64_t integer = 0;
    if (avro_decode(schema, record, sizeof record, &decoded, &error) < 0)
        fail_msg("%s", error.text);
    assert_int_equal(avro_decoded_field_count(decoded), 2);
    assert_true(avro_decoded_integer(decoded, "seq", &integer));
    assert_int_equal(integer, 42);
    assert_true(avro_decoded_text(decoded, "src_ip", &text));
    assert_string_equal(text, "ab");
    assert_false(avro_decoded_text(decoded, "seq", &text));
    assert_false(avro_decoded_integer(decoded, "src_ip", &integer));
    assert_false(avro_decoded_text(decoded, "dst_ip", &text));
    avro_decoded_free(decoded);
}

static void null_is_no_text(void **state) {
    (void)state;
    static const uint8_t null_record[] = {84, 0};
    struct avro_decoded *decoded = NULL;
    struct error error = {0};
    const char *text = NULL;
    assert_int_equal(avro_decode(schema, null_record, sizeof null_record, &decoded, &error), 0);
    assert_false(avro_decoded_text(decoded, "src_ip", &text));
    avro_decoded_free(decoded);
}

static void every_byte_belongs_to_the_record(void **state) {
    (void)state;
    struct avro_decoded *decoded = NULL;
    struct error error = {0};
    for (size_t length = 0; length < sizeof record; length++) {
        assert_true(avro_decode(schema, record, length, &decoded, &error) < 0);
        assert_line(&error, "Avro C can't decode the record");
    }
    uint8_t longer[sizeof record + 1] = {0};
    memcpy(longer, record, sizeof record);
    assert_true(avro_decode(schema, longer, sizeof longer, &decoded, &error) < 0);
    assert_line(&error, "bytes are left over");
    assert_null(decoded);
}

static void differ(const char *found, const char *expected) {
    struct error error = {0};
    assert_true(avro_same_schema(schema, found, "schema id 5", &error) < 0);
    assert_line(&error, expected);
}

static void the_first_difference_of_schemas_is_named(void **state) {
    (void)state;
    struct error error = {0};
    assert_int_equal(avro_same_schema(schema, schema, "schema id 5", &error), 0);
    /* What only people read makes no other schema. */
    assert_int_equal(
        avro_same_schema(schema,
                         RECORD("R", SEQ ", {\"name\": \"src_ip\", \"type\": [\"null\", \"string\"]}"),
                         "schema id 5", &error),
        0);
    differ(RECORD("S", SEQ ", " IP), "schema id 5 is of the record S, not R");
    differ(RECORD("R", IP ", " SEQ), "schema id 5 has src_ip as field 1, not seq");
    differ(RECORD("R", "{\"name\": \"seq\", \"type\": \"int\"}, " IP), "another type for the field seq");
    differ(RECORD("R", SEQ), "schema id 5 has 1 fields, not 2");
    differ(RECORD("R", SEQ ", " IP ", {\"name\": \"x\", \"type\": \"int\"}"),
           "schema id 5 has 3 fields, not 2");
    differ("\"string\"", "schema id 5 is no schema of a record");
    differ("{", "schema id 5 is no schema of a record");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_are_read_by_name),
        cmocka_unit_test(null_is_no_text),
        cmocka_unit_test(every_byte_belongs_to_the_record),
        cmocka_unit_test(the_first_difference_of_schemas_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
