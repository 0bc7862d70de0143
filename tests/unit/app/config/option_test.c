#include "app/config/option.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

struct sample {
    bool boolean;
    enum option_switch on;
    int64_t number;
    char *text;
    struct string_list list;
};

#define ROW(type, member, min, max, choices) \
    { "sample." #member, type, offsetof(struct sample, member), NULL, min, max, choices, "", false }
static const struct option_row boolean_row = ROW(OPTION_BOOLEAN, boolean, 0, 0, NULL);
static const struct option_row switch_row = ROW(OPTION_SWITCH, on, 0, 0, NULL);
static const struct option_row integer_row = ROW(OPTION_INTEGER, number, 1, 5000000000, NULL);
static const struct option_row size_row = ROW(OPTION_SIZE, number, 0, INT64_MAX, NULL);
static const struct option_row duration_row = ROW(OPTION_DURATION, number, 1000, INT64_MAX, NULL);
static const struct option_row text_row = ROW(OPTION_STRING, text, 0, 0, NULL);
static const struct option_row choice_row = ROW(OPTION_CHOICE, text, 0, 0, "red|green|blue");
static const struct option_row list_row = ROW(OPTION_STRINGS, list, 0, 0, NULL);

static void set(const struct option_row *row, struct sample *sample, const char *text) {
    struct error reason = {0};
    if (option_set(row, sample, text, &reason) < 0)
        fail_msg("%s", reason.text);
}

static void refuse(const struct option_row *row, struct sample *sample, const char *text,
                   const char *expected) {
    struct error reason = {0};
    assert_true(option_set(row, sample, text, &reason) < 0);
    if (!strstr(reason.text, expected))
        fail_msg("\"%s\" is not in: %s", expected, reason.text);
}

static void booleans_have_the_usual_words(void **state) {
    (void)state;
    static const char *const on[] = {"true", "True", "YES", "on", "1"};
    static const char *const off[] = {"false", "FALSE", "no", "Off", "0"};
    struct sample sample = {0};
    for (size_t i = 0; i < sizeof on / sizeof *on; i++) {
        set(&boolean_row, &sample, on[i]);
        assert_true(sample.boolean);
        set(&boolean_row, &sample, off[i]);
        assert_false(sample.boolean);
    }
    set(&boolean_row, &sample, "true");
    refuse(&boolean_row, &sample, "ja", "expected true or false, got \"ja\"");
    refuse(&boolean_row, &sample, "2", "expected true or false");
    assert_true(sample.boolean);
    assert_false(option_is_set(&switch_row, &sample));
    set(&switch_row, &sample, "No");
    assert_int_equal(sample.on, SWITCH_OFF);
    refuse(&switch_row, &sample, "", "true or false");
    assert_int_equal(sample.on, SWITCH_OFF);
}

static void integers_may_be_larger_than_32_bits(void **state) {
    (void)state;
    struct sample sample = {0};
    set(&integer_row, &sample, "5000000000");
    assert_true(sample.number == INT64_C(5000000000));
    refuse(&integer_row, &sample, "5000000001", "out of range; allowed are 1 to 5000000000");
    refuse(&integer_row, &sample, "0", "out of range");
    refuse(&integer_row, &sample, "12x", "expected an integer");
    refuse(&integer_row, &sample, "", "expected an integer");
    refuse(&integer_row, &sample, "99999999999999999999", "too large");
    assert_true(sample.number == INT64_C(5000000000));
}

static void sizes_and_durations_have_units(void **state) {
    (void)state;
    struct sample sample = {0};
    set(&size_row, &sample, "64MiB");
    assert_int_equal(sample.number, 64 << 20);
    refuse(&size_row, &sample, "64 MX", "\"MX\" is no unit of a size; write it as 64MiB");
    refuse(&size_row, &sample, "9223372036854775808", "too large");
    assert_int_equal(sample.number, 64 << 20);
    set(&duration_row, &sample, "5s");
    assert_int_equal(sample.number, 5000000);
    refuse(&duration_row, &sample, "8", "\"8\" has no unit; write 8s");
    refuse(&duration_row, &sample, "999us", "too small; the least is 1ms");
    assert_int_equal(sample.number, 5000000);
}

static void a_refused_text_leaves_the_old_one(void **state) {
    (void)state;
    struct sample sample = {0};
    set(&choice_row, &sample, "Green");
    refuse(&choice_row, &sample, "gre", "\"gre\" is not one of red|green|blue");
    refuse(&choice_row, &sample, "red|green", "is not one of");
    refuse(&choice_row, &sample, "", "is not one of");
    assert_string_equal(sample.text, "green");
    set(&text_row, &sample, "anything");
    assert_string_equal(sample.text, "anything");
    option_clear(&text_row, &sample);
    assert_false(option_is_set(&text_row, &sample));
}

static void assert_items(const struct string_list *list, const char *const *items, size_t count) {
    assert_int_equal(list->count, count);
    for (size_t i = 0; i < count; i++)
        assert_string_equal(list->items[i], items[i]);
}

static void commas_separate_items(void **state) {
    (void)state;
    struct sample sample = {0};
    set(&list_row, &sample, "a=1,b=2,c");
    assert_items(&sample.list, (const char *const[]){"a=1", "b=2", "c"}, 3);
    set(&list_row, &sample, "one");
    assert_items(&sample.list, (const char *const[]){"one"}, 1);
    set(&list_row, &sample, "x,,");
    assert_items(&sample.list, (const char *const[]){"x", "", ""}, 3);
    set(&list_row, &sample, "");
    assert_false(option_is_set(&list_row, &sample));
    option_clear(&list_row, &sample);
}

static void a_backslash_keeps_a_comma_within_its_item(void **state) {
    (void)state;
    struct sample sample = {0};
    set(&list_row, &sample, "bootstrap.servers=a:1\\,b:2,linger.ms=5");
    assert_items(&sample.list, (const char *const[]){"bootstrap.servers=a:1,b:2", "linger.ms=5"}, 2);
    set(&list_row, &sample, "\\,,C:\\x\\,");
    assert_items(&sample.list, (const char *const[]){",", "C:\\x,"}, 2);
    option_clear(&list_row, &sample);
}

static void a_list_may_be_written_as_in_the_file(void **state) {
    (void)state;
    struct sample sample = {0};
    static const char *const two[] = {"a=1,2", "b = 'c'"};
    set(&list_row, &sample, "[ \"a=1,2\", \"b = 'c'\" ]");
    assert_items(&sample.list, two, 2);
    set(&list_row, &sample, "(\"a=1,2\" ,\"b = 'c'\")");
    assert_items(&sample.list, two, 2);
    set(&list_row, &sample, "\"a=1,2\",\"b = 'c'\"");
    assert_items(&sample.list, two, 2);
    set(&list_row, &sample, "x, y");
    assert_items(&sample.list, (const char *const[]){"x", "y"}, 2);
    set(&list_row, &sample, "x=ip[2:2] = 40");
    assert_items(&sample.list, (const char *const[]){"x=ip[2:2] = 40"}, 1);
    refuse(&list_row, &sample, "\"a", "quotes and commas don't fit together");
    refuse(&list_row, &sample, "\"a\" b", "quotes and commas don't fit together");
    assert_int_equal(sample.list.count, 1);
    set(&list_row, &sample, "[ ]");
    assert_false(option_is_set(&list_row, &sample));
    option_clear(&list_row, &sample);
}

static void the_same_value_is_known_whatever_its_type(void **state) {
    (void)state;
    static const struct {
        const struct option_row *row;
        const char *value, *other;
    } cases[] = {
        {&boolean_row, "true", "false"}, {&switch_row, "on", "off"},  {&integer_row, "7", "8"},
        {&size_row, "1KiB", "1025"},     {&duration_row, "1s", "2s"}, {&text_row, "a", "b"},
        {&choice_row, "red", "blue"},    {&list_row, "a,b", "a,c"},   {&list_row, "a,b", "a"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sample one = {0}, other = {0};
        set(cases[i].row, &one, cases[i].value);
        set(cases[i].row, &other, cases[i].value);
        assert_true(option_is_same(cases[i].row, &one, &other));
        set(cases[i].row, &other, cases[i].other);
        assert_false(option_is_same(cases[i].row, &one, &other));
        option_clear(cases[i].row, &other);
        if (cases[i].row->type == OPTION_STRING || cases[i].row->type == OPTION_CHOICE) {
            assert_false(option_is_same(cases[i].row, &one, &other)); /* "not set" is no text */
            assert_false(option_is_same(cases[i].row, &other, &one));
        }
        option_clear(cases[i].row, &one);
    }
}

/* What is in the file changes by itself, as passwords do. */
static void a_value_from_a_file_is_the_files(void **state) {
    (void)state;
    struct sample one = {0}, other = {0};
    set(&list_row, &one, "p=old");
    set(&list_row, &other, "p=new");
    assert_int_equal(option_set_written(&list_row, &one, 0, "p=${file:a}"), 0);
    assert_false(option_is_same(&list_row, &one, &other)); /* it isn't a file's now */
    assert_int_equal(option_set_written(&list_row, &other, 0, "p=${file:a}"), 0);
    assert_true(option_is_same(&list_row, &one, &other));
    option_clear(&list_row, &other);
    set(&list_row, &other, "p=old");
    assert_int_equal(option_set_written(&list_row, &other, 0, "p=${file:b}"), 0);
    assert_false(option_is_same(&list_row, &one, &other));
    option_clear(&list_row, &one);
    option_clear(&list_row, &other);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(booleans_have_the_usual_words),
        cmocka_unit_test(integers_may_be_larger_than_32_bits),
        cmocka_unit_test(sizes_and_durations_have_units),
        cmocka_unit_test(a_refused_text_leaves_the_old_one),
        cmocka_unit_test(commas_separate_items),
        cmocka_unit_test(the_same_value_is_known_whatever_its_type),
        cmocka_unit_test(a_value_from_a_file_is_the_files),
        cmocka_unit_test(a_list_may_be_written_as_in_the_file),
        cmocka_unit_test(a_backslash_keeps_a_comma_within_its_item),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
