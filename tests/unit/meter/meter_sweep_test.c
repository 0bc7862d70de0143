/* When sweeps and ticks end idle flows, how many, and in which order. */
#include "meter/meter_case.h"

/* Flow 1 lives long, flows 2 and 3 end early. */
static void feed_one_long_two_short(struct fixture *fixture, enum meter_profile profile) {
    for (int64_t ms = 0; ms <= INT64_C(2) * IDLE_MS; ms += 50) {
        feed(fixture, at(profile, ms, 1, false));
        if (ms == 100)
            feed(fixture, at(profile, ms, 2, false));
        if (ms == 150)
            feed(fixture, at(profile, ms, 3, false));
    }
}

static void test_nfstream_long_flow_blocks_the_idle_scan(void **state) {
    (void)state;
    struct fixture fixture;
    open_profile(&fixture, PROFILE_NFSTREAM);
    feed_one_long_two_short(&fixture, PROFILE_NFSTREAM);
    assert_int_equal(fixture.count, 0);
    meter_finish(fixture.meter, END_OF_INPUT);
    for (uint32_t i = 0; i < 3; i++)
        check_export(&fixture, i, i + 1, END_OF_INPUT); /* in order of creation */
    fixture_close(&fixture);
}

static void test_native_long_flow_blocks_nothing(void **state) {
    (void)state;
    struct fixture fixture;
    open_profile(&fixture, PROFILE_NATIVE);
    feed_one_long_two_short(&fixture, PROFILE_NATIVE);
    assert_int_equal(fixture.count, 2);
    check_export(&fixture, 0, 2, END_IDLE);
    check_export(&fixture, 1, 3, END_IDLE);
    fixture_close(&fixture);
}

/* The scan runs after the packet, at the first packet 10 ms or more after the last scan. */
static void test_sweeps_every_ten_milliseconds(void **state) {
    (void)state;
    for (int profile = PROFILE_NATIVE; profile <= PROFILE_NFSTREAM; profile++) {
        struct fixture fixture;
        open_profile(&fixture, profile);
        feed(&fixture, at(profile, 0, 1, false));
        feed(&fixture, at(profile, 2, 2, false));
        feed(&fixture, at(profile, IDLE_MS - 5, 3, false)); /* a scan that finds nothing */
        feed(&fixture, at(profile, IDLE_MS + 4, 4, false)); /* 9 ms later: none is due */
        assert_int_equal(fixture.count, 0);
        feed(&fixture, at(profile, IDLE_MS + 5, 3, false));
        assert_int_equal(fixture.count, 2);
        check_export(&fixture, 0, 1, END_IDLE);
        check_export(&fixture, 1, 2, END_IDLE);
        fixture_close(&fixture);
    }
}

static void test_sweep_comes_after_the_packet(void **state) {
    (void)state;
    for (int profile = PROFILE_NATIVE; profile <= PROFILE_NFSTREAM; profile++) {
        struct fixture fixture;
        open_profile(&fixture, profile);
        feed(&fixture, at(profile, 0, 1, false));
        feed(&fixture, at(profile, 1, 2, false));
        feed(&fixture, at(profile, IDLE_MS + 1, 2, false));
        assert_int_equal(fixture.count, 2);
        check_export(&fixture, 0, 2, END_IDLE); /* cut by its packet, before the scan reached flow 1 */
        check_export(&fixture, 1, 1, END_IDLE);
        fixture_close(&fixture);
    }
}

/* 1,500 idle flows: a scan takes 1,000, and NFStream takes the rest 10 ms later. */
static void test_nfstream_scan_is_bounded(void **state) {
    (void)state;
    struct meter_options options = options_of(PROFILE_NFSTREAM);
    options.flow_table_size = 4096;
    struct fixture fixture;
    fixture_open(&fixture, &options);
    for (uint32_t i = 0; i < 1500; i++)
        feed(&fixture, at(PROFILE_NFSTREAM, 0, i, false));
    feed(&fixture, at(PROFILE_NFSTREAM, IDLE_MS, 2000, false));
    assert_int_equal(fixture.count, 1000);
    feed(&fixture, at(PROFILE_NFSTREAM, IDLE_MS + 1, 2000, false));
    assert_int_equal(fixture.count, 1000);
    feed(&fixture, at(PROFILE_NFSTREAM, IDLE_MS + 10, 2000, false));
    assert_int_equal(fixture.count, 1500);
    for (uint32_t i = 0; i < 1500; i++)
        check_export(&fixture, i, i, END_IDLE);
    fixture_close(&fixture);
}

enum { CROWD = 20000, FEW = 16, STEP_MICROSECONDS = 5 };

/* A meter with flows 0 to CROWD - 1, of one packet each, all at the same time. */
static void open_crowd(struct fixture *fixture) {
    struct meter_options options = options_of(PROFILE_NATIVE);
    options.flow_table_size = 4 * CROWD;
    fixture_open(fixture, &options);
    for (uint32_t i = 0; i < CROWD; i++)
        feed(fixture, at(PROFILE_NATIVE, 0, i, false));
}

/* All end at once, at 200,000 packets a second: each packet ends a few, and soon none is left. */
static void check_sweep_between_packets(bool new_flows) {
    struct fixture fixture;
    open_crowd(&fixture);
    struct packet packet = at(PROFILE_NATIVE, IDLE_MS, CROWD, false);
    uint32_t packets = 0;
    for (size_t before; fixture.count < CROWD; packets++) {
        before = fixture.count;
        if (new_flows)
            packet.source[1] = (uint8_t)(packets >> 8), packet.source_port = (uint16_t)(packets & 255);
        feed(&fixture, packet);
        assert_true(fixture.count - before <= FEW);
        packet.time += STEP_MICROSECONDS;
    }
    assert_in_range(packets, CROWD / FEW, 2 * CROWD + FEW);
    for (uint32_t i = 0; i < CROWD; i++)
        check_export(&fixture, i, i, END_IDLE);
    fixture_close(&fixture);
}

static void test_native_sweep_ends_a_few_between_packets(void **state) {
    (void)state;
    check_sweep_between_packets(false);
    check_sweep_between_packets(true);
}

/* A packet may come at any moment: each tick is short, and says that there is more. */
static void test_ticks_are_short(void **state) {
    (void)state;
    struct fixture fixture;
    open_crowd(&fixture);
    int64_t time = at(PROFILE_NATIVE, IDLE_MS, 0, false).time;
    size_t before = 0;
    while (meter_tick(fixture.meter, time)) {
        assert_in_range(fixture.count - before, 1, 256);
        before = fixture.count;
    }
    assert_int_equal(fixture.count, CROWD);
    assert_false(meter_tick(fixture.meter, time));
    fixture_close(&fixture);
}

/* Sweeps hold back while there is no room, on ticks and between packets, and what must end ends even so. */
static void test_sweeps_wait_for_room(void **state) {
    (void)state;
    struct fixture fixture;
    open_crowd(&fixture);
    fixture.room = 100;
    meter_ask_for_room(fixture.meter, fixture_has_room);
    int64_t time = at(PROFILE_NATIVE, IDLE_MS, 0, false).time;
    assert_false(meter_tick(fixture.meter, time));
    assert_int_equal(fixture.count, 100);
    struct packet packet = at(PROFILE_NATIVE, IDLE_MS + 20, CROWD - 1, false);
    feed(&fixture, packet); /* its flow was idle */
    assert_int_equal(fixture.count, 101);
    check_export(&fixture, 100, CROWD - 1, END_IDLE);
    for (int i = 0; i < 1000; i++, packet.time += STEP_MICROSECONDS)
        feed(&fixture, packet);
    assert_int_equal(fixture.count, 101);
    fixture.room = 5000;
    while (fixture.count < fixture.room && packet.time < time + 10000000) {
        packet.time += STEP_MICROSECONDS;
        feed(&fixture, packet);
    }
    assert_int_equal(fixture.count, 5000);
    meter_finish(fixture.meter, END_SHUTDOWN);
    assert_int_equal(fixture.count, CROWD + 1);
    fixture_close(&fixture);
}

static void test_tick_expires(void **state) {
    (void)state;
    for (int profile = PROFILE_NATIVE; profile <= PROFILE_NFSTREAM; profile++) {
        struct fixture fixture;
        open_profile(&fixture, profile);
        int64_t ms = fixture_millisecond(profile);
        feed(&fixture, at(profile, 0, 1, false));
        assert_false(meter_tick(fixture.meter, (START_MS + IDLE_MS) * ms - 1));
        assert_int_equal(fixture.count, 0);
        assert_false(meter_tick(fixture.meter, (START_MS + IDLE_MS + 20) * ms));
        assert_int_equal(fixture.count, 1);
        check_export(&fixture, 0, 1, END_IDLE);
        fixture_close(&fixture);
    }
}

static void test_native_finish_is_in_order_of_last_use(void **state) {
    (void)state;
    struct fixture fixture;
    open_profile(&fixture, PROFILE_NATIVE);
    static const uint32_t uses[] = {1, 2, 3, 4, 2, 1}; /* so 3 and 4 stay in another class than 2 and 1 */
    for (size_t i = 0; i < sizeof(uses) / sizeof(*uses); i++)
        feed(&fixture, at(PROFILE_NATIVE, (int64_t)i, uses[i], false));
    meter_finish(fixture.meter, END_SHUTDOWN);
    static const uint32_t order[] = {3, 4, 2, 1};
    for (size_t i = 0; i < 4; i++)
        check_export(&fixture, i, order[i], END_SHUTDOWN);
    fixture_close(&fixture);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nfstream_long_flow_blocks_the_idle_scan),
        cmocka_unit_test(test_native_long_flow_blocks_nothing),
        cmocka_unit_test(test_sweeps_every_ten_milliseconds),
        cmocka_unit_test(test_sweep_comes_after_the_packet),
        cmocka_unit_test(test_nfstream_scan_is_bounded),
        cmocka_unit_test(test_native_sweep_ends_a_few_between_packets),
        cmocka_unit_test(test_ticks_are_short),
        cmocka_unit_test(test_sweeps_wait_for_room),
        cmocka_unit_test(test_tick_expires),
        cmocka_unit_test(test_native_finish_is_in_order_of_last_use),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
