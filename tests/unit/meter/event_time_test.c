/* The packet clock in records. */
#include "meter/meter_case.h"

enum { FAR_AHEAD_MS = 3600 * 1000 };

static int64_t us(int64_t ms) {
    return (START_MS + ms) * fixture_millisecond(PROFILE_NATIVE);
}

static void assert_time(const struct fixture *fixture, size_t index, int64_t ms) {
    assert_true(index < fixture->count);
    assert_int_equal(fixture->exported[index].record_time, us(ms));
}

/* A cut is told at the packet that cuts, an idle flow when time has gone on, the rest at the end. */
static void test_records_have_the_time_of_their_export(void **state) {
    (void)state;
    struct fixture fixture;
    open_profile(&fixture, PROFILE_NATIVE);
    for (int64_t ms = 0; ms <= ACTIVE_MS; ms += 500)
        feed(&fixture, at(PROFILE_NATIVE, ms, 1, false));
    assert_time(&fixture, 0, ACTIVE_MS);
    meter_tick(fixture.meter, us(ACTIVE_MS + IDLE_MS + 7));
    assert_time(&fixture, 1, ACTIVE_MS + IDLE_MS + 7);
    feed(&fixture, at(PROFILE_NATIVE, 2 * FAR_AHEAD_MS, 2, false));
    meter_finish(fixture.meter, END_OF_INPUT);
    assert_time(&fixture, 2, 2 * FAR_AHEAD_MS);
    assert_int_equal(fixture.count, 3);
    fixture_close(&fixture);
}

/* The wall clock goes an hour ahead, and back: the packets' times of a record follow, the record's own time stays ahead. */
static void test_a_clock_that_is_set_back_takes_no_record_back(void **state) {
    (void)state;
    struct fixture fixture;
    open_profile(&fixture, PROFILE_NATIVE);
    struct packet packet = at(PROFILE_NATIVE, 0, 1, false);
    packet.to_wall = FAR_AHEAD_MS * fixture_millisecond(PROFILE_NATIVE);
    feed(&fixture, packet);
    meter_tick(fixture.meter, us(IDLE_MS));
    assert_time(&fixture, 0, FAR_AHEAD_MS + IDLE_MS);
    feed(&fixture, at(PROFILE_NATIVE, IDLE_MS + 1, 2, false));
    meter_tick(fixture.meter, us(2 * IDLE_MS + 1));
    assert_time(&fixture, 1, FAR_AHEAD_MS + IDLE_MS);
    meter_tick(fixture.meter, us(FAR_AHEAD_MS));
    feed(&fixture, at(PROFILE_NATIVE, FAR_AHEAD_MS + IDLE_MS + 1, 3, false));
    meter_finish(fixture.meter, END_OF_INPUT);
    assert_time(&fixture, 2, FAR_AHEAD_MS + IDLE_MS + 1);
    fixture_close(&fixture);
}

static void test_a_recording_starts_anew(void **state) {
    (void)state;
    struct fixture fixture;
    open_profile(&fixture, PROFILE_NATIVE);
    feed(&fixture, at(PROFILE_NATIVE, 1000, 1, false));
    meter_begin_recording(fixture.meter);
    assert_time(&fixture, 0, 1000);
    feed(&fixture, at(PROFILE_NATIVE, 10, 1, false));
    meter_finish(fixture.meter, END_OF_INPUT);
    assert_time(&fixture, 1, 10);
    fixture_close(&fixture);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_records_have_the_time_of_their_export),
        cmocka_unit_test(test_a_clock_that_is_set_back_takes_no_record_back),
        cmocka_unit_test(test_a_recording_starts_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
