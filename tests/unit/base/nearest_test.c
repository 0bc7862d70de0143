#include "base/nearest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

struct row {
    int number;
    const char *name;
};

static const struct row rows[] = {
    {1, "idle_timeout"}, {2, "active_timeout"}, {3, "eth0"}, {4, "eth1"}, {5, "a"}};

static const char *nearest_row(const char *given) {
    return nearest_name(given, &rows[0].name, sizeof rows / sizeof *rows, sizeof *rows);
}

static void finds_what_was_meant(void **state) {
    (void)state;
    assert_string_equal(nearest_row("idle_timout"), "idle_timeout");
    assert_string_equal(nearest_row("Active-Timeout"), "active_timeout");
    assert_string_equal(nearest_row("eht1"), "eth1");
    assert_string_equal(nearest_row("eth0"), "eth0");
}

static void the_first_of_equals_wins(void **state) {
    (void)state;
    assert_string_equal(nearest_row("eth2"), "eth0");
}

static void says_nothing_where_nothing_is_near(void **state) {
    (void)state;
    assert_null(nearest_row("snapshot"));
    assert_null(nearest_row(""));
    assert_null(nearest_row("b"));
    assert_null(nearest_name("x", &rows[0].name, 0, sizeof *rows));
}

static void long_names_are_left_alone(void **state) {
    (void)state;
    char name[300];
    memset(name, 'a', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    const char *names[] = {name};
    assert_null(nearest_row(name));
    assert_null(nearest_name("a", names, 1, sizeof *names));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_what_was_meant),
        cmocka_unit_test(the_first_of_equals_wins),
        cmocka_unit_test(says_nothing_where_nothing_is_near),
        cmocka_unit_test(long_names_are_left_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
