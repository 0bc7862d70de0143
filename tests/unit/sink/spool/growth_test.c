/* How long until the log is full, by how it grew in the last minute. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "sink/spool/spool_parts.h"

static const int64_t second = 1000000;

static void a_log_that_grows_is_full_at_some_time(void **state) {
    (void)state;
    struct growth growth = {0};
    uint64_t bytes = 0;
    for (int64_t now = 0; now <= 200; now++) { /* 100 bytes a second, then 10 */
        bytes += now < 100 ? 100 : 10;
        growth_sample(&growth, (now + 1000) * second, bytes);
    }
    double seconds = growth_until_full(&growth, 1200 * second, bytes, bytes + 3600);
    assert_true(seconds > 359 && seconds < 361);
    assert_true(growth_until_full(&growth, 1200 * second, bytes, bytes) == 0);
    assert_true(isinf(growth_until_full(&growth, 1300 * second, bytes, bytes + 3600))); /* none is so young */
}

static void a_log_that_does_not_grow_is_never_full(void **state) {
    (void)state;
    struct growth growth = {0};
    assert_true(isinf(growth_until_full(&growth, 1000 * second, 5, 10))); /* nothing is known */
    growth_sample(&growth, 1000 * second, 5);
    assert_true(isinf(growth_until_full(&growth, 1001 * second, 9, 10))); /* not enough is */
    assert_true(isinf(growth_until_full(&growth, 1010 * second, 5, 10)));
    assert_true(isinf(growth_until_full(&growth, 1010 * second, 4, 10)));
}

static void a_log_that_lost_a_record_is_full_now(void **state) {
    (void)state;
    struct growth growth = {.last_loss = 1000 * second};
    assert_true(growth_until_full(&growth, 1059 * second, 5, 10) == 0);
    assert_true(isinf(growth_until_full(&growth, 1061 * second, 5, 10)));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_log_that_grows_is_full_at_some_time),
        cmocka_unit_test(a_log_that_does_not_grow_is_never_full),
        cmocka_unit_test(a_log_that_lost_a_record_is_full_now),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
