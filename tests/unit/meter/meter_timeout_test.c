/* Which packet cuts a flow, and what the next slice keeps. */
#include "meter/meter_case.h"

/* Two packets of one connection, `gap` ticks apart: how many flows, and why did the first end? */
static void check_gap(enum meter_profile profile, int64_t gap, size_t flows) {
    struct fixture fixture;
    open_profile(&fixture, profile);
    struct packet packet = at(profile, 0, 1, false);
    feed(&fixture, packet);
    packet.time += gap;
    feed(&fixture, packet);
    meter_finish(fixture.meter, END_OF_INPUT);
    assert_int_equal(fixture.count, flows);
    check_export(&fixture, 0, 1, flows == 2 ? END_IDLE : END_OF_INPUT);
    assert_int_equal(fixture.exported[0].open_at_export,
                     0); /* the next flow begins after this one's export */
    if (flows == 2) {
        assert_int_equal(fixture.exported[1].flow.slice, 0);
        assert_int_equal(fixture.exported[1].flow.uid_time, packet.time);
    }
    fixture_close(&fixture);
}

static void test_idle_cut_at_exactly_the_timeout(void **state) {
    (void)state;
    check_gap(PROFILE_NFSTREAM, IDLE_MS - 1, 1);
    check_gap(PROFILE_NFSTREAM, IDLE_MS, 2);
    check_gap(PROFILE_NATIVE, INT64_C(1000) * IDLE_MS - 1, 1);
    check_gap(PROFILE_NATIVE, INT64_C(1000) * IDLE_MS, 2);
}

/* A packet every 100 ms, the last one `last` ticks after the first, from the other side. */
static void feed_long_flow(struct fixture *fixture, enum meter_profile profile, int64_t last) {
    int64_t ms = fixture_millisecond(profile);
    for (int64_t i = 0; i < last; i += 100 * ms)
        feed(fixture, at(profile, i / ms, 1, false));
    struct packet packet = at(profile, 0, 1, true);
    packet.time += last;
    feed(fixture, packet);
}

static void test_active_cut_at_exactly_the_timeout(void **state) {
    (void)state;
    for (int profile = PROFILE_NATIVE; profile <= PROFILE_NFSTREAM; profile++) {
        int64_t timeout = ACTIVE_MS * fixture_millisecond(profile);
        for (int64_t last = timeout - 1; last <= timeout; last++) {
            struct fixture fixture;
            open_profile(&fixture, profile);
            feed_long_flow(&fixture, profile, last);
            assert_int_equal(fixture.count, last == timeout);
            meter_finish(fixture.meter, END_OF_INPUT);
            check_export(&fixture, 0, 1, last == timeout ? END_ACTIVE : END_OF_INPUT);
            fixture_close(&fixture);
        }
    }
}

static void test_idle_is_tested_before_active(void **state) {
    (void)state;
    for (int profile = PROFILE_NATIVE; profile <= PROFILE_NFSTREAM; profile++) {
        struct fixture fixture;
        open_profile(&fixture, profile);
        feed(&fixture, at(profile, 0, 1, false));
        feed(&fixture, at(profile, ACTIVE_MS, 1, false));
        check_export(&fixture, 0, 1, END_IDLE);
        fixture_close(&fixture);
    }
}

/* Whether the last sweep came before or after a flow's timeout must not show: with several meters it depends on whose
 * packet came last. */
static void test_native_finish_tells_idle_flows(void **state) {
    (void)state;
    for (int64_t past = -1; past <= 0; past++) {
        struct fixture fixture;
        open_profile(&fixture, PROFILE_NATIVE);
        struct packet packet = at(PROFILE_NATIVE, 0, 1, false);
        feed(&fixture, packet);
        struct packet other = at(PROFILE_NATIVE, 0, 2, false);
        other.time += INT64_C(1000) * IDLE_MS - 5000;
        feed(&fixture, other);
        /* Too soon after the last sweep for another one. */
        meter_tick(fixture.meter, packet.time + INT64_C(1000) * IDLE_MS + past);
        assert_int_equal(fixture.count, 0);
        meter_finish(fixture.meter, END_OF_INPUT);
        check_export(&fixture, 0, 1, past < 0 ? END_OF_INPUT : END_IDLE);
        check_export(&fixture, 1, 2, END_OF_INPUT);
        fixture_close(&fixture);
    }
}

static void test_nfstream_turns_around_after_a_cut(void **state) {
    (void)state;
    struct fixture fixture;
    open_profile(&fixture, PROFILE_NFSTREAM);
    feed_long_flow(&fixture, PROFILE_NFSTREAM, ACTIVE_MS);
    meter_finish(fixture.meter, END_OF_INPUT);
    const struct flow *second = &fixture.exported[1].flow;
    assert_int_equal(flow_source_port(second), 80);
    assert_int_equal(flow_counters(second, SRC2DST).packets, 1);
    assert_int_equal(second->slice, 0);
    assert_int_equal(second->uid_time, START_MS + ACTIVE_MS);
    fixture_close(&fixture);
}

static void test_native_slices_keep_orientation_and_identity(void **state) {
    (void)state;
    struct fixture fixture;
    open_profile(&fixture, PROFILE_NATIVE);
    struct packet first = at(PROFILE_NATIVE, 0, 1, false);
    first.tcp_flags = TCP_SYN;
    feed(&fixture, first);
    feed_long_flow(&fixture, PROFILE_NATIVE, INT64_C(1000) * ACTIVE_MS);
    feed(&fixture, at(PROFILE_NATIVE, ACTIVE_MS + 500, 1, false));
    meter_finish(fixture.meter, END_OF_INPUT);
    assert_int_equal(fixture.count, 2);
    const struct flow *one = &fixture.exported[0].flow, *two = &fixture.exported[1].flow;
    assert_int_equal(one->slice, 0);
    assert_int_equal(two->slice, 1);
    assert_memory_equal(&one->key, &two->key, sizeof(one->key));
    assert_int_equal(two->uid_time, one->uid_time);
    assert_int_equal(flow_source_port(two), 4000);
    assert_int_equal(two->first_tcp_flags, TCP_SYN);
    assert_int_equal(flow_counters(two, SRC2DST).packets, 1);
    assert_int_equal(flow_counters(two, DST2SRC).packets, 1);
    assert_int_equal(flow_counters(two, BIDIRECTIONAL).first_seen, (int64_t)(START_MS + ACTIVE_MS) * 1000);
    fixture_close(&fixture);
}

/* A flow whose idle cut comes after a slice is a new flow, with an identity of its own. */
static void test_native_idle_cut_ends_the_identity(void **state) {
    (void)state;
    struct fixture fixture;
    open_profile(&fixture, PROFILE_NATIVE);
    feed_long_flow(&fixture, PROFILE_NATIVE, INT64_C(1000) * ACTIVE_MS);
    feed(&fixture, at(PROFILE_NATIVE, ACTIVE_MS + IDLE_MS, 1, true));
    meter_finish(fixture.meter, END_OF_INPUT);
    assert_int_equal(fixture.count, 3);
    assert_int_equal(fixture.exported[1].flow.end_reason, END_IDLE);
    assert_int_equal(fixture.exported[2].flow.slice, 0);
    assert_int_equal(flow_source_port(&fixture.exported[2].flow), 80);
    assert_int_equal(fixture.exported[2].flow.uid_time, (int64_t)(START_MS + ACTIVE_MS + IDLE_MS) * 1000);
    fixture_close(&fixture);
}

/* NFStream takes timeouts of 0: each packet ends what came before. */
static void test_timeouts_of_zero(void **state) {
    (void)state;
    for (int profile = PROFILE_NATIVE; profile <= PROFILE_NFSTREAM; profile++)
        for (int idle = 0; idle <= 1; idle++) {
            struct meter_options options = options_of(profile);
            *(idle ? &options.idle_timeout : &options.active_timeout) = 0;
            struct fixture fixture;
            fixture_open(&fixture, &options);
            for (int i = 0; i < 4; i++)
                feed(&fixture, at(profile, i / 2, 1, false)); /* also two at the same time */
            meter_finish(fixture.meter, END_OF_INPUT);
            assert_int_equal(fixture.count, 4);
            for (size_t i = 0; i < 4; i++) {
                enum end_reason reason = idle ? END_IDLE : END_ACTIVE;
                assert_int_equal(flow_counters(&fixture.exported[i].flow, BIDIRECTIONAL).packets, 1);
                /* Natively the last flow is idle at the end of the input too. */
                bool cut = i < 3 || (idle && profile == PROFILE_NATIVE);
                check_export(&fixture, i, 1, cut ? reason : END_OF_INPUT);
            }
            fixture_close(&fixture);
        }
}

/* The open flows too: one ends that was open by the timeout before, and one goes on that would have ended. */
static void test_timeouts_can_be_changed(void **state) {
    (void)state;
    for (int profile = PROFILE_NATIVE; profile <= PROFILE_NFSTREAM; profile++) {
        struct fixture fixture;
        int64_t ms = fixture_millisecond(profile);
        open_profile(&fixture, profile);
        feed(&fixture, at(profile, 0, 1, false));
        feed(&fixture, at(profile, 100, 2, false));
        meter_set_timeouts(fixture.meter, 300 * ms, 500 * ms);
        feed(&fixture, at(profile, 300, 1, false)); /* idle by the new one alone */
        assert_int_equal(fixture.count, 1);
        check_export(&fixture, 0, 1, END_IDLE);
        meter_set_timeouts(fixture.meter, 2000 * ms, 5000 * ms);
        feed(&fixture, at(profile, 1900, 2, false)); /* idle by the two before */
        assert_int_equal(fixture.count, 1);
        meter_set_timeouts(fixture.meter, 2000 * ms, 1000 * ms);
        feed(&fixture, at(profile, 1950, 2, false));
        assert_int_equal(fixture.count, 2);
        check_export(&fixture, 1, 2, END_ACTIVE);
        fixture_close(&fixture);
    }
}

static void test_longer_intervals_may_need_more_room(void **state) {
    (void)state;
    const struct meter_options from = {
        .idle_timeout = 1000000, .active_timeout = 1000000, .statistical_analysis = true};
    struct meter_options to = from;
    to.idle_timeout = to.active_timeout = INT64_C(1000000) * 3600;
    assert_true(meter_takes_timeouts(&from, &to));
    to.active_timeout = INT64_C(1000000) * 7200;
    assert_false(meter_takes_timeouts(&from, &to));
    assert_false(meter_takes_timeouts(&to, &from));
    to = from;
    to.idle_timeout = INT64_C(1000000) * 7200;
    assert_true(meter_takes_timeouts(&from, &to)); /* no SPLT, so no intervals of silence */
}

static void test_states_that_change_by_as_much_are_seen(void **state) {
    (void)state;
    const int64_t hour = INT64_C(3600000000);
    /* The intervals of 12 packets take 48 bytes less, and statistics 48 more; the state of one packet grows within 16 bytes. */
    struct meter_options from = {
        .idle_timeout = 2 * hour, .active_timeout = hour, .statistical_analysis = true, .splt_analysis = 12};
    struct meter_options to = from;
    to.idle_timeout = hour, to.active_timeout = 2 * hour;
    assert_false(meter_takes_timeouts(&from, &to));
    from = (struct meter_options){.idle_timeout = hour / 30, .active_timeout = hour, .splt_analysis = 1};
    to = from;
    to.idle_timeout = 2 * hour;
    assert_false(meter_takes_timeouts(&from, &to));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_idle_cut_at_exactly_the_timeout),
        cmocka_unit_test(test_active_cut_at_exactly_the_timeout),
        cmocka_unit_test(test_idle_is_tested_before_active),
        cmocka_unit_test(test_native_finish_tells_idle_flows),
        cmocka_unit_test(test_nfstream_turns_around_after_a_cut),
        cmocka_unit_test(test_native_slices_keep_orientation_and_identity),
        cmocka_unit_test(test_native_idle_cut_ends_the_identity),
        cmocka_unit_test(test_timeouts_of_zero),
        cmocka_unit_test(test_timeouts_can_be_changed),
        cmocka_unit_test(test_longer_intervals_may_need_more_room),
        cmocka_unit_test(test_states_that_change_by_as_much_are_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
