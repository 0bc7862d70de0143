#include "base/units.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void assert_size(const char *text, uint64_t expected) {
    uint64_t bytes = 12345;
    assert_int_equal(units_parse_size(text, &bytes), 0);
    assert_true(bytes == expected);
}

static void assert_duration(const char *text, int64_t expected) {
    int64_t microseconds = 12345;
    assert_int_equal(units_parse_duration(text, &microseconds), 0);
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

static void other_forms_are_refused(void **state) {
    (void)state;
    static const char *const bad[] = {"",     " 1s", "1 s", "1.5s", "-1s",  "+1s",  "s",     "1S",
                                      "1min", "1sB", "0x1", "1s ",  "1MIB", "1kiB", "1 MiB", "many"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        int64_t microseconds = 77;
        uint64_t bytes = 77;
        assert_int_equal(units_parse_duration(bad[i], &microseconds), -EINVAL);
        assert_int_equal(units_parse_size(bad[i], &bytes), -EINVAL);
        assert_true(microseconds == 77 && bytes == 77);
    }
    int64_t microseconds;
    assert_int_equal(units_parse_duration("5", &microseconds), -EINVAL);
}

static void too_large_is_its_own_error(void **state) {
    (void)state;
    int64_t microseconds;
    uint64_t bytes;
    assert_int_equal(units_parse_size("18446744073709551616", &bytes), -ERANGE);
    assert_int_equal(units_parse_size("18446744073709551615KiB", &bytes), -ERANGE);
    assert_int_equal(units_parse_duration("9223372036854775808us", &microseconds), -ERANGE);
    assert_int_equal(units_parse_duration("213503983d", &microseconds), -ERANGE);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes),
        cmocka_unit_test(durations),
        cmocka_unit_test(other_forms_are_refused),
        cmocka_unit_test(too_large_is_its_own_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
