#include "base/name.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void letters_digits_and_underscores_are_names(void **state) {
    (void)state;
    static const char *const names[] = {"a", "Z", "_", "a1", "_9", "src2dst_x"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        assert_true(name_is_valid(names[i], strlen(names[i]), 9));
}

static void everything_else_is_none(void **state) {
    (void)state;
    static const char *const names[] = {"", "1a", "a-b", "a.b", "a b", "\xc3\xa9", "@", "[", "`", "{"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        assert_false(name_is_valid(names[i], strlen(names[i]), 9));
    assert_false(name_is_valid("a\0", 2, 9));
    assert_false(name_is_valid("abc", 3, 2));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(letters_digits_and_underscores_are_names),
        cmocka_unit_test(everything_else_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
