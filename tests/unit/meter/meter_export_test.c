/* What becomes of flows that are not taken, and what is told of those that are. */
#include "meter/meter_case.h"

#include "aborts.h"

static uint64_t discarded(const struct fixture *fixture) {
    struct meter_statistics statistics;
    meter_statistics(fixture->meter, &statistics);
    return statistics.flows_discarded;
}

/* What the export call doesn't take is counted, in the middle of a sweep and of the end, and nothing else changes. */
static void test_what_is_not_taken_is_discarded(void **state) {
    (void)state;
    for (int profile = PROFILE_NATIVE; profile <= PROFILE_NFSTREAM; profile++) {
        struct fixture fixture;
        open_profile(&fixture, profile);
        fixture.limit = 3;
        for (uint32_t i = 0; i < 5; i++)
            feed(&fixture, at(profile, i, i, false));
        feed(&fixture, at(profile, IDLE_MS + 100, 7, false)); /* its sweep ends all five */
        assert_int_equal(fixture.count, 3);
        assert_int_equal(discarded(&fixture), 2);
        for (uint32_t i = 0; i < 3; i++)
            check_export(&fixture, i, i, END_IDLE);
        feed(&fixture, at(profile, IDLE_MS + 101, 8, false));
        fixture_check_ledger(&fixture);
        meter_finish(fixture.meter, END_OF_INPUT);
        assert_int_equal(fixture.count, 3);
        assert_int_equal(discarded(&fixture), 4);
        fixture_close(&fixture);
    }
}

/* A slice that isn't taken is one of the flows that are counted; the next slice goes on. */
static void test_slices_may_be_discarded(void **state) {
    (void)state;
    struct fixture fixture;
    open_profile(&fixture, PROFILE_NATIVE);
    fixture.limit = 1;
    for (int64_t ms = 0; ms <= 2 * ACTIVE_MS; ms += 500)
        feed(&fixture, at(PROFILE_NATIVE, ms, 1, false));
    meter_finish(fixture.meter, END_OF_INPUT);
    assert_int_equal(fixture.count, 1);
    check_export(&fixture, 0, 1, END_ACTIVE);
    assert_int_equal(discarded(&fixture), 2);
    fixture_close(&fixture);
}

static void test_flags_of_packets_collect(void **state) {
    (void)state;
    struct fixture fixture;
    open_profile(&fixture, PROFILE_NATIVE);
    struct packet packet = at(PROFILE_NATIVE, 0, 1, false);
    packet.flags = PACKET_HAS_MAC;
    feed(&fixture, packet);
    packet.flags = PACKET_TRUNCATED;
    feed(&fixture, packet);
    const struct flow *flow = one_flow(&fixture);
    assert_int_equal(flow->first_flags, PACKET_HAS_MAC);
    assert_int_equal(flow->seen_flags, PACKET_HAS_MAC | PACKET_TRUNCATED);
    fixture_close(&fixture);
}

static void test_meter_with_open_flows_can_be_destroyed(void **state) {
    (void)state;
    struct meter_options options = options_of(PROFILE_NATIVE);
    options.n_dissections = 20;
    options.statistical_analysis = true;
    options.splt_analysis = 20;
    struct fixture fixture;
    fixture_open(&fixture, &options);
    for (uint32_t i = 0; i < 100; i++)
        feed(&fixture, at(PROFILE_NATIVE, 0, i, false));
    fixture_close(&fixture);
}

static void test_names_of_end_reasons(void **state) {
    (void)state;
    assert_string_equal(end_reason_name(END_IDLE), "idle");
    assert_string_equal(end_reason_name(END_ACTIVE), "active");
    assert_string_equal(end_reason_name(END_OF_INPUT), "end_of_input");
    assert_string_equal(end_reason_name(END_EVICTED), "evicted");
    assert_string_equal(end_reason_name(END_SHUTDOWN), "shutdown");
}

static void finish(void *context) {
    meter_finish(context, END_OF_INPUT);
}

static void destroy(void *context) {
    meter_destroy(context);
}

static void test_what_is_no_meter_stops_the_program(void **state) {
    (void)state;
    static _Alignas(64) unsigned char zeros[4096];
    assert_true(aborts(finish, zeros));
    assert_true(aborts(destroy, zeros));
    assert_true(aborts(finish, NULL));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_not_taken_is_discarded),
        cmocka_unit_test(test_slices_may_be_discarded),
        cmocka_unit_test(test_flags_of_packets_collect),
        cmocka_unit_test(test_meter_with_open_flows_can_be_destroyed),
        cmocka_unit_test(test_names_of_end_reasons),
        cmocka_unit_test(test_what_is_no_meter_stops_the_program),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
