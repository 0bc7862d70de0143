/* UDP flows of one packet each way end before others (meter.udp_answered_timeout). */
#include "meter/meter_case.h"

enum { ANSWERED_MS = 100 };

static void open_answered(struct fixture *fixture, int64_t answered_ms) {
    struct meter_options options = options_of(PROFILE_NATIVE);
    options.udp_answered_timeout = answered_ms * 1000;
    fixture_open(fixture, &options);
}

static void ask_and_answer(struct fixture *fixture, int64_t ms, uint32_t number) {
    feed(fixture, at(PROFILE_NATIVE, ms, number, false));
    feed(fixture, at(PROFILE_NATIVE, ms, number, true));
}

static void tick(struct fixture *fixture, int64_t ms) {
    meter_tick(fixture->meter, (START_MS + ms) * 1000);
}

static void test_ends_early(void **state) {
    (void)state;
    struct fixture fixture;
    open_answered(&fixture, ANSWERED_MS);
    feed(&fixture, at(PROFILE_NATIVE, 0, 1, false)); /* not answered */
    ask_and_answer(&fixture, 1, 2);
    tick(&fixture, ANSWERED_MS);
    assert_int_equal(fixture.count, 0);
    tick(&fixture, ANSWERED_MS + 11);
    check_export(&fixture, 0, 2, END_ANSWERED);
    tick(&fixture, IDLE_MS + 50);
    check_export(&fixture, 1, 1, END_IDLE);
    assert_int_equal(fixture.count, 2);
    fixture_close(&fixture);
}

/* A third packet makes it a flow like any other. */
static void test_goes_on(void **state) {
    (void)state;
    struct fixture fixture;
    open_answered(&fixture, ANSWERED_MS);
    ask_and_answer(&fixture, 0, 1);
    feed(&fixture, at(PROFILE_NATIVE, 50, 1, false));
    feed(&fixture, at(PROFILE_NATIVE, 900, 1, true));
    assert_int_equal(flow_counters(one_flow(&fixture), BIDIRECTIONAL).packets, 4);
    assert_int_equal(one_flow(&fixture)->end_reason, END_OF_INPUT);
    fixture_close(&fixture);
}

static void test_cut_flow_waits_as_others_do(void **state) {
    (void)state;
    struct fixture fixture;
    struct meter_options options = options_of(PROFILE_NATIVE);
    options.udp_answered_timeout = ANSWERED_MS * 1000;
    options.active_timeout = 20 * 1000;
    fixture_open(&fixture, &options);
    ask_and_answer(&fixture, 0, 1);
    feed(&fixture, at(PROFILE_NATIVE, 50, 1, false));
    check_export(&fixture, 0, 1, END_ACTIVE);
    tick(&fixture, 50 + IDLE_MS - 1);
    assert_int_equal(fixture.count, 1);
    tick(&fixture, 50 + IDLE_MS + 20);
    check_export(&fixture, 1, 1, END_IDLE);
    fixture_close(&fixture);
}

/* The next packet of the key begins another flow, whether or not the meter has swept. */
static void test_next_question(void **state) {
    (void)state;
    struct fixture fixture;
    open_answered(&fixture, ANSWERED_MS);
    ask_and_answer(&fixture, 0, 1);
    ask_and_answer(&fixture, ANSWERED_MS, 1);
    meter_finish(fixture.meter, END_OF_INPUT);
    check_export(&fixture, 0, 1, END_ANSWERED);
    check_export(&fixture, 1, 1, END_OF_INPUT);
    assert_int_equal(fixture.count, 2);
    fixture_close(&fixture);
}

static void test_off_and_other_protocols(void **state) {
    (void)state;
    struct fixture fixture;
    open_answered(&fixture, 0);
    ask_and_answer(&fixture, 0, 1);
    tick(&fixture, IDLE_MS - 1);
    assert_int_equal(fixture.count, 0);
    meter_finish(fixture.meter, END_OF_INPUT);
    fixture_close(&fixture);
    open_answered(&fixture, ANSWERED_MS);
    for (int back = 0; back < 2; back++) {
        struct packet packet = at(PROFILE_NATIVE, 0, 1, back == 1);
        packet.protocol = TCP;
        feed(&fixture, packet);
    }
    tick(&fixture, IDLE_MS - 1);
    assert_int_equal(fixture.count, 0);
    meter_finish(fixture.meter, END_OF_INPUT);
    fixture_close(&fixture);
}

/* A full table gives up what was answered before what goes on. */
static void test_is_evicted_before_established_flows(void **state) {
    (void)state;
    struct fixture fixture;
    open_answered(&fixture, ANSWERED_MS);
    ask_and_answer(&fixture, 0, 1);
    feed(&fixture, at(PROFILE_NATIVE, 1, 1, false)); /* it goes on */
    for (uint32_t i = 2; i < MAX_FLOWS + 1; i++)
        ask_and_answer(&fixture, 2, i);
    assert_int_equal(fixture.count, 0);
    feed(&fixture, at(PROFILE_NATIVE, 3, 5000, false));
    check_export(&fixture, 0, 2, END_EVICTED);
    meter_finish(fixture.meter, END_OF_INPUT);
    fixture_close(&fixture);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ends_early),
        cmocka_unit_test(test_goes_on),
        cmocka_unit_test(test_cut_flow_waits_as_others_do),
        cmocka_unit_test(test_next_question),
        cmocka_unit_test(test_off_and_other_protocols),
        cmocka_unit_test(test_is_evicted_before_established_flows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
