/* The age of the oldest record on its way, against a plain list of all of them. */
#include "sink/ages.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sink/delays.h"

#define SECOND INT64_C(1000000)

static struct ages ages;

static int clear(void **state) {
    (void)state;
    memset(&ages, 0, sizeof ages);
    return 0;
}

static void nothing_has_no_age(void **state) {
    (void)state;
    assert_int_equal(ages_oldest(&ages, 77 * SECOND), 0);
    ages_add(&ages, 5 * SECOND);
    assert_int_equal(ages_oldest(&ages, 7 * SECOND), 2 * SECOND);
    ages_remove(&ages, 5 * SECOND);
    assert_int_equal(ages_oldest(&ages, 9 * SECOND), 0);
}

static void the_oldest_is_told_whatever_is_acknowledged_first(void **state) {
    (void)state;
    for (int64_t time = 10; time < 20; time++)
        ages_add(&ages, time * SECOND);
    ages_remove(&ages, 15 * SECOND);
    ages_remove(&ages, 11 * SECOND);
    assert_int_equal(ages_oldest(&ages, 20 * SECOND), 10 * SECOND);
    ages_remove(&ages, 10 * SECOND);
    assert_int_equal(ages_oldest(&ages, 20 * SECOND), 8 * SECOND);
}

/* Records are handed over now and then, and acknowledged in any order but mostly the old ones first. */
static void it_is_exact_to_a_second(void **state) {
    (void)state;
    enum { RECORDS = 20000 };
    static int64_t times[RECORDS];
    size_t count = 0;
    int64_t now = SECOND;
    srand(20261124);
    for (int step = 0; step < 200000; step++) {
        now += rand() % 40000;
        if (count < RECORDS && rand() % 2 == 0) {
            times[count++] = now;
            ages_add(&ages, now);
        } else if (count > 0) {
            size_t chosen = rand() % 8 == 0 ? (size_t)rand() % count : 0;
            ages_remove(&ages, times[chosen]);
            memmove(times + chosen, times + chosen + 1, (--count - chosen) * sizeof *times);
        }
        int64_t oldest = count > 0 ? now - times[0] : 0;
        int64_t told = ages_oldest(&ages, now);
        assert_in_range(told, oldest, oldest + (count > 0 ? SECOND : 0));
    }
    assert_true(now > 1000 * SECOND);
}

/* A broker that is away for days, and a record each second. */
static void memory_is_constant(void **state) {
    (void)state;
    enum { SECONDS = 100000 };
    for (int64_t time = 1; time <= SECONDS; time++)
        ages_add(&ages, time * SECOND);
    assert_int_equal(ages_oldest(&ages, SECONDS * SECOND), (SECONDS - 1) * SECOND);
    uint64_t records = 0;
    for (size_t i = ages.first; i < ages.end; i++)
        records += ages.entries[i].records;
    assert_int_equal(records, SECONDS);
    /* The broker is back: what is left is told at most a little too old, and at last nothing. */
    int64_t most = 0;
    for (int64_t time = 1; time < SECONDS; time++) {
        ages_remove(&ages, time * SECOND);
        int64_t wrong = ages_oldest(&ages, SECONDS * SECOND) - (SECONDS - time - 1) * SECOND;
        assert_true(wrong >= 0);
        most = wrong > most ? wrong : most;
    }
    assert_true(most < SECONDS * SECOND);
    assert_int_equal(ages_oldest(&ages, SECONDS * SECOND), 0);
    ages_remove(&ages, SECONDS * SECOND);
    assert_int_equal(ages.first, ages.end);
}

static void a_delay_is_in_one_bucket(void **state) {
    (void)state;
    struct delays delays = {0};
    delays_add(&delays, 0);
    delays_add(&delays, 5000); /* a limit belongs to its bucket */
    delays_add(&delays, 5001);
    delays_add(&delays, 300 * SECOND);
    delays_add(&delays, 300 * SECOND + 1);
    assert_int_equal(delays.counts[0], 2);
    assert_int_equal(delays.counts[1], 1);
    assert_int_equal(delays.counts[DELAYS_BUCKETS - 1], 1);
    assert_int_equal(delays.counts[DELAYS_BUCKETS], 1);
    assert_int_equal(delays.sum, 600 * SECOND + 10002);
    for (int i = 1; i < DELAYS_BUCKETS; i++)
        assert_true(delays_limits[i] > delays_limits[i - 1]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(nothing_has_no_age, clear),
        cmocka_unit_test_setup(the_oldest_is_told_whatever_is_acknowledged_first, clear),
        cmocka_unit_test_setup(it_is_exact_to_a_second, clear),
        cmocka_unit_test_setup(memory_is_constant, clear),
        cmocka_unit_test(a_delay_is_in_one_bucket),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
