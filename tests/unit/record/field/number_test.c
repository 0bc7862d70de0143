/* Numbers as text: doubles against strtod() and an exhaustive search for a shorter text, integers against printf. */
#include "record/field/number.h"

#include <inttypes.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void format(double real, char text[DOUBLE_TEXT_MAX + 1]) {
    *double_format(real, text) = '\0';
}

/* As Python 3.11 prints them. */
static void doubles_look_as_in_python(void **state) {
    static const struct {
        double real;
        const char *text;
    } cases[] = {
        {0.0, "0.0"},
        {-0.0, "-0.0"},
        {170.0, "170.0"},
        {94.5, "94.5"},
        {325.2857142857144, "325.2857142857144"},
        {500.14981882416123, "500.14981882416123"},
        {632.9999999999999, "632.9999999999999"},
        {0.1, "0.1"},
        {0.3, "0.3"},
        {0.1 + 0.2, "0.30000000000000004"},
        {1.0 / 3, "0.3333333333333333"},
        {-2.5, "-2.5"},
        {0.0001, "0.0001"},
        {0.00001, "1e-05"},
        {0.00123456, "0.00123456"},
        {123456789012345680.0, "1.2345678901234568e+17"},
        {1e15, "1000000000000000.0"},
        {9007199254740993.0, "9007199254740992.0"},
        {9999999999999998.0, "9999999999999998.0"},
        {1e16, "1e+16"},
        {1e22, "1e+22"},
        {1e23, "1e+23"},
        {5e-324, "5e-324"},
        {1.7976931348623157e308, "1.7976931348623157e+308"},
        {2.2250738585072014e-308, "2.2250738585072014e-308"},
        {INFINITY, "inf"},
        {-INFINITY, "-inf"},
        {NAN, "nan"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[DOUBLE_TEXT_MAX + 1];
        format(cases[i].real, text);
        assert_string_equal(text, cases[i].text);
    }
}

/* Digits without sign, point, exponent and zeros at both ends. */
static size_t significant_digits(const char *text) {
    size_t count = 0, zeros = 0;
    for (; *text != '\0' && *text != 'e'; text++) {
        if (*text < '0' || *text > '9')
            continue;
        if (*text == '0') {
            zeros++;
            continue;
        }
        count += count > 0 ? zeros + 1 : 1;
        zeros = 0;
    }
    return count;
}

static void assert_shortest(double real) {
    char text[DOUBLE_TEXT_MAX + 1], trial[64];
    format(real, text);
    if (strtod(text, NULL) != real)
        fail_msg("%.17g became %s", real, text);
    int precision = 0;
    for (; precision < 17; precision++) {
        snprintf(trial, sizeof trial, "%.*e", precision, real);
        if (strtod(trial, NULL) == real)
            break;
    }
    if (significant_digits(text) > (size_t)precision + 1)
        fail_msg("%s is longer than %s", text, trial);
    /* printf rounds to the nearest of that length: any other text of the length would be farther away. */
    if (significant_digits(text) == significant_digits(trial) && strtold(text, NULL) != strtold(trial, NULL))
        fail_msg("%s is not the nearest, %s is", text, trial);
}

static uint64_t next_random(uint64_t *seed) {
    *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return *seed ^ *seed >> 29;
}

static void doubles_are_shortest_and_exact(void **state) {
    (void)state;
    uint64_t seed = 1;
    for (int i = 0; i < 40000; i++) {
        uint64_t bits = next_random(&seed) & ~(UINT64_C(1) << 63);
        double any;
        memcpy(&any, &bits, sizeof any);
        if (isfinite(any) && i % 10 == 0)
            assert_shortest(any);
        /* What records hold: means and roots of moderate numbers, over the whole range of the fast way. */
        double numerator = (double)(next_random(&seed) >> (i % 50 + 10)),
               count = (double)(next_random(&seed) % 100000 + 1);
        assert_shortest(numerator / count);
        assert_shortest(sqrt(numerator));
        assert_shortest(ldexp((double)(next_random(&seed) >> 11 | UINT64_C(1) << 52), -(i % 64)));
    }
    for (int i = -1074; i < 1024; i++) {
        assert_shortest(ldexp(1, i));
        assert_shortest(nextafter(ldexp(1, i), 0));
        assert_shortest(nextafter(ldexp(1, i), INFINITY));
    }
}

static void integers_equal_printf(void **state) {
    (void)state;
    uint64_t seed = 2;
    static const int64_t edges[] = {0,   1,   -1,        9,         10,        99,
                                    100, 101, INT64_MAX, INT64_MIN, INT32_MAX, INT32_MIN};
    for (size_t i = 0; i < 100000 + sizeof edges / sizeof edges[0]; i++) {
        int64_t integer =
            i < sizeof edges / sizeof edges[0] ? edges[i] : (int64_t)next_random(&seed) >> (i % 64);
        char text[INTEGER_TEXT_MAX + 1], expected[32];
        *integer_format(integer, text) = '\0';
        snprintf(expected, sizeof expected, "%" PRId64, integer);
        assert_string_equal(text, expected);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(doubles_look_as_in_python),
        cmocka_unit_test(doubles_are_shortest_and_exact),
        cmocka_unit_test(integers_equal_printf),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
