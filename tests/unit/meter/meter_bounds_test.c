/* What a meter promises of the times of its later records, held against each of these. */
#include "meter/meter_case.h"

enum { SECOND_US = 1000000, PROMISES = 4096, FLOWS = 40 };

/* A promise, and how many records there were before it. */
struct promise {
    struct meter_bounds bounds;
    size_t records;
};

static struct promise promises[PROMISES];
static size_t promised;

static int64_t us(int64_t ms) {
    return (START_MS + ms) * 1000;
}

static struct meter_options options_with_bounds(enum meter_profile profile) {
    struct meter_options options = options_of(profile);
    options.bounds = true;
    options.tcp_end = profile == PROFILE_NATIVE;
    options.udp_answered_timeout = profile == PROFILE_NATIVE ? IDLE_MS / 4 * 1000 : 0;
    return options;
}

static struct meter_bounds ask(const struct fixture *fixture, int64_t lateness) {
    struct meter_bounds bounds;
    meter_bounds(fixture->meter, lateness, &bounds);
    return bounds;
}

static void promise(const struct fixture *fixture, int64_t lateness) {
    assert_true(promised < PROMISES);
    promises[promised++] = (struct promise){ask(fixture, lateness), fixture->count};
}

static void assert_kept(const struct promise *promise, const struct exported *record, int64_t tick) {
    const struct meter_bounds *bounds = &promise->bounds;
    const struct flow *flow = &record->flow;
    assert_true(record->record_time * tick >= bounds->record_time);
    assert_true(flow_wall_time(flow, flow_last_seen(flow, BIDIRECTIONAL)) * tick >= bounds->last_seen);
    assert_true(flow_wall_time(flow, flow_first_seen(flow, BIDIRECTIONAL)) * tick >= bounds->first_seen);
}

static void assert_all_kept(const struct fixture *fixture, int64_t tick) {
    for (size_t i = 0; i < promised; i++)
        for (size_t record = promises[i].records; record < fixture->count; record++)
            assert_kept(&promises[i], &fixture->exported[record], tick);
    promised = 0;
}

static void test_nothing_is_known_before_the_first_packet(void **state) {
    (void)state;
    struct fixture fixture;
    struct meter_options options = options_with_bounds(PROFILE_NATIVE);
    fixture_open(&fixture, &options);
    assert_false(ask(&fixture, 0).known);
    meter_tick(fixture.meter, us(0));
    assert_true(ask(&fixture, 0).known);
    assert_false(ask(&fixture, 0).has_open);
    assert_int_equal(ask(&fixture, 0).last_seen, us(0));
    assert_int_equal(ask(&fixture, 0).first_seen, us(0));
    assert_int_equal(ask(&fixture, 7).last_seen, us(0) - 7);
    assert_int_equal(ask(&fixture, 7).record_time, us(0));
    meter_begin_recording(fixture.meter);
    assert_false(ask(&fixture, 0).known);
    fixture_close(&fixture);
}

/* The least last packet is exact, the first one's time is that of its second. */
static void test_the_bounds_are_tight(void **state) {
    (void)state;
    struct fixture fixture;
    struct meter_options options = options_with_bounds(PROFILE_NATIVE);
    fixture_open(&fixture, &options);
    feed(&fixture, at(PROFILE_NATIVE, 100, 1, false));
    feed(&fixture, at(PROFILE_NATIVE, 200, 2, false));
    feed(&fixture, at(PROFILE_NATIVE, 950, 1, false));
    struct meter_bounds bounds = ask(&fixture, 0);
    assert_true(bounds.known && bounds.has_open);
    assert_int_equal(bounds.last_seen, us(200));
    assert_int_equal(bounds.first_seen, us(100) / SECOND_US * SECOND_US);
    assert_int_equal(bounds.record_time, us(950));
    feed(&fixture, at(PROFILE_NATIVE, 1190, 2, true));
    assert_int_equal(ask(&fixture, 0).last_seen, us(950));
    meter_tick(fixture.meter, us(9000));
    bounds = ask(&fixture, 0);
    assert_false(bounds.has_open);
    assert_int_equal(bounds.last_seen, us(9000));
    fixture_close(&fixture);
}

/* A connection that is over is in a list by the time at which it closed, and may have packets after that. */
static void test_a_closed_connection_is_bounded_by_its_close(void **state) {
    (void)state;
    struct fixture fixture;
    struct meter_options options = options_with_bounds(PROFILE_NATIVE);
    fixture_open(&fixture, &options);
    struct packet packet = made_packet(us(0), 1, 4000, 2, 80, TCP);
    packet.tcp_flags = TCP_SYN;
    feed(&fixture, packet);
    packet.time = us(100);
    packet.tcp_flags = TCP_RST;
    feed(&fixture, packet);
    packet.time = us(150);
    feed(&fixture, packet);
    feed(&fixture, at(PROFILE_NATIVE, 300, 1, false));
    promise(&fixture, 0);
    assert_int_equal(promises[0].bounds.last_seen, us(100));
    meter_finish(fixture.meter, END_OF_INPUT);
    assert_int_equal(fixture.count, 2);
    assert_all_kept(&fixture, 1);
    fixture_close(&fixture);
}

/* A held packet lets its flow stand before others whose packets are later. Once they are used, the bound is exact again. */
static void test_held_packets_are_allowed_for(void **state) {
    (void)state;
    struct fixture fixture;
    struct meter_options options = options_with_bounds(PROFILE_NATIVE);
    fixture_open(&fixture, &options);
    feed(&fixture, at(PROFILE_NATIVE, 500, 1, false));
    struct packet packet = at(PROFILE_NATIVE, 200, 2, false);
    packet.held_for = 400 * 1000;
    feed(&fixture, packet);
    promise(&fixture, 0);
    assert_int_equal(promises[0].bounds.last_seen, us(100));
    feed(&fixture, at(PROFILE_NATIVE, 700, 2, false));
    feed(&fixture, at(PROFILE_NATIVE, 800, 1, false));
    assert_int_equal(ask(&fixture, 0).last_seen, us(700));
    meter_finish(fixture.meter, END_OF_INPUT);
    assert_all_kept(&fixture, 1);
    fixture_close(&fixture);
}

/* A step back takes no promised record_time back, not even one that no record has had yet. */
static void test_a_step_back_breaks_no_promised_record_time(void **state) {
    (void)state;
    struct fixture fixture;
    struct meter_options options = options_with_bounds(PROFILE_NATIVE);
    fixture_open(&fixture, &options);
    feed(&fixture, at(PROFILE_NATIVE, 0, 1, false));
    meter_tick(fixture.meter, us(500));
    assert_int_equal(ask(&fixture, 0).record_time, us(500));
    struct packet packet = at(PROFILE_NATIVE, 600, 2, false);
    packet.to_wall = -(int64_t)300 * 1000;
    feed(&fixture, packet);
    assert_int_equal(ask(&fixture, 0).record_time, us(500));
    meter_finish(fixture.meter, END_OF_INPUT);
    assert_int_equal(fixture.count, 2);
    for (size_t i = 0; i < fixture.count; i++)
        assert_true(fixture.exported[i].record_time >= us(500));
    fixture_close(&fixture);
}

/* A fragment that came before a step ahead, and waits, has times of the clock as it was. */
static void test_a_step_ahead_waits_for_held_packets(void **state) {
    (void)state;
    const int64_t hour = (int64_t)3600 * SECOND_US, held = 1700 * 1000;
    struct fixture fixture;
    struct meter_options options = options_with_bounds(PROFILE_NATIVE);
    fixture_open(&fixture, &options);
    struct packet packet = at(PROFILE_NATIVE, 2000, 2, false);
    packet.to_wall = hour;
    feed(&fixture, packet);
    meter_tick(fixture.meter, us(3500));
    promise(&fixture, held);
    packet = at(PROFILE_NATIVE, 1900, 3, false);
    packet.held_for = (uint32_t)held;
    feed(&fixture, packet);
    meter_finish(fixture.meter, END_OF_INPUT);
    assert_int_equal(fixture.count, 2);
    assert_all_kept(&fixture, 1);
    fixture_close(&fixture);
}

/* While a slice is open that began before the wall clock was set ahead, all bounds are by the clock as it was. */
static void test_a_step_ahead_waits_for_the_slices_before_it(void **state) {
    (void)state;
    const int64_t hour = (int64_t)3600 * SECOND_US;
    struct fixture fixture;
    struct meter_options options = options_with_bounds(PROFILE_NATIVE);
    fixture_open(&fixture, &options);
    feed(&fixture, at(PROFILE_NATIVE, 0, 1, false));
    struct packet packet = at(PROFILE_NATIVE, 900, 2, false);
    packet.to_wall = hour;
    feed(&fixture, packet);
    promise(&fixture, 0);
    assert_int_equal(promises[0].bounds.last_seen, us(0));
    packet.time = us(1800);
    feed(&fixture, packet);
    meter_tick(fixture.meter, us(1850)); /* the first flow has ended */
    packet = at(PROFILE_NATIVE, 2750, 3, false);
    packet.to_wall = hour;
    feed(&fixture, packet);
    packet.time = us(2900);
    feed(&fixture, packet); /* and the second one, which began in the second of the step */
    meter_tick(fixture.meter, us(2950));
    promise(&fixture, 0);
    assert_int_equal(promises[1].bounds.last_seen, us(2900) + hour);
    meter_finish(fixture.meter, END_OF_INPUT);
    assert_all_kept(&fixture, 1);
    fixture_close(&fixture);
}

/* TCP that opens and closes, answered and unanswered UDP. */
static struct packet random_packet(uint32_t *random, int64_t time) {
    static const uint8_t flags[] = {TCP_SYN, TCP_SYN | TCP_ACK, TCP_ACK, TCP_ACK | TCP_FIN, TCP_RST};
    uint32_t number = made_random(random, FLOWS);
    bool back = made_random(random, 3) == 0, tcp = number % 2 == 0;
    struct packet packet = back ? made_packet(time, 1, 80, 1000 + number, 4000, tcp ? TCP : UDP)
                                : made_packet(time, 1000 + number, 4000, 1, 80, tcp ? TCP : UDP);
    if (tcp)
        packet.tcp_flags = flags[made_random(random, sizeof flags)];
    return packet;
}

/* Random traffic with pauses, fragments that were held, and steps of the clock ahead. */
static void traffic(struct fixture *fixture, enum meter_profile profile, uint32_t seed, bool held) {
    const int64_t ms = fixture_millisecond(profile);
    int64_t now = START_MS * ms, to_wall = 0, late = 0;
    uint32_t random = seed;
    for (int step = 0; step < 6000; step++) {
        now += made_random(&random, 60) == 0 ? made_random(&random, 2 * IDLE_MS) * ms
                                             : made_random(&random, 30) * ms;
        if (profile == PROFILE_NATIVE && made_random(&random, 1000) == 0)
            to_wall += made_random(&random, 60000) * ms;
        if (made_random(&random, 10) == 0)
            meter_tick(fixture->meter, now);
        struct packet packet = random_packet(&random, now);
        packet.to_wall = to_wall;
        /* The bound of held packets is known as long as one waits: here all the time. */
        if (held && made_random(&random, 20) == 0) {
            late = made_random(&random, 3000) * ms;
            packet.time -= late;
            packet.held_for = (uint32_t)late;
            packet.tcp_flags = 0;
        }
        feed(fixture, packet);
        if (made_random(&random, 8) == 0)
            promise(fixture, held ? 3000 * ms : 0);
    }
    meter_finish(fixture->meter, END_OF_INPUT);
}

static void test_every_promise_is_kept(void **state) {
    (void)state;
    for (uint32_t seed = 1; seed <= 6; seed++) {
        enum meter_profile profile = seed % 3 == 0 ? PROFILE_NFSTREAM : PROFILE_NATIVE;
        struct fixture fixture;
        struct meter_options options = options_with_bounds(profile);
        fixture_open(&fixture, &options);
        traffic(&fixture, profile, seed, seed % 3 == 1);
        assert_true(fixture.count > 200);
        assert_all_kept(&fixture, profile == PROFILE_NATIVE ? 1 : 1000);
        fixture_close(&fixture);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_is_known_before_the_first_packet),
        cmocka_unit_test(test_the_bounds_are_tight),
        cmocka_unit_test(test_a_closed_connection_is_bounded_by_its_close),
        cmocka_unit_test(test_held_packets_are_allowed_for),
        cmocka_unit_test(test_a_step_back_breaks_no_promised_record_time),
        cmocka_unit_test(test_a_step_ahead_waits_for_held_packets),
        cmocka_unit_test(test_a_step_ahead_waits_for_the_slices_before_it),
        cmocka_unit_test(test_every_promise_is_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
