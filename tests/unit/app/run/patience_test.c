/* Holding back lasts while there was room within the last five seconds. */
#include "app/run/patience.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"

enum { SECOND = 1000000 };

static void room_needs_no_patience(void **state) {
    (void)state;
    struct patience patience = {0};
    assert_false(patience_holds(&patience, true));
    assert_true(patience_holds(&patience, false));
    assert_false(patience_holds(&patience, true));
    assert_int_equal(patience.since, 0);
}

static void it_ends_after_five_seconds_and_comes_back_with_room(void **state) {
    (void)state;
    struct patience patience = {.since = clock_monotonic() - 3 * SECOND};
    assert_true(patience_holds(&patience, false));
    patience.since -= 3 * SECOND;
    assert_false(patience_holds(&patience, false));
    assert_false(patience_holds(&patience, false));
    assert_false(patience_holds(&patience, true));
    assert_true(patience_holds(&patience, false));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(room_needs_no_patience),
        cmocka_unit_test(it_ends_after_five_seconds_and_comes_back_with_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
