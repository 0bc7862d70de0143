/* Values as texts, as CSV and Python have them. */
#include "record/field/value_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct buffer text;

static void assert_written(enum value_type type, struct value value, const char *expected) {
    value_write_text(type, &value, &text);
    assert_false(text.failed);
    assert_int_equal(text.length, strlen(expected));
    assert_memory_equal(text.data, expected, text.length);
}

static void each_type(void **state) {
    (void)state;
    static const int64_t integers[] = {0, 1, -1};
    static const struct text texts[] = {{"midstream", 9}, {"evicted", 7}};
    assert_written(VALUE_BOOLEAN, (struct value){.boolean = true}, "true");
    assert_written(VALUE_BOOLEAN, (struct value){.boolean = false}, "false");
    assert_written(VALUE_INT, (struct value){.integer = -443}, "-443");
    assert_written(VALUE_LONG, (struct value){.integer = INT64_MIN}, "-9223372036854775808");
    assert_written(VALUE_TIMESTAMP, (struct value){.integer = 1434443394000000}, "1434443394000000");
    assert_written(VALUE_DOUBLE, (struct value){.real = 94.0}, "94.0");
    assert_written(VALUE_STRING, (struct value){.text = {"a,b", 3}}, "a,b");
    assert_written(VALUE_INT_ARRAY, (struct value){.integers = {integers, 3}}, "[0, 1, -1]");
    assert_written(VALUE_LONG_ARRAY, (struct value){.integers = {integers, 1}}, "[0]");
    assert_written(VALUE_STRING_ARRAY, (struct value){.texts = {texts, 2}}, "[\"midstream\", \"evicted\"]");
    assert_written(VALUE_STRING_ARRAY, (struct value){.texts = {texts, 0}}, "[]");
    buffer_free(&text);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_type)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
