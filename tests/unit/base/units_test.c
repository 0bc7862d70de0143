#include "base/units.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void assert_size(const char *text, uint64_t expected) {
    uint64_t bytes = 12345;
    assert_int_equal(units_parse_size(text, &bytes, NULL), 0);
    assert_true(bytes == expected);
}

static void assert_duration(const char *text, int64_t expected) {
    int64_t microseconds = 12345;
    assert_int_equal(units_parse_duration(text, &microseconds, NULL), 0);
    assert_true(microseconds == expected);
}

static void sizes(void **state) {
    (void)state;
    assert_size("0", 0);
    assert_size("1500", 1500);
    assert_size("7B", 7);
    assert_size("1kB", 1000);
    assert_size("64KiB", 65536);
    assert_size("3MB", 3000000);
    assert_size("1MiB", 1048576);
    assert_size("5GB", 5000000000);
    assert_size("2GiB", 2147483648);
    assert_size("18446744073709551615", UINT64_MAX);
}

static void durations(void **state) {
    (void)state;
    assert_duration("0", 0);
    assert_duration("250us", 250);
    assert_duration("10ms", 10000);
    assert_duration("5s", 5000000);
    assert_duration("2m", 120000000);
    assert_duration("1h", 3600000000);
    assert_duration("1d", 86400000000);
    assert_duration("9223372036854775807us", INT64_MAX);
}

static void common_spellings(void **state) {
    (void)state;
    assert_duration("7sec", 7000000);
    assert_duration("2.5s", 2500000);
    assert_duration(" 3 s ", 3000000);
    assert_duration("0.25 ms", 250);
    assert_duration("90 Seconds", 90000000);
    assert_duration("1.50min", 90000000);
    assert_duration("1h30m", INT64_C(5400000000));
    assert_duration("2 min 30 s", 150000000);
    assert_duration("0.000", 0);
    assert_duration("4\302\265s", 4);
    assert_size("32M", 32 << 20);
    assert_size("16 MiB", 16 << 20);
    assert_size("16mib", 16 << 20);
    assert_size("3mb", 3000000);
    assert_size("8k", 8192);
    assert_size("8KB", 8000);
    assert_size("256Mi", 256 << 20);
    assert_size("1.5GiB", 1610612736);
    assert_size("2T", UINT64_C(2) << 40);
}

/* The text is refused by both, or by the one of which the reason is given, and the value stays. */
static void refuse(const char *text, int result, const char *of_size, const char *of_duration) {
    struct error reason;
    int64_t microseconds = 77;
    uint64_t bytes = 77;
    if (of_size) {
        assert_int_equal(units_parse_size(text, &bytes, &reason), result);
        if (!strstr(reason.text, of_size))
            fail_msg("\"%s\" is not in: %s", of_size, reason.text);
    }
    if (of_duration) {
        assert_int_equal(units_parse_duration(text, &microseconds, &reason), result);
        if (!strstr(reason.text, of_duration))
            fail_msg("\"%s\" is not in: %s", of_duration, reason.text);
    }
    assert_true(microseconds == 77 && bytes == 77);
}

static void other_forms_are_refused_with_the_reason(void **state) {
    (void)state;
    static const char *const bad[] = {"", " ", "+1s", "s", "many", ".5s", "1.s", "\"3s\"", "7s,8s"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        refuse(bad[i], -EINVAL, "64MiB", "5s");
    refuse("12", -EINVAL, NULL, "\"12\" has no unit; write 12s, or one of us, ms, s, m, h, d");
    refuse("1.5", -EINVAL, NULL, "\"1.5\" has no unit; write 1.5s");
    refuse("1 000", -EINVAL, "\"1 000\" is no size", "\"1 000\" is no duration");
    refuse("1s 2", -EINVAL, NULL, "is no duration");
    refuse("3 weeks", -EINVAL, "\"weeks\" is no unit of a size", "\"weeks\" is no unit of a duration");
    refuse("64MiBs", -EINVAL, "\"MiBs\" is no unit of a size; write it as 64MiB, with one of B, kB", NULL);
    refuse("0x1", -EINVAL, "\"x\" is no unit", "\"x\" is no unit");
    refuse("-4s", -EINVAL, NULL, "\"-4s\" is negative, which no duration is");
    refuse("0.5us", -EINVAL, NULL, "\"0.5us\" is no whole number of microseconds");
    refuse("0.3KiB", -EINVAL, "\"0.3KiB\" is no whole number of bytes", NULL);
    refuse("1.23456789d", -EINVAL, NULL, "is no whole number of microseconds");
}

static void too_large_is_its_own_error(void **state) {
    (void)state;
    refuse("18446744073709551616", -ERANGE, "too large", "too large");
    refuse("18446744073709551615KiB", -ERANGE, "too large", NULL);
    refuse("18446744073709551615 1B", -EINVAL, "is no size", NULL);
    refuse("18446744073709551615B 1B", -ERANGE, "too large", NULL);
    refuse("9223372036854775808us", -ERANGE, NULL, "too large");
    refuse("213503983d", -ERANGE, NULL, "too large");
}

static void what_is_printed_is_read_back(void **state) {
    (void)state;
    static const int64_t values[] = {0, 1, 999, 1000, 1024, 1536, 90000000, 1000001, 5 << 20, INT64_MAX};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        char text[UNITS_TEXT_SIZE];
        units_print_duration(values[i], text);
        assert_duration(text, values[i]);
        units_print_size(values[i], text);
        assert_size(text, (uint64_t)values[i]);
    }
}

static void people_read_about_as_much(void **state) {
    (void)state;
    static const struct {
        uint64_t bytes;
        const char *text;
    } cases[] = {
        {0, "0 B"},           {1023, "1023 B"},       {1024, "1 KiB"},      {1536, "1.5 KiB"},
        {20 << 20, "20 MiB"}, {584948352, "558 MiB"}, {3 << 29, "1.5 GiB"}, {UINT64_MAX, "16777216 TiB"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[UNITS_TEXT_SIZE];
        units_print_about(cases[i].bytes, text);
        assert_string_equal(text, cases[i].text);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes),
        cmocka_unit_test(durations),
        cmocka_unit_test(common_spellings),
        cmocka_unit_test(other_forms_are_refused_with_the_reason),
        cmocka_unit_test(too_large_is_its_own_error),
        cmocka_unit_test(what_is_printed_is_read_back),
        cmocka_unit_test(people_read_about_as_much),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
