/* When the oldest open slice began, compared with a list of all that are open. */
#include "meter/open_slices.h"

#include "meter/meter_fixture.h"

enum { STRETCH = 10, OPEN = 300 };

static struct open_slices *slices;

static int make_slices(void **state) {
    (void)state;
    slices = open_slices_create(STRETCH);
    return slices == NULL ? -1 : 0;
}

static int destroy_slices(void **state) {
    (void)state;
    open_slices_destroy(slices);
    return 0;
}

static void assert_oldest(int64_t expected) {
    int64_t time = -1;
    assert_true(open_slices_oldest(slices, &time));
    assert_int_equal(time, expected);
}

static void assert_none(void) {
    int64_t time;
    assert_false(open_slices_oldest(slices, &time));
}

static void the_oldest_is_known_to_its_stretch(void **state) {
    (void)state;
    assert_none();
    open_slices_begin(slices, 1009);
    assert_oldest(1000);
    open_slices_begin(slices, 1999);
    open_slices_begin(slices, 995);
    assert_oldest(990);
    open_slices_end(slices, 995);
    assert_oldest(1000);
    open_slices_end(slices, 1009);
    assert_oldest(1990);
    open_slices_end(slices, 1999);
    assert_none();
}

/* One that is open for longer than the stretches reach is not forgotten, and nor is it told once it has ended. */
static void what_is_out_of_reach_is_remembered(void **state) {
    (void)state;
    int64_t far = (int64_t)3 * OPEN_SLICES_REACH * STRETCH;
    open_slices_begin(slices, 5);
    open_slices_begin(slices, 25);
    open_slices_begin(slices, far);
    assert_oldest(0);
    open_slices_end(slices, 5);
    assert_oldest(0); /* a lower bound: of the two it isn't known which one is left */
    open_slices_end(slices, 25);
    assert_oldest(far);
    open_slices_end(slices, far);
    /* Time begins anew. */
    open_slices_begin(slices, 42);
    assert_oldest(40);
    open_slices_end(slices, 42);
}

static int64_t least(const int64_t *times, size_t count) {
    int64_t found = INT64_MAX;
    for (size_t i = 0; i < count; i++)
        found = times[i] < found ? times[i] : found;
    return found;
}

static void as_a_list_of_all_says(void **state) {
    (void)state;
    int64_t open[OPEN], now = 1000000, time;
    size_t count = 0;
    uint32_t random = 7;
    for (int step = 0; step < 200000; step++) {
        now += made_random(&random, 2 * STRETCH);
        if (count == OPEN || (count > 0 && made_random(&random, 100) < 49)) {
            size_t ended = made_random(&random, (uint32_t)count);
            open_slices_end(slices, open[ended]);
            open[ended] = open[--count];
        } else {
            open[count] = now - made_random(&random, 5 * STRETCH); /* a held packet's may be earlier */
            open_slices_begin(slices, open[count++]);
        }
        assert_int_equal(open_slices_oldest(slices, &time), count > 0);
        if (count > 0)
            assert_true(time <= least(open, count));
        bool within_reach = count > 0 && now - least(open, count) < (OPEN_SLICES_REACH - 5) * STRETCH;
        if (within_reach && step % 16 == 0)
            assert_true(time > least(open, count) - (int64_t)6 * STRETCH);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_oldest_is_known_to_its_stretch, make_slices, destroy_slices),
        cmocka_unit_test_setup_teardown(what_is_out_of_reach_is_remembered, make_slices, destroy_slices),
        cmocka_unit_test_setup_teardown(as_a_list_of_all_says, make_slices, destroy_slices),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
