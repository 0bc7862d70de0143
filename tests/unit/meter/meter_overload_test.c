/* What each step of the overload ladder does to flows; which new ones are metered at all is in meter_admission_test.c. */
#include "meter/overload_bench.h"

enum { ANSWERED_MS = 500, SWEEP_MS = 10, DNS = 53 };

static void short_idle_ends_flows_early(void **state) {
    (void)state;
    struct bench bench;
    plan(&bench, STEPS(OVERLOAD_short_idle));
    bench.options.udp_answered_timeout = ANSWERED_MS * 1000;
    start(&bench);
    take(&bench, 0, 1, false);
    tick(&bench, SHORT_MS);
    assert_int_equal(bench.fixture.count, 0);
    take(&bench, SHORT_MS, 2, false);
    take(&bench, SHORT_MS, 2, true); /* answered */
    enter(&bench);
    tick(&bench, 2 * SHORT_MS - SWEEP_MS);
    assert_int_equal(bench.fixture.count, 1);
    assert_true(ended(&bench, 0, END_IDLE)->short_idle);
    tick(&bench, 2 * SHORT_MS);
    assert_int_equal(bench.fixture.count, 2);
    assert_true(ended(&bench, 1, END_ANSWERED)->short_idle);
    take(&bench, 2 * SHORT_MS, 3, false);
    take(&bench, 3 * SHORT_MS, 3, false); /* the packet finds that its flow is over */
    assert_true(ended(&bench, 2, END_IDLE)->short_idle);
    leave(&bench);
    tick(&bench, 3 * SHORT_MS + IDLE_MS - SWEEP_MS);
    assert_int_equal(bench.fixture.count, 3);
    tick(&bench, 3 * SHORT_MS + IDLE_MS);
    assert_false(ended(&bench, 3, END_IDLE)->short_idle);
    assert_int_equal(statistics_of(&bench).overload_entered[OVERLOAD_short_idle], 1);
    finish(&bench);
}

/* Flows that were idle for the whole timeout, or ended for another reason, are none of the step's. */
static void short_idle_flags_what_it_ended_alone(void **state) {
    (void)state;
    struct bench bench;
    begin(&bench, STEPS(OVERLOAD_short_idle));
    take(&bench, 0, 1, false);
    take(&bench, IDLE_MS - SWEEP_MS, 2, false);
    enter(&bench);
    tick(&bench, IDLE_MS);
    assert_int_equal(bench.fixture.count, 1);
    assert_false(ended(&bench, 0, END_IDLE)->short_idle);
    meter_finish(bench.fixture.meter, END_SHUTDOWN);
    assert_false(ended(&bench, 1, END_SHUTDOWN)->short_idle);
    finish(&bench);
}

/* A timeout that is not shorter changes nothing. */
static void short_idle_never_lengthens(void **state) {
    (void)state;
    struct bench bench;
    plan(&bench, STEPS(OVERLOAD_short_idle));
    bench.options.overload.idle_timeout = 2 * IDLE_MS * 1000;
    start(&bench);
    enter(&bench);
    take(&bench, 0, 1, false);
    tick(&bench, IDLE_MS);
    assert_false(ended(&bench, 0, END_IDLE)->short_idle);
    finish(&bench);
}

static void the_table_takes_short_idle(void **state) {
    (void)state;
    struct bench bench;
    begin(&bench, STEPS(OVERLOAD_short_idle, OVERLOAD_shedding));
    uint32_t high = MAX_FLOWS * 3 / 4;
    for (uint32_t i = 0; i < high; i++) {
        assert_false(look(&bench, 0, OVERLOAD_PACE_MICROSECONDS));
        take(&bench, 0, i, false);
    }
    assert_true(look(&bench, 0, OVERLOAD_PACE_MICROSECONDS));
    assert_false(look(&bench, 0, OVERLOAD_PACE_MICROSECONDS));
    assert_int_equal(statistics_of(&bench).overload_level, 1);
    tick(&bench, SHORT_MS);
    assert_int_equal(bench.fixture.count, high);
    leave(&bench);
    finish(&bench);
}

static void no_splt_and_slices(void **state) {
    (void)state;
    struct bench bench;
    plan(&bench, STEPS(OVERLOAD_no_splt));
    bench.options.splt_analysis = 5;
    bench.options.idle_timeout = 2 * ACTIVE_MS * 1000;
    start(&bench);
    take(&bench, 0, 1, false);
    enter(&bench);
    take(&bench, 0, 2, false);
    take(&bench, ACTIVE_MS, 1, false); /* a slice begins without, too */
    leave(&bench);
    take(&bench, ACTIVE_MS, 2, false);
    take(&bench, ACTIVE_MS, 3, false);
    assert_false(ended(&bench, 0, END_ACTIVE)->no_splt);
    assert_true(ended(&bench, 1, END_ACTIVE)->no_splt);
    assert_int_equal(statistics_of(&bench).flows_without_splt, 2);
    meter_finish(bench.fixture.meter, END_OF_INPUT);
    assert_true(ended(&bench, 2, END_OF_INPUT)->no_splt);
    assert_false(ended(&bench, 3, END_OF_INPUT)->no_splt);
    assert_false(ended(&bench, 4, END_OF_INPUT)->no_splt);
    finish(&bench);
}

/* A step about what is not computed says nothing of a flow. */
static void without_splt_the_step_marks_nothing(void **state) {
    (void)state;
    struct bench bench;
    begin(&bench, STEPS(OVERLOAD_no_splt));
    enter(&bench);
    take(&bench, 0, 1, false);
    meter_finish(bench.fixture.meter, END_OF_INPUT);
    assert_false(ended(&bench, 0, END_OF_INPUT)->no_splt);
    assert_int_equal(statistics_of(&bench).flows_without_splt, 0);
    finish(&bench);
}

static struct packet to_port(int64_t ms, uint32_t number, uint16_t port, uint8_t protocol) {
    static const uint8_t ip[28] = {0x45, 0, 0, 28, [9] = UDP};
    struct packet packet = made_packet((START_MS + ms) * 1000, 1000 + number, 4000, 1, port, protocol);
    packet.ip = ip;
    packet.ip_captured = sizeof ip;
    return packet;
}

static void no_dissection_labels_by_port(void **state) {
    (void)state;
    struct bench bench;
    plan(&bench, STEPS(OVERLOAD_no_dissection));
    bench.options.n_dissections = 20;
    start(&bench);
    feed(&bench.fixture, to_port(0, 1, DNS, UDP));
    assert_int_equal(statistics_of(&bench).flows_undecided, 1);
    enter(&bench);
    feed(&bench.fixture, to_port(1, 1, DNS, UDP)); /* of an open flow: nDPI goes on */
    feed(&bench.fixture, to_port(1, 2, DNS, UDP));
    feed(&bench.fixture, to_port(1, 3, 4001, UDP));
    feed(&bench.fixture, to_port(1, 4, 0, ICMP));
    struct packet six = to_port(1, 5, DNS, TCP);
    six.ip_version = 6;
    feed(&bench.fixture, six);
    assert_int_equal(statistics_of(&bench).flows_undecided, 1);
    assert_int_equal(statistics_of(&bench).flows_undissected, 4);
    leave(&bench);
    feed(&bench.fixture, to_port(2, 6, DNS, UDP));
    assert_int_equal(statistics_of(&bench).flows_undecided, 2);
    meter_finish(bench.fixture.meter, END_OF_INPUT);
    /* Of flows 2 to 5; those before and after were shown to nDPI. */
    static const char *const guesses[] = {"DNS", "Unknown", "ICMP", "DNS"};
    assert_int_equal(bench.fixture.count, 6);
    for (size_t i = 0; i < bench.fixture.count; i++) {
        const struct exported *flow = &bench.fixture.exported[i];
        const uint8_t *host = flow_source(&flow->flow);
        int number = (host[2] << 8 | host[3]) - 1000;
        assert_int_equal(flow->undissected, number > 1 && number < 6);
        if (!flow->undissected)
            continue;
        assert_string_equal(flow->application, guesses[number - 2]);
        assert_int_equal(flow->guessed, number != 3);
        assert_int_equal(flow->confidence, L7_CONFIDENCE_UNKNOWN);
    }
    finish(&bench);
}

static void without_steps_no_pressure_does_anything(void **state) {
    (void)state;
    for (int profile = PROFILE_NATIVE; profile <= PROFILE_NFSTREAM; profile++) {
        struct fixture fixture;
        struct meter_load load;
        struct meter_statistics statistics;
        open_profile(&fixture, (enum meter_profile)profile);
        for (int64_t i = 1; i < 10; i++)
            assert_false(meter_look_at_load(fixture.meter, 100, i * OVERLOAD_PACE_MICROSECONDS, &load));
        feed(&fixture, at((enum meter_profile)profile, 0, 1, false));
        meter_statistics(fixture.meter, &statistics);
        assert_int_equal(statistics.overload_level, 0);
        assert_int_equal(statistics.flows_open, 1);
        meter_finish(fixture.meter, END_OF_INPUT);
        fixture_close(&fixture);
    }
}

/* What is said of a change: the step that was taken or left, and why. */
static void a_change_is_told(void **state) {
    (void)state;
    struct bench bench;
    struct meter_load load;
    begin(&bench, STEPS(OVERLOAD_no_splt, OVERLOAD_shedding));
    take(&bench, 0, 1, false);
    assert_true(meter_look_at_load(bench.fixture.meter, 80, bench.now, &load));
    assert_int_equal(load.step, OVERLOAD_no_splt);
    assert_true(load.is_taken);
    assert_int_equal(load.level, 1);
    assert_int_equal(load.levels, 2);
    assert_int_equal(load.pressure.ring, 80);
    assert_int_equal(load.pressure.table, 0);
    enter(&bench);
    look(&bench, 3, 1);
    bench.now += PATIENCE;
    assert_true(meter_look_at_load(bench.fixture.meter, 3, bench.now, &load));
    assert_int_equal(load.step, OVERLOAD_shedding);
    assert_false(load.is_taken);
    assert_int_equal(load.level, 1);
    assert_int_equal(load.pressure.ring, 3);
    finish(&bench);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(short_idle_ends_flows_early),
        cmocka_unit_test(short_idle_flags_what_it_ended_alone),
        cmocka_unit_test(short_idle_never_lengthens),
        cmocka_unit_test(the_table_takes_short_idle),
        cmocka_unit_test(no_splt_and_slices),
        cmocka_unit_test(without_splt_the_step_marks_nothing),
        cmocka_unit_test(no_dissection_labels_by_port),
        cmocka_unit_test(without_steps_no_pressure_does_anything),
        cmocka_unit_test(a_change_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
